//! The doors a shop opens the wallet through, as seen in the address of the pay page.
//!
//! * `/pay?invoice=<url>`: the extension or a plain link; the address may be raw, as a redirect
//!   rule cannot encode it, so everything after `invoice=` belongs to it;
//! * `/pay?u=<web+koban:...>`: the protocol handler, which percent-encodes the whole link;
//! * `/pay#<base64url>`: the invoice itself, unpadded (RFC 4648 section 5).

use base64ct::{Base64UrlUnpadded, Encoding as _};

/// The longest embedded invoice a page takes, in bytes; longer ones travel by address.
const MAX_EMBEDDED: usize = 16 * 1024;

/// What the address asks the pay page to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// Nothing: the holder came by hand.
    Closed,
    /// An invoice at this http or https address.
    Address(String),
    /// The invoice's own bytes.
    Embedded(Vec<u8>),
    /// Something that is neither; the text is for the holder to see.
    Broken(String),
}

/// Reads the raw query (without `?`) and fragment (with or without `#`) of the pay page.
/// `decode` undoes percent-encoding and fails on malformed sequences.
pub fn read(query: &str, fragment: &str, decode: impl Fn(&str) -> Option<String>) -> Door {
    if let Some(raw) = query.strip_prefix("invoice=") {
        return address(raw, &decode);
    }
    if let Some(raw) = query.strip_prefix("u=") {
        let Some(link) = decode(raw) else {
            return Door::Broken(raw.to_owned());
        };
        let target = link.strip_prefix("web+koban:").map(|rest| rest.trim_start_matches('/'));
        return target.map_or_else(|| Door::Broken(link.clone()), |rest| address(rest, &decode));
    }
    match fragment.trim_start_matches('#') {
        "" => Door::Closed,
        text => embedded(text),
    }
}

/// The address of the pay page that embeds `document`.
pub fn embed(document: &[u8]) -> String {
    format!("/pay#{}", Base64UrlUnpadded::encode_string(document))
}

/// Whether `text` is an address a page may link to or fetch: http or https, nothing else.
pub fn is_web_address(text: &str) -> bool {
    let has = |scheme: &str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && text.len() > scheme.len()
    };
    has("http://") || has("https://")
}

/// Whether `text` leads to a page of this wallet and nowhere else.
pub fn is_own_path(text: &str) -> bool {
    text.starts_with('/') && !text.starts_with("//") && !text.contains('\\')
}

/// A raw address is taken as it is, since percent signs in it are its own.
fn address(raw: &str, decode: &impl Fn(&str) -> Option<String>) -> Door {
    if is_web_address(raw) {
        return Door::Address(raw.to_owned());
    }
    match decode(raw).filter(|decoded| is_web_address(decoded)) {
        Some(decoded) => Door::Address(decoded),
        None => Door::Broken(raw.to_owned()),
    }
}

fn embedded(text: &str) -> Door {
    match Base64UrlUnpadded::decode_vec(text.trim_end_matches('=')) {
        Ok(bytes) if bytes.len() <= MAX_EMBEDDED => Door::Embedded(bytes),
        _ => Door::Broken(text.chars().take(64).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Percent-decoding as the browser does it, for these tests' ASCII.
    fn decode(text: &str) -> Option<String> {
        let mut parts = text.split('%');
        let mut decoded = parts.next()?.to_owned();
        for part in parts {
            let byte = u8::from_str_radix(part.get(..2)?, 16).ok()?;
            decoded.push(char::from(byte));
            decoded.push_str(&part[2..]);
        }
        Some(decoded)
    }

    fn open(query: &str, fragment: &str) -> Door {
        read(query, fragment, decode)
    }

    fn leads_to(address: &str) -> Door {
        Door::Address(address.to_owned())
    }

    #[test]
    fn a_raw_address_keeps_its_own_query_and_percent_signs() {
        let raw = "http://localhost:8701/invoice?order=1&note=a%20b%26c";
        assert_eq!(open(&format!("invoice={raw}"), ""), leads_to(raw));
    }

    #[test]
    fn an_encoded_address_is_decoded_once() {
        let query = "invoice=http%3A%2F%2Flocalhost%3A8701%2Fi%3Fnote%3Da%2520b";
        assert_eq!(open(query, ""), leads_to("http://localhost:8701/i?note=a%20b"));
    }

    #[test]
    fn the_handler_link_is_encoded_twice() {
        let query = "u=web%2Bkoban%3Ahttp%253A%252F%252Flocalhost%253A8701%252Fi";
        assert_eq!(open(query, ""), leads_to("http://localhost:8701/i"));
        let raw_inside = "u=web%2Bkoban%3Ahttps%3A%2F%2Fshop.example%2Fi%3Fa%3D1";
        assert_eq!(open(raw_inside, ""), leads_to("https://shop.example/i?a=1"));
    }

    #[test]
    fn an_embedded_invoice_survives_the_round_trip() {
        let address = embed(&[0xa1, 0x01, 0xff, 0xfe]);
        let fragment = address.strip_prefix("/pay").unwrap();
        assert_eq!(open("", fragment), Door::Embedded(vec![0xa1, 0x01, 0xff, 0xfe]));
    }

    #[test]
    fn what_is_no_invoice_is_named() {
        let broken = |door| matches!(door, Door::Broken(_));
        assert!(broken(open("invoice=javascript:alert(1)", "")));
        assert!(broken(open("invoice=", "")));
        assert!(broken(open("invoice=http%3", "")));
        assert!(broken(open("u=web%2Bother%3Ahttp%253A%252F%252Fa", "")));
        assert!(broken(open("", "#not base64!")));
        assert!(broken(open("", &format!("#{}", "A".repeat(30_000)))));
        assert_eq!(open("", ""), Door::Closed);
        assert_eq!(open("other=1", "#"), Door::Closed);
    }

    #[test]
    fn only_web_addresses_are_linked_and_only_own_paths_are_followed() {
        assert!(is_web_address("HTTPS://shop.example/"));
        for address in ["https://", "ftp://a", "javascript:x", "//a", "", "httpx://a"] {
            assert!(!is_web_address(address), "{address}");
        }
        assert!(is_own_path("/pay?invoice=http://a"));
        for path in ["//evil.example", "https://evil.example", "/\\evil.example", "pay", ""] {
            assert!(!is_own_path(path), "{path}");
        }
    }
}
