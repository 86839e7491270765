//! Form fields with their labels, hints and complaints tied together for screen readers.

use leptos::prelude::*;

use super::problem_of;
use crate::i18n::t;
use crate::live;
use crate::session::Ask;

/// An element's id: a page with several cards has several of a kind.
pub fn element_id(id: &str, of: Option<u32>) -> String {
    of.map_or_else(|| id.to_owned(), |of| format!("{id}-{of}"))
}

/// A line of text.
#[component]
pub fn TextField(
    /// The field's id, and its `data-testid`.
    id: &'static str,
    /// Which of several on the page it is.
    #[prop(default = None)]
    of: Option<u32>,
    /// The label's message.
    label: &'static str,
    /// The message of a hint below.
    #[prop(optional)]
    hint: Option<&'static str>,
    /// What the browser may fill in.
    #[prop(optional)]
    autocomplete: Option<&'static str>,
    /// The most characters it takes; the limits of the wire are in bytes.
    #[prop(default = 1024)]
    longest: u32,
    /// What was typed.
    value: RwSignal<String>,
) -> impl IntoView {
    let field = element_id(id, of);
    let hint_id = format!("{field}-hint");
    let described = hint.map(|_| hint_id.clone());
    view! {
        <div class="field">
            <label for=field.clone()>{t(label)}</label>
            <input id=field data-testid=id type="text" required=true autocapitalize="none"
                spellcheck="false" autocomplete=autocomplete.unwrap_or("off") maxlength=longest
                aria-describedby=described prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event)) />
            {hint.map(|hint| view! { <p class="hint" id=hint_id>{t(hint)}</p> })}
        </div>
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
    let words = live::text(move || if ask.busy.get() { t("working") } else { label.get() });
    view! {
        <div role="alert">
            {problem_of(ask)}
        </div>
        <button type="submit" class="button primary" data-testid=id
            aria-busy=move || ask.busy.get().to_string()
            disabled=move || ask.busy.get() || !ready.get()>
            {words}
        </button>
    }
}
