//! What became of a payment, as it becomes: under way, paid with its receipt, or not.

use koban_wallet_wasm::view::{TransactionState, TransactionView};
use leptos::prelude::*;

use crate::components::{Icon, Mark, Notice, ProblemNotice, Receipt, Shape, Tone};
use crate::i18n::{t, t_with};
use crate::live::{live, memo};
use crate::session::use_session;
use crate::{browser, door, money};

/// The payment with this transaction id, live.
#[component]
pub fn Payment(id: String) -> impl IntoView {
    let session = use_session();
    let path = format!("/activity/{id}");
    // The address of a paid invoice is the goods' from now on: back from the shop leads here.
    browser::rename_page(&path);
    let transaction = memo(move || session.transaction(&id));
    let told = live(move || match transaction.get() {
        Some(it) => view! { <Told it /> }.into_any(),
        None => ().into_any(),
    });
    view! {
        <div role="status">{told}</div>
        <div class="actions">
            <a class="quiet" href=path>{t("pay-details")}</a>
            <a class="quiet" href="/">{t("to-wallet")}</a>
        </div>
    }
}

#[component]
fn Told(it: TransactionView) -> impl IntoView {
    match it.state {
        TransactionState::Done => view! { <Paid it /> }.into_any(),
        TransactionState::Open | TransactionState::Cancelling => view! { <UnderWay /> }.into_any(),
        TransactionState::Cancelled | TransactionState::Refused => {
            view! { <NotPaid it /> }.into_any()
        }
    }
}

#[component]
fn Paid(it: TransactionView) -> impl IntoView {
    let amount = it.amount.as_ref().map(money::show);
    let change = it.change.as_ref().map(money::show);
    let receipt = it.receipt.map(|receipt| {
        view! { <Receipt receipt amount=it.amount.clone() purpose=it.purpose.clone() /> }
    });
    view! {
        <section class="paid" data-testid="pay-done">
            <span class="paid-mark"><Icon shape=Shape::Check /></span>
            <h2>{t("pay-done")}</h2>
            <p class="big-amount">{amount}</p>
            {change.map(|change| view! {
                <p class="hint">{t("transaction-change")}" "{change}</p>
            })}
            <ReturnToShop url=it.fulfilment_url />
        </section>
        {receipt}
    }
}

#[component]
fn UnderWay() -> impl IntoView {
    view! {
        <section class="card stack" data-testid="pay-open">
            <h2 class="wait"><Mark />{t("pay-open")}</h2>
            <p>{t("pay-progress-waiting")}</p>
            <p class="hint">{t("pay-progress-safe")}</p>
        </section>
    }
}

#[component]
fn NotPaid(it: TransactionView) -> impl IntoView {
    let heading = match it.state {
        TransactionState::Cancelled => "pay-cancelled",
        _ => "pay-refused",
    };
    view! {
        <section class="card stack" data-testid="pay-refused">
            <h2>{t(heading)}</h2>
            {it.problem.map(|problem| view! { <ProblemNotice problem /> })}
            {it.lost.is_none().then(|| view! {
                <Notice tone=Tone::Info>{t("state-cancelled-text")}</Notice>
            })}
        </section>
    }
}

/// The way back to where the payee delivers, if that is a web address.
#[component]
pub fn ReturnToShop(url: Option<String>) -> impl IntoView {
    url.filter(|url| door::is_web_address(url)).map(|url| {
        let host = browser::host_of(&url).unwrap_or_default();
        let opens = t_with("pay-return-host", &[("host", host)]);
        view! {
            <a class="button primary" rel="external" data-testid="return-to-shop" href=url>
                <Icon shape=Shape::Leave />{t("pay-return")}
            </a>
            <p class="hint">{opens}</p>
        }
    })
}
