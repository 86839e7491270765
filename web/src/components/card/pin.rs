//! The PIN of a card, and its lock (MONDEX-2).

use koban_wallet_wasm::CardWish;
use koban_wallet_wasm::view::{CardClass, CardView};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::{Card, Fold, is, part, wants_pin};
use crate::components::Submit;
use crate::i18n::{t, t_count};
use crate::live::{live, text};
use crate::session::Ask;

/// What the holder does with the PIN, as the card stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PinAct {
    Set,
    Show,
    Change,
    Unlock,
}

impl PinAct {
    const fn of(card: &CardView) -> Self {
        match (card.pin_tries, card.locked, card.verified) {
            (None, ..) => Self::Set,
            (Some(_), true, _) => Self::Unlock,
            (Some(_), false, false) => Self::Show,
            (Some(_), false, true) => Self::Change,
        }
    }

    const fn has_new(self) -> bool {
        matches!(self, Self::Set | Self::Change)
    }

    /// What the fold says of the card.
    const fn state(self) -> &'static str {
        match self {
            Self::Set => "card-pin-is-none",
            Self::Show => "card-pin-is-needed",
            Self::Change => "card-pin-is-given",
            Self::Unlock => "card-pin-is-locked",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Set => "card-pin-set",
            Self::Show => "card-pin-show",
            Self::Change => "card-pin-change",
            Self::Unlock => "card-unlock",
        }
    }
}

/// PIN and lock, folded away while the card needs neither.
#[component]
pub fn PinFold(card: Card) -> impl IntoView {
    let act = part(card, PinAct::of);
    let summary = text(move || act.get().map(|act| t(act.state())).unwrap_or_default());
    let wanted = Signal::derive(move || matches!(act.get(), Some(PinAct::Show | PinAct::Unlock)));
    view! {
        <Fold id="card-pin-fold" summary wanted>
            <PinForm card />
        </Fold>
    }
}

/// Setting, showing and changing the PIN; lock and unlock.
#[component]
pub fn PinForm(
    card: Card,
    /// The message of what else there is to know.
    #[prop(default = None)]
    hint: Option<&'static str>,
) -> impl IntoView {
    let act = part(card, PinAct::of);
    let reader = part(card, |it| it.reader);
    let tries = part(card, |it| it.pin_tries);
    let is_terminal = is(card, |it| it.class == CardClass::Terminal);
    let left = text(move || match tries.get().flatten() {
        Some(tries) => t_count("card-pin-tries", tries.into()),
        None if is_terminal.get() => t("terminal-pin-none"),
        None => t("card-pin-none"),
    });
    let form = live(move || match (act.get(), reader.get()) {
        (Some(act), Some(reader)) => view! { <PinFields act reader /> }.into_any(),
        _ => ().into_any(),
    });
    view! {
        <section class="stack" data-testid="card-pin">
            <p class="hint">{left}</p>
            {hint.map(|hint| view! { <p class="hint">{t(hint)}</p> })}
            {form}
        </section>
    }
}

/// The PIN, while a card wants it before it pays.
#[component]
pub fn NeededPin(
    card: Card,
    /// The message of what else there is to know.
    #[prop(default = None)]
    hint: Option<&'static str>,
) -> impl IntoView {
    let wants = is(card, wants_pin);
    live(move || {
        let form = wants.get().then(|| view! { <PinForm card hint /> });
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
    let ready = Signal::derive(move || {
        let given = |it: &RwSignal<String>| it.with(|it| it.len() >= 4);
        (act == PinAct::Set || given(&old)) && (!act.has_new() || given(&new))
    });
    view! {
        <form class="stack" on:submit=submit>
            {(act != PinAct::Set).then(|| pin_field(reader, "card-pin-old", "card-pin", old))}
            {act.has_new().then(|| pin_field(reader, "card-pin-new", "card-pin-next", new))}
            <Submit id="card-pin-submit" ask label=t(act.label()) ready />
        </form>
        {(act != PinAct::Set && act != PinAct::Unlock).then(|| view! {
            <button class="button" data-testid="card-lock" on:click=lock>{t("card-lock")}</button>
        })}
    }
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
                maxlength="64" prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event)) />
        </div>
    }
    .into_any()
}
