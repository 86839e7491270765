//! The wallet as it is shown.

use koban_protocol::amount::{Amount, Currency};
use koban_protocol::id::{Digest, OperationId};
use koban_protocol::key::VerifyingKey;
use koban_protocol::process::payment::{CheckedInvoice, check_invoice};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Invoice, IssuerKeys, Url};
use koban_protocol::time::Time;

use super::coins::worth;
use super::problem::{Cause, Fault, Problem};
use super::record::{HeldCoin, Transaction};
use super::saga::Saga;
use super::{Engine, choice};
use crate::view::{
    AccountView, BalanceView, BankView, CurrencyView, InvoiceView, IssuerView, MoneyView, Obstacle,
    ReceiptView, Stage, TransactionKind, TransactionState, TransactionView, WalletView,
};

impl Engine {
    /// Everything a page shows. Whether the storage is persistent is the driver's to know.
    pub fn view(&self, now: Time, storage_persistent: bool) -> WalletView {
        let certificate = self.holder().ok().map(|(_, certified)| &certified.content);
        let stage = match certificate {
            None => Stage::New,
            Some(content) if content.account.is_none() => Stage::Registered,
            Some(_) => Stage::Enrolled,
        };
        let currencies = self.keys.iter().flat_map(|keys| keys.currencies.iter());
        let mut newest_first: Vec<_> = self.transactions.iter().collect();
        newest_first.sort_by_key(|(_, it)| std::cmp::Reverse(it.number()));
        let transactions =
            newest_first.into_iter().map(|(id, it)| self.transaction_view(*id, it)).collect();
        WalletView {
            stage,
            pseudonym: certificate.map(|content| content.pseudonym.to_string()),
            issuer: self.keys.as_ref().map(|keys| self.issuer_view(keys)),
            account: self.account_view(),
            balances: currencies.map(|info| self.balance_view(info.currency, now)).collect(),
            cards: self.card_views(),
            known_cards: self.known_card_views(),
            transactions,
            storage_persistent,
            problem: self.problem.as_ref().map(Problem::view),
        }
    }

    /// One operation as a page shows it.
    pub fn transaction(&self, id: OperationId) -> Option<TransactionView> {
        Some(self.transaction_view(id, self.transactions.get(&id)?))
    }

    /// What a page shows before the holder says yes: who asks, for what, how much, and what is in
    /// the way.
    ///
    /// # Errors
    /// [`Code::InvoiceInvalid`] if a signature does not verify; [`Fault::Network`] without keys.
    pub fn invoice(&self, invoice: &Signed<Invoice>, now: Time) -> Result<InvoiceView, Problem> {
        let issuer = self.issuer()?;
        let (key, mut obstacle) = match self.check_invoice(invoice, now) {
            Ok(_) => (issuer.key, None),
            Err(problem) if problem.cause == Cause::Role(Code::InvoiceExpired) => {
                (issuer.key, Some(Obstacle::Expired))
            }
            Err(problem) if problem.cause == Cause::Wallet(Fault::ForeignIssuer) => {
                (foreign_issuer(invoice)?, Some(Obstacle::ForeignIssuer))
            }
            Err(problem) => return Err(problem),
        };
        // An expired one is shown too, checked as of the time it was made.
        let made = invoice.claim().map_err(|_| Problem::from(Fault::InvoiceUnreadable))?.created;
        let checked = check_invoice(invoice, &key, made).map_err(Problem::from)?;
        let content = checked.invoice();
        if self.payment_of(invoice).is_some() {
            obstacle = Some(Obstacle::AlreadyPaid);
        }
        let have = self.total(content.amount.currency(), now);
        let in_the_way = || {
            if self.holder().is_err() {
                Some(Obstacle::NotRegistered)
            } else if have.minor() < content.amount.minor() {
                Some(Obstacle::TooLittleMoney)
            } else {
                None
            }
        };
        let shown = show_invoice(&checked, &issuer);
        Ok(InvoiceView { obstacle: obstacle.or_else(in_the_way), ..shown })
    }

    /// The coins of a currency that can be spent now: denomination in minor units, and how many.
    pub fn coins(&self, currency: Currency, now: Time) -> Vec<(u64, u32)> {
        let counts = choice::Counts::of(&self.spendable(currency, Some(now)));
        counts.some().map(|(denomination, count)| (denomination.minor(), count)).collect()
    }

    fn total(&self, currency: Currency, now: Time) -> Amount {
        let minor = choice::Counts::of(&self.spendable(currency, Some(now))).total();
        Amount::new(currency, minor).unwrap_or(Amount::zero(currency))
    }

    pub(super) fn money(&self, amount: Amount) -> MoneyView {
        money(amount, self.keys.as_ref())
    }

    fn issuer_view(&self, keys: &IssuerKeys) -> IssuerView {
        let currency = |info: &koban_protocol::statement::CurrencyInfo| CurrencyView {
            code: info.currency.code().to_owned(),
            exponent: info.exponent,
        };
        let bank = |info: &koban_protocol::statement::BankInfo| BankView {
            id: info.id.to_string(),
            name: info.name.to_string(),
        };
        IssuerView {
            name: keys.name.to_string(),
            url: self.issuer_url.clone(),
            fingerprint: fingerprint(&keys.key),
            currencies: keys.currencies.iter().map(currency).collect(),
            banks: keys.banks.iter().map(bank).collect(),
        }
    }

    fn account_view(&self) -> Option<AccountView> {
        let account = self.account().ok()?;
        let bank = self.keys.as_ref()?.bank(&account.bank)?;
        // What the bank said before money moved is not what it would say now.
        let moved =
            |asked: Time| self.transactions.values().any(|it| it.moves_account_after(asked));
        let balance = self.balance.iter().find(|balance| !moved(balance.at));
        let amounts = balance.into_iter().flat_map(|balance| &balance.amounts);
        let balances: Vec<_> = amounts.map(|amount| self.money(*amount)).collect();
        let first = self.keys.as_ref()?.currencies.first().map(|info| info.currency.code());
        let first = |money: &&MoneyView| Some(money.currency.as_str()) == first;
        Some(AccountView {
            bank: bank.name.to_string(),
            number: account.number.to_string(),
            balance: balances.iter().find(first).cloned(),
            balances,
        })
    }

    fn balance_view(&self, currency: Currency, now: Time) -> BalanceView {
        let available = choice::Counts::of(&self.spendable(currency, Some(now)));
        let of = |held: &&HeldCoin| held.coin.body.currency == currency;
        let reserved: Vec<_> =
            self.sagas.values().flat_map(|open| open.saga.coins()).filter(of).cloned().collect();
        BalanceView {
            available: self.money(self.total(currency, now)),
            pending: self.money(worth(&reserved, currency)),
            coins: u32::try_from(available.coins()).unwrap_or(u32::MAX),
        }
    }

    fn transaction_view(&self, id: OperationId, past: &Past) -> TransactionView {
        let retried = self.sagas.get(&id).and_then(|open| match open.saga {
            Saga::AwaitingReceipt(_) => None,
            _ => open.problem.as_ref().filter(|_| !open.saga.is_over()),
        });
        let Past { record: it, shown, .. } = past;
        let delivered = it.state == TransactionState::Done;
        TransactionView {
            id: id.to_string(),
            kind: it.kind,
            state: it.state,
            amount: it.amount.map(|amount| self.money(amount)),
            counterparty: it.counterparty.clone(),
            purpose: shown.purpose.clone(),
            at: it.at.0,
            change: it.change.map(|amount| self.money(amount)),
            receipt: shown.receipt.clone(),
            fulfilment_url: shown.fulfilment_url.clone().filter(|_| delivered),
            lost: it.lost.map(|amount| self.money(amount)),
            problem: it.problem.as_ref().or(retried).map(Problem::view),
        }
    }
}

/// An operation in memory: its record, and what is decoded from it once, since views are many.
pub(super) struct Past {
    record: Transaction,
    shown: Shown,
}

/// What is inside a record's signed documents.
#[derive(Default)]
struct Shown {
    invoice: Option<Digest>,
    purpose: Option<String>,
    fulfilment_url: Option<String>,
    receipt: Option<ReceiptView>,
}

impl Past {
    pub(super) fn new(record: Transaction) -> Self {
        let shown = record.invoice.as_ref().and_then(|invoice| {
            let content = invoice.claim().ok()?;
            Some(Shown {
                invoice: Some(invoice.digest()),
                receipt: receipt_view(&record, &content),
                purpose: Some(content.purpose.to_string()),
                fulfilment_url: content.fulfilment_url.map(|url| url.to_string()),
            })
        });
        Self { record, shown: shown.unwrap_or_default() }
    }

    /// A copy of the record, to be changed and written.
    pub(super) fn record(&self) -> Transaction {
        self.record.clone()
    }

    /// Which invoice it pays, if it pays one.
    pub(super) const fn invoice(&self) -> Option<Digest> {
        self.shown.invoice
    }

    pub(super) const fn state(&self) -> TransactionState {
        self.record.state
    }

    /// When it began.
    pub(super) const fn at(&self) -> Time {
        self.record.at
    }

    /// Whether it moves money in the bank account, and began after `time`.
    fn moves_account_after(&self, time: Time) -> bool {
        let kind = self.record.kind;
        matches!(kind, TransactionKind::Withdrawal | TransactionKind::Redemption)
            && self.record.at > time
    }

    /// Where it comes among this wallet's operations.
    pub(super) const fn number(&self) -> u64 {
        self.record.number
    }
}

/// A checked invoice as a page shows it, with nothing in the way.
pub fn show_invoice(checked: &CheckedInvoice, issuer: &IssuerKeys) -> InvoiceView {
    let (content, payee) = (checked.invoice(), checked.payee());
    InvoiceView {
        id: content.id.to_string(),
        payee: payee.pseudonym.to_string(),
        pay_origin: origin(content.pay_url.as_str()),
        amount: money(content.amount, Some(issuer)),
        purpose: content.purpose.to_string(),
        expires_at: content.expires.0,
        fulfilment_url: content.fulfilment_url.as_ref().map(Url::to_string),
        obstacle: None,
    }
}

fn money(amount: Amount, issuer: Option<&IssuerKeys>) -> MoneyView {
    let info = issuer.and_then(|keys| keys.currency(amount.currency()));
    MoneyView {
        currency: amount.currency().code().to_owned(),
        minor: amount.minor(),
        exponent: info.map_or(0, |info| info.exponent),
    }
}

/// The receipt, which was checked when it came.
fn receipt_view(it: &Transaction, invoice: &Invoice) -> Option<ReceiptView> {
    let receipt = it.receipt.as_ref()?.claim().ok()?;
    let payee = invoice.payee.claim().ok()?;
    Some(ReceiptView {
        payee: payee.pseudonym.to_string(),
        invoice: invoice.id.to_string(),
        accepted_at: receipt.acceptance.claim().ok()?.at.0,
        payee_key: fingerprint(&payee.key),
    })
}

/// The issuer whose certificate the payee of a foreign invoice holds.
fn foreign_issuer(invoice: &Signed<Invoice>) -> Result<VerifyingKey, Problem> {
    let claim = invoice.claim().map_err(|_| Problem::from(Fault::InvoiceUnreadable))?;
    let issuer = claim.issuers.iter().find(|it| claim.payee.open(&it.key).is_ok());
    issuer.map(|it| it.key).ok_or(Problem::from(Code::InvoiceInvalid))
}

/// A key for people to compare: eight groups of four hexadecimal digits of its digest.
fn fingerprint(key: &VerifyingKey) -> String {
    let digest = Digest::of("koban/v1/key", &key.0);
    let groups: Vec<String> = digest
        .prefix::<16>()
        .chunks(2)
        .map(|pair| pair.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    groups.join(" ")
}

/// Scheme and host of an address.
fn origin(url: &str) -> String {
    let host = url.find("://").map_or(0, |at| at.saturating_add(3));
    let end = url.get(host..).and_then(|rest| rest.find(['/', '?', '#']));
    let end = end.map_or(url.len(), |at| host.saturating_add(at));
    url.get(..end).unwrap_or(url).to_owned()
}
