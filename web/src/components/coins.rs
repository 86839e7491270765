//! Choosing coins: so many of each denomination (VC paper, 2.4).

use koban_wallet_wasm::view::CurrencyView;
use leptos::prelude::*;

use super::Amount;
use crate::i18n::{t, t_with};
use crate::live::text;
use crate::money;
use crate::session::money_of;

/// Denominations are powers of two of the minor unit; the picker offers the first so many.
const DENOMINATIONS: usize = 14;
/// The most coins of one denomination a picker takes.
const MOST: u16 = 99;

/// How many coins of each denomination are wanted.
#[derive(Clone, Copy)]
pub struct Coins(RwSignal<[u16; DENOMINATIONS]>);

impl Coins {
    /// None yet.
    pub fn new() -> Self {
        Self(RwSignal::new([0; DENOMINATIONS]))
    }

    /// What they are worth together, in minor units; tracked. At most 99 · 2^14.
    pub fn total(self) -> u64 {
        self.list().into_iter().map(|(value, count)| value * u64::from(count)).sum()
    }

    /// Denominations wanted, in minor units, with their counts; tracked.
    pub fn list(self) -> Vec<(u64, u16)> {
        let counts = self.0.get();
        let wanted = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
        wanted.map(|(power, count)| (1 << power, count)).collect()
    }

    /// Wants none.
    pub fn clear(self) {
        self.0.set([0; DENOMINATIONS]);
    }

    /// Ties the choice to a typed amount: choosing coins writes their total there, and typing
    /// another amount drops the choice.
    pub fn follow(self, amount: Amount) {
        Effect::new(move || {
            let total = self.total();
            if total > 0 {
                amount.set(total);
            }
        });
        Effect::new(move || {
            if amount.minor.get() != Some(untrack(move || self.total())) {
                self.clear();
            }
        });
    }

    fn count(self, power: usize) -> u16 {
        self.0.with(|counts| counts[power])
    }

    fn set(self, power: usize, count: u16) {
        self.0.update(|counts| counts[power] = count.min(MOST));
    }
}

/// A row a denomination, each with a count.
#[component]
pub fn CoinPicker(coins: Coins, currency: Memo<CurrencyView>) -> impl IntoView {
    let total = text(move || money::show(&money_of(&currency.get(), coins.total())));
    view! {
        <fieldset class="coins">
            <legend class="visually-hidden">{t("coins-legend")}</legend>
            <div class="coin-rows">
                {(0..DENOMINATIONS)
                    .map(|power| view! { <CoinRow coins currency power /> })
                    .collect_view()}
            </div>
            <p class="coins-total" aria-live="polite">
                {t("coins-total")}" "<strong>{total}</strong>
            </p>
        </fieldset>
    }
}

#[component]
fn CoinRow(coins: Coins, currency: Memo<CurrencyView>, power: usize) -> impl IntoView {
    let value = move || money::show(&money_of(&currency.get(), 1 << power));
    let named = move |key: &'static str| text(move || t_with(key, &[("amount", value())]));
    let step = move |by: i8| {
        move |_| {
            let count = coins.0.with_untracked(|counts| counts[power]);
            coins.set(power, count.saturating_add_signed(by.into()));
        }
    };
    let typed = move |event| {
        coins.set(power, event_target_value(&event).trim().parse().unwrap_or(0));
    };
    view! {
        <div class="coin-row">
            <span class="coin-face" aria-hidden="true">{text(value)}</span>
            <button type="button" class="step" aria-label=named("coins-fewer") on:click=step(-1)
                disabled=move || coins.count(power) == 0>"−"</button>
            <input type="text" inputmode="numeric" class="coin-count"
                data-testid=format!("coins-{}", 1_u64 << power) aria-label=named("coins-count")
                prop:value=move || coins.count(power).to_string() on:change=typed />
            <button type="button" class="step" aria-label=named("coins-more") on:click=step(1)
                disabled=move || coins.count(power) == MOST>"+"</button>
        </div>
    }
}
