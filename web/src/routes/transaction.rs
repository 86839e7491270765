//! One transaction with all that is known of it.

use koban_wallet_wasm::view::{TransactionKind, TransactionState, TransactionView};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::payment::ReturnToShop;
use crate::components::{Opened, Page, ProblemNotice, Receipt, StateBadge, kind_key, problem_of};
use crate::i18n::t;
use crate::live::{live, memo};
use crate::money;
use crate::session::{Ask, use_session};

/// The transaction that the address names.
#[component]
pub fn Transaction() -> impl IntoView {
    let session = use_session();
    let params = use_params_map();
    let transaction = memo(move || {
        let id = params.with(|params| params.get("id")).unwrap_or_default();
        session.transaction(&id)
    });
    let shown = move || {
        live(move || match transaction.get() {
            Some(transaction) => view! { <Details transaction /> }.into_any(),
            None => view! { <p class="empty">{t("activity-not-found")}</p> }.into_any(),
        })
    };
    view! {
        <Page heading="activity-title" narrow=true>
            <Opened>{shown()}</Opened>
            <p><a href="/activity">{t("recent-all")}</a></p>
        </Page>
    }
}

#[component]
fn Details(transaction: TransactionView) -> impl IntoView {
    let it = transaction;
    let receipt = it.receipt.clone().map(|receipt| {
        let (amount, purpose) = (it.amount.clone(), it.purpose.clone());
        view! { <Receipt receipt amount purpose /> }
    });
    let problem = it.problem.clone().map(|problem| view! { <ProblemNotice problem /> });
    let is_open = it.state == TransactionState::Open;
    let cancel = match it.kind {
        TransactionKind::Payment if is_open => view! {
            <p class="hint">{t("transaction-cancel-text")}</p>
            <Cancel id=it.id.clone() label="transaction-cancel" />
        }
        .into_any(),
        TransactionKind::Load | TransactionKind::Unload | TransactionKind::CardRefund
            if is_open =>
        {
            view! { <Cancel id=it.id.clone() label="card-cancel" /> }.into_any()
        }
        _ => ().into_any(),
    };
    view! {
        <article class="card stack" data-testid="transaction">
            <header class="card-head">
                <h2>{t(kind_key(it.kind))}</h2>
                <StateBadge state=it.state />
            </header>
            {it.amount.clone().map(|amount| view! {
                <p class="big-amount">{money::show(&amount)}</p>
            })}
            {state_text(it.state).map(|key| view! { <p class="hint">{t(key)}</p> })}
            {problem}
            <Facts it=it.clone() />
            <ReturnToShop url=it.fulfilment_url.clone() />
            {cancel}
        </article>
        {receipt}
    }
}

#[component]
fn Facts(it: TransactionView) -> impl IntoView {
    let with = match it.kind {
        TransactionKind::Payment => "transaction-counterparty",
        TransactionKind::Load | TransactionKind::Unload | TransactionKind::CardRefund => {
            "card-class-purse"
        }
        _ => "transaction-bank",
    };
    let line = |key: &'static str, text: Option<String>| {
        text.filter(|text| !text.is_empty()).map(|text| view! { <dt>{t(key)}</dt><dd>{text}</dd> })
    };
    let change = it.change.map(|change| {
        view! { <dt>{t("transaction-change")}</dt><dd>{money::show(&change)}</dd> }
    });
    let lost = it.lost.map(|lost| {
        view! { <dt>{t("transaction-lost")}</dt><dd>{money::show(&lost)}</dd> }
    });
    view! {
        <dl class="facts-list">
            {line(with, it.counterparty)}
            {line("transaction-purpose", it.purpose)}
            {change}
            {lost}
            <dt>{t("transaction-at")}</dt>
            <dd>{money::show_time(it.at)}</dd>
            <dt>{t("transaction-id")}</dt>
            <dd class="mono">{it.id}</dd>
        </dl>
    }
}

const fn state_text(state: TransactionState) -> Option<&'static str> {
    match state {
        TransactionState::Open => Some("state-open-text"),
        TransactionState::Cancelling => Some("state-cancelling-text"),
        TransactionState::Cancelled => Some("state-cancelled-text"),
        TransactionState::Done | TransactionState::Refused => None,
    }
}

/// Calls an open payment back, or a move to or from a card off.
#[component]
fn Cancel(id: String, label: &'static str) -> impl IntoView {
    let ask = Ask::new();
    let cancel = move |_| {
        let id = id.clone();
        ask.run(|wallet| async move { wallet.cancel(&id).await }, |()| ());
    };
    view! {
        {problem_of(ask)}
        <button class="button" data-testid="cancel" on:click=cancel
            disabled=move || ask.busy.get()>{t(label)}</button>
    }
}
