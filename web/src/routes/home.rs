//! The wallet: what is in it, what can be done with it, what was done last.

use koban_wallet_wasm::view::{BalanceView, Stage, TransactionKind};
use leptos::prelude::*;

use super::way_back::{detour, use_next};
use crate::components::{
    ActivityList, Balances, FirstSteps, Icon, Notice, Opened, Page, ProblemNotice, Shape, Tone,
};
use crate::i18n::{say_with, t};
use crate::money;
use crate::session::{Ask, Phase, use_session};

/// What the holder can do, besides paying at a shop.
const ACTIONS: [(&str, &str, Shape); 4] = [
    ("/withdraw", "action-withdraw", Shape::In),
    ("/pay", "action-pay", Shape::Pay),
    ("/redeem", "action-redeem", Shape::Out),
    ("/change", "action-change", Shape::Swap),
];
/// How many transactions the first page shows.
const RECENT: usize = 5;

/// The first page: the wallet, or the first steps towards one.
#[component]
pub fn Home() -> impl IntoView {
    let session = use_session();
    let is_open = Memo::new(move |_| session.phase() == Phase::Open);
    let is_first = Memo::new(move |_| {
        let holds = |it: &BalanceView| it.available.minor > 0 || it.pending.minor > 0;
        session.stage() != Stage::Enrolled && !session.balances().iter().any(holds)
    });
    let opening = || view! { <Page heading="nav-wallet"><Opened>{()}</Opened></Page> };
    view! {
        <Show when=move || is_open.get() fallback=opening>
            <Show when=move || is_first.get() fallback=Dashboard>
                <Page heading="welcome-title" lead="welcome-lead" narrow=true>
                    <FirstSteps withdraw_path="/withdraw" />
                </Page>
            </Show>
        </Show>
    }
}

/// The first steps on a page of their own, from which the holder goes on to where it came from.
#[component]
pub fn Welcome() -> impl IntoView {
    let next = use_next();
    let withdraw = move || detour("/withdraw", &[], next.get().as_deref());
    let back = move || {
        next.get().map(|path| view! { <a class="button" href=path>{t("back-to-invoice")}</a> })
    };
    view! {
        <Page heading="welcome-title" lead="welcome-lead" narrow=true>
            <Opened>
                <FirstSteps withdraw_path=Signal::derive(withdraw) />
                <div class="actions">{back}</div>
            </Opened>
        </Page>
    }
}

#[component]
fn Dashboard() -> impl IntoView {
    let session = use_session();
    let steps_left = Memo::new(move |_| {
        let any_coins = session
            .look(|view| view.transactions.iter().any(|it| it.kind == TransactionKind::Withdrawal));
        session.stage() != Stage::Enrolled || any_coins == Some(false)
    });
    view! {
        <Page heading="nav-wallet">
            <div class="columns">
                <div class="stack">
                    <Balances />
                    <nav class="action-grid" aria-label=t("nav-wallet")>
                        {ACTIONS.map(|(path, label, shape)| view! {
                            <a class="action" href=path><Icon shape />{t(label)}</a>
                        })}
                    </nav>
                    <StorageWarning />
                    <Account />
                </div>
                <div class="stack">
                    <Show when=move || steps_left.get() fallback=Recent>
                        <FirstSteps withdraw_path="/withdraw" />
                    </Show>
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

/// The bank account, with its balance when the holder asks for it.
#[component]
fn Account() -> impl IntoView {
    let session = use_session();
    let ask = Ask::new();
    let refresh = move |_| ask.run(|wallet| async move { wallet.refresh_account().await }, |()| ());
    let account = Memo::new(move |_| session.account());
    let number = move |number: String| say_with("account-number", &[("number", number)]);
    let details = move || {
        let account = account.get()?;
        let balance = account.balance.as_ref().map(money::show);
        Some(view! {
            <p class="account-name">
                {account.bank}<span class="hint">{number(account.number)}</span>
            </p>
            <p class="account-balance">
                <span class="hint">{t("account-balance")}</span>
                <span data-testid="account-balance">
                    {balance.unwrap_or_else(t("account-unknown"))}
                </span>
            </p>
        })
    };
    view! {
        <Show when=move || account.with(Option::is_some)>
            <section class="card stack" aria-labelledby="account">
                <header class="card-head">
                    <h2 id="account">{t("account-title")}</h2>
                    <button class="button small" on:click=refresh
                        disabled=move || ask.busy.get()>{t("account-refresh")}</button>
                </header>
                <div class="account">{details}</div>
                {move || ask.problem.get().map(|problem| view! { <ProblemNotice problem /> })}
            </section>
        </Show>
    }
}

/// Offers to ask the browser for its promise to keep the database, until it has given it.
#[component]
fn StorageWarning() -> impl IntoView {
    let session = use_session();
    let ask = Ask::new();
    let loose = Memo::new(move |_| session.look(|view| view.storage_persistent) == Some(false));
    let protect =
        move |_| ask.run(|wallet| async move { Ok(wallet.persist_storage().await) }, |_: bool| ());
    view! {
        <Show when=move || loose.get()>
            <Notice tone=Tone::Warning>
                <p>{t("storage-warning")}</p>
                <button class="button small" data-testid="protect-storage" on:click=protect>
                    {t("storage-protect")}
                </button>
            </Notice>
        </Show>
    }
}
