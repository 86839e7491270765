//! The wallet behind the pages: opened once, shown as a signal, asked by buttons.

use std::future::Future;
use std::pin::Pin;

use koban_wallet_wasm::view::{
    AccountView, BalanceView, CardView, Culprit, CurrencyView, IssuerView, MoneyView, ProblemView,
    Stage, TransactionView, WalletView,
};
use koban_wallet_wasm::{Wallet, WalletConfig};
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::Deserialize;

use crate::{browser, problem};

/// What the wallet's own origin answers at `/config.json`.
#[derive(Deserialize)]
struct Config {
    /// The issuer's address, without a path.
    issuer: String,
    /// The address of the originator of cards, if there is one.
    originator: Option<String>,
}

/// How far the wallet is with opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading the database and the issuer's keys.
    Opening,
    /// Ready.
    Open,
    /// It could not be opened; nothing was lost.
    Failed(ProblemView),
}

/// The open wallet and what it shows.
#[derive(Clone, Copy)]
pub struct Session {
    phase: RwSignal<Phase>,
    wallet: StoredValue<Option<Wallet>, LocalStorage>,
    view: RwSignal<Option<WalletView>>,
}

impl Session {
    /// A session that begins to open the wallet at once, given to all pages as context.
    pub fn start() -> Self {
        let session = Self {
            phase: RwSignal::new(Phase::Opening),
            wallet: StoredValue::new_local(None),
            view: RwSignal::new(None),
        };
        session.open();
        session
    }

    /// Opens the wallet; again after a failure.
    pub fn open(self) {
        self.phase.set(Phase::Opening);
        spawn_local(async move {
            let phase = match self.try_open().await {
                Ok(()) => Phase::Open,
                Err(problem) => Phase::Failed(problem),
            };
            self.phase.set(phase);
        });
    }

    async fn try_open(self) -> Result<(), ProblemView> {
        let config: Config = browser::fetch_json("/config.json")
            .await
            .map_err(|fact| problem::own("config", Culprit::Network, fact))?;
        let Config { issuer, originator } = config;
        let config = WalletConfig { issuer_url: issuer, originator_url: originator };
        let wallet = Wallet::open(config).await?;
        self.view.set(Some(wallet.view()));
        wallet.on_change(Box::new(move |view| self.view.set(Some(view))));
        self.wallet.set_value(Some(wallet));
        Ok(())
    }

    /// How far opening is; tracked.
    pub fn phase(self) -> Phase {
        self.phase.get()
    }

    /// The wallet, once open.
    pub fn wallet(self) -> Option<Wallet> {
        self.wallet.get_value()
    }

    /// A part of the view; tracked. `None` until the wallet is open.
    pub fn look<T>(self, part: impl FnOnce(&WalletView) -> T) -> Option<T> {
        self.view.with(|view| view.as_ref().map(part))
    }

    /// How far the holder has come; tracked.
    pub fn stage(self) -> Stage {
        self.look(|view| view.stage).unwrap_or(Stage::New)
    }

    /// The issuer; tracked.
    pub fn issuer(self) -> Option<IssuerView> {
        self.look(|view| view.issuer.clone()).flatten()
    }

    /// The holder's bank account; tracked.
    pub fn account(self) -> Option<AccountView> {
        self.look(|view| view.account.clone()).flatten()
    }

    /// The currencies the issuer issues, in its order; tracked.
    pub fn currencies(self) -> Vec<CurrencyView> {
        self.issuer().map(|issuer| issuer.currencies).unwrap_or_default()
    }

    /// The balances, one a currency; tracked.
    pub fn balances(self) -> Vec<BalanceView> {
        self.look(|view| view.balances.clone()).unwrap_or_default()
    }

    /// What can be spent in a currency; tracked.
    pub fn available(self, currency: &CurrencyView) -> MoneyView {
        let balances = self.balances();
        let held = balances.into_iter().find(|it| it.available.currency == currency.code);
        held.map_or_else(|| money_of(currency, 0), |balance| balance.available)
    }

    /// The cards that are connected; tracked.
    pub fn cards(self) -> Vec<CardView> {
        self.look(|view| view.cards.clone()).unwrap_or_default()
    }

    /// A transaction by its id; tracked.
    pub fn transaction(self, id: &str) -> Option<TransactionView> {
        let find = |view: &WalletView| view.transactions.iter().find(|it| it.id == id).cloned();
        self.look(find).flatten()
    }

    /// The transaction that paid an invoice; tracked.
    pub fn payment_of(self, invoice: &str) -> Option<TransactionView> {
        let paid = |it: &&TransactionView| {
            it.receipt.as_ref().is_some_and(|receipt| receipt.invoice == invoice)
        };
        self.look(|view| view.transactions.iter().find(paid).cloned()).flatten()
    }
}

/// The session of the page around.
pub fn use_session() -> Session {
    expect_context()
}

/// An amount in a currency.
pub fn money_of(currency: &CurrencyView, minor: u64) -> MoneyView {
    MoneyView { currency: currency.code.clone(), minor, exponent: currency.exponent }
}

/// The currency of an amount.
pub fn currency_of(money: &MoneyView) -> CurrencyView {
    currency_named(&money.currency, money.exponent)
}

/// A currency by its ISO 4217 code and the digits after its decimal point.
pub fn currency_named(code: &str, exponent: u8) -> CurrencyView {
    CurrencyView { code: code.to_owned(), exponent }
}

/// What a page does with a result.
type Then = Box<dyn FnOnce()>;

/// One thing a page asks of the wallet: whether it is under way, and what went wrong last.
#[derive(Clone, Copy)]
pub struct Ask {
    /// True while the wallet is at it.
    pub busy: RwSignal<bool>,
    /// The problem of the last try.
    pub problem: RwSignal<Option<ProblemView>>,
    session: Session,
}

impl Ask {
    /// For a component under a [`Session`].
    pub fn new() -> Self {
        Self { busy: RwSignal::new(false), problem: RwSignal::new(None), session: use_session() }
    }

    /// Runs `work` on the wallet unless something asked here is still under way, then hands its
    /// result to `then`. The page may be gone by then: signals are only tried.
    pub fn run<T, F>(self, work: impl FnOnce(Wallet) -> F, then: impl FnOnce(T) + 'static)
    where
        T: 'static,
        F: Future<Output = Result<T, ProblemView>> + 'static,
    {
        let Some(wallet) = self.session.wallet().filter(|_| !self.busy.get_untracked()) else {
            return;
        };
        let work = work(wallet);
        let finish = async move { work.await.map(|value| Box::new(|| then(value)) as Then) };
        self.drive(Box::pin(finish));
    }

    /// The part of [`Self::run`] that is the same for all work.
    fn drive(self, work: Pin<Box<dyn Future<Output = Result<Then, ProblemView>>>>) {
        self.busy.set(true);
        self.problem.set(None);
        spawn_local(async move {
            let result = work.await;
            self.busy.try_set(false);
            match result {
                Ok(then) => then(),
                Err(problem) => {
                    self.problem.try_set(Some(problem));
                }
            }
        });
    }
}
