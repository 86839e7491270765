//! A text as a QR code (ISO/IEC 18004), to be read by another device's camera.

use leptos::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc, QrSegment, Version};

use crate::i18n::t;

/// The largest code that a phone's camera reads off a phone's screen: 117 modules a side, which
/// hold 1,273 bytes.
const LARGEST: u8 = 25;
/// Light modules that a code has around it.
const QUIET: i32 = 4;

/// A code's dark modules as the path of a drawing, and the length of a side with what is around.
fn drawn(text: &str) -> Option<(String, i32)> {
    let segments = [QrSegment::make_bytes(text.as_bytes())];
    let (low, largest) = (QrCodeEcc::Low, Version::new(LARGEST));
    let code =
        QrCode::encode_segments_advanced(&segments, low, Version::MIN, largest, None, true).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            let (x, y) = (x + QUIET, y + QUIET);
            path.push_str(&format!("M{x} {y}h1v1h-1z"));
        }
    }
    Some((path, code.size() + 2 * QUIET))
}

/// A text as a code, or word that it is too long for one.
#[component]
pub fn Qr(
    /// The text.
    text: String,
    /// The message that says what it is.
    label: &'static str,
) -> impl IntoView {
    match drawn(&text) {
        Some((path, side)) => view! {
            <svg class="qr" data-testid="qr" role="img" aria-label=t(label)
                viewBox=format!("0 0 {side} {side}")>
                <path d=path />
            </svg>
        }
        .into_any(),
        None => {
            view! { <p class="hint" data-testid="qr-too-long">{t("qr-too-long")}</p> }.into_any()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::drawn;

    #[test]
    fn a_text_is_a_code_as_long_as_a_camera_reads_it() {
        let (path, side) = drawn("KOBAN").unwrap();
        assert_eq!(side, 21 + 8, "version 1");
        assert!(path.starts_with("M4 4h1v1h-1zM5 4h1v1h-1z"), "the corner's finder pattern");
        assert_eq!(drawn(&"a".repeat(1273)).unwrap().1, 117 + 8);
        assert!(drawn(&"a".repeat(1274)).is_none());
    }
}
