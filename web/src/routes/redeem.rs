//! Coins turned into money in the bank account (VC-7).

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use crate::components::{AccountLine, Amount, AmountField, Opened, Outcome, Page, Submit};
use crate::i18n::t;
use crate::live::{either, live, memo, when};
use crate::session::{Ask, use_session};

/// The form, then what became of it.
#[component]
pub fn Redeem() -> impl IntoView {
    let session = use_session();
    let done = RwSignal::new(None::<String>);
    let needs_account = || {
        view! {
            <section class="card stack">
                <p>{t("redeem-needs-account")}</p>
                <a class="button primary" href="/welcome">{t("step-enrol")}</a>
            </section>
        }
        .into_any()
    };
    let form = move || {
        live(move || match done.get() {
            Some(id) => view! {
                <Outcome id done="redeem-done">
                    <a class="button primary" href="/">{t("to-wallet")}</a>
                </Outcome>
            }
            .into_any(),
            None => view! { <Form done /> }.into_any(),
        })
    };
    view! {
        <Page heading="redeem-title" lead="redeem-lead" narrow=true>
            <Opened>{either(move || session.account().is_some(), form, needs_account)}</Opened>
        </Page>
    }
}

#[component]
fn Form(done: RwSignal<Option<String>>) -> impl IntoView {
    let session = use_session();
    let amount = Amount::new(None, None);
    let all = memo(move || session.available(&amount.currency.get()).minor);
    let most = Signal::derive(move || Some(all.get()));
    let offers = Signal::derive(move || match all.get() {
        0 => Vec::new(),
        all => vec![(all, format!("{} {}", t("amount-all"), amount.words(all)))],
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
    let empty = || view! { <p class="empty">{t("redeem-empty")}</p> }.into_any();
    view! {
        <form class="card stack" on:submit=submit>
            <AccountLine role="redeem-to" />
            {when(move || all.get() == 0, empty)}
            <AmountField id="redeem-amount" amount most exceeds="amount-exceeds" offers />
            <Submit id="redeem-submit" ask label=amount.label("redeem-submit", "redeem-plain")
                ready=Signal::derive(move || amount.is_within(most.get())) />
        </form>
    }
}
