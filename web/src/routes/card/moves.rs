//! Money between a card and the wallet, and asking another card for it.

use koban_wallet_wasm::Wallet;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::gift::Send;
use crate::components::{
    Amount, AmountField, Card, Choice, Notice, ProblemNotice, Submit, Tone, problem_of,
};
use crate::i18n::{t, t_with};
use crate::live::{live, memo, text};
use crate::session::{Ask, Session, use_session};

/// Which way money moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Load,
    Unload,
    Ask,
}

impl Way {
    /// The button's message with the amount, and without.
    const fn label(self) -> (&'static str, &'static str) {
        match self {
            Self::Load => ("card-load-submit", "card-load"),
            Self::Unload => ("card-unload-submit", "card-unload"),
            Self::Ask => ("card-ask-submit", "card-ask"),
        }
    }
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Moved {
    /// A transaction.
    Transaction(String),
    /// A message for another card.
    Message(Vec<u8>),
}

#[component]
pub fn Move(card: Card, reader: u32) -> impl IntoView {
    let way = RwSignal::new(Way::Load);
    let amount = Amount::new(None, None);
    let ask = Ask::new();
    let moved = RwSignal::new(None::<Moved>);
    let most = most_of(use_session(), card, amount, way);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(minor) = amount.minor.get_untracked() else { return };
        let (code, way) = (amount.currency.get_untracked().code, way.get_untracked());
        moved.set(None);
        let work = |wallet: Wallet| async move {
            Ok(match way {
                Way::Load => Moved::Transaction(wallet.load_card(reader, &code, minor).await?),
                Way::Unload => Moved::Transaction(wallet.unload_card(reader, &code, minor).await?),
                Way::Ask => Moved::Message(wallet.ask_gift(reader, &code, minor).await?),
            })
        };
        ask.run(work, move |done| {
            moved.try_set(Some(done));
        });
    };
    let label = text(move || {
        let (with, plain) = way.get().label();
        match amount.minor.get() {
            Some(minor) => t_with(with, &[("amount", amount.words(minor))]),
            None => t(plain),
        }
    });
    let choice = move |it: Way, value: &'static str, label: &'static str, hint: &'static str| {
        view! {
            <Choice group="card-way" value label=t(label) text=hint
                checked=Signal::derive(move || way.get() == it)
                on_choose=Callback::new(move |()| way.set(it)) />
        }
    };
    let told = live(move || match moved.get() {
        Some(Moved::Transaction(id)) => view! { <Progress id /> }.into_any(),
        Some(Moved::Message(message)) => view! { <Send message reader /> }.into_any(),
        None => ().into_any(),
    });
    view! {
        <form class="stack" on:submit=submit>
            <fieldset class="choices">
                <legend>{t("card-move")}</legend>
                {choice(Way::Load, "load", "card-load", "card-load-text")}
                {choice(Way::Unload, "unload", "card-unload", "card-unload-text")}
                {choice(Way::Ask, "ask", "card-ask", "card-ask-text")}
            </fieldset>
            <AmountField id="card-amount" of=Some(reader) amount most exceeds="amount-exceeds"
                offers=Signal::derive(Vec::new) />
            <Submit id="card-move-submit" ask label
                ready=Signal::derive(move || amount.is_within(most.get())) />
            <div role="status">{told}</div>
        </form>
    }
}

/// The most that can move that way, minor units.
fn most_of(
    session: Session,
    card: Card,
    amount: Amount,
    way: RwSignal<Way>,
) -> Signal<Option<u64>> {
    Signal::derive(move || {
        let currency = amount.currency.get();
        let pocket = card.with(|it| {
            let pockets = it.as_ref().map(|it| it.pockets.clone()).unwrap_or_default();
            pockets.into_iter().find(|it| it.balance.currency == currency.code)
        });
        let held = pocket.as_ref().map_or(0, |it| it.balance.minor);
        let room = pocket.as_ref().map_or(0, |it| it.most.minor).saturating_sub(held);
        Some(match way.get() {
            Way::Load => session.available(&currency).minor.min(room),
            Way::Unload => held,
            Way::Ask => room,
        })
    })
}

/// A load or an unload as it goes on, with what it waits for.
#[component]
fn Progress(id: String) -> impl IntoView {
    use koban_wallet_wasm::view::TransactionState::{Cancelled, Done, Open};
    let session = use_session();
    let ask = Ask::new();
    let named = StoredValue::new(id.clone());
    let transaction = memo(move || session.transaction(&id));
    let cancel = move |_| {
        let id = named.get_value();
        ask.run(|wallet| async move { wallet.cancel(&id).await }, |()| ());
    };
    live(move || {
        let Some(it) = transaction.get() else { return ().into_any() };
        let problem = it.problem.map(|problem| view! { <ProblemNotice problem /> });
        let (tone, key) = match it.state {
            Done => (Tone::Good, "card-moved"),
            Cancelled => (Tone::Info, "state-cancelled-text"),
            Open => (Tone::Info, "state-open-text"),
            _ => return problem.into_any(),
        };
        let way_out = (it.state == Open).then(|| {
            view! {
                {problem_of(ask)}
                <button type="button" class="button small" data-testid="card-cancel"
                    on:click=cancel>{t("card-cancel")}</button>
            }
        });
        view! {
            <div data-testid="card-moved" data-state=format!("{:?}", it.state)>
                <Notice tone>{t(key)}</Notice>
                {problem}
                {way_out}
            </div>
        }
        .into_any()
    })
}
