//! What the holder has.

use koban_wallet_wasm::view::BalanceView;
use leptos::prelude::*;

use crate::i18n::{say_count, say_with, t};
use crate::money;
use crate::session::use_session;

/// One panel a currency, the first one large.
#[component]
pub fn Balances() -> impl IntoView {
    let session = use_session();
    let codes = Memo::new(move |_| {
        session.balances().into_iter().map(|it| it.available.currency).collect::<Vec<_>>()
    });
    view! {
        <section class="balances" aria-label=t("balance-title")>
            <For each=move || codes.get() key=String::clone let:code>
                <Balance code />
            </For>
        </section>
    }
}

#[component]
fn Balance(code: String) -> impl IntoView {
    let session = use_session();
    let test_id = format!("balance-{code}");
    let balance =
        Memo::new(move |_| session.balances().into_iter().find(|it| it.available.currency == code));
    let with = move |part: fn(&BalanceView) -> String| {
        move || balance.with(|it| it.as_ref().map(part).unwrap_or_default())
    };
    let pending = with(|it| match it.pending.minor {
        0 => String::new(),
        _ => say_with("balance-pending", &[("amount", money::show(&it.pending))]),
    });
    let minor = with(|it| it.available.minor.to_string());
    view! {
        <div class="balance">
            <h2>{t("balance-title")}</h2>
            <p class="balance-amount" data-testid=test_id data-minor=minor aria-live="polite">
                {with(|it| money::show(&it.available))}
            </p>
            <p class="balance-notes">
                <span>{with(|it| say_count("balance-coins", it.coins))}</span>
                <span>{pending}</span>
            </p>
        </div>
    }
}
