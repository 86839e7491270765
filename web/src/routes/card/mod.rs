//! Card money: what is on a card, and what moves between it, the wallet and other cards.

mod gift;
mod moves;
mod pay;

use koban_wallet_wasm::CardWish;
use koban_wallet_wasm::view::{CardClass, CardPhase, CardStanding};
use leptos::prelude::*;

use crate::components::{
    Card, CardHead, Connect, Interrupted, Limits, Log, Lost, Opened, Page, PinFold, Pockets,
    card_in, element_id, find_cards, is, part, problem_of,
};
use crate::i18n::t;
use crate::live::{each, live, memo, when};
use crate::session::{Ask, use_session};

use gift::Letter;
use moves::Move;
pub use pay::WithCard;

/// The cards that are connected, and the ways to one.
#[component]
pub fn CardPage() -> impl IntoView {
    find_cards();
    view! {
        <Page heading="card-title" lead="card-lead" narrow=true>
            <Opened>
                <Cards />
                <Connect virtual_too=true />
                <p><a href="/terminal">{t("card-to-terminal")}</a></p>
            </Opened>
        </Page>
    }
}

#[component]
fn Cards() -> impl IntoView {
    let session = use_session();
    let readers = memo(move || {
        session.cards().into_iter().map(|it| it.reader.to_string()).collect::<Vec<_>>()
    });
    each(readers, |reader| view! { <OneCard reader=reader.parse().unwrap_or(0) /> }.into_any())
}

#[component]
fn OneCard(reader: u32) -> impl IntoView {
    let card = card_in(reader);
    let life = part(card, |it| (it.phase, it.class, it.standing));
    let acts = live(move || match life.get() {
        Some((CardPhase::Fresh, CardClass::Virtual, _)) => view! { <Make reader /> }.into_any(),
        Some((CardPhase::Ready | CardPhase::Closed, _, CardStanding::Genuine)) => {
            view! { <Acts card reader /> }.into_any()
        }
        _ => ().into_any(),
    });
    let again = Ask::new();
    let look = move |_| {
        again.run(|wallet| async move { wallet.card(reader, CardWish::Look).await }, |()| ());
    };
    let session = use_session();
    let leave = move |_| {
        if let Some(wallet) = session.wallet() {
            wallet.leave_card(reader);
        }
    };
    let heading = element_id("card-heading", Some(reader));
    let is_virtual = is(card, |it| it.class == CardClass::Virtual);
    view! {
        <article class="card stack" class:virtual=move || is_virtual.get() data-testid="card"
            aria-labelledby=heading>
            <CardHead card id=heading.clone() />
            <Pockets card />
            <Interrupted card />
            {acts}
            <div role="alert">{problem_of(again)}</div>
            <div class="actions">
                <button class="button small" data-testid="card-look" on:click=look
                    disabled=move || again.busy.get()>{t("card-look")}</button>
                <button class="button small" data-testid="card-leave" on:click=leave>
                    {t("card-leave")}
                </button>
            </div>
        </article>
    }
}

#[component]
fn Make(reader: u32) -> impl IntoView {
    let ask = Ask::new();
    let make = move |_| {
        ask.run(|wallet| async move { wallet.card(reader, CardWish::Make).await }, |()| ());
    };
    view! {
        <div role="alert">{problem_of(ask)}</div>
        <button class="button primary" data-testid="card-make" on:click=make
            disabled=move || ask.busy.get()>{t("card-make")}</button>
    }
}

#[component]
fn Acts(card: Card, reader: u32) -> impl IntoView {
    let is_purse = is(card, |it| it.class != CardClass::Terminal);
    let gift = move || view! { <Letter card reader /> }.into_any();
    view! {
        <Lost card reader />
        <Move card reader />
        <div class="parts">
            {when(move || is_purse.get(), gift)}
            <PinFold card />
            <Log card reports=true />
            <Limits card />
        </div>
    }
}
