//! The page a shop sends the holder to.

use leptos::ev::{Event, SubmitEvent};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

use super::invoice::Invoice;
use crate::components::{Notice, Opened, Page, TextField, Tone};
use crate::door::{self, Door};
use crate::i18n::t;
use crate::live::{live, memo, when};
use crate::{browser, door::is_web_address};

/// The invoice that the address leads to, or a way to open one by hand.
#[component]
pub fn Pay() -> impl IntoView {
    let location = use_location();
    let door =
        memo(move || door::read(&location.search.get(), &location.hash.get(), browser::decode));
    let shown = move || {
        live(move || match door.get() {
            Door::Closed => view! { <ByHand /> }.into_any(),
            Door::Broken(text) => view! { <Broken text /> }.into_any(),
            open => view! { <Invoice door=open /> }.into_any(),
        })
    };
    view! {
        <Page heading="pay-title" narrow=true>
            <Opened>{shown()}</Opened>
        </Page>
    }
}

/// Says that the address leads to no invoice.
#[component]
fn Broken(text: String) -> impl IntoView {
    view! {
        <Notice tone=Tone::Bad>
            <p>{t("pay-invoice-failed")}</p>
            <p class="mono">{text}</p>
        </Notice>
        <ByHand />
    }
}

/// An address typed in, or a file chosen.
#[component]
fn ByHand() -> impl IntoView {
    let navigate = use_navigate();
    let address = RwSignal::new(String::new());
    let complaint = RwSignal::new(String::new());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let typed = address.get_untracked().trim().to_owned();
        if is_web_address(&typed) {
            let path = format!("/pay?invoice={}", browser::encode(&typed));
            navigate(&path, NavigateOptions::default());
        } else {
            complaint.set(t("pay-address-invalid"));
        }
    };
    view! {
        <form class="card stack" on:submit=submit>
            <p>{t("pay-lead")}</p>
            <TextField id="invoice-address" label="pay-address" autocomplete="off" value=address />
            <p class="complaint" role="alert">{complaint}</p>
            <button type="submit" class="button primary">{t("pay-address-submit")}</button>
            <FileField complaint />
        </form>
    }
}

#[component]
fn FileField(complaint: RwSignal<String>) -> impl IntoView {
    let open = use_open_document();
    let chosen = move |event: Event| {
        let input = event.target().and_then(|it| it.dyn_into::<HtmlInputElement>().ok());
        let Some(file) = input.and_then(|it| it.files()).and_then(|it| it.get(0)) else {
            return;
        };
        let open = open.clone();
        spawn_local(async move {
            match browser::read_file(&file).await {
                Ok(bytes) => open(&bytes),
                Err(fact) => {
                    complaint.try_set(fact);
                }
            }
        });
    };
    view! {
        <div class="field">
            <label for="invoice-file">{t("pay-file")}</label>
            <input id="invoice-file" data-testid="invoice-file" type="file"
                accept=".koban,application/vnd.koban.invoice+cbor" on:change=chosen />
        </div>
    }
}

/// Where the installed wallet is launched with a file of an invoice's type.
#[component]
pub fn OpenFile() -> impl IntoView {
    let open = use_open_document();
    let failed = RwSignal::new(false);
    let launched = browser::on_launched_file(move |read| match read {
        Ok(bytes) => open(&bytes),
        Err(_) => {
            failed.try_set(true);
        }
    });
    let bad = || view! { <Notice tone=Tone::Bad>{t("pay-invoice-failed")}</Notice> }.into_any();
    let by_hand = || view! { <Notice tone=Tone::Info>{t("pay-file")}</Notice> }.into_any();
    view! {
        <Page heading="pay-title" narrow=true>
            {when(move || failed.get(), bad)}
            {when(move || !launched, by_hand)}
            <ByHand />
        </Page>
    }
}

/// Opens an invoice's bytes by embedding them in the pay page's own address, so that the way back
/// from a detour leads to them as well.
fn use_open_document() -> impl Fn(&[u8]) + Clone + 'static {
    let navigate = use_navigate();
    move |document| {
        let options = NavigateOptions { replace: true, ..NavigateOptions::default() };
        navigate(&door::embed(document), options);
    }
}
