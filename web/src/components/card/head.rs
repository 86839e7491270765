//! What a card is and holds, what it waits for, and what it may do.

use koban_wallet_wasm::CardWish;
use koban_wallet_wasm::view::{CardClass, CardOpen, CardPhase, CardStanding, PocketView};
use leptos::prelude::*;

use super::{Card, Fold, class_key, is, part};
use crate::components::{Icon, Notice, ProblemNotice, Shape, Tone, problem_of};
use crate::i18n::t;
use crate::live::{live, memo, text, when};
use crate::money;
use crate::session::{Ask, use_session};

/// What a card is: number, kind, whether it is genuine, what it waits for.
#[component]
pub fn CardHead(
    card: Card,
    /// The id of its heading.
    #[prop(into)]
    id: String,
) -> impl IntoView {
    let name = memo(move || {
        card.with(|it| it.as_ref().map(|it| (it.number.clone(), it.class, it.label.clone())))
    });
    let title = live(move || match name.get() {
        Some((number, class, label)) => {
            let is_virtual = class == CardClass::Virtual;
            let kind = if is_virtual { "card-is-virtual" } else { "card-is-real" };
            view! {
                <header class="card-head">
                    <h2 id=id.clone()>{heading(class, label)}</h2>
                    <span class="badge" data-testid="card-class" data-class=kind>{t(kind)}</span>
                </header>
                <p class="mono" data-testid="card-number">{number}</p>
            }
            .into_any()
        }
        None => ().into_any(),
    });
    let known = part(card, |it| (it.class, it.standing, it.phase));
    let told = live(move || match known.get() {
        Some((class, standing, phase)) => standing_words(class, standing, phase),
        None => ().into_any(),
    });
    let problem = part(card, |it| it.problem.clone());
    let trouble = live(move || match problem.get().flatten() {
        Some(problem) => view! { <ProblemNotice problem /> }.into_any(),
        None => ().into_any(),
    });
    let prompts = is(card, |it| it.prompt);
    let reader = part(card, |it| it.reader);
    let button = move || view! { <PressButton reader=reader.get().unwrap_or(0) /> }.into_any();
    let works = is(card, |it| it.busy || it.goes_on);
    view! {
        {title}
        <progress class="works" aria-label=t("card-works") hidden=move || !works.get()></progress>
        {told}
        <div role="alert">{trouble}{when(move || prompts.get(), button)}</div>
    }
}

/// The kind of device, and its name if it has one.
fn heading(class: CardClass, label: Option<String>) -> String {
    let class = t(class_key(class));
    label.map_or_else(|| class.clone(), |label| format!("{class}: {label}"))
}

#[component]
fn PressButton(reader: u32) -> impl IntoView {
    let session = use_session();
    let give_up = move |_| {
        if let Some(wallet) = session.wallet() {
            wallet.refuse_on_card(reader);
        }
    };
    view! {
        <Notice tone=Tone::Warning>
            <p data-testid="card-prompt">{t("card-press")}</p>
            <button class="button small" on:click=give_up>{t("card-press-no")}</button>
        </Notice>
    }
}

/// What is known of its origin: a line if all is well, a box if there is something to know.
fn standing_words(class: CardClass, standing: CardStanding, phase: CardPhase) -> AnyView {
    let (tone, key) = match (phase, standing) {
        (CardPhase::Unknown, _) => return ().into_any(),
        (CardPhase::Fresh, _) => (Tone::Info, "card-fresh"),
        (CardPhase::Dead, _) => (Tone::Bad, "card-dead"),
        (_, CardStanding::NotGenuine) => (Tone::Bad, "card-not-genuine"),
        (CardPhase::Closed, _) => (Tone::Warning, "card-closed"),
        (_, CardStanding::Unchecked) => (Tone::Info, "card-unchecked"),
        (_, CardStanding::Genuine) if class == CardClass::Virtual => {
            (Tone::Warning, "card-genuine-virtual")
        }
        (_, CardStanding::Genuine) => (Tone::Good, "card-genuine"),
    };
    let words = match tone {
        Tone::Good => view! {
            <p class="with-icon genuine"><Icon shape=Shape::Check />{t(key)}</p>
        }
        .into_any(),
        _ => view! { <Notice tone>{t(key)}</Notice> }.into_any(),
    };
    view! { <div data-testid="card-standing" data-key=key>{words}</div> }.into_any()
}

/// What is in a card, a line a currency.
#[component]
pub fn Pockets(card: Card) -> impl IntoView {
    let held = part(card, |it| it.pockets.iter().map(|it| it.balance.clone()).collect::<Vec<_>>());
    let line = |it: koban_wallet_wasm::view::MoneyView| {
        view! {
            <p class="balance-amount" data-testid=format!("card-balance-{}", it.currency)
                data-minor=it.minor>{money::show(&it)}</p>
        }
    };
    let lines = live(move || {
        held.get().unwrap_or_default().into_iter().map(line).collect_view().into_any()
    });
    view! { <div class="pockets">{lines}</div> }
}

/// What a card may do, and until when.
#[component]
pub fn Limits(card: Card) -> impl IntoView {
    let pockets = part(card, |it| it.pockets.clone());
    let line = |it: PocketView| {
        let unsettled =
            format!("{} / {}", money::show(&it.unsettled), money::show(&it.unsettled_most));
        let fact = |key, text| view! { <dt>{t(key)}</dt><dd>{text}</dd> };
        view! {
            {fact("card-limit-balance", money::show(&it.most))}
            {fact("card-limit-payment", money::show(&it.payment))}
            {fact("card-limit-unsettled", unsettled)}
        }
    };
    let limits = live(move || {
        pockets.get().unwrap_or_default().into_iter().map(line).collect_view().into_any()
    });
    let expires = part(card, |it| it.expires_at);
    let until = live(move || {
        let until = expires.get().flatten().map(|at| {
            view! {
                <dt>{t("card-valid")}</dt>
                <dd data-testid="card-expiry">{money::show_date(at)}</dd>
            }
        });
        until.into_any()
    });
    let genuine =
        is(card, |it| it.standing == CardStanding::Genuine && it.class != CardClass::Virtual);
    let summary = text(|| t("card-limits"));
    let what_is_genuine = || view! { <p class="hint">{t("card-genuine-text")}</p> }.into_any();
    view! {
        <Fold id="card-limits-fold" summary wanted=Signal::derive(|| false)>
            <dl class="facts-list">{until}{limits}</dl>
            {when(move || genuine.get(), what_is_genuine)}
        </Fold>
    }
}

/// A certificate that has ended, and an exchange that was interrupted, with the ways out.
#[component]
pub fn Interrupted(card: Card) -> impl IntoView {
    let expired = memo(move || {
        let expires = card.with(|it| it.as_ref().and_then(|it| it.expires_at));
        // The certificate's last day counts.
        expires.is_some_and(|at| at.saturating_add(DAY_S) < money::now())
    });
    let ended = || {
        view! {
            <div data-testid="card-expired">
                <Notice tone=Tone::Warning>{t("card-expired")}</Notice>
            </div>
        }
        .into_any()
    };
    let open = memo(move || {
        card.with(|it| it.as_ref().and_then(|it| Some((it.open?, it.goes_on, it.reader))))
    });
    let exchange = live(move || match open.get() {
        None => ().into_any(),
        Some((_, true, _)) => {
            view! { <Notice tone=Tone::Info>{t("card-goes-on")}</Notice> }.into_any()
        }
        Some((open, false, reader)) => view! { <GiveUp open reader /> }.into_any(),
    });
    view! { {when(move || expired.get(), ended)}{exchange} }
}

const DAY_S: u64 = 86_400;

#[component]
fn GiveUp(open: CardOpen, reader: u32) -> impl IntoView {
    let ask = Ask::new();
    let abort = move |_| {
        ask.run(|wallet| async move { wallet.card(reader, CardWish::Abort).await }, |()| ());
    };
    let key = match open {
        CardOpen::Asked => "card-open-asked",
        CardOpen::Paid => "card-open-paid",
    };
    view! {
        <Notice tone=Tone::Warning>
            <p data-testid="card-open" data-key=key>{t(key)}</p>
            {problem_of(ask)}
            <button class="button small" data-testid="card-abort" on:click=abort
                disabled=move || ask.busy.get()>{t("card-abort")}</button>
        </Notice>
    }
}
