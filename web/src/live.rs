//! What changes while it is shown, in few types.
//!
//! Generic code is compiled once for each type it is used with, and every closure is a type of its
//! own. Behind these functions the pages share one, which halves the program.

use std::sync::Arc;

use leptos::prelude::*;

/// A part of a page, made anew whenever what it reads changes.
pub fn live(part: impl Fn() -> AnyView + Send + Sync + 'static) -> AnyView {
    shared_live(Box::new(part))
}

fn shared_live(part: Box<dyn Fn() -> AnyView + Send + Sync>) -> AnyView {
    (move || part()).into_any()
}

/// A part of a page that is there while `holds` does.
pub fn when(
    holds: impl Fn() -> bool + Send + Sync + 'static,
    part: impl Fn() -> AnyView + Send + Sync + 'static,
) -> AnyView {
    either(holds, part, || ().into_any())
}

/// One part of a page while `holds` does, else another.
pub fn either(
    holds: impl Fn() -> bool + Send + Sync + 'static,
    part: impl Fn() -> AnyView + Send + Sync + 'static,
    other: impl Fn() -> AnyView + Send + Sync + 'static,
) -> AnyView {
    let holds = memo(holds);
    live(move || if holds.get() { part() } else { other() })
}

/// A part of a page for each key, kept while its key is there.
pub fn each(
    keys: Memo<Vec<String>>,
    part: impl Fn(String) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    shared_each(keys, Arc::new(part))
}

fn shared_each(
    keys: Memo<Vec<String>>,
    part: Arc<dyn Fn(String) -> AnyView + Send + Sync>,
) -> AnyView {
    view! { <For each=move || keys.get() key=String::clone children=move |key| part(key) /> }
        .into_any()
}

/// A text that changes.
pub fn text(words: impl Fn() -> String + Send + Sync + 'static) -> Signal<String> {
    Signal::derive(words)
}

/// A value made from others, which tells of changes only.
pub fn memo<T>(value: impl Fn() -> T + Send + Sync + 'static) -> Memo<T>
where
    T: PartialEq + Send + Sync + 'static,
{
    shared_memo(Box::new(value))
}

fn shared_memo<T>(value: Box<dyn Fn() -> T + Send + Sync>) -> Memo<T>
where
    T: PartialEq + Send + Sync + 'static,
{
    Memo::new(move |_| value())
}
