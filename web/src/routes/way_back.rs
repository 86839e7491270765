//! Detours: a page that sends the holder elsewhere first says in `?next=` where to come back to.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::live::memo;
use crate::{browser, door};

/// Where the holder wants to go on afterwards, if that is a page of this wallet; tracked.
pub fn use_next() -> Memo<Option<String>> {
    let location = use_location();
    // Decoded once, and only here: the path carries an invoice's address with escapes of its own.
    memo(move || {
        let query = location.search.get();
        let next = query.split('&').find_map(|pair| pair.strip_prefix("next="));
        next.and_then(browser::decode).filter(|path| door::is_own_path(path))
    })
}

/// The address of this page as it is now, fragment included; tracked.
pub fn use_here() -> Memo<String> {
    let location = use_location();
    memo(move || {
        let query = location.search.get();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{mark}{query}{}", location.pathname.get(), location.hash.get())
    })
}

/// `path` with query values, and the way back as the last one.
pub fn detour(path: &str, values: &[(&str, String)], next: Option<&str>) -> String {
    let next = next.map(|next| ("next", next.to_owned()));
    let pairs = values.iter().cloned().chain(next);
    let query: Vec<_> =
        pairs.map(|(name, value)| format!("{name}={}", browser::encode(&value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}
