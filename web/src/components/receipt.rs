//! A receipt, as paper would show it.

use koban_wallet_wasm::view::{MoneyView, ReceiptView};
use leptos::prelude::*;

use super::Mark;
use crate::i18n::t;
use crate::money;

/// The payee's signed receipt, with what was paid for how much.
#[component]
pub fn Receipt(
    /// The receipt, checked by the wallet.
    receipt: ReceiptView,
    /// What was paid.
    amount: Option<MoneyView>,
    /// What for.
    purpose: Option<String>,
) -> impl IntoView {
    view! {
        <section class="receipt" data-testid="receipt" aria-label=t("receipt-title")>
            <header class="receipt-head">
                <h2>{t("receipt-title")}</h2>
                <Mark />
            </header>
            {amount.map(|amount| view! {
                <p class="receipt-amount">{money::show(&amount)}</p>
            })}
            <dl class="facts-list">
                <dt>{t("receipt-payee")}</dt>
                <dd>{receipt.payee}</dd>
                {purpose.map(|purpose| view! {
                    <dt>{t("pay-purpose")}</dt>
                    <dd>{purpose}</dd>
                })}
                <dt>{t("receipt-accepted")}</dt>
                <dd>{money::show_time(receipt.accepted_at)}</dd>
                <dt>{t("receipt-invoice")}</dt>
                <dd class="mono">{receipt.invoice}</dd>
                <dt>{t("receipt-key")}</dt>
                <dd class="mono">{receipt.payee_key}</dd>
            </dl>
            <p class="hint">{t("receipt-checked")}</p>
        </section>
    }
}
