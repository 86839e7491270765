//! What the holder has.

use koban_wallet_wasm::view::BalanceView;
use leptos::prelude::*;

use crate::i18n::{t, t_count, t_with};
use crate::live::{each, memo, text};
use crate::money;
use crate::session::use_session;

/// A panel for the first currency, and a line for every other that anything is held in.
#[component]
pub fn Balances() -> impl IntoView {
    let session = use_session();
    let codes = memo(move || {
        let held = |it: &BalanceView| it.available.minor > 0 || it.pending.minor > 0;
        let all = session.balances().into_iter().enumerate();
        let shown = all.filter(|(position, it)| *position == 0 || held(it));
        shown.map(|(_, it)| it.available.currency).collect()
    });
    view! {
        <section class="balances" aria-label=t("balance-title")>
            {each(codes, |code| view! { <Balance code /> }.into_any())}
        </section>
    }
}

#[component]
fn Balance(code: String) -> impl IntoView {
    let session = use_session();
    let test_id = format!("balance-{code}");
    let balance =
        memo(move || session.balances().into_iter().find(|it| it.available.currency == code));
    let with = move |part: fn(&BalanceView) -> String| {
        text(move || balance.with(|it| it.as_ref().map(part).unwrap_or_default()))
    };
    let pending = with(|it| match it.pending.minor {
        0 => String::new(),
        _ => t_with("balance-pending", &[("amount", money::show(&it.pending))]),
    });
    view! {
        <div class="balance">
            <h2>{t("balance-title")}</h2>
            <p class="balance-amount" data-testid=test_id aria-live="polite"
                data-minor=with(|it| it.available.minor.to_string())>
                {with(|it| money::show(&it.available))}
            </p>
            <p class="balance-notes">
                <span>{with(|it| t_count("balance-coins", it.coins))}</span>
                <span>{pending}</span>
            </p>
        </div>
    }
}
