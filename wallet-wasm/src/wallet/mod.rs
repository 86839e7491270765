//! The wallet as a page uses it: open it, show its view, ask it for things.

mod actor;
mod cards;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use koban_protocol::amount::{Amount, Bundle, Currency, Denomination};
use koban_protocol::id::OperationId;
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Invoice, Name, Short};
use koban_protocol::wire;

use crate::drivers::{network, platform};
use crate::engine::{Cause, Command, Fault, Problem};
use crate::view::{
    AuditView, InvoiceView, ProblemView, TransactionState, TransactionView, WalletView,
};
use actor::Actor;
pub use cards::CardWish;

/// Media type of an invoice (VC-12).
const INVOICE: &str = "application/vnd.koban.invoice+cbor";

/// How often coins are merged for one wish; each time, 64 become about a quarter of that.
const MERGES_MAX: u32 = 8;

/// What a wallet is opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletConfig {
    /// The issuer's address, without a path. Every issuer has a wallet of its own.
    pub issuer_url: String,
    /// The address of the originator of cards, if there is one.
    pub originator_url: Option<String>,
}

/// An open wallet; clones are the same wallet.
#[derive(Clone)]
pub struct Wallet {
    actor: Rc<Actor>,
    invoices: Rc<RefCell<BTreeMap<String, Signed<Invoice>>>>,
}

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wallet(..)")
    }
}

impl Wallet {
    /// Opens the wallet of an issuer. Whatever was open when it was last closed goes on by itself.
    /// One tab at a time writes, others show what it does; whichever is asked for something gets
    /// the right to write from the one that has it.
    ///
    /// # Errors
    /// `storage-not-durable`, `storage-corrupt`; `network` if the issuer was never reached.
    pub async fn open(config: WalletConfig) -> Result<Self, ProblemView> {
        let actor = Actor::open(config).await.map_err(|it| it.view())?;
        Ok(Self { actor, invoices: Rc::default() })
    }

    /// Closes it, so that another tab may use it. Whatever is open goes on when it opens again.
    pub async fn close(&self) {
        self.actor.close().await;
    }

    /// Everything a page shows, as it is now.
    pub fn view(&self) -> WalletView {
        self.actor.view()
    }

    /// Has `listener` called with the new view after every change.
    pub fn on_change(&self, listener: Box<dyn Fn(WalletView)>) {
        self.actor.on_change(listener);
    }

    /// Registers a pseudonym (VC-2).
    ///
    /// # Errors
    /// `pseudonym-invalid`, `pseudonym-taken`, `already-registered`, `network`.
    pub async fn register(&self, pseudonym: &str) -> Result<(), ProblemView> {
        let pseudonym = Name::new(pseudonym.trim()).ok_or(Fault::PseudonymInvalid);
        let pseudonym = pseudonym.map_err(view)?;
        self.to_the_end(Command::Register(pseudonym)).await
    }

    /// Opens an account at one of the issuer's banks and enrols it (VC-2).
    ///
    /// # Errors
    /// `not-registered`, `already-enrolled`, `account-foreign`, `network`.
    pub async fn enrol(&self, bank_id: &str, owner_name: &str) -> Result<(), ProblemView> {
        let bank = Short::new(bank_id).ok_or(Code::AccountForeign).map_err(view)?;
        let owner = Name::new(owner_name.trim()).ok_or(Fault::PseudonymInvalid).map_err(view)?;
        self.to_the_end(Command::Enrol { bank, owner }).await
    }

    /// Asks the bank what is in the account.
    ///
    /// # Errors
    /// `not-enrolled`, `network`.
    pub async fn refresh_account(&self) -> Result<(), ProblemView> {
        self.actor.ask_balance().await.map_err(view)
    }

    /// Buys coins worth `minor` from the account (VC-3): those of `coins`, a list of denominations
    /// in minor units with counts, or a handy mix. Gives the transaction's id once it is done, or
    /// cannot go on for now.
    ///
    /// # Errors
    /// `currency-unknown`, `amount-invalid`, `too-many-coins`, `not-enrolled`, `debit-refused`.
    pub async fn withdraw(
        &self,
        currency: &str,
        minor: u64,
        coins: Option<Vec<(u64, u16)>>,
        recoverable: bool,
    ) -> Result<String, ProblemView> {
        let amount = amount(currency, minor).map_err(view)?;
        let bundle = match coins {
            Some(coins) => bundle(amount.currency(), coins).map_err(view)?,
            None => self.actor.standard_bundle(amount).map_err(view)?,
        };
        if bundle.total() != amount {
            return Err(view(Code::AmountInvalid));
        }
        self.started(Command::Withdraw { bundle, recoverable }).await
    }

    /// Fetches the invoice at an address and checks it. Nothing is paid.
    ///
    /// # Errors
    /// `invoice-unreachable`, and those of [`read_invoice`](Self::read_invoice).
    pub async fn fetch_invoice(&self, url: &str) -> Result<InvoiceView, ProblemView> {
        let unreachable = |facts: &str| Problem::with(Fault::InvoiceUnreachable, facts).view();
        if !network::is_web_address(url) {
            return Err(unreachable("not an http or https address"));
        }
        let answer = network::get(url, INVOICE).await.ok_or_else(|| unreachable(url))?;
        match answer.status {
            // 402 carries the invoice as its body, for programs that were asked to pay.
            200 | 402 => self.read_invoice(&answer.body).await,
            status => Err(unreachable(&format!("HTTP {status}"))),
        }
    }

    /// Reads an invoice from the bytes of its document and checks it. Nothing is paid.
    ///
    /// # Errors
    /// `invoice-unreadable`, `invoice-invalid`, `network` without the issuer's keys.
    pub async fn read_invoice(&self, document: &[u8]) -> Result<InvoiceView, ProblemView> {
        let signed: Signed<Invoice> = wire::decode_exact(document)
            .map_err(|error| Problem::with(Fault::InvoiceUnreadable, error.to_string()).view())?;
        let shown = self.actor.invoice(&signed).map_err(view)?;
        self.invoices.borrow_mut().insert(shown.id.clone(), signed);
        Ok(shown)
    }

    /// Pays an invoice that was read or fetched (VC-4). Gives the transaction once it is final, or
    /// cannot go on for now; its state says which.
    ///
    /// # Errors
    /// `unknown-transaction` for an invoice that was not read, `not-registered`,
    /// `too-little-money`, `foreign-issuer`, `invoice-expired`, `invoice-invalid`.
    pub async fn pay(&self, invoice_id: &str) -> Result<TransactionView, ProblemView> {
        let invoice = self.invoices.borrow().get(invoice_id).cloned();
        let unknown = || Problem::with(Fault::UnknownTransaction, invoice_id);
        let invoice = invoice.ok_or_else(unknown).map_err(view)?;
        let content = invoice.claim().map_err(|_| view(Fault::InvoiceUnreadable))?;
        let pay = || Command::Pay(invoice.clone());
        let id = self.spend(content.amount.currency(), pay).await.map_err(view)?;
        self.actor.transaction(id).ok_or_else(unknown).map_err(view)
    }

    /// Calls an open payment back.
    ///
    /// # Errors
    /// `unknown-transaction`, `not-cancellable`.
    pub async fn cancel(&self, id: &str) -> Result<(), ProblemView> {
        let unknown = |_| Problem::with(Fault::UnknownTransaction, id).view();
        let id: OperationId = id.parse().map_err(unknown)?;
        self.actor.command(Command::Cancel(id)).await.map_err(view)?;
        Ok(())
    }

    /// Turns coins into money in the account (VC-7). Gives the transaction's id.
    ///
    /// # Errors
    /// `currency-unknown`, `amount-invalid`, `too-little-money`, `too-many-coins`, `not-enrolled`.
    pub async fn redeem(&self, currency: &str, minor: u64) -> Result<String, ProblemView> {
        let amount = amount(currency, minor).map_err(view)?;
        let redeem = || Command::Redeem(amount);
        let id = self.spend(amount.currency(), redeem).await.map_err(view)?;
        self.unless_refused(id)?;
        Ok(id.to_string())
    }

    /// Changes coins for those of a list (VC-7), denominations in minor units with counts. Gives
    /// the transaction's id.
    ///
    /// # Errors
    /// `currency-unknown`, `amount-invalid`, `too-little-money`, `too-many-coins`.
    pub async fn change(
        &self,
        currency: &str,
        coins: Vec<(u64, u16)>,
    ) -> Result<String, ProblemView> {
        let currency = Currency::new(currency).ok_or(Code::CurrencyUnknown).map_err(view)?;
        self.started(Command::Change(bundle(currency, coins).map_err(view)?)).await
    }

    /// Asks for coins that were withdrawn as recoverable and lost (VC-7), in every currency. Gives
    /// the id of the first refund that gave something.
    ///
    /// # Errors
    /// `nothing-to-refund`, `not-registered`.
    pub async fn refund(&self) -> Result<String, ProblemView> {
        let mut result = Err(view(Code::NothingToRefund));
        for currency in self.actor.currencies() {
            let refunded = self.started(Command::Refund(currency)).await;
            match refunded {
                Err(problem) if problem.code == Code::NothingToRefund.name() => (),
                _ if result.is_ok() => (),
                refunded => result = refunded,
            }
        }
        result
    }

    /// Asks the browser to promise to keep the wallet's database.
    pub async fn persist_storage(&self) -> bool {
        let kept = platform::persist().await;
        self.actor.set_persistent(kept);
        kept
    }

    /// The issuer's published totals (VC-10). Check the rule, do not believe it.
    ///
    /// # Errors
    /// `network`.
    pub async fn audit(&self) -> Result<AuditView, ProblemView> {
        let url = format!("{}/audit", self.actor.issuer_url());
        let answer = network::get(&url, "application/json").await.ok_or(Fault::Network);
        let answer = answer.map_err(view)?;
        let unread = |error: serde_json::Error| Problem::with(Fault::Network, error.to_string());
        serde_json::from_slice(&answer.body).map_err(|error| unread(error).view())
    }

    /// Gives a command that spends. If it would take more coins than one operation may have, the
    /// smallest ones are merged first.
    ///
    /// # Errors
    /// Why it was refused.
    async fn spend(
        &self,
        currency: Currency,
        command: impl Fn() -> Command,
    ) -> Result<OperationId, Problem> {
        for _ in 0..MERGES_MAX {
            match self.actor.command(command()).await {
                Err(problem) if problem.cause == Cause::Wallet(Fault::TooManyCoins) => {
                    self.actor.command(Command::Merge(currency)).await?;
                }
                given => return given.map(|(id, _)| id),
            }
        }
        Err(Fault::TooManyCoins.into())
    }

    /// Gives a command and waits until it is final, or cannot go on for now.
    ///
    /// # Errors
    /// Why it was refused.
    async fn started(&self, command: Command) -> Result<String, ProblemView> {
        let (id, _) = self.actor.command(command).await.map_err(view)?;
        self.unless_refused(id)?;
        Ok(id.to_string())
    }

    /// Gives a command whose end is all that matters.
    ///
    /// # Errors
    /// Why it was refused, or why it cannot go on for now.
    async fn to_the_end(&self, command: Command) -> Result<(), ProblemView> {
        let (id, waiting) = self.actor.command(command).await.map_err(view)?;
        self.unless_refused(id)?;
        waiting.map_or(Ok(()), |problem| Err(problem.view()))
    }

    fn unless_refused(&self, id: OperationId) -> Result<(), ProblemView> {
        match self.actor.transaction(id) {
            Some(it) if it.state == TransactionState::Refused => {
                Err(it.problem.unwrap_or_else(|| view(Code::Internal)))
            }
            _ => Ok(()),
        }
    }
}

fn view(problem: impl Into<Problem>) -> ProblemView {
    problem.into().view()
}

fn amount(currency: &str, minor: u64) -> Result<Amount, Problem> {
    let currency = Currency::new(currency).ok_or(Code::CurrencyUnknown)?;
    Amount::new(currency, minor).map_err(|error| Problem {
        cause: Cause::Role(Code::AmountInvalid),
        detail: error.to_string(),
    })
}

/// A list of denominations in minor units with counts, in any order, as a bundle.
fn bundle(currency: Currency, coins: Vec<(u64, u16)>) -> Result<Bundle, Problem> {
    let wrong = |detail: String| Problem { cause: Cause::Role(Code::AmountInvalid), detail };
    let mut counts = Vec::new();
    for (minor, count) in coins.into_iter().filter(|(_, count)| *count > 0) {
        let denomination = Denomination::of_minor(minor).ok_or_else(|| wrong(minor.to_string()))?;
        counts.push((denomination, count));
    }
    counts.sort_unstable();
    Bundle::new(currency, counts).map_err(|error| wrong(error.to_string()))
}
