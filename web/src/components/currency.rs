//! The choice between the issuer's currencies, shown only where there is one.

use koban_wallet_wasm::view::CurrencyView;
use leptos::prelude::*;

use crate::i18n::t;
use crate::session::use_session;

/// A currency chosen from those the issuer issues; the first until another is chosen.
#[derive(Clone, Copy)]
pub struct Chosen {
    code: RwSignal<Option<String>>,
    /// The currency in force.
    pub currency: Memo<CurrencyView>,
}

impl Chosen {
    /// Begins with the currency `code`, if the issuer issues it.
    pub fn new(code: Option<String>) -> Self {
        let session = use_session();
        let code = RwSignal::new(code);
        let currency = Memo::new(move |_| {
            let all = session.currencies();
            let wanted = code.get();
            let found = all.iter().find(|it| Some(&it.code) == wanted.as_ref()).or(all.first());
            found.cloned().unwrap_or(CurrencyView { code: "JPY".to_owned(), exponent: 0 })
        });
        Self { code, currency }
    }
}

/// A list to choose from, if there is more than one.
#[component]
pub fn CurrencyChoice(chosen: Chosen) -> impl IntoView {
    let session = use_session();
    let codes = Memo::new(move |_| {
        session.currencies().into_iter().map(|it| it.code).collect::<Vec<_>>()
    });
    let is_chosen = move |code: &str| chosen.currency.with(|it| it.code == code);
    let option = move |code: String| {
        let selected = is_chosen(&code);
        view! { <option value=code.clone() selected=selected>{code.clone()}</option> }
    };
    view! {
        <Show when=move || codes.with(|codes| codes.len() > 1)>
            <div class="field">
                <label for="currency">{t("currency")}</label>
                <select id="currency" data-testid="currency"
                    on:change=move |event| chosen.code.set(Some(event_target_value(&event)))>
                    {move || codes.get().into_iter().map(option).collect_view()}
                </select>
            </div>
        </Show>
    }
}
