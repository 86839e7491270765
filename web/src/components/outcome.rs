//! What became of something the holder asked for, as it becomes.

use koban_wallet_wasm::view::{MoneyView, TransactionState, TransactionView};
use leptos::prelude::*;

use super::{Notice, ProblemNotice, StateBadge, Tone};
use crate::i18n::{t, t_with};
use crate::live::{live, memo};
use crate::money;
use crate::session::use_session;

/// The transaction `id`, live: under way, done with the `done` message, or refused with why.
#[component]
pub fn Outcome(
    /// The transaction.
    id: String,
    /// The message for when it is done, with a variable `amount`.
    done: &'static str,
    /// What the holder may do next.
    children: ChildrenFn,
) -> impl IntoView {
    let session = use_session();
    let path = format!("/activity/{id}");
    let transaction = memo(move || session.transaction(&id));
    let shown = live(move || match transaction.get() {
        Some(it) => told(it, done),
        None => ().into_any(),
    });
    view! {
        <section class="card stack outcome" role="status">
            {shown}
            <div class="actions">
                {children()}
                <a class="button" href=path>{t("details")}</a>
            </div>
        </section>
    }
}

fn told(transaction: TransactionView, done: &'static str) -> AnyView {
    let amount = words(transaction.amount);
    match (transaction.state, transaction.problem) {
        (TransactionState::Refused, Some(problem)) => {
            view! { <ProblemNotice problem /> }.into_any()
        }
        (TransactionState::Done, _) => view! {
            <div data-testid="outcome-done">
                <Notice tone=Tone::Good>{t_with(done, &[("amount", amount)])}</Notice>
            </div>
        }
        .into_any(),
        (state, _) => view! {
            <p class="with-badge"><StateBadge state />" "{amount}</p>
            <p class="hint">{t("state-open-text")}</p>
        }
        .into_any(),
    }
}

fn words(amount: Option<MoneyView>) -> String {
    amount.as_ref().map(money::show).unwrap_or_default()
}
