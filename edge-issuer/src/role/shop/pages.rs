//! The pages that visitors see.

use http::StatusCode;
use koban_protocol::time::Time;
use maud::{Markup, html};

use super::goods::{GOODS, Good, Kind, story};
use super::lang::Lang;
use super::look::{self, Frame, Page, clock, page, yen};
use super::order::{Purchase, Stage};
use crate::host::HttpResponse;

/// How soon a page that waits for others loads again, seconds.
const SOON_S: u32 = 3;

/// The ways from an order into a wallet.
#[derive(Debug)]
pub(super) struct Doors {
    /// A plain link to the wallet's page.
    pub(super) wallet: String,
    /// A link for the wallet that registered itself for `web+koban:`.
    pub(super) handler: String,
    /// The invoice itself, for the browser's extension and for programs.
    pub(super) document: String,
}

/// The goods.
pub(super) fn goods(frame: &Frame<'_>) -> HttpResponse {
    let lang = frame.lang;
    let content = html! {
        section.intro {
            h1 { (lang.say("Small things, well made", "小さくて、よいもの")) }
            p {
                (lang.say(
                    "A picture, a story and a sound. Pay a few coins, and the file is yours.",
                    "絵と、お話と、音。少しの電子貨幣で、その場であなたのものに。",
                ))
            }
        }
        ul.goods { @for good in GOODS { li { (card(lang, good)) } } }
    };
    let title = lang.say("Goods", "商品");
    page(frame, Page { status: StatusCode::OK, title, reload: None, content })
}

fn card(lang: Lang, good: &Good) -> Markup {
    html! {
        article {
            img.cover src={ "/covers/" (good.slug) ".svg" } alt="" width="640" height="420";
            div.text {
                h2 { (good.name(lang)) }
                p { (good.about(lang)) }
                form method="post" action={ "/buy/" (good.slug) } {
                    span.price { (yen(good.yen)) }
                    button type="submit" {
                        (lang.say("Buy", "買う"))
                        span.hidden { " " (good.name(lang)) }
                    }
                }
            }
        }
    }
}

/// An order.
pub(super) fn order(frame: &Frame<'_>, purchase: &Purchase, doors: &Doors) -> HttpResponse {
    let lang = frame.lang;
    let good = purchase.good;
    let (reload, content) = match &purchase.stage {
        Stage::Placing(code) => (
            Some(SOON_S),
            html! {
                p.status role="status" {
                    (lang.say("The invoice is on its way.", "請求書を準備しています。"))
                }
                p { (lang.say("This page loads again by itself.", "このページは自動で更新されます。")) }
                (look::reason(lang, *code))
            },
        ),
        Stage::Unpaid(_) => (None, unpaid(frame, doors)),
        Stage::Validating(_) => (
            Some(SOON_S),
            html! {
                p.status role="status" {
                    (lang.say("Your payment is being checked.", "お支払いを確認しています。"))
                }
                p { (lang.say("This page loads again by itself.", "このページは自動で更新されます。")) }
            },
        ),
        Stage::Expired => (
            None,
            html! {
                p.status role="status" {
                    (lang.say("This invoice has expired.", "この請求書は期限が切れました。"))
                }
                p { (lang.say("Nothing was charged.", "代金はいただいていません。")) }
                form method="post" action={ "/buy/" (good.slug) } {
                    button type="submit" { (lang.say("Order again", "もう一度注文する")) }
                }
            },
        ),
        Stage::Paid(at) => (None, paid(lang, purchase, *at, doors)),
    };
    let content = html! {
        section.order {
            p.crumb {
                (lang.say("Order", "ご注文")) " "
                code { (purchase.id.get(..8).unwrap_or(&purchase.id)) }
            }
            h1 { (good.name(lang)) }
            p.price { (yen(good.yen)) }
            (content)
        }
    };
    let title = good.name(lang);
    page(frame, Page { status: StatusCode::OK, title, reload, content })
}

fn unpaid(frame: &Frame<'_>, doors: &Doors) -> Markup {
    let lang = frame.lang;
    html! {
        p.status role="status" { (lang.say("Waiting for your payment.", "お支払いをお待ちしています。")) }
        p { a.button href=(doors.wallet) { (lang.say("Pay with Koban", "Kobanで支払う")) } }
        p.hint {
            (lang.say(
                "The wallet shows who asks, for what and how much. You come back here once it is \
                 paid.",
                "財布に、相手・品名・金額が表示されます。支払うとこのページに戻ります。",
            ))
        }
        details {
            summary { (lang.say("Other ways to pay", "ほかの支払い方法")) }
            ul.doors {
                li {
                    a href=(doors.handler) { (lang.say("Open the installed wallet", "登録した財布で開く")) }
                    span.hint {
                        (lang.say(
                            "if your wallet is registered for web+koban: links",
                            "web+koban: リンクに財布を登録している場合",
                        ))
                    }
                }
                li {
                    a href=(doors.document) type="application/vnd.koban.invoice+cbor" {
                        (lang.say("The invoice document", "請求書ファイル"))
                    }
                    span.hint {
                        (lang.say(
                            "for the browser extension and for programs: an answer 402",
                            "ブラウザー拡張とプログラム用（ステータス402と請求書）",
                        ))
                    }
                }
            }
        }
        p { a href=(frame.path) { (lang.say("I have paid: look again", "支払い済み：確認する")) } }
    }
}

fn paid(lang: Lang, purchase: &Purchase, at: Time, doors: &Doors) -> Markup {
    let good = purchase.good;
    let file = &doors.document;
    html! {
        p.status.done role="status" {
            (lang.say("Paid. Thank you!", "お支払いありがとうございます。"))
            " " time { (clock(at)) }
        }
        div.goods-shown {
            @match good.kind {
                Kind::Picture => { img src=(file) alt=(good.name(lang)) width="1200" height="800"; }
                Kind::Story => { (told(lang)) }
                Kind::Sound => {
                    audio controls src=(file) preload="metadata" aria-label=(good.name(lang)) {}
                }
            }
        }
        p {
            a.button href=(file) download=(good.file_name) {
                (lang.say("Download", "ダウンロード")) " " span.file { (good.file_name) }
            }
        }
        p.hint {
            (lang.say(
                "Keep this page's address: it opens your goods again.",
                "このページのアドレスを保存してください。あとからまた開けます。",
            ))
        }
    }
}

/// The story, a paragraph at a time; its first line is its title, which the page has already.
fn told(lang: Lang) -> Markup {
    html! {
        div.story {
            @for line in story(lang).lines().skip(1).filter(|line| !line.is_empty()) {
                p { (line) }
            }
        }
    }
}
