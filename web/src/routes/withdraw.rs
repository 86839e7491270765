//! Coins bought from the bank account (VC-3).

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::way_back::{detour, use_next};
use crate::components::{
    AccountLine, Amount, AmountField, Choice, CoinPicker, Coins, Opened, Outcome, Page, Submit,
};
use crate::i18n::t;
use crate::live::{either, live};
use crate::session::{Ask, use_session};

/// Amounts offered in units of 10^exponent.
const OFFERS: [u64; 3] = [1_000, 5_000, 10_000];

/// The withdrawal form, then what became of it.
#[component]
pub fn Withdraw() -> impl IntoView {
    let session = use_session();
    let next = use_next();
    let done = RwSignal::new(None::<String>);
    let needs_account = move || {
        let welcome = detour("/welcome", &[], next.get().as_deref());
        view! {
            <section class="card stack">
                <p>{t("withdraw-needs-account")}</p>
                <a class="button primary" href=welcome>{t("step-enrol")}</a>
            </section>
        }
        .into_any()
    };
    let form = move || {
        live(move || match done.get() {
            Some(id) => view! { <Withdrawn id next=next.get() /> }.into_any(),
            None => view! { <Form done /> }.into_any(),
        })
    };
    view! {
        <Page heading="withdraw-title" lead="withdraw-lead" narrow=true>
            <Opened>{either(move || session.account().is_some(), form, needs_account)}</Opened>
        </Page>
    }
}

/// What became of it, and the way on: to where the holder came from, else to the wallet.
#[component]
fn Withdrawn(id: String, next: Option<String>) -> impl IntoView {
    let (path, words, test_id) = match next {
        Some(path) => (path, "back-to-invoice", "back-to-invoice"),
        None => ("/".to_owned(), "to-wallet", "to-wallet"),
    };
    view! {
        <Outcome id done="withdraw-done">
            <a class="button primary" data-testid=test_id href=path.clone()>{t(words)}</a>
        </Outcome>
    }
}

#[component]
fn Form(done: RwSignal<Option<String>>) -> impl IntoView {
    let query = use_query_map().get_untracked();
    let asked = query.get("amount").and_then(|minor| minor.parse().ok());
    let amount = Amount::new(query.get("currency"), asked);
    let coins = Coins::new();
    coins.follow(amount);
    let recoverable = RwSignal::new(true);
    let most = most_of_account(amount);
    let offers = Signal::derive(move || {
        let scale = 10_u64.pow(u32::from(amount.currency.get().exponent));
        OFFERS.map(|units| (units * scale, amount.words(units * scale))).to_vec()
    });
    let ask = Ask::new();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(minor) = amount.minor.get_untracked() else {
            return;
        };
        let code = amount.currency.get_untracked().code;
        let list = untrack(move || coins.list());
        let list = (!list.is_empty()).then_some(list);
        let keep = recoverable.get_untracked();
        ask.run(
            |wallet| async move { wallet.withdraw(&code, minor, list, keep).await },
            move |id| done.set(Some(id)),
        );
    };
    view! {
        <form class="card stack" on:submit=submit>
            <Source />
            <AmountField id="withdraw-amount" amount most exceeds="amount-exceeds-account" offers />
            <details class="fold">
                <summary>{t("coins-choose")}</summary>
                <p class="hint">{t("coins-hint")}</p>
                <CoinPicker coins currency=amount.currency />
            </details>
            <Recovery recoverable />
            <Submit id="withdraw-submit" ask label=amount.label("withdraw-submit", "withdraw-plain")
                ready=Signal::derive(move || amount.is_within(most.get())) />
        </form>
    }
}

/// The balance of the account, if the bank was asked and the currency is the account's.
fn most_of_account(amount: Amount) -> Signal<Option<u64>> {
    let session = use_session();
    Signal::derive(move || {
        let balances = session.account()?.balances;
        let code = amount.currency.get().code;
        balances.iter().find(|it| it.currency == code).map(|it| it.minor)
    })
}

/// The account the coins are bought from; its balance is asked for once when the page opens.
#[component]
fn Source() -> impl IntoView {
    let ask = Ask::new();
    ask.run(|wallet| async move { wallet.refresh_account().await }, |()| ());
    view! { <AccountLine role="withdraw-from" /> }
}

/// Whether the issuer may find out whose coins they are, so that lost ones come back (VC-7, VC-8).
#[component]
fn Recovery(recoverable: RwSignal<bool>) -> impl IntoView {
    let choose = move |choice: bool| Callback::new(move |()| recoverable.set(choice));
    let is = move |choice: bool| Signal::derive(move || recoverable.get() == choice);
    view! {
        <fieldset class="choices">
            <legend>{t("withdraw-recovery")}</legend>
            <Choice group="recovery" value="recoverable"
                label=t("withdraw-recoverable") text="withdraw-recoverable-text"
                checked=is(true) on_choose=choose(true) />
            <Choice group="recovery" value="anonymous"
                label=t("withdraw-anonymous") text="withdraw-anonymous-text"
                checked=is(false) on_choose=choose(false) />
        </fieldset>
    }
}
