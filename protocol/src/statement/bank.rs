//! What banks, their customers and the issuer say about accounts and reserves.

use minicbor::{Decode, Encode};

use super::{Name, Short, Url};
use crate::amount::Amount;
use crate::id::{KeyId, OperationId};
use crate::key::VerifyingKey;
use crate::signed::Signed;
use crate::time::Time;

/// What a bank publishes of itself.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BankKeys {
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

/// An account at a bank.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AccountRef {
    /// The bank's short name.
    #[n(0)]
    pub bank: Short,
    /// The account number.
    #[n(1)]
    pub number: Short,
    /// The key that authorises its debits.
    #[n(2)]
    pub key: VerifyingKey,
}

/// A person asks a bank for an account, under the new account's own key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OpenAccount {
    /// The bank's short name.
    #[n(0)]
    pub bank: Short,
    /// The owner's name: the bank knows its customers.
    #[n(1)]
    pub owner: Name,
    /// The key that will authorise debits.
    #[n(2)]
    pub key: VerifyingKey,
    /// When it was asked.
    #[n(3)]
    pub at: Time,
}

/// The bank vouches that an account belongs to a key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AccountAttestation {
    /// The account.
    #[n(0)]
    pub account: AccountRef,
    /// When the bank said so.
    #[n(1)]
    pub at: Time,
}

/// An account's owner asks for its balance.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BalanceInquiry {
    /// The account.
    #[n(0)]
    pub account: AccountRef,
    /// When it was asked.
    #[n(1)]
    pub at: Time,
}

/// An account's owner lets an issuer take an amount, once, for one operation (W2, W3).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DebitAuthorisation {
    /// The purchase it pays for.
    #[n(0)]
    pub operation: OperationId,
    /// The account.
    #[n(1)]
    pub account: AccountRef,
    /// The issuer whose reserve the money goes to.
    #[n(2)]
    pub issuer: KeyId,
    /// How much.
    #[n(3)]
    pub amount: Amount,
    /// Until when the bank may honour it.
    #[n(4)]
    pub expires: Time,
}

/// The issuer presents a debit authorisation to the bank.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Collection {
    /// What the account's owner signed.
    #[n(0)]
    pub authorisation: Signed<DebitAuthorisation>,
}

/// The issuer has its reserve pay an account; the bank does it once per operation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Transfer {
    /// The operation it belongs to.
    #[n(0)]
    pub operation: OperationId,
    /// The account to pay.
    #[n(1)]
    pub account: AccountRef,
    /// How much.
    #[n(2)]
    pub amount: Amount,
}

/// The issuer moves reserve from one bank to another, so that several banks share one money
/// (NTT-3). The paying bank carries it out and hands it, countersigned, to the other.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Settlement {
    /// The operation that needs it.
    #[n(0)]
    pub operation: OperationId,
    /// The bank that pays.
    #[n(1)]
    pub from: Short,
    /// The bank that is paid.
    #[n(2)]
    pub to: Short,
    /// How much.
    #[n(3)]
    pub amount: Amount,
}

/// The paying bank carried a settlement out; the other bank credits the issuer's reserve on this
/// word.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SettlementPaid {
    /// What the issuer signed.
    #[n(0)]
    pub settlement: Signed<Settlement>,
}

/// What a bank did for an issuer's operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum BankAct {
    /// Took an amount from an account into the issuer's reserve.
    #[n(0)]
    Debited,
    /// Paid an amount from the issuer's reserve to an account.
    #[n(1)]
    Credited,
    /// Received an amount from another bank into the issuer's reserve.
    #[n(2)]
    Settled,
}

/// The bank's word that it did something, once.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BankConfirmation {
    /// The operation.
    #[n(0)]
    pub operation: OperationId,
    /// What was done.
    #[n(1)]
    pub act: BankAct,
    /// How much.
    #[n(2)]
    pub amount: Amount,
}
