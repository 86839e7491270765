//! The wallet: what is in it, what can be done with it, what was done last.

use koban_wallet_wasm::Wallet;
use koban_wallet_wasm::view::{BalanceView, Stage, TransactionKind, TransactionView};
use leptos::prelude::*;

use super::way_back::{detour, use_next};
use crate::components::{
    AccountLine, ActivityList, Balances, CardMoney, FirstSteps, Icon, Notice, Opened, Page, Shape,
    Tone, problem_of,
};
use crate::i18n::t;
use crate::live::{either, memo, text, when};
use crate::session::{Ask, Phase, use_session};

/// What the holder can do, besides paying at a shop.
const ACTIONS: [(&str, &str, Shape); 5] = [
    ("/withdraw", "action-withdraw", Shape::In),
    ("/pay", "action-pay", Shape::Pay),
    ("/redeem", "action-redeem", Shape::Out),
    ("/change", "action-change", Shape::Swap),
    ("/card", "action-card", Shape::Card),
];
/// How many transactions the first page shows.
const RECENT: usize = 5;

/// The first page: the wallet, or the first steps towards one.
#[component]
pub fn Home() -> impl IntoView {
    let session = use_session();
    let is_first = memo(move || {
        let holds = |it: &BalanceView| it.available.minor > 0 || it.pending.minor > 0;
        session.stage() != Stage::Enrolled && !session.balances().iter().any(holds)
    });
    let opening =
        || view! { <Page heading="nav-wallet"><Opened><span></span></Opened></Page> }.into_any();
    let first = || {
        view! {
            <Page heading="welcome-title" lead="welcome-lead" narrow=true>
                <FirstSteps withdraw_path="/withdraw" />
            </Page>
        }
        .into_any()
    };
    let dashboard = || view! { <Dashboard /> }.into_any();
    let open = move || either(move || is_first.get(), first, dashboard);
    either(move || session.phase() == Phase::Open, open, opening)
}

/// The first steps on a page of their own, from which the holder goes on to where it came from.
#[component]
pub fn Welcome() -> impl IntoView {
    let next = use_next();
    let withdraw = text(move || detour("/withdraw", &[], next.get().as_deref()));
    let back = move || {
        view! { <a class="button" href=move || next.get()>{t("back-to-invoice")}</a> }.into_any()
    };
    view! {
        <Page heading="welcome-title" lead="welcome-lead" narrow=true>
            <Opened>
                <FirstSteps withdraw_path=withdraw />
                <div class="actions">{when(move || next.get().is_some(), back)}</div>
            </Opened>
        </Page>
    }
}

#[component]
fn Dashboard() -> impl IntoView {
    let session = use_session();
    let has_withdrawn = move || {
        let withdrawal = |it: &TransactionView| it.kind == TransactionKind::Withdrawal;
        session.look(|view| view.transactions.iter().any(withdrawal)).unwrap_or(true)
    };
    let recent = || view! { <Recent /> }.into_any();
    let first = || view! { <FirstSteps withdraw_path="/withdraw" /> }.into_any();
    view! {
        <Page heading="nav-wallet">
            <div class="columns">
                <div class="stack">
                    <Balances />
                    <CardMoney />
                    <nav class="action-grid" aria-label=t("nav-wallet")>
                        {ACTIONS.map(|(path, label, shape)| view! {
                            <a class="action" href=path><Icon shape />{t(label)}</a>
                        })}
                    </nav>
                    <StorageWarning />
                    <Account />
                </div>
                <div class="stack">
                    {either(
                        move || session.stage() == Stage::Enrolled && has_withdrawn(),
                        recent,
                        first,
                    )}
                </div>
            </div>
        </Page>
    }
}

#[component]
fn Recent() -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="recent">
            <header class="card-head">
                <h2 id="recent">{t("recent-title")}</h2>
                <a href="/activity">{t("recent-all")}</a>
            </header>
            <ActivityList limit=RECENT />
        </section>
    }
}

/// The bank account; its balance is asked for when the page opens, and when the holder wants.
#[component]
fn Account() -> impl IntoView {
    let session = use_session();
    let [ask, unasked] = [Ask::new(), Ask::new()];
    let refresh = |wallet: Wallet| async move { wallet.refresh_account().await };
    // The account may appear while this page is open, by the first steps.
    let is_enrolled = memo(move || session.account().is_some());
    Effect::new(move || {
        if is_enrolled.get() {
            unasked.run(refresh, |()| ());
        }
    });
    let card = move || {
        view! {
            <section class="card stack" aria-labelledby="account">
                <header class="card-head">
                    <h2 id="account">{t("account-title")}</h2>
                    <button class="button small" on:click=move |_| ask.run(refresh, |()| ())
                        disabled=move || ask.busy.get()>{t("account-refresh")}</button>
                </header>
                <AccountLine />
                {problem_of(ask)}
            </section>
        }
        .into_any()
    };
    when(move || is_enrolled.get(), card)
}

/// Offers to ask the browser for its promise to keep the database, until it has given it.
#[component]
fn StorageWarning() -> impl IntoView {
    let session = use_session();
    let ask = Ask::new();
    let protect =
        move |_| ask.run(|wallet| async move { Ok(wallet.persist_storage().await) }, |_: bool| ());
    let warning = move || {
        view! {
            <Notice tone=Tone::Warning>
                <p>{t("storage-warning")}</p>
                <button class="button small" data-testid="protect-storage" on:click=protect>
                    {t("storage-protect")}
                </button>
            </Notice>
        }
        .into_any()
    };
    when(move || session.look(|view| view.storage_persistent) == Some(false), warning)
}
