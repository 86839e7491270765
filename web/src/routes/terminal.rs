//! A shop's terminal: its module and a customer's card on one page, with nobody online (VC-13).

use koban_wallet_wasm::Wallet;
use koban_wallet_wasm::view::{CardClass, CardMessage, CardStanding, CardView};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use crate::components::{
    Amount, AmountField, CardHead, Connect, Interrupted, Limits, Log, NeededPin, Notice, Opened,
    Page, PinForm, Pockets, Submit, Tone, card_in, element_id, find_cards, is, problem_of,
    wants_pin,
};
use crate::i18n::{t, t_with};
use crate::live::{live, memo, text};
use crate::money;
use crate::session::{Ask, Session, use_session};

/// The terminal, then the customer's card, then the amount.
#[component]
pub fn Terminal() -> impl IntoView {
    find_cards();
    view! {
        <Page heading="terminal-title" lead="terminal-lead" narrow=true>
            <Opened><Till /><Connect /></Opened>
        </Page>
    }
}

/// The reader of a genuine card of a class.
fn reader_of(session: Session, class: CardClass) -> Memo<Option<u32>> {
    memo(move || {
        let is = |it: &CardView| it.class == class && it.standing == CardStanding::Genuine;
        session.cards().into_iter().find(is).map(|it| it.reader)
    })
}

#[component]
fn Till() -> impl IntoView {
    let session = use_session();
    let terminal = reader_of(session, CardClass::Terminal);
    let customer = reader_of(session, CardClass::Purse);
    let till = live(move || match terminal.get() {
        Some(reader) => view! { <Module reader /> }.into_any(),
        None => view! { <Notice tone=Tone::Info>{t("terminal-none")}</Notice> }.into_any(),
    });
    // What was taken stays to be read when the customer's card is gone.
    let taken = RwSignal::new(None::<CardMessage>);
    let told = live(move || {
        let told = taken.get().map(|it| {
            let words = t_with("terminal-taken", &[("amount", money::show(&it.amount))]);
            view! {
                <div data-testid="terminal-taken"><Notice tone=Tone::Good>{words}</Notice></div>
            }
        });
        told.into_any()
    });
    let payment = live(move || match (terminal.get(), customer.get()) {
        (Some(terminal), Some(customer)) => {
            view! { <Payment terminal customer taken /> }.into_any()
        }
        (Some(_), None) => {
            view! { <Notice tone=Tone::Info>{t("terminal-no-card")}</Notice> }.into_any()
        }
        (None, _) => ().into_any(),
    });
    view! { <div role="status">{told}</div>{payment}{till} }
}

/// The terminal itself: what is in it, the staff's PIN, and emptying it.
#[component]
fn Module(reader: u32) -> impl IntoView {
    let card = card_in(reader);
    let ask = Ask::new();
    let collected = RwSignal::new(false);
    let held = memo(move || {
        card.with(|it| {
            let mut pockets = it.iter().flat_map(|it| it.pockets.iter());
            pockets.find(|it| it.balance.minor > 0).map(|it| it.balance.clone())
        })
    });
    let collect = move |_| {
        let Some(all) = held.get_untracked() else { return };
        let work = |wallet: Wallet| async move {
            wallet.unload_card(reader, &all.currency, all.minor).await
        };
        ask.run(work, move |_: String| {
            collected.try_set(true);
        });
    };
    let collect_label = text(move || match held.get() {
        Some(all) => t_with("terminal-collect-amount", &[("amount", money::show(&all))]),
        None => t("terminal-collect"),
    });
    let heading = element_id("card-heading", Some(reader));
    let told = live(move || {
        let told = collected.get().then(|| {
            view! { <Notice tone=Tone::Info>{t("terminal-collected")}</Notice> }
        });
        told.into_any()
    });
    view! {
        <article class="card stack" data-testid="terminal" aria-labelledby=heading>
            <CardHead card id=heading.clone() />
            <Pockets card />
            <Interrupted card />
            <h3>{t("terminal-pin-title")}</h3>
            <PinForm card hint=Some("terminal-pin-text") />
            <h3>{t("terminal-collect")}</h3>
            <p class="hint">{t("terminal-collect-text")}</p>
            <div role="alert">{problem_of(ask)}</div>
            <div role="status">{told}</div>
            <button class="button" data-testid="terminal-collect" on:click=collect
                disabled=move || ask.busy.get() || held.get().is_none()>
                {collect_label}
            </button>
            <div class="parts"><Log card /><Limits card /></div>
        </article>
    }
}

#[component]
fn Payment(terminal: u32, customer: u32, taken: RwSignal<Option<CardMessage>>) -> impl IntoView {
    let card = card_in(customer);
    let amount = Amount::new(None, None);
    let ask = Ask::new();
    let most = Signal::derive(move || {
        let code = amount.currency.get().code;
        let pocket = card.with(|it| {
            let mut pockets = it.iter().flat_map(|it| it.pockets.iter());
            pockets.find(|it| it.balance.currency == code).cloned()
        });
        // An interrupted payment is ended whatever the card has left.
        let open = card.with(|it| it.as_ref().is_some_and(|it| it.open.is_some()));
        pocket.filter(|_| !open).map(|it| it.balance.minor.min(it.payment.minor))
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(minor) = amount.minor.get_untracked() else { return };
        let code = amount.currency.get_untracked().code;
        taken.set(None);
        let work = |wallet: Wallet| async move {
            wallet.take_payment(terminal, customer, &code, minor).await
        };
        ask.run(work, move |message| {
            taken.try_set(Some(message));
        });
    };
    let heading = element_id("card-heading", Some(customer));
    // A payment that it has begun is ended without.
    let needs_pin = is(card, |it| wants_pin(it) && it.open.is_none());
    // Until both cards have said what is in them, nobody knows what is still to be paid.
    let works = |reader| is(card_in(reader), |it| it.busy);
    let (till_works, card_works) = (works(terminal), works(customer));
    let at_rest = move || !till_works.get() && !card_works.get();
    let ready =
        Signal::derive(move || amount.is_within(most.get()) && !needs_pin.get() && at_rest());
    view! {
        <article class="card stack" data-testid="terminal-customer"
            aria-labelledby=heading>
            <CardHead card id=heading.clone() />
            <Pockets card />
            <Interrupted card />
            <NeededPin card hint=Some("terminal-customer-pin") />
            <form class="stack" on:submit=submit>
                <AmountField id="terminal-amount" amount most exceeds="terminal-exceeds"
                    offers=Signal::derive(Vec::new) />
                <Submit id="terminal-take" ask
                    label=amount.label("terminal-take", "terminal-take-plain")
                    ready />
            </form>
        </article>
    }
}
