//! The holder's bank account.

use koban_wallet_wasm::view::AccountView;
use leptos::prelude::*;

use crate::i18n::{t, t_with};
use crate::live::{live, memo};
use crate::money;
use crate::session::use_session;

/// Bank, number and balance, as far as they are known.
#[component]
pub fn AccountLine(
    /// The message of what the account is for here.
    #[prop(optional)]
    role: Option<&'static str>,
) -> impl IntoView {
    let session = use_session();
    let account = memo(move || session.account());
    let told = live(move || match account.get() {
        Some(it) => view! { <Told it role /> }.into_any(),
        None => ().into_any(),
    });
    view! { <div class="account">{told}</div> }
}

#[component]
fn Told(it: AccountView, role: Option<&'static str>) -> impl IntoView {
    let balance = it.balance.as_ref().map(money::show);
    view! {
        <p class="account-name">
            {role.map(|role| view! { <span class="hint">{t(role)}</span> })}
            {it.bank}
            <span class="hint">{t_with("account-number", &[("number", it.number)])}</span>
        </p>
        <p class="account-balance">
            <span class="hint">{t("account-balance")}</span>
            <span data-testid="account-balance">
                {balance.unwrap_or_else(|| t("account-unknown"))}
            </span>
        </p>
    }
}
