//! Amounts and times as people write them: `Intl` for showing, a lenient reader for typing.

use js_sys::{Array, Intl, Object, Reflect};
use koban_wallet_wasm::view::MoneyView;
use wasm_bindgen::JsValue;

use crate::i18n::{self, Language};

/// The largest amount a page takes, in minor units: 2^53 - 1, exact in every JavaScript number.
pub const MAX_MINOR: u64 = (1 << 53) - 1;

/// The amount with its currency's sign, in the language in use.
pub fn show(money: &MoneyView) -> String {
    let options = options(&[("style", "currency"), ("currency", &money.currency)]);
    set(&options, "minimumFractionDigits", f64::from(money.exponent));
    set(&options, "maximumFractionDigits", f64::from(money.exponent));
    let format = Intl::NumberFormat::new(&locales(i18n::language()), &options);
    let decimal = decimal(money.minor, money.exponent);
    // A decimal string is formatted exactly; a number would be rounded to 53 bits first.
    call(&format.format(), &JsValue::from_str(&decimal))
        .unwrap_or_else(|| format!("{} {decimal}", money.currency))
}

/// Date and time of day for `seconds` since 1970, in the language and zone of the browser.
pub fn show_time(seconds: u64) -> String {
    show_in(seconds, &[("dateStyle", "medium"), ("timeStyle", "short")])
}

/// Day and time of day without the year, for lists of what is recent.
pub fn show_day(seconds: u64) -> String {
    let style =
        [("month", "short"), ("day", "numeric"), ("hour", "numeric"), ("minute", "2-digit")];
    show_in(seconds, &style)
}

/// The day with its year.
pub fn show_date(seconds: u64) -> String {
    show_in(seconds, &[("dateStyle", "medium")])
}

/// Seconds since 1970 by the device's clock.
pub fn now() -> u64 {
    // A date before 1970 is a clock that was never set.
    std::time::Duration::try_from_secs_f64(js_sys::Date::now() / 1000.0)
        .map_or(0, |it| it.as_secs())
}

/// The time of day to the second.
pub fn show_clock(seconds: u64) -> String {
    show_in(seconds, &[("timeStyle", "medium")])
}

fn show_in(seconds: u64, style: &[(&str, &str)]) -> String {
    let date = js_sys::Date::new(&JsValue::from_f64(seconds as f64 * 1000.0));
    let format = Intl::DateTimeFormat::new(&locales(i18n::language()), &options(style));
    call(&format.format(), &date).unwrap_or_default()
}

fn locales(language: Language) -> Array {
    Array::of1(&JsValue::from_str(language.tag()))
}

fn options(entries: &[(&str, &str)]) -> Object {
    let object = Object::new();
    for (name, value) in entries {
        // A plain new object takes any property.
        let _ = Reflect::set(&object, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    object
}

fn set(object: &Object, name: &str, value: f64) {
    let _ = Reflect::set(object, &JsValue::from_str(name), &JsValue::from_f64(value));
}

fn call(function: &js_sys::Function, argument: &JsValue) -> Option<String> {
    function.call1(&JsValue::UNDEFINED, argument).ok()?.as_string()
}

/// `minor / 10^exponent` as a decimal without grouping: `decimal(1250, 2) = "12.50"`.
pub fn decimal(minor: u64, exponent: u8) -> String {
    let places = usize::from(exponent);
    let digits = format!("{minor:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// What a person typed, as minor units: grouping, currency signs and full-width digits (as
/// Japanese keyboards give them) are understood; a comma groups three digits and is never a decimal
/// point, so that `12,50` is refused and not read as 1250. `None` for anything that is not an
/// amount of at least one minor unit and at most [`MAX_MINOR`], or that has more decimals than the
/// currency.
pub fn parse(text: &str, exponent: u8) -> Option<u64> {
    let plain: String = text.chars().map(half_width).filter(|c| !is_decoration(*c)).collect();
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let whole = ungrouped(whole)?;
    let places = usize::from(exponent);
    let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > places || !only_digits(&whole) || !only_digits(fraction)
    {
        return None;
    }
    let digits = format!("{whole}{fraction:0<places$}");
    digits.parse().ok().filter(|minor| (1..=MAX_MINOR).contains(minor))
}

/// Full-width forms (U+FF01 to U+FF5E) are their ASCII characters plus 0xFEE0.
fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// The digits without the commas between groups of three.
fn ungrouped(whole: &str) -> Option<String> {
    let mut groups = whole.split([',', '、']);
    let first = groups.next().filter(|first| !first.is_empty())?;
    groups.try_fold(first.to_owned(), |all, group| (group.len() == 3).then(|| all + group))
}

fn is_decoration(c: char) -> bool {
    c.is_whitespace() || matches!(c, '¥' | '￥' | '$' | '円')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_follow_the_exponent() {
        assert_eq!(decimal(370, 0), "370");
        assert_eq!(decimal(1250, 2), "12.50");
        assert_eq!(decimal(5, 2), "0.05");
        assert_eq!(decimal(0, 2), "0.00");
        assert_eq!(decimal(MAX_MINOR, 0), "9007199254740991");
    }

    #[test]
    fn typed_amounts_are_read_leniently() {
        assert_eq!(parse("5,000", 0), Some(5000));
        assert_eq!(parse(" ¥ 5 000 ", 0), Some(5000));
        assert_eq!(parse("５，０００円", 0), Some(5000));
        assert_eq!(parse("12.5", 2), Some(1250));
        assert_eq!(parse("$1,012.05", 2), Some(101_205));
        assert_eq!(parse("7.", 2), Some(700));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "0", "0.00", "-5", "1e3", "abc", "1.2.3", ".5", "9007199254740992"] {
            assert_eq!(parse(text, 2), None, "{text}");
        }
        assert_eq!(parse("12.5", 0), None);
        assert_eq!(parse("12.345", 2), None);
        for text in ["12,50", "1,2", "5,", ",500", "1,0000", "12.50,0"] {
            assert_eq!(parse(text, 2), None, "{text}");
        }
        assert_eq!(parse("99999999999999999999999999", 0), None);
    }
}
