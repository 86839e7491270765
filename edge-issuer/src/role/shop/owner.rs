//! The owner's page: what was sold, what money there is and where, and what to do with it.

use http::{HeaderValue, StatusCode, header};
use koban_protocol::refusal::Code;
use koban_protocol::time::Time;
use maud::{Markup, html};

use super::Shop;
use super::lang::Lang;
use super::look::{Frame, Page, clock, money, page, see_other};
use super::session::{Denied, Session, field};
use crate::answer::Fault;
use crate::host::{HttpRequest, HttpResponse, ObjectHost};
use crate::role::payment::model::{
    self, Order, Orders, Redeem, Redeemed, Settings, Status, Taking, Takings,
};
use crate::role::peer;

impl<H: ObjectHost> Shop<H> {
    /// The owner's page, or the way in.
    pub(super) async fn owner_page(
        &self,
        frame: &Frame<'_>,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Fault> {
        let Some(session) = self.session(request)? else {
            return Ok(way_in(frame, None, peer::is_demo(&self.host)));
        };
        let shop: model::Shop = self.get("").await?;
        let orders: Orders = self.get("/orders").await?;
        Ok(office(frame, &session, &shop, &orders.orders))
    }

    /// A form of the owner's page.
    pub(super) async fn owner_action(
        &self,
        lang: Lang,
        action: &str,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Fault> {
        if action == "login" {
            return self.enter(lang, request);
        }
        let Some(session) = self.session(request)? else {
            return Ok(see_other(lang, "/owner"));
        };
        let token = field(request, "form").ok_or(Code::NotAllowed)?;
        if !peer::same_token(&token, &session.form_token) {
            return Err(Code::NotAllowed.into());
        }
        match action {
            "settings" => self.choose(request).await?,
            "redeem" => {
                let currency = field(request, "currency").ok_or(Code::Malformed)?;
                let asked = Redeem { currency };
                let _: Redeemed = self.ask("POST", "/redeem", Some(&asked)).await?;
            }
            "logout" => {
                let cookie = self.log_out(&session)?;
                return Ok(with_cookie(see_other(lang, "/owner"), &cookie));
            }
            _ => return Err(Code::NotFound.into()),
        }
        Ok(see_other(lang, "/owner"))
    }

    fn enter(&self, lang: Lang, request: &HttpRequest) -> Result<HttpResponse, Fault> {
        let password = field(request, "password").ok_or(Code::Malformed)?;
        Ok(match self.log_in(&password)? {
            Ok(cookie) => with_cookie(see_other(lang, "/owner"), &cookie),
            Err(denied) => {
                let frame = Frame { lang, path: "/owner" };
                way_in(&frame, Some(denied), peer::is_demo(&self.host))
            }
        })
    }

    /// Changes how payments are taken; the webhook stays.
    async fn choose(&self, request: &HttpRequest) -> Result<(), Fault> {
        let take = field(request, "take").and_then(|take| match take.as_str() {
            "refresh" => Some(Taking::Refresh),
            "redeem" => Some(Taking::Redeem),
            "aggregate" => Some(Taking::Aggregate),
            _ => None,
        });
        let webhook = Some(format!("{}/webhook", peer::own_url(&self.host)?));
        let settings = Settings { take: take.ok_or(Code::Malformed)?, webhook };
        let _: Settings = self.ask("PUT", "/settings", Some(&settings)).await?;
        Ok(())
    }
}

fn with_cookie(mut response: HttpResponse, cookie: &str) -> HttpResponse {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn way_in(frame: &Frame<'_>, denied: Option<Denied>, demo: bool) -> HttpResponse {
    let lang = frame.lang;
    let status = match denied {
        None => StatusCode::OK,
        Some(Denied::WrongPassword) => StatusCode::FORBIDDEN,
        Some(Denied::TooManyTries) => StatusCode::TOO_MANY_REQUESTS,
    };
    let content = html! {
        section.narrow {
            h1 { (lang.say("For the owner", "店主の方へ")) }
            @match denied {
                None => {}
                Some(Denied::WrongPassword) => p.error role="alert" {
                    (lang.say("That is not the password.", "パスワードが違います。"))
                },
                Some(Denied::TooManyTries) => p.error role="alert" {
                    (lang.say(
                        "Too many wrong passwords. Wait a minute.",
                        "間違いが続きました。一分ほどお待ちください。",
                    ))
                },
            }
            form.stack method="post" action="/owner/login" {
                label for="password" { (lang.say("Password", "パスワード")) }
                input #password type="password" name="password" autocomplete="current-password"
                    required autofocus;
                @if demo {
                    p.hint { (lang.say("In this demonstration it is: owner", "このデモでは「owner」です。")) }
                }
                button type="submit" { (lang.say("Sign in", "サインイン")) }
            }
        }
    };
    page(frame, Page { status, title: lang.say("Owner", "店主"), reload: None, content })
}

fn office(
    frame: &Frame<'_>,
    session: &Session,
    shop: &model::Shop,
    orders: &[Order],
) -> HttpResponse {
    let lang = frame.lang;
    let form = html! { input type="hidden" name="form" value=(session.form_token); };
    let content = html! {
        div.office-head {
            h1 { (lang.say("The owner's desk", "店主の机")) }
            form method="post" action="/owner/logout" {
                (form)
                button.quiet type="submit" { (lang.say("Sign out", "サインアウト")) }
            }
        }
        section aria-labelledby="takings" {
            h2 #takings { (lang.say("Takings", "売上金")) }
            @if shop.takings.is_empty() {
                p { (lang.say("Nothing yet.", "まだありません。")) }
            }
            @for takings in &shop.takings { (purse(lang, takings, &form)) }
            p.hint {
                (lang.say("Account", "口座")) " " code { (shop.bank) " " (shop.account) } " · "
                (lang.say("participant", "参加者番号")) " " code { (shop.participant) }
            }
        }
        (choice(lang, shop.take, &form))
        (sales(lang, orders))
    };
    let title = lang.say("The owner's desk", "店主の机");
    page(frame, Page { status: StatusCode::OK, title, reload: None, content })
}

fn purse(lang: Lang, takings: &Takings, form: &Markup) -> Markup {
    let amount = |minor| money(&takings.currency, minor);
    let coins = takings.coins;
    let unit = if coins == 1 { " coin" } else { " coins" };
    let to_redeem = takings.fresh.saturating_add(takings.held);
    let free = to_redeem.saturating_sub(takings.redeeming);
    html! {
        dl.takings {
            div {
                dt { (lang.say("Fresh coins held", "手元の電子貨幣")) }
                dd {
                    (amount(takings.fresh))
                    @if coins > 0 {
                        " " small { (coins) (lang.say(unit, " 枚")) }
                    }
                }
            }
            div {
                dt { (lang.say("Kept by the issuer, to redeem", "発行者に預けた分")) }
                dd { (amount(takings.held)) }
            }
            div {
                dt { (lang.say("Bank account", "銀行口座")) }
                dd {
                    @match takings.account {
                        Some(minor) => (amount(minor)),
                        None => small { (lang.say("the bank does not answer", "銀行が応答しません")) },
                    }
                }
            }
            div {
                dt { (lang.say("All sales", "売上合計")) }
                dd { (amount(takings.received)) }
            }
        }
        @if takings.redeeming > 0 {
            p.status role="status" {
                (amount(takings.redeeming)) " "
                (lang.say("is on its way to the account.", "を口座へ送っています。"))
            }
        }
        @if takings.disputed > 0 {
            p.error role="alert" {
                (amount(takings.disputed)) " "
                (lang.say(
                    "was paid, but the issuer's coins were not as asked. Its answer is kept.",
                    "は支払われましたが、発行者の貨幣が正しくありません。証拠を保管しています。",
                ))
            }
        }
        form method="post" action="/owner/redeem" {
            (form)
            input type="hidden" name="currency" value=(takings.currency);
            button type="submit" disabled[free == 0] {
                (lang.say("Redeem everything", "すべて口座に入金する"))
                @if free > 0 { " (" (amount(free)) ")" }
            }
        }
    }
}

fn choice(lang: Lang, chosen: Taking, form: &Markup) -> Markup {
    let ways = [
        (
            Taking::Refresh,
            "refresh",
            lang.say("Fresh coins", "新しい電子貨幣で"),
            lang.say("New coins at once, held for the shop.", "その場で新しい貨幣に替えて保管。"),
        ),
        (
            Taking::Redeem,
            "redeem",
            lang.say("Money in the account", "口座へ入金"),
            lang.say("Every payment goes straight to the bank.", "お支払いのたびに銀行口座へ。"),
        ),
        (
            Taking::Aggregate,
            "aggregate",
            lang.say("Kept together", "預けてまとめる"),
            lang.say("The issuer keeps it until you redeem.", "発行者に預け、あとでまとめて入金。"),
        ),
    ];
    html! {
        section aria-labelledby="take" {
            h2 #take { (lang.say("How payments are taken", "受け取り方")) }
            form.stack method="post" action="/owner/settings" {
                (form)
                fieldset {
                    legend.hidden { (lang.say("How payments are taken", "受け取り方")) }
                    @for (way, value, name, about) in ways {
                        label.way {
                            input type="radio" name="take" value=(value) checked[way == chosen];
                            span { b { (name) } br; span.hint { (about) } }
                        }
                    }
                }
                button type="submit" { (lang.say("Save", "保存")) }
            }
        }
    }
}

fn sales(lang: Lang, orders: &[Order]) -> Markup {
    let paid = orders.iter().filter(|order| order.status == Status::Paid);
    let taken = |order: &Order| match order.taken {
        Some(Taking::Refresh) => lang.say("fresh coins", "新しい貨幣"),
        Some(Taking::Redeem) => lang.say("to the account", "口座へ"),
        Some(Taking::Aggregate) => lang.say("kept", "預け"),
        None => "",
    };
    html! {
        section aria-labelledby="sales" {
            h2 #sales { (lang.say("Sales", "販売")) }
            @if !orders.iter().any(|order| order.status == Status::Paid) {
                p { (lang.say("Nothing sold yet.", "まだ売れていません。")) }
            } @else {
                div.scroll tabindex="0" role="group" aria-labelledby="sales" {
                    table role="table" {
                        thead {
                            tr {
                                th scope="col" { (lang.say("When", "日時")) }
                                th scope="col" { (lang.say("What", "品名")) }
                                th scope="col" { (lang.say("Amount", "金額")) }
                                th scope="col" { (lang.say("Taken as", "受け取り")) }
                            }
                        }
                        tbody {
                            @for order in paid { (sale(order, taken(order))) }
                        }
                    }
                }
            }
        }
    }
}

fn sale(order: &Order, taken: &str) -> Markup {
    let at = order.paid_at.map(|at| clock(Time(at)));
    html! {
        tr role="row" {
            td role="cell" { (at.unwrap_or_default()) }
            td role="cell" { a href={ "/orders/" (order.reference) } { (order.purpose) } }
            td.amount role="cell" { (money(&order.amount.currency, order.amount.minor)) }
            td role="cell" { (taken) }
        }
    }
}
