//! A bank: customers' accounts, and the issuer's reserve, in one double-entry journal.
//!
//! ```text
//! GET  /keys             signed BankKeys
//! POST /accounts         signed OpenAccount     -> signed AccountAttestation
//! POST /balance          signed BalanceInquiry  -> JSON, for the account's owner
//! POST /debits           signed Collection      -> signed BankConfirmation  account -> reserve
//! POST /credits          signed Transfer        -> signed BankConfirmation  reserve -> account
//! POST /settlements/out  signed Settlement      -> signed SettlementPaid    reserve -> due
//! POST /settlements/in   signed SettlementPaid  -> signed BankConfirmation  due -> reserve
//! GET  /reserves         JSON, for any auditor (VC-10)
//! ```
//!
//! What moves value is done once per operation and answered with the same bytes ever after. The
//! bank never learns what was bought.

mod customer;
mod journal;
mod once;
mod reserve;
mod settlement;

use std::fmt;

use http::Method;
use koban_protocol::key::{SigningKey, VerifyingKey};
use koban_protocol::refusal::Code;
use koban_protocol::signed::{Signed, Statement};
use koban_protocol::statement::{AccountRef, BankKeys, Name, Short, Url};

use crate::answer::{Fault, cbor};
use crate::host::{Class, Host, HttpRequest, HttpResponse, Object, ObjectHost};
use crate::role::peer::{self, Issuer};
use crate::sql::StoreError;
use journal::Journal;

/// Answers a request to the bank's origin.
pub async fn front<H: Host>(host: &H, request: HttpRequest) -> HttpResponse {
    peer::forward(host, Class::Bank, "bank", request).await
}

/// The bank's object.
pub struct Bank<H> {
    host: H,
    keys: BankKeys,
    signing: SigningKey,
    issuer: Issuer,
}

impl<H> fmt::Debug for Bank<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bank({})", self.keys.id)
    }
}

impl<H: ObjectHost> Object<H> for Bank<H> {
    fn open(host: H) -> Result<Self, StoreError> {
        let seed = peer::seed(&host).map_err(|_| StoreError::Invariant("SEED is set"))?;
        let signing = SigningKey::from_seed(&seed);
        let keys = published(&host, signing.verifying_key())
            .ok_or(StoreError::Invariant("ROLE and SELF are set"))?;
        journal::make_tables(host.sql())?;
        once::make_tables(host.sql())?;
        Ok(Self { host, keys, signing, issuer: Issuer::default() })
    }

    async fn fetch(&self, request: HttpRequest) -> HttpResponse {
        let done = self.route(&request).await;
        peer::answer_of(&self.host, done)
    }

    /// A bank starts nothing by itself.
    async fn alarm(&self) {}
}

/// What the bank publishes of itself; its short name is its role.
fn published<H: Host>(host: &H, key: VerifyingKey) -> Option<BankKeys> {
    let role = host.setting("ROLE")?;
    let name = match role.as_str() {
        "bank-a" => "Asakusa Bank",
        "bank-b" => "Nihonbashi Bank",
        other => other,
    };
    let url = Url::new(&peer::own_url(host).ok()?)?;
    Some(BankKeys { id: Short::new(&role)?, name: Name::new(name)?, url, key })
}

impl<H: ObjectHost> Bank<H> {
    async fn route(&self, request: &HttpRequest) -> Result<HttpResponse, Fault> {
        let body = request.body();
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/keys") => Ok(cbor(&self.sign(&self.keys))),
            (&Method::GET, "/reserves") => self.reserves().await,
            (&Method::POST, "/accounts") => self.open_account(body),
            (&Method::POST, "/balance") => self.balance(body),
            (&Method::POST, "/debits") => self.debit(body).await,
            (&Method::POST, "/credits") => self.credit(body).await,
            (&Method::POST, "/settlements/out") => self.settle_out(body).await,
            (&Method::POST, "/settlements/in") => self.settle_in(body).await,
            _ => Err(Code::NotFound.into()),
        }
    }

    fn sign<T: Statement>(&self, statement: &T) -> Signed<T> {
        Signed::sign(statement, &self.signing)
    }

    fn journal(&self) -> Journal<'_, H::Sql> {
        Journal::of(self.host.sql())
    }

    /// The key of the issuer whose reserve is here.
    async fn issuer(&self) -> Result<VerifyingKey, Fault> {
        Ok(self.issuer.keys(&self.host).await?.key)
    }

    /// Whether a customer's account here has this number and key.
    fn is_ours(&self, account: &AccountRef) -> Result<bool, StoreError> {
        let number = self.journal().customer(&account.key)?;
        Ok(account.bank == self.keys.id && number.as_ref() == Some(&account.number))
    }
}
