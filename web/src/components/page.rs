//! A page's heading and title, and the wait for the wallet to open.

use leptos::html::H1;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{Icon, Mark, ProblemNotice, Shape};
use crate::i18n::{t, t_with};
use crate::live::{live, memo};
use crate::session::{Phase, use_session};

/// The path of the page shown last: a page of another path moves the focus to its heading, as a
/// page load would, so that keyboards and screen readers follow.
#[derive(Clone, Copy)]
pub(super) struct Visited(pub StoredValue<Option<String>>);

/// A page under one heading, which is the document's title as well.
#[component]
pub fn Page(
    /// The heading's message.
    heading: &'static str,
    /// The message of a sentence below it.
    #[prop(optional)]
    lead: Option<&'static str>,
    /// Whether a wide screen shows the page in a narrow column, as forms read best.
    #[prop(optional)]
    narrow: bool,
    /// What is on it.
    children: Children,
) -> impl IntoView {
    let node = NodeRef::<H1>::new();
    let path = use_location().pathname;
    node.on_load(move |element| {
        let Some(Visited(visited)) = use_context::<Visited>() else { return };
        let path = path.get_untracked();
        if visited.get_value().is_some_and(|last| last != path) {
            // Focus fails only for what is not in the document; this was just put there.
            let _ = element.focus();
        }
        visited.set_value(Some(path));
    });
    document().set_title(&t_with("title", &[("page", t(heading))]));
    view! {
        <div class="page" class:narrow=narrow>
            <header class="page-head">
                <h1 node_ref=node tabindex="-1">{t(heading)}</h1>
                {lead.map(|lead| view! { <p class="lead">{t(lead)}</p> })}
            </header>
            {children()}
        </div>
    }
}

/// Shows its children once the wallet is open; until then the wait, or why it does not open.
#[component]
pub fn Opened(children: ChildrenFn) -> impl IntoView {
    let session = use_session();
    let children = StoredValue::new(children);
    let phase = memo(move || session.phase());
    live(move || match phase.get() {
        Phase::Open => children.with_value(|children| children()).into_any(),
        Phase::Opening => view! {
            <p class="wait" role="status"><Mark />{t("opening")}</p>
        }
        .into_any(),
        Phase::Failed(problem) => view! {
            <section class="card stack" role="alert">
                <h2 class="with-icon"><Icon shape=Shape::Alert />{t("opening-failed")}</h2>
                <ProblemNotice problem=problem />
                <button class="button primary" on:click=move |_| session.open()>
                    {t("retry")}
                </button>
            </section>
        }
        .into_any(),
    })
}
