//! What pages with cards share: what a card is, what is in it, its PIN, how one is connected.

mod head;
mod log;
mod pin;

use koban_wallet_wasm::Wallet;
use koban_wallet_wasm::view::{CardClass, CardView, KnownCardView};
use leptos::prelude::*;

use super::{Notice, Tone, problem_of};
use crate::i18n::{t, t_with};
use crate::live::{live, memo, when};
use crate::money;
use crate::session::{Ask, use_session};

pub use head::{CardHead, Interrupted, Limits, Pockets};
pub use log::{Log, Lost};
pub use pin::{NeededPin, PinFold, PinForm};

/// A card that is connected, as it is now.
pub type Card = Memo<Option<CardView>>;

/// The card in a reader.
pub fn card_in(reader: u32) -> Card {
    let session = use_session();
    memo(move || session.cards().into_iter().find(|it| it.reader == reader))
}

/// A part of what is known of a card.
pub fn part<T>(card: Card, get: fn(&CardView) -> T) -> Memo<Option<T>>
where
    T: PartialEq + Send + Sync + 'static,
{
    memo(move || card.with(|it| it.as_ref().map(get)))
}

/// Whether a card is so; not if it is gone.
pub fn is(card: Card, holds: fn(&CardView) -> bool) -> Memo<bool> {
    memo(move || card.with(|it| it.as_ref().is_some_and(holds)))
}

/// Whether a card wants its PIN before it pays.
pub fn wants_pin(card: &CardView) -> bool {
    card.pin_tries.is_some() && !card.verified
}

/// The message that names a kind of device.
pub const fn class_key(class: CardClass) -> &'static str {
    match class {
        CardClass::Virtual => "card-class-virtual",
        CardClass::Purse => "card-class-purse",
        CardClass::Terminal => "card-class-terminal",
    }
}

/// Has the wallet find its cards while the page is there.
pub fn find_cards() {
    let session = use_session();
    let ask = Ask::new();
    let is_open = memo(move || session.phase() == crate::session::Phase::Open);
    Effect::new(move || {
        if is_open.get() {
            let find = |wallet: Wallet| async move {
                wallet.find_cards().await;
                Ok(())
            };
            ask.run(find, |()| ());
        }
    });
}

/// A part of a card that is folded away until it is wanted.
#[component]
pub fn Fold(
    /// The `data-testid`.
    id: &'static str,
    /// What is in it.
    #[prop(into)]
    summary: Signal<String>,
    /// Opens it as soon as this holds; to close it is for the holder.
    #[prop(into)]
    wanted: Signal<bool>,
    children: Children,
) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move || {
        if wanted.get() {
            open.set(true);
        }
    });
    view! {
        <details class="fold part" data-testid=id prop:open=move || open.get()>
            <summary>{summary}</summary>
            <div class="stack">{children()}</div>
        </details>
    }
}

/// The ways to a card.
#[component]
pub fn Connect(
    /// Whether a virtual card will do.
    #[prop(optional)]
    virtual_too: bool,
) -> impl IntoView {
    let ask = Ask::new();
    let chosen = RwSignal::new(true);
    let choose = move |_| {
        chosen.set(true);
        let choice = |wallet: Wallet| async move { wallet.choose_card().await };
        ask.run(choice, move |it| {
            chosen.try_set(it);
        });
    };
    let in_browser = move |_| {
        let connect = |wallet: Wallet| async move {
            wallet.use_virtual_card();
            Ok(())
        };
        ask.run(connect, |()| ());
    };
    let real = if Wallet::reaches_cards() {
        view! {
            <button class="button primary" data-testid="card-connect" on:click=choose
                disabled=move || ask.busy.get()>{t("card-connect")}</button>
        }
        .into_any()
    } else {
        view! {
            <div data-testid="card-unsupported">
                <Notice tone=Tone::Info>{t("card-unsupported")}</Notice>
            </div>
        }
        .into_any()
    };
    let session = use_session();
    let has_virtual = memo(move || session.cards().iter().any(|it| it.class == CardClass::Virtual));
    let virtual_card = move || {
        view! {
            <button class="button" data-testid="card-virtual" on:click=in_browser>
                {t("card-virtual")}
            </button>
            <p class="hint">{t("card-virtual-text")}</p>
        }
        .into_any()
    };
    let none = live(move || {
        let none = (!chosen.get()).then(|| {
            view! {
                <div data-testid="card-none-chosen">
                    <Notice tone=Tone::Info>{t("card-none-chosen")}</Notice>
                </div>
            }
        });
        none.into_any()
    });
    view! {
        <section class="card stack" data-testid="card-ways">
            <div role="alert">{problem_of(ask)}</div>
            {real}
            <div role="status">{none}</div>
            {when(move || virtual_too && !has_virtual.get(), virtual_card)}
        </section>
    }
}

/// What was on the holder's cards when they were last here.
#[component]
pub fn CardMoney() -> impl IntoView {
    let session = use_session();
    let known = memo(move || session.look(|view| view.known_cards.clone()).unwrap_or_default());
    let line = |it: KnownCardView| {
        let held = it.balances.iter().filter(|it| it.minor > 0).map(money::show);
        let held = held.collect::<Vec<_>>().join(", ");
        let values = [("amount", held), ("day", money::show_day(it.at))];
        let key = match it.class {
            CardClass::Virtual => "card-money-virtual",
            _ => "card-money",
        };
        view! { <p data-testid="card-money"><a href="/card">{t_with(key, &values)}</a></p> }
    };
    live(move || {
        let held = |it: &KnownCardView| it.balances.iter().any(|it| it.minor > 0);
        known.get().into_iter().filter(held).map(line).collect_view().into_any()
    })
}
