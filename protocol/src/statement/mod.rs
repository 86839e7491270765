//! The documents parties sign, each under its own domain `koban/v1/<type>`.

mod bank;
mod originator;
mod register;

use minicbor::{Decode, Encode};

pub use bank::*;
pub use originator::*;
pub use register::*;

use crate::amount::{Amount, Currency, Denomination};
use crate::id::{CoinId, Digest, InvoiceId, OperationId, ParticipantId};
use crate::key::VerifyingKey;
use crate::limits::{
    COINS_MAX, NAME_BYTES_MAX, PARTIES_MAX, PURPOSE_BYTES_MAX, SHORT_BYTES_MAX, URL_BYTES_MAX,
};
use crate::sealed::SealingKey;
use crate::signed::{Signed, Statement, domains};
use crate::time::{Day, Time};
use crate::wire::{List, Text};

/// A name for people: a pseudonym, a shop, a bank.
pub type Name = Text<NAME_BYTES_MAX>;
/// A bank's short name or an account number.
pub type Short = Text<SHORT_BYTES_MAX>;
/// What a payment is for.
pub type Purpose = Text<PURPOSE_BYTES_MAX>;
/// An address.
pub type Url = Text<URL_BYTES_MAX>;

domains! {
    IssuerKeys = "issuer-keys",
    BankKeys = "bank-keys",
    Certificate = "certificate",
    OpenAccount = "open-account",
    AccountAttestation = "account-attestation",
    BalanceInquiry = "balance-inquiry",
    DebitAuthorisation = "debit-authorisation",
    Collection = "collection",
    Transfer = "transfer",
    Settlement = "settlement",
    SettlementPaid = "settlement-paid",
    BankConfirmation = "bank-confirmation",
    RegisterKeys = "register-keys",
    RegisterNote = "register-note",
    RegisterLookup = "register-lookup",
    OriginatorKeys = "originator-keys",
    Funded = "funded",
    Released = "released",
    Invoice = "invoice",
    Acceptance = "acceptance",
    Receipt = "receipt",
    CoinVerdict = "coin-verdict",
    Mismatch = "mismatch",
}

/// A currency an issuer issues.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CurrencyInfo {
    /// Its code.
    #[n(0)]
    pub currency: Currency,
    /// Digits after the decimal point: 0 for yen, 2 for dollars.
    #[n(1)]
    pub exponent: u8,
    /// The largest coin.
    #[n(2)]
    pub largest: Denomination,
}

/// A bank that keeps an issuer's reserve.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BankInfo {
    /// Its short name.
    #[n(0)]
    pub id: Short,
    /// Its name.
    #[n(1)]
    pub name: Name,
    /// Its address.
    #[n(2)]
    pub url: Url,
    /// The key it signs with.
    #[n(3)]
    pub key: VerifyingKey,
}

/// What an issuer publishes of itself, under its identity key; the wallet pins that key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct IssuerKeys {
    /// Its name.
    #[n(0)]
    pub name: Name,
    /// Its address.
    #[n(1)]
    pub url: Url,
    /// Its identity key: signs certificates, acceptances and verdicts.
    #[n(2)]
    pub key: VerifyingKey,
    /// The key that requests are sealed to.
    #[n(3)]
    pub sealing: SealingKey,
    /// How many coin shards there are.
    #[n(4)]
    pub shards: u16,
    /// What it issues.
    #[n(5)]
    pub currencies: List<CurrencyInfo, PARTIES_MAX>,
    /// Where its reserves are.
    #[n(6)]
    pub banks: List<BankInfo, PARTIES_MAX>,
    /// Coins of one period expire together; the period's length, days.
    #[n(7)]
    pub epoch_days: u32,
    /// How long a coin can be spent at least, days.
    #[n(8)]
    pub coin_lifetime_days: u32,
    /// How long after its expiry a coin can still be refreshed, days.
    #[n(9)]
    pub refresh_days: u32,
}

impl IssuerKeys {
    /// The currency's entry.
    pub fn currency(&self, currency: Currency) -> Option<&CurrencyInfo> {
        self.currencies.iter().find(|info| info.currency == currency)
    }

    /// The bank's entry.
    pub fn bank(&self, id: &Short) -> Option<&BankInfo> {
        self.banks.iter().find(|info| info.id == *id)
    }

    /// The day on which a coin made at `now` expires.
    pub fn expiry(&self, now: Time) -> Day {
        now.day().plus(self.coin_lifetime_days).round_up(self.epoch_days)
    }
}

/// The issuer certifies a participant's key under a pseudonym (VC-2); with an account, it is
/// enrolled as purchaser and redeemer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Certificate {
    /// The pseudonym.
    #[n(0)]
    pub pseudonym: Name,
    /// The participant's key.
    #[n(1)]
    pub key: VerifyingKey,
    /// The enrolled account.
    #[n(2)]
    pub account: Option<AccountRef>,
    /// When it was issued.
    #[n(3)]
    pub issued: Time,
    /// Until when it holds.
    #[n(4)]
    pub expires: Time,
}

impl Certificate {
    /// Who it is about.
    pub fn participant(&self) -> ParticipantId {
        self.key.participant()
    }
}

/// An issuer whose coins a payee takes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct IssuerRef {
    /// Its identity key.
    #[n(0)]
    pub key: VerifyingKey,
    /// Its address.
    #[n(1)]
    pub url: Url,
}

/// What a payee asks of a payer (VC: `Com`), signed by the payee: who, what, how much, until when.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Invoice {
    /// Its id (VC: `TID_PY`).
    #[n(0)]
    pub id: InvoiceId,
    /// The payee as the issuer certified it.
    #[n(1)]
    pub payee: Signed<Certificate>,
    /// How much.
    #[n(2)]
    pub amount: Amount,
    /// What for.
    #[n(3)]
    pub purpose: Purpose,
    /// Whose coins are taken.
    #[n(4)]
    pub issuers: List<IssuerRef, PARTIES_MAX>,
    /// Where to post the payment.
    #[n(5)]
    pub pay_url: Url,
    /// Where the goods are, once paid.
    #[n(6)]
    pub fulfilment_url: Option<Url>,
    /// When it was made.
    #[n(7)]
    pub created: Time,
    /// Until when it may be paid.
    #[n(8)]
    pub expires: Time,
}

/// The issuer states that an invoice was paid in good coins (P2).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Acceptance {
    /// The operation.
    #[n(0)]
    pub operation: OperationId,
    /// The invoice's digest.
    #[n(1)]
    pub invoice: Digest,
    /// Who was paid.
    #[n(2)]
    pub payee: ParticipantId,
    /// How much.
    #[n(3)]
    pub amount: Amount,
    /// When.
    #[n(4)]
    pub at: Time,
}

/// The payee acknowledges payment; the issuer's acceptance is in it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Receipt {
    /// The invoice's digest.
    #[n(0)]
    pub invoice: Digest,
    /// The issuer's word.
    #[n(1)]
    pub acceptance: Signed<Acceptance>,
    /// When.
    #[n(2)]
    pub at: Time,
}

/// What is wrong with a coin. Forged and spent look alike, so that nobody learns which ids exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum CoinFault {
    /// Spent, in use by another operation, or never issued.
    #[n(0)]
    NotLive,
    /// Expired: it can be refreshed.
    #[n(1)]
    Expired,
    /// Of another currency.
    #[n(2)]
    OtherCurrency,
}

/// A coin and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BadCoin {
    /// The coin.
    #[n(0)]
    pub coin: CoinId,
    /// What is wrong.
    #[n(1)]
    pub fault: CoinFault,
}

/// The issuer states which coins of an operation were bad (P4); nothing was taken.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CoinVerdict {
    /// The operation.
    #[n(0)]
    pub operation: OperationId,
    /// The bad coins.
    #[n(1)]
    pub bad: List<BadCoin, COINS_MAX>,
    /// When.
    #[n(2)]
    pub at: Time,
}

/// The issuer states that payer and payee named different amounts (P4); nothing was taken.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Mismatch {
    /// The operation.
    #[n(0)]
    pub operation: OperationId,
    /// The invoice's digest.
    #[n(1)]
    pub invoice: Digest,
    /// What the payer sealed for the payee.
    #[n(2)]
    pub paid: Amount,
    /// What the payee asked for.
    #[n(3)]
    pub asked: Amount,
}
