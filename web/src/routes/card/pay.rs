//! Paying an invoice with a card.

use koban_wallet_wasm::view::{CardClass, CardStanding, CardView};
use leptos::prelude::*;

use crate::components::{NeededPin, card_in, find_cards, is, problem_of, wants_pin};
use crate::i18n::t;
use crate::live::{live, memo};
use crate::session::{Ask, use_session};

/// Whether a card can give so much.
pub fn can_give(card: &CardView, currency: &str, minor: u64) -> bool {
    card.standing == CardStanding::Genuine
        && card.class != CardClass::Terminal
        && card.open.is_none()
        && card
            .pockets
            .iter()
            .any(|it| it.balance.currency == currency && it.balance.minor >= minor)
}

/// The button that pays an invoice with a card that is here and has enough on it (VC-14).
#[component]
pub fn WithCard(
    /// The invoice's id.
    invoice: String,
    /// Its currency's code.
    currency: String,
    /// Its amount, minor units.
    minor: u64,
    /// Where the payment's id goes.
    paid: RwSignal<Option<String>>,
) -> impl IntoView {
    find_cards();
    let session = use_session();
    let ask = Ask::new();
    let reader = memo(move || {
        let cards = session.cards();
        cards.into_iter().find(|it| can_give(it, &currency, minor)).map(|it| it.reader)
    });
    let pay = Callback::new(move |reader: u32| {
        let id = invoice.clone();
        ask.run(
            |wallet| async move { wallet.pay_with_card(reader, &id).await },
            move |transaction| {
                paid.try_set(Some(transaction.id));
            },
        );
    });
    let offer = live(move || match reader.get() {
        Some(reader) => {
            let card = card_in(reader);
            let needs_pin = is(card, wants_pin);
            view! {
                <NeededPin card />
                <button type="button" class="button" data-testid="pay-card"
                    disabled=move || ask.busy.get() || needs_pin.get()
                    on:click=move |_| pay.run(reader)>{t("pay-card")}</button>
            }
            .into_any()
        }
        None => ().into_any(),
    });
    view! { <div class="stack pay-form">{problem_of(ask)}{offer}</div> }
}
