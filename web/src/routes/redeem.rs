//! Coins turned into money in the bank account (VC-7).

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use crate::components::{Amount, AmountField, Opened, Outcome, Page, Submit};
use crate::i18n::{say, say_with, t};
use crate::session::{Ask, use_session};

/// The form, then what became of it.
#[component]
pub fn Redeem() -> impl IntoView {
    let session = use_session();
    let enrolled = Memo::new(move |_| session.account().is_some());
    let done = RwSignal::new(None::<String>);
    let needs_account = || {
        view! {
            <section class="card stack">
                <p>{t("redeem-needs-account")}</p>
                <a class="button primary" href="/welcome">{t("step-enrol")}</a>
            </section>
        }
    };
    let onward = || view! { <a class="button primary" href="/">{t("to-wallet")}</a> };
    let form = move || match done.get() {
        Some(id) => view! { <Outcome id done="redeem-done">{onward}</Outcome> }.into_any(),
        None => view! { <Form done /> }.into_any(),
    };
    view! {
        <Page heading="redeem-title" lead="redeem-lead" narrow=true>
            <Opened>
                <Show when=move || enrolled.get() fallback=needs_account>{form}</Show>
            </Opened>
        </Page>
    }
}

#[component]
fn Form(done: RwSignal<Option<String>>) -> impl IntoView {
    let session = use_session();
    let amount = Amount::new(None, None);
    let all = Memo::new(move |_| session.available(&amount.currency.get()).minor);
    let most = Signal::derive(move || Some(all.get()));
    let offers = Signal::derive(move || match all.get() {
        0 => Vec::new(),
        all => vec![(all, format!("{} {}", say("amount-all"), amount.words(all)))],
    });
    let ask = Ask::new();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(minor) = amount.minor.get_untracked() else {
            return;
        };
        let code = amount.currency.get_untracked().code;
        ask.run(
            |wallet| async move { wallet.redeem(&code, minor).await },
            move |id| done.set(Some(id)),
        );
    };
    let account =
        move || {
            session.account().map(|it| view! {
        <p class="account-name">
            <span class="hint">{t("redeem-to")}</span>{it.bank}
            <span class="hint">{say_with("account-number", &[("number", it.number)])}</span>
        </p>
    })
        };
    view! {
        <form class="card stack" on:submit=submit>
            <div class="account">{account}</div>
            <Show when=move || all.get() == 0><p class="empty">{t("redeem-empty")}</p></Show>
            <AmountField id="redeem-amount" amount most exceeds="amount-exceeds" offers />
            <Submit id="redeem-submit" ask label=amount.label("redeem-submit", "redeem-plain")
                ready=Signal::derive(move || amount.is_within(most.get())) />
        </form>
    }
}
