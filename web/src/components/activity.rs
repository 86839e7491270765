//! Transactions as lines of a list.

use koban_wallet_wasm::view::{TransactionKind, TransactionState, TransactionView, WalletView};
use leptos::prelude::*;

use super::{Icon, Shape};
use crate::i18n::t;
use crate::live::{each, live, memo, when};
use crate::money;
use crate::session::use_session;

/// The message that names a kind of transaction.
pub const fn kind_key(kind: TransactionKind) -> &'static str {
    match kind {
        TransactionKind::Registration => "kind-registration",
        TransactionKind::Enrolment => "kind-enrolment",
        TransactionKind::Withdrawal => "kind-withdrawal",
        TransactionKind::Payment => "kind-payment",
        TransactionKind::Change => "kind-change",
        TransactionKind::Redemption => "kind-redemption",
        TransactionKind::Refund => "kind-refund",
        TransactionKind::Load => "kind-load",
        TransactionKind::Unload => "kind-unload",
        TransactionKind::CardRefund => "kind-card-refund",
    }
}

const fn kind_shape(kind: TransactionKind) -> Shape {
    match kind {
        TransactionKind::Registration => Shape::Person,
        TransactionKind::Enrolment => Shape::Bank,
        TransactionKind::Withdrawal | TransactionKind::Refund => Shape::In,
        TransactionKind::Payment => Shape::Pay,
        TransactionKind::Change => Shape::Swap,
        TransactionKind::Redemption => Shape::Out,
        TransactionKind::Load | TransactionKind::Unload | TransactionKind::CardRefund => {
            Shape::Card
        }
    }
}

/// What the transaction did to the wallet's balance, as a sign before the amount.
const fn sign(kind: TransactionKind) -> &'static str {
    match kind {
        TransactionKind::Withdrawal | TransactionKind::Refund | TransactionKind::Unload => "+",
        TransactionKind::Payment | TransactionKind::Redemption | TransactionKind::Load => "−",
        _ => "",
    }
}

/// The newest transactions, at most `limit`.
#[component]
pub fn ActivityList(#[prop(default = usize::MAX)] limit: usize) -> impl IntoView {
    let session = use_session();
    let ids = memo(move || {
        let newest = |view: &WalletView| {
            view.transactions.iter().take(limit).map(|it| it.id.clone()).collect::<Vec<_>>()
        };
        session.look(newest).unwrap_or_default()
    });
    let empty = || view! { <p class="empty">{t("activity-empty")}</p> }.into_any();
    view! {
        {when(move || ids.with(Vec::is_empty), empty)}
        <ul class="activity">{each(ids, |id| view! { <ActivityItem id /> }.into_any())}</ul>
    }
}

#[component]
fn ActivityItem(id: String) -> impl IntoView {
    let session = use_session();
    let path = format!("/activity/{id}");
    let transaction = memo(move || session.transaction(&id));
    let line = live(move || match transaction.get() {
        Some(it) => view! { <Line path=path.clone() it /> }.into_any(),
        None => ().into_any(),
    });
    view! { <li>{line}</li> }
}

#[component]
fn Line(path: String, it: TransactionView) -> impl IntoView {
    let state = data_state(it.state);
    let amount = it.amount.as_ref().map(money::show).unwrap_or_default();
    let badge = match it.state {
        TransactionState::Done => ().into_any(),
        state => view! { <StateBadge state /> }.into_any(),
    };
    view! {
        <a class="activity-line" href=path data-testid="activity-item"
            data-kind=kind_key(it.kind) data-state=state>
            <span class="activity-icon"><Icon shape=kind_shape(it.kind) /></span>
            <span class="activity-words">
                <span class="activity-title">{title(&it)}</span>
                <span class="activity-when">{money::show_day(it.at)}</span>
            </span>
            <span class="activity-side">
                <span class="activity-amount" data-sign=sign(it.kind)>
                    {if amount.is_empty() { "" } else { sign(it.kind) }}{amount.clone()}
                </span>
                {badge}
            </span>
        </a>
    }
}

/// What a person would call the transaction: whom a payment went to, else what it was.
fn title(transaction: &TransactionView) -> String {
    let payee = transaction.counterparty.clone().filter(|name| !name.is_empty());
    match (transaction.kind, payee) {
        (TransactionKind::Payment, Some(payee)) => payee,
        (kind, _) => t(kind_key(kind)),
    }
}

const fn data_state(state: TransactionState) -> &'static str {
    match state {
        TransactionState::Open => "open",
        TransactionState::Cancelling => "cancelling",
        TransactionState::Done => "done",
        TransactionState::Cancelled => "cancelled",
        TransactionState::Refused => "refused",
    }
}

/// Where a transaction stands, in a word.
#[component]
pub fn StateBadge(state: TransactionState) -> impl IntoView {
    let key = match state {
        TransactionState::Open => "state-open",
        TransactionState::Cancelling => "state-cancelling",
        TransactionState::Done => "state-done",
        TransactionState::Cancelled => "state-cancelled",
        TransactionState::Refused => "state-refused",
    };
    view! { <span class="badge" data-state=data_state(state)>{t(key)}</span> }
}
