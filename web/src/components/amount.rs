//! An amount being typed, and the currency it is in.

use koban_wallet_wasm::view::CurrencyView;
use leptos::prelude::*;

use super::fields::element_id;
use crate::i18n::{t, t_with};
use crate::live::{live, memo, text, when};
use crate::money;
use crate::session::{money_of, use_session};

/// What was typed, read in the chosen currency.
#[derive(Clone, Copy)]
pub struct Amount {
    /// The chosen currency; the issuer's first until another is chosen.
    pub currency: Memo<CurrencyView>,
    /// The amount in minor units, if what was typed is one.
    pub minor: Memo<Option<u64>>,
    code: RwSignal<Option<String>>,
    typed: RwSignal<String>,
}

impl Amount {
    /// Begins with the currency `code`, if the issuer issues it, and with `minor` units.
    pub fn new(code: Option<String>, minor: Option<u64>) -> Self {
        let session = use_session();
        let code = RwSignal::new(code);
        let currency = memo(move || {
            let all = session.currencies();
            let wanted = code.get();
            let found = all.iter().find(|it| Some(&it.code) == wanted.as_ref()).or(all.first());
            found.cloned().unwrap_or(CurrencyView { code: String::new(), exponent: 0 })
        });
        let typed = RwSignal::new(String::new());
        let read = memo(move || money::parse(&typed.get(), currency.get().exponent));
        let amount = Self { currency, minor: read, code, typed };
        minor.into_iter().for_each(|minor| amount.set(minor));
        amount
    }

    /// Types `minor` units.
    pub fn set(self, minor: u64) {
        self.typed.set(money::decimal(minor, self.currency.get_untracked().exponent));
    }

    /// `minor` units of the chosen currency in words; tracked.
    pub fn words(self, minor: u64) -> String {
        money::show(&money_of(&self.currency.get(), minor))
    }

    /// A button's words: the message `with` naming the amount, or `plain` while there is none.
    pub fn label(self, with: &'static str, plain: &'static str) -> Signal<String> {
        Signal::derive(move || match self.minor.get() {
            Some(minor) => t_with(with, &[("amount", self.words(minor))]),
            None => t(plain),
        })
    }

    /// Whether an amount of at most `most` minor units was typed; tracked.
    pub fn is_within(self, most: Option<u64>) -> bool {
        self.minor.get().is_some_and(|minor| most.is_none_or(|most| minor <= most))
    }

    /// What is wrong with the text, in words; empty if nothing is, or nothing was typed; tracked.
    fn complaint(self, most: Option<u64>, exceeds: &'static str) -> String {
        let typed = self.typed.with(|typed| !typed.trim().is_empty());
        match (self.minor.get(), most) {
            (None, _) if typed => {
                let example = money::decimal(1000, self.currency.get().exponent);
                t_with("amount-invalid", &[("example", example)])
            }
            (Some(minor), Some(most)) if minor > most => {
                t_with(exceeds, &[("amount", self.words(most))])
            }
            _ => String::new(),
        }
    }
}

/// The field for an amount in the currency's major unit, with the choice of currency where there
/// is one, and amounts that are one click away.
#[component]
pub fn AmountField(
    /// The field's id, and its `data-testid`.
    id: &'static str,
    /// Which of several on the page it is.
    #[prop(default = None)]
    of: Option<u32>,
    /// What is typed.
    amount: Amount,
    /// The most that is possible, in minor units, if known.
    #[prop(into)]
    most: Signal<Option<u64>>,
    /// The message that says it is more than that.
    exceeds: &'static str,
    /// Amounts to offer, in minor units, each with its words.
    #[prop(into)]
    offers: Signal<Vec<(u64, String)>>,
) -> impl IntoView {
    let field = element_id(id, of);
    let complaint_id = format!("{field}-complaint");
    let complaint = memo(move || amount.complaint(most.get(), exceeds));
    let label = text(move || t_with("amount-in", &[("currency", amount.currency.get().code)]));
    let offer = move |(minor, words): (u64, String)| {
        let fill = move |_| amount.set(minor);
        view! { <button type="button" class="chip" on:click=fill>{words}</button> }
    };
    view! {
        <CurrencyChoice amount of />
        <div class="field">
            <label for=field.clone()>{label}</label>
            <input id=field data-testid=id class="amount-input" type="text" inputmode="decimal"
                autocomplete="off" required=true aria-describedby=complaint_id.clone()
                aria-invalid=move || complaint.with(|it| !it.is_empty()).to_string()
                prop:value=move || amount.typed.get()
                on:input=move |event| amount.typed.set(event_target_value(&event)) />
            <p class="complaint" id=complaint_id aria-live="polite">{complaint}</p>
            <div class="chips">
                {live(move || offers.get().into_iter().map(offer).collect_view().into_any())}
            </div>
        </div>
    }
}

/// The choice between the issuer's currencies, shown only where there is one.
#[component]
pub fn CurrencyChoice(
    /// The amount whose currency is chosen.
    amount: Amount,
    /// Which of several on the page it is.
    #[prop(default = None)]
    of: Option<u32>,
) -> impl IntoView {
    let session = use_session();
    let codes =
        memo(move || session.currencies().into_iter().map(|it| it.code).collect::<Vec<_>>());
    let option = move |code: String| {
        let selected = amount.currency.with_untracked(|it| it.code == code);
        view! { <option value=code.clone() selected=selected>{code.clone()}</option> }
    };
    let field = element_id("currency", of);
    let choose = move |event| amount.code.set(Some(event_target_value(&event)));
    let choice = move || {
        view! {
            <div class="field">
                <label for=field.clone()>{t("currency")}</label>
                <select id=field.clone() data-testid="currency" on:change=choose>
                    {codes.get().into_iter().map(option).collect_view()}
                </select>
            </div>
        }
        .into_any()
    };
    when(move || codes.with(|codes| codes.len() > 1), choice)
}
