//! What pages with cards share: what a card is, what is in it, its PIN, how one is connected.

use koban_wallet_wasm::view::{
    CardClass, CardOpen, CardPhase, CardStanding, CardView, EntryKind, EntryView, KnownCardView,
    PocketView,
};
use koban_wallet_wasm::{CardWish, Wallet};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::{Notice, ProblemNotice, Submit, Tone, problem_of};
use crate::i18n::{t, t_with};
use crate::live::{live, memo, text, when};
use crate::money;
use crate::session::{Ask, use_session};

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

/// The ways to a card.
#[component]
pub fn Connect(
    /// Whether a virtual card will do.
    #[prop(optional)]
    virtual_too: bool,
) -> impl IntoView {
    let ask = Ask::new();
    let choose = move |_| ask.run(|wallet| async move { wallet.choose_card().await }, |()| ());
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
        view! { <Notice tone=Tone::Info>{t("card-unsupported")}</Notice> }.into_any()
    };
    view! {
        <section class="card stack" data-testid="card-ways">
            <div role="alert">{problem_of(ask)}</div>
            {real}
            {virtual_too.then(|| view! {
                <button class="button" data-testid="card-virtual" on:click=in_browser>
                    {t("card-virtual")}
                </button>
                <p class="hint">{t("card-virtual-text")}</p>
            })}
        </section>
    }
}

/// What a card is: number, kind, whether it is genuine, what it waits for.
#[component]
pub fn CardHead(card: Card) -> impl IntoView {
    let facts = memo(move || {
        card.with(|it| {
            it.as_ref()
                .map(|it| (it.number.clone(), it.class, it.standing, it.phase, it.label.clone()))
        })
    });
    let title = live(move || match facts.get() {
        Some((number, class, _, _, label)) => {
            let is_virtual = class == CardClass::Virtual;
            let kind = if is_virtual { "card-is-virtual" } else { "card-is-real" };
            view! {
                <header class="card-head">
                    <h2>{label.unwrap_or_else(|| t(class_key(class)))}</h2>
                    <span class="badge" data-testid="card-class" data-class=kind>{t(kind)}</span>
                </header>
                <p class="mono" data-testid="card-number">{number}</p>
            }
            .into_any()
        }
        None => ().into_any(),
    });
    let told = live(move || match facts.get() {
        Some((_, class, standing, phase, _)) => standing_notice(class, standing, phase),
        None => ().into_any(),
    });
    let problem = part(card, |it| it.problem.clone());
    let trouble = live(move || match problem.get().flatten() {
        Some(problem) => view! { <ProblemNotice problem /> }.into_any(),
        None => ().into_any(),
    });
    let prompts = part(card, |it| it.prompt);
    let reader = part(card, |it| it.reader);
    let button = move || view! { <PressButton reader=reader.get().unwrap_or(0) /> }.into_any();
    view! {
        {title}
        {told}
        <div role="alert">{trouble}{when(move || prompts.get() == Some(true), button)}</div>
    }
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

fn standing_notice(class: CardClass, standing: CardStanding, phase: CardPhase) -> AnyView {
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
    view! { <div data-testid="card-standing" data-key=key><Notice tone>{t(key)}</Notice></div> }
        .into_any()
}

/// What is in a card, a line a currency, with its limits.
#[component]
pub fn Pockets(card: Card) -> impl IntoView {
    let pockets = part(card, |it| it.pockets.clone());
    let line = |it: PocketView| {
        let values = [
            ("most", money::show(&it.most)),
            ("payment", money::show(&it.payment)),
            ("unsettled", money::show(&it.unsettled)),
            ("limit", money::show(&it.unsettled_most)),
        ];
        view! {
            <p class="balance-amount" data-testid=format!("card-balance-{}", it.balance.currency)
                data-minor=it.balance.minor>{money::show(&it.balance)}</p>
            <p class="hint">{t_with("card-limits", &values)}</p>
        }
    };
    live(move || pockets.get().unwrap_or_default().into_iter().map(line).collect_view().into_any())
}

/// The newest entries of a card's log.
#[component]
pub fn Entries(card: Card) -> impl IntoView {
    let entries = part(card, |it| it.entries.clone());
    let line = |it: EntryView| {
        let other = it.other.unwrap_or_default();
        view! {
            <li class="activity-line" data-testid="card-entry" data-kind=entry_key(it.kind)>
                <span class="activity-words">
                    <span class="activity-title">{t(entry_key(it.kind))}</span>
                    <span class="activity-when mono">{other}</span>
                </span>
                <span class="activity-side">
                    <span class="activity-amount">{money::show(&it.amount)}</span>
                    {it.broken.then(|| view! {
                        <span class="badge" data-state="refused">{t("card-entry-broken")}</span>
                    })}
                </span>
            </li>
        }
    };
    let shown = live(move || {
        let all = entries.get().unwrap_or_default();
        view! { <ul class="activity">{all.into_iter().map(line).collect_view()}</ul> }.into_any()
    });
    view! { <details class="facts"><summary>{t("card-log")}</summary>{shown}</details> }
}

const fn entry_key(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Load => "card-entry-load",
        EntryKind::Unload => "card-entry-unload",
        EntryKind::Purchase => "card-entry-purchase",
        EntryKind::Taken => "card-entry-taken",
        EntryKind::Given => "card-entry-given",
        EntryKind::Received => "card-entry-received",
    }
}

/// An exchange that was interrupted, and the ways out.
#[component]
pub fn Interrupted(card: Card) -> impl IntoView {
    let open = memo(move || {
        card.with(|it| it.as_ref().and_then(|it| Some((it.open?, it.goes_on, it.reader))))
    });
    live(move || match open.get() {
        None => ().into_any(),
        Some((_, true, _)) => {
            view! { <Notice tone=Tone::Info>{t("card-goes-on")}</Notice> }.into_any()
        }
        Some((open, false, reader)) => view! { <GiveUp open reader /> }.into_any(),
    })
}

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

/// What the holder does with the PIN, as the card stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PinAct {
    Set,
    Show,
    Change,
    Unlock,
}

/// Setting, showing and changing the PIN; lock and unlock (MONDEX-2).
#[component]
pub fn PinForm(card: Card) -> impl IntoView {
    let act = part(card, |it| match (it.pin_tries, it.locked, it.verified) {
        (None, ..) => PinAct::Set,
        (Some(_), true, _) => PinAct::Unlock,
        (Some(_), false, false) => PinAct::Show,
        (Some(_), false, true) => PinAct::Change,
    });
    let reader = part(card, |it| it.reader);
    let tries = part(card, |it| it.pin_tries);
    let left = text(move || match tries.get().flatten() {
        Some(tries) => t_with("card-pin-tries", &[("tries", tries.to_string())]),
        None => t("card-pin-none"),
    });
    let form = live(move || match (act.get(), reader.get()) {
        (Some(act), Some(reader)) => view! { <PinFields act reader /> }.into_any(),
        _ => ().into_any(),
    });
    view! {
        <section class="stack" data-testid="card-pin">
            <h3>{t("card-pin-title")}</h3>
            <p class="hint">{left}</p>
            {form}
        </section>
    }
}

/// The PIN, while a card wants it before it pays.
#[component]
pub fn NeededPin(card: Card) -> impl IntoView {
    let wants = memo(move || {
        card.with(|it| it.as_ref().is_some_and(|it| it.pin_tries.is_some() && !it.verified))
    });
    live(move || {
        let form = wants.get().then(|| view! { <PinForm card /> });
        form.into_any()
    })
}

#[component]
fn PinFields(act: PinAct, reader: u32) -> impl IntoView {
    let (old, new) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let ask = Ask::new();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let (first, second) = (old.get_untracked(), new.get_untracked());
        // What was typed is forgotten, whatever the card says.
        old.set(String::new());
        new.set(String::new());
        let wish = match act {
            PinAct::Set => CardWish::ChangePin(None, second),
            PinAct::Show => CardWish::VerifyPin(first),
            PinAct::Change => CardWish::ChangePin(Some(first), second),
            PinAct::Unlock => CardWish::Unlock(first),
        };
        ask.run(|wallet| async move { wallet.card(reader, wish).await }, |()| ());
    };
    let lock = move |_| {
        ask.run(|wallet| async move { wallet.card(reader, CardWish::Lock).await }, |()| ());
    };
    let label = match act {
        PinAct::Set => "card-pin-set",
        PinAct::Show => "card-pin-show",
        PinAct::Change => "card-pin-change",
        PinAct::Unlock => "card-unlock",
    };
    let ready = Signal::derive(move || {
        let given = |it: &RwSignal<String>| it.with(|it| it.len() >= 4);
        (act == PinAct::Set || given(&old)) && (!has_new(act) || given(&new))
    });
    view! {
        <form class="stack" on:submit=submit>
            {(act != PinAct::Set).then(|| pin_field(reader, "card-pin-old", "card-pin", old))}
            {has_new(act).then(|| pin_field(reader, "card-pin-new", "card-pin-next", new))}
            <Submit id="card-pin-submit" ask label=t(label) ready />
        </form>
        {(act != PinAct::Set && act != PinAct::Unlock).then(|| view! {
            <button class="button" data-testid="card-lock" on:click=lock>{t("card-lock")}</button>
        })}
    }
}

const fn has_new(act: PinAct) -> bool {
    matches!(act, PinAct::Set | PinAct::Change)
}

fn pin_field(
    reader: u32,
    name: &'static str,
    label: &'static str,
    value: RwSignal<String>,
) -> AnyView {
    let id = format!("{name}-{reader}");
    view! {
        <div class="field">
            <label for=id.clone()>{t(label)}</label>
            <input id=id data-testid=name type="password" inputmode="numeric" autocomplete="off"
                maxlength="12" prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event)) />
        </div>
    }
    .into_any()
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
