//! English and Japanese: by the visitor's choice, which a cookie keeps, else by what the browser
//! asks for.

use http::header;

use crate::host::HttpRequest;

/// A language of the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lang {
    /// English.
    En,
    /// Japanese.
    Ja,
}

impl Lang {
    /// The language's tag.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ja => "ja",
        }
    }

    /// The other language, with its own name for itself.
    pub(super) const fn other(self) -> (Self, &'static str) {
        match self {
            Self::En => (Self::Ja, "日本語"),
            Self::Ja => (Self::En, "English"),
        }
    }

    /// One text in two languages.
    pub(super) const fn say<T: Copy>(self, english: T, japanese: T) -> T {
        match self {
            Self::En => english,
            Self::Ja => japanese,
        }
    }

    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split('-').next()?;
        match primary.to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "ja" => Some(Self::Ja),
            _ => None,
        }
    }

    /// The language that `?lang=` asks for.
    pub(super) fn asked(query: &str) -> Option<Self> {
        let mut members = form_urlencoded::parse(query.as_bytes());
        members.find(|(name, _)| name == "lang").and_then(|(_, tag)| Self::of_tag(&tag))
    }

    /// Keeps the choice.
    pub(super) fn cookie(self) -> String {
        format!("lang={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly", self.tag())
    }

    /// The language of an answer to `request`.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let asked = request.uri().query().and_then(Self::asked);
        let kept = || cookie(request, "lang").and_then(Self::of_tag);
        let preferred = || text(header::ACCEPT_LANGUAGE).and_then(preferred);
        asked.or_else(kept).or_else(preferred).unwrap_or(Self::En)
    }
}

/// The first of the shop's languages among those with the highest quality (RFC 9110, section
/// 12.5.4).
fn preferred(accepted: &str) -> Option<Lang> {
    let mut best: Option<(u16, Lang)> = None;
    for entry in accepted.split(',') {
        let mut parts = entry.split(';');
        let Some(lang) = parts.next().and_then(Lang::of_tag) else { continue };
        let quality = parts.find_map(|part| part.trim().strip_prefix("q="));
        let quality = quality.map_or(Some(1000), thousandths).unwrap_or(0);
        if quality > best.map_or(0, |(best, _)| best) {
            best = Some((quality, lang));
        }
    }
    best.map(|(_, lang)| lang)
}

/// A quality such as `0.8`, in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    if digits.len() > 3 {
        return None;
    }
    let whole: u16 = whole.parse().ok()?;
    let fraction: u16 = format!("{digits:0<3}").parse().ok()?;
    whole.checked_mul(1000)?.checked_add(fraction).filter(|quality| *quality <= 1000)
}

/// The value of a cookie.
pub(super) fn cookie<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let all = request.headers().get_all(header::COOKIE).iter();
    let pairs = all.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(n, _)| *n == name).map(|(_, v)| v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_is_understood() {
        let cases = [
            ("ja", Some(Lang::Ja)),
            ("ja-JP,en;q=0.5", Some(Lang::Ja)),
            ("fr,en;q=0.3,ja;q=0.8", Some(Lang::Ja)),
            ("en-GB, ja;q=0.9", Some(Lang::En)),
            ("ja;q=0", None),
            ("ja;q=7, en", Some(Lang::En)),
            ("de", None),
            ("", None),
        ];
        for (accepted, expected) in cases {
            assert_eq!(preferred(accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn the_visitors_choice_goes_first() {
        let request = |uri: &str| {
            http::Request::get(uri)
                .header("accept-language", "en")
                .header("cookie", "x=1; lang=ja")
                .body(Vec::new())
                .unwrap()
        };
        assert_eq!(Lang::of(&request("http://shop/")), Lang::Ja);
        assert_eq!(Lang::of(&request("http://shop/?lang=en")), Lang::En);
    }
}
