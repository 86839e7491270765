//! What is around every page: name, navigation, and what concerns the whole wallet.

use leptos::ev::MouseEvent;
use leptos::html::Main;
use leptos::prelude::*;
use leptos_router::components::A;

use super::page::Visited;
use super::{Icon, Mark, Notice, Shape, Tone};
use crate::browser;
use crate::i18n::t;
use crate::live::when;

/// Where the navigation leads.
const PLACES: [(&str, &str, Shape); 5] = [
    ("/", "nav-wallet", Shape::Wallet),
    ("/pay", "nav-pay", Shape::Pay),
    ("/activity", "nav-activity", Shape::Activity),
    ("/audit", "nav-audit", Shape::Audit),
    ("/settings", "nav-settings", Shape::Settings),
];

/// The landmarks of every page.
#[component]
pub fn Frame(children: Children) -> impl IntoView {
    provide_context(Visited(StoredValue::new(None)));
    let main = NodeRef::<Main>::new();
    // The fragment stays as it is: the pay page reads invoices from it.
    let skip = move |event: MouseEvent| {
        event.prevent_default();
        if let Some(main) = main.get_untracked() {
            let _ = main.focus();
        }
    };
    view! {
        <a class="skip" href="#main" on:click=skip>{t("skip-to-content")}</a>
        <header class="top">
            <div class="top-inner">
                <A href="/" attr:class="brand"><Mark /><span>{t("app-name")}</span></A>
                <nav class="places" aria-label=t("nav-label")>
                    {PLACES.map(|(path, label, shape)| view! { <Place path label shape /> })}
                </nav>
            </div>
        </header>
        <main id="main" tabindex="-1" node_ref=main>
            <Connection />
            <Update />
            {children()}
        </main>
    }
}

#[component]
fn Place(path: &'static str, label: &'static str, shape: Shape) -> impl IntoView {
    view! {
        <A href=path exact={path == "/"} attr:class="place">
            <Icon shape=shape />
            <span>{t(label)}</span>
        </A>
    }
}

/// Says so while the browser has no network.
#[component]
fn Connection() -> impl IntoView {
    let online = RwSignal::new(browser::is_online());
    let handles = ["online", "offline"].map(|event| {
        window_event_listener_untyped(event, move |_| online.set(browser::is_online()))
    });
    on_cleanup(move || handles.into_iter().for_each(WindowListenerHandle::remove));
    let told = when(
        move || !online.get(),
        || view! { <Notice tone=Tone::Warning>{t("offline")}</Notice> }.into_any(),
    );
    view! { <div role="status">{told}</div> }
}

/// Offers the new version once the service worker holds all of it; `boot.js` marks the page and
/// tells it.
#[component]
fn Update() -> impl IntoView {
    let marked = || {
        let root = document().document_element();
        root.is_some_and(|root| root.has_attribute("data-update"))
    };
    let ready = RwSignal::new(marked());
    let handle = window_event_listener_untyped("koban-update", move |_| ready.set(true));
    on_cleanup(move || handle.remove());
    let offer = || {
        view! {
            <Notice tone=Tone::Info>
                {t("update-ready")}
                <button class="button small" on:click=|_| browser::reload()>
                    {t("update-reload")}
                </button>
            </Notice>
        }
        .into_any()
    };
    view! { <div role="status">{when(move || ready.get(), offer)}</div> }
}
