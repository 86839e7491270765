//! Form fields with their labels, hints and complaints tied together for screen readers.

use koban_wallet_wasm::view::CurrencyView;
use leptos::prelude::*;

use super::ProblemNotice;
use crate::i18n::{say, say_with, t};
use crate::money;
use crate::session::{Ask, money_of};

/// A line of text.
#[component]
pub fn TextField(
    /// The field's id, unique on the page, and its `data-testid`.
    id: &'static str,
    /// The label's message.
    label: &'static str,
    /// The message of a hint below.
    #[prop(optional)]
    hint: Option<&'static str>,
    /// What the browser may fill in.
    #[prop(optional)]
    autocomplete: Option<&'static str>,
    /// What was typed.
    value: RwSignal<String>,
) -> impl IntoView {
    let hint_id = format!("{id}-hint");
    let described = hint.map(|_| hint_id.clone());
    view! {
        <div class="field">
            <label for=id>{t(label)}</label>
            <input id=id data-testid=id type="text" required=true autocapitalize="none"
                spellcheck="false" autocomplete=autocomplete.unwrap_or("off")
                aria-describedby=described prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event)) />
            {hint.map(|hint| view! { <p class="hint" id=hint_id>{t(hint)}</p> })}
        </div>
    }
}

/// An amount in a currency's major unit, with the amounts most people want one click away.
#[component]
pub fn AmountField(
    /// The field's id, unique on the page, and its `data-testid`.
    id: &'static str,
    /// The currency.
    currency: Memo<CurrencyView>,
    /// What was typed.
    value: RwSignal<String>,
    /// What is wrong with it, in words; empty if nothing is.
    complaint: Signal<String>,
    /// Amounts to offer, in minor units, each with its words.
    offers: Signal<Vec<(u64, String)>>,
) -> impl IntoView {
    let complaint_id = format!("{id}-complaint");
    let label = move || say_with("amount-in", &[("currency", currency.get().code)]);
    let offer = move |(minor, words): (u64, String)| {
        let fill = move |_| value.set(money::decimal(minor, currency.get_untracked().exponent));
        view! { <button type="button" class="chip" on:click=fill>{words}</button> }
    };
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <input id=id data-testid=id class="amount-input" type="text" inputmode="decimal"
                autocomplete="off" required=true aria-describedby=complaint_id.clone()
                aria-invalid=move || (!complaint.get().is_empty()).to_string()
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event)) />
            <p class="complaint" id=complaint_id aria-live="polite">{complaint}</p>
            <div class="chips">
                {move || offers.get().into_iter().map(offer).collect_view()}
            </div>
        </div>
    }
}

/// What to say about a typed amount, given the most that is possible and the message that says
/// it is more. Empty while nothing is typed.
pub fn complain(
    text: &str,
    currency: &CurrencyView,
    most: Option<(u64, &'static str)>,
) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    let Some(minor) = money::parse(text, currency.exponent) else {
        let example = money::decimal(1000, currency.exponent);
        return say_with("amount-invalid", &[("example", example)]);
    };
    match most {
        Some((most, message)) if minor > most => {
            say_with(message, &[("amount", money::show(&money_of(currency, most)))])
        }
        _ => String::new(),
    }
}

/// One of a few choices, as a radio button with an explanation.
#[component]
pub fn Choice(
    /// The name of the group.
    group: &'static str,
    /// The value of this choice.
    value: &'static str,
    /// Its words.
    #[prop(into)]
    label: Signal<String>,
    /// The message of its explanation.
    #[prop(optional)]
    text: Option<&'static str>,
    /// Whether it is chosen.
    #[prop(into)]
    checked: Signal<bool>,
    /// Called when it is chosen.
    on_choose: Callback<()>,
) -> impl IntoView {
    view! {
        <label class="choice">
            <input type="radio" name=group value=value data-testid=format!("{group}-{value}")
                prop:checked=move || checked.get() on:change=move |_| on_choose.run(()) />
            <span class="choice-body">
                <span class="choice-label">{label}</span>
                {text.map(|text| view! { <span class="hint">{t(text)}</span> })}
            </span>
        </label>
    }
}

/// The button that sends a form, with what became of the last try above it.
#[component]
pub fn Submit(
    /// The `data-testid`.
    id: &'static str,
    /// What is asked.
    ask: Ask,
    /// The button's words.
    #[prop(into)]
    label: Signal<String>,
    /// Whether the form can be sent as it is.
    #[prop(into)]
    ready: Signal<bool>,
) -> impl IntoView {
    let words = move || if ask.busy.get() { say("working") } else { label.get() };
    view! {
        <div role="alert">
            {move || ask.problem.get().map(|problem| view! { <ProblemNotice problem /> })}
        </div>
        <button type="submit" class="button primary" data-testid=id
            aria-busy=move || ask.busy.get().to_string()
            disabled=move || ask.busy.get() || !ready.get()>
            {words}
        </button>
    }
}
