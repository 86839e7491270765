//! The frame of every page, and how money and time are written.

use http::{HeaderValue, StatusCode, header};
use koban_protocol::refusal::Code;
use koban_protocol::time::Time;
use maud::{DOCTYPE, Markup, html};

use super::lang::Lang;
use crate::answer::body;
use crate::host::HttpResponse;

/// What every page needs to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) lang: Lang,
    /// The page's own path, for the link to its other language.
    pub(super) path: &'a str,
}

/// A page.
pub(super) struct Page<'a> {
    pub(super) status: StatusCode,
    pub(super) title: &'a str,
    /// After how many seconds the browser loads the page again.
    pub(super) reload: Option<u32>,
    pub(super) content: Markup,
}

/// The page in its frame.
pub(super) fn page(frame: &Frame<'_>, page: Page<'_>) -> HttpResponse {
    let lang = frame.lang;
    let (other, name) = lang.other();
    let shop = lang.say("Inkstone", "すずり堂");
    let markup = html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(seconds) = page.reload {
                    meta http-equiv="refresh" content=(seconds);
                }
                title { (page.title) " · " (shop) }
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/style.css";
            }
            body {
                a.skip href="#content" { (lang.say("Skip to content", "本文へ")) }
                header.top {
                    a.brand href="/" {
                        img src="/icon.svg" alt="" width="36" height="36";
                        span { (shop) }
                    }
                    nav aria-label=(lang.say("Language", "言語")) {
                        a href={ (frame.path) "?lang=" (other.tag()) } hreflang=(other.tag())
                            lang=(other.tag()) { (name) }
                    }
                }
                main #content { (page.content) }
                footer {
                    p {
                        (lang.say(
                            "Small things for screen and ear, paid with Koban coins. \
                             No account, no scripts, no trackers.",
                            "画面と耳のための小さな品々。お支払いはKobanの電子貨幣で。\
                             会員登録もスクリプトも追跡もありません。",
                        ))
                    }
                    p { a href="/owner" { (lang.say("For the owner", "店主の方へ")) } }
                }
            }
        }
    };
    body(page.status, "text/html; charset=utf-8", markup.into_string().into_bytes())
}

/// Sends the browser to another page of the shop.
pub(super) fn see_other(lang: Lang, path: &str) -> HttpResponse {
    let mut response = body(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", Vec::new());
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    let tag = HeaderValue::from_static(lang.tag());
    response.headers_mut().insert(header::CONTENT_LANGUAGE, tag);
    response
}

/// A page that says what went wrong, whose fault it was not, and what to do.
pub(super) fn failure(lang: Lang, code: Code) -> HttpResponse {
    let frame = Frame { lang, path: "/" };
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (title, words) = match code {
        Code::NotFound => (
            lang.say("Nothing here", "見つかりません"),
            lang.say(
                "There is no such page. An order's address must be complete.",
                "このページはありません。ご注文のアドレスは省略せずに入力してください。",
            ),
        ),
        _ => (
            lang.say("That did not work", "うまくいきませんでした"),
            lang.say("Nothing was charged.", "代金はいただいていません。"),
        ),
    };
    page(
        &frame,
        Page {
            status,
            title,
            reload: None,
            content: html! {
                section.narrow {
                    h1 { (title) }
                    p { (words) }
                    @if code != Code::NotFound { (reason(lang, code)) }
                    p { a href="/" { (lang.say("To the goods", "商品一覧へ")) } }
                }
            },
        },
    )
}

/// The refusal in its own words, with its number.
pub(super) fn reason(lang: Lang, code: Code) -> Markup {
    html! {
        p.reason lang="en" { (code.what()) " " (code.remedy()) }
        p.reason { (lang.say("Number", "番号")) " " (code.number()) ": " code { (code.name()) } }
    }
}

/// Yen with a mark between thousands.
pub(super) fn yen(minor: u64) -> String {
    format!("¥{}", grouped(minor))
}

/// An amount of any currency, minor units.
pub(super) fn money(currency: &str, minor: u64) -> String {
    match currency {
        "JPY" => yen(minor),
        "USD" => format!("${}.{:02}", grouped(minor / 100), minor % 100),
        other => format!("{other} {}", grouped(minor)),
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time as `2026-11-21 08:30 UTC`.
pub(super) fn clock(time: Time) -> String {
    let (year, month, day) = civil(time.0 / 86_400);
    let minutes = time.0 % 86_400 / 60;
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}

/// Year, month and day of a day since 1970-01-01, in the proleptic Gregorian calendar (Hinnant,
/// `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_and_time_are_written_as_people_read_them() {
        assert_eq!([0, 370, 1000, 1_234_567].map(yen), ["¥0", "¥370", "¥1,000", "¥1,234,567"]);
        assert_eq!(money("USD", 123_405), "$1,234.05");
        assert_eq!(money("EUR", 5), "EUR 5");
        assert_eq!(clock(Time(0)), "1970-01-01 00:00 UTC");
        assert_eq!(clock(Time(951_782_400)), "2000-02-29 00:00 UTC");
        assert_eq!(clock(Time(1_795_249_800)), "2026-11-21 08:30 UTC");
    }
}
