//! What the wallet keeps: CBOR rows in named stores.
//!
//! | store | key | value |
//! | --- | --- | --- |
//! | `identity` | `seed` | the seed all keys come from |
//! | `identity` | `certificate` | the issuer's certificate for them |
//! | `identity` | `balance` | what the bank last said of the account |
//! | `keys` | `issuer` | the issuer's keys as last fetched; their identity key is pinned |
//! | `keys` | `originator` | the same of the originator of cards |
//! | `coin` | coin id | a coin that can be spent; it leaves when an operation takes it |
//! | `saga` | operation id | an open operation with everything needed to end it |
//! | `transaction` | operation id | what became of an operation, with its receipt or evidence |
//! | `card` | card id | what was in a card when it was last here |

use core::fmt;

use koban_protocol::amount::Amount;
use koban_protocol::entropy::Entropy;
use koban_protocol::id::OperationId;
use koban_protocol::online::tagged::wire::Coin;
use koban_protocol::process::{Asked, Process};
use koban_protocol::refusal::Evidence;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Acceptance, Invoice, IssuerKeys, Receipt};
use koban_protocol::time::Time;
use koban_protocol::wire::{self, Bytes};
use minicbor::{Decode, Encode};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::problem::{Fault, Problem};
use crate::view::{TransactionKind, TransactionState};

/// A named store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Store {
    /// Seed, certificate, balance.
    Identity,
    /// The issuer's keys.
    Keys,
    /// Coins that can be spent.
    Coin,
    /// Open operations.
    Saga,
    /// All operations as the holder sees them.
    Transaction,
    /// Cards that were here.
    Card,
}

impl Store {
    /// Every store.
    pub const ALL: [Self; 6] =
        [Self::Identity, Self::Keys, Self::Coin, Self::Saga, Self::Transaction, Self::Card];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Keys => "keys",
            Self::Coin => "coin",
            Self::Saga => "saga",
            Self::Transaction => "transaction",
            Self::Card => "card",
        }
    }
}

/// A row. Its value may be worth money: it is never printed, and zeroed when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// In which store.
    pub store: Store,
    /// Under which key.
    pub key: String,
    /// The record.
    pub value: Vec<u8>,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({}/{}, {} bytes)", self.store.name(), self.key, self.value.len())
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

/// One edit of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Insert or replace.
    Put(Row),
    /// Remove.
    Delete(Store, String),
}

impl Edit {
    pub(super) fn put<T: Encode<()>>(store: Store, key: impl ToString, record: &T) -> Self {
        Self::Put(Row { store, key: key.to_string(), value: wire::encode(record) })
    }
}

/// Bytes that must not be seen.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(super) struct Secret<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<C, const N: usize> Encode<C> for Secret<N> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C, const N: usize> Decode<'b, C> for Secret<N> {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes = d.bytes()?.try_into();
        bytes.map(Self).map_err(|_| minicbor::decode::Error::message("wrong length"))
    }
}

/// A coin in the wallet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct HeldCoin {
    /// The coin.
    #[n(0)]
    pub(super) coin: Coin,
    /// Whether the register may have noted whose it is, so that a refund may replace it (VC-8).
    #[n(1)]
    pub(super) recorded: bool,
}

/// What the bank said of the account.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Balance {
    /// One amount a currency.
    #[n(0)]
    pub(super) amounts: Vec<Amount>,
    /// When.
    #[n(1)]
    pub(super) at: Time,
}

/// A sealed order with the secret of its answer, as the journal keeps it.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Order {
    /// The operation at the issuer.
    #[n(0)]
    pub(super) operation: OperationId,
    /// The exact bytes to send.
    #[n(1)]
    pub(super) request: Bytes,
    /// What opens the answer.
    #[n(2)]
    secret: Secret<97>,
}

impl Order {
    /// Seals `order` to the issuer.
    pub(super) fn seal<P: Process>(
        operation: OperationId,
        order: &P::Order,
        issuer: &IssuerKeys,
        entropy: Entropy,
    ) -> Result<Self, Problem> {
        let asked = Asked::<P>::new(operation, order, issuer, entropy)
            .map_err(|_| Problem::with(Fault::IssuerMisbehaved, "sealing key"))?;
        let secret = Secret(asked.secret().expose());
        Ok(Self { operation, request: Bytes(asked.request().to_vec()), secret })
    }

    /// The order, to open its answer or to acknowledge it.
    pub(super) fn asked<P: Process>(&self) -> Asked<P> {
        Asked::restore(self.operation, self.request.0.clone(), &self.secret.0)
    }
}

/// What became of an operation.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Transaction {
    /// What it is.
    #[n(0)]
    pub(super) kind: TransactionKind,
    /// Where it stands.
    #[n(1)]
    pub(super) state: TransactionState,
    /// When it began.
    #[n(2)]
    pub(super) at: Time,
    /// How much moves.
    #[n(3)]
    pub(super) amount: Option<Amount>,
    /// The other side's name.
    #[n(4)]
    pub(super) counterparty: Option<String>,
    /// Change that came back.
    #[n(5)]
    pub(super) change: Option<Amount>,
    /// The invoice that a payment pays.
    #[n(6)]
    pub(super) invoice: Option<Signed<Invoice>>,
    /// The issuer's word that it is paid.
    #[n(7)]
    pub(super) acceptance: Option<Signed<Acceptance>>,
    /// The payee's receipt.
    #[n(8)]
    pub(super) receipt: Option<Signed<Receipt>>,
    /// The issuer's signed statement why not.
    #[n(9)]
    pub(super) evidence: Option<Evidence>,
    /// What went wrong last.
    #[n(10)]
    pub(super) problem: Option<Problem>,
    /// Coins that the issuer's statement named as bad, and that left the wallet.
    #[n(11)]
    pub(super) lost: Option<Amount>,
    /// Where it comes among this wallet's operations, from 1: several may begin in one second.
    #[n(12)]
    pub(super) number: u64,
}

impl Transaction {
    /// A new operation.
    pub(super) const fn open(kind: TransactionKind, at: Time, amount: Option<Amount>) -> Self {
        Self {
            kind,
            state: TransactionState::Open,
            at,
            amount,
            counterparty: None,
            change: None,
            invoice: None,
            acceptance: None,
            receipt: None,
            evidence: None,
            problem: None,
            lost: None,
            number: 0,
        }
    }
}
