//! The JSON of the shops' interface. Bodies with unknown members, or over [`JSON_BYTES_MAX`], are
//! refused.

use koban_protocol::amount::{Amount, Currency};
use koban_protocol::id::Digest;
use koban_protocol::refusal::Code;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Largest JSON body a route takes, bytes.
pub const JSON_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a shop's reference to its own order.
pub const REFERENCE_BYTES_MAX: usize = 128;
/// Orders or events in one answer.
pub const PAGE_MAX: u32 = 100;

/// How a shop takes payments (VC-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Taking {
    /// As fresh coins, kept at the payment server.
    Refresh,
    /// As money in the shop's account.
    Redeem,
    /// As value the issuer keeps, to be redeemed later, together.
    Aggregate,
}

impl Taking {
    /// As it is stored.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Refresh => 0,
            Self::Redeem => 1,
            Self::Aggregate => 2,
        }
    }

    /// As it was stored.
    pub(super) const fn of_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Refresh),
            1 => Some(Self::Redeem),
            2 => Some(Self::Aggregate),
            _ => None,
        }
    }
}

/// An amount in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// The currency's code.
    pub currency: String,
    /// Minor units: yen, cents.
    pub minor: u64,
}

impl From<Amount> for Money {
    fn from(amount: Amount) -> Self {
        Self { currency: amount.currency().code().into(), minor: amount.minor() }
    }
}

impl Money {
    /// The amount, above zero.
    ///
    /// # Errors
    /// [`Code::CurrencyUnknown`], [`Code::AmountInvalid`].
    pub fn amount(&self) -> Result<Amount, Code> {
        let amount = Amount::new(currency(&self.currency)?, self.minor);
        let amount = amount.map_err(|_| Code::AmountInvalid)?;
        if amount.is_zero() { Err(Code::AmountInvalid) } else { Ok(amount) }
    }
}

/// The currency of a code.
///
/// # Errors
/// [`Code::CurrencyUnknown`].
pub(super) fn currency(code: &str) -> Result<Currency, Code> {
    Currency::new(code).ok_or(Code::CurrencyUnknown)
}

/// What opening a shop needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewShop {
    /// The name payers see; the issuer certifies it.
    pub name: String,
    /// Where events are posted.
    #[serde(default)]
    pub webhook: Option<String>,
    /// The bank's short name.
    pub bank: String,
    /// The account's owner, for the bank.
    pub owner_name: String,
    /// How payments are taken.
    pub take: Taking,
}

/// A shop that is open.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenedShop {
    /// Its id.
    pub shop: String,
    /// What it shows to use this interface.
    pub token: String,
}

/// What a shop may change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How payments are taken from now on.
    pub take: Taking,
    /// Where events are posted; absent: nowhere.
    #[serde(default)]
    pub webhook: Option<String>,
}

/// A shop as its owner sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shop {
    /// Its id.
    pub shop: String,
    /// Its name.
    pub name: String,
    /// Its participant id at the issuer.
    pub participant: String,
    /// The bank's short name.
    pub bank: String,
    /// The account's number.
    pub account: String,
    /// How payments are taken.
    pub take: Taking,
    /// Where events are posted.
    pub webhook: Option<String>,
    /// Its money, one entry a currency.
    pub takings: Vec<Takings>,
}

/// A shop's money in one currency, minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Takings {
    /// The currency's code.
    pub currency: String,
    /// All payments that were taken.
    pub received: u64,
    /// Fresh coins held, those on their way to the account included.
    pub fresh: u64,
    /// How many coins that are.
    pub coins: u64,
    /// Value the issuer keeps, that on its way to the account included.
    pub held: u64,
    /// What of `fresh` and `held` is on its way to the account.
    pub redeeming: u64,
    /// What went to the account.
    pub redeemed: u64,
    /// Paid, but the issuer's coins were not what was asked for; its answer is kept as evidence.
    pub disputed: u64,
    /// The account's balance as the bank tells it; absent while the bank does not answer.
    pub account: Option<u64>,
}

/// What making an order needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// The shop's own name for the order; unique, and makes the call idempotent.
    pub reference: String,
    /// How much.
    pub amount: Money,
    /// What for, as the payer reads it.
    pub purpose: String,
    /// Where the payer's browser goes once paid.
    #[serde(default)]
    pub fulfilment_url: Option<String>,
    /// How long it may be paid, seconds.
    #[serde(default)]
    pub expires_in: Option<u64>,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nobody has paid it yet.
    Unpaid,
    /// A payer's envelope is being validated.
    Validating,
    /// Paid.
    Paid,
    /// Not paid, and too late.
    Expired,
}

/// An order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Its place in the list of orders.
    pub number: u64,
    /// Its id, which is its invoice's.
    pub order: String,
    /// The invoice's id.
    pub invoice_id: String,
    /// The shop's own name for it.
    pub reference: String,
    /// Where it stands.
    pub status: Status,
    /// How much.
    pub amount: Money,
    /// What for.
    pub purpose: String,
    /// Where the payer's browser goes once paid.
    pub fulfilment_url: Option<String>,
    /// When it was made, seconds since 1970 UTC.
    pub created: u64,
    /// Until when it may be paid.
    pub expires: u64,
    /// When it was paid.
    pub paid_at: Option<u64>,
    /// How the money was taken.
    pub taken: Option<Taking>,
    /// The signed invoice, base64url without padding.
    pub invoice: String,
    /// Where a wallet finds the invoice.
    pub invoice_url: String,
    /// Where a wallet posts the payment.
    pub pay_url: String,
}

/// A page of orders, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Orders {
    /// The orders.
    pub orders: Vec<Order>,
}

/// What to redeem.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redeem {
    /// The currency's code.
    pub currency: String,
}

/// What a call of `redeem` did, minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeemed {
    /// The currency's code.
    pub currency: String,
    /// What went to the account while this call lasted.
    pub redeemed: u64,
    /// What is still on its way; it is driven on without another call.
    pub redeeming: u64,
    /// What is left in coins and kept value: nothing, unless the issuer refused.
    pub left: u64,
}

/// The event of a paid order, in the stream and in a webhook's body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PaidEvent {
    /// `paid`.
    pub event: String,
    /// The event's number; the same number is the same event.
    pub id: u64,
    /// The order.
    pub order: String,
    /// The shop's own name for it.
    pub reference: String,
    /// How much.
    pub amount: Money,
    /// How the money was taken.
    pub taken: Taking,
    /// When, seconds since 1970 UTC.
    pub at: u64,
}

/// A JSON body.
///
/// # Errors
/// [`Code::TooLong`], [`Code::Malformed`].
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Code> {
    if body.len() > JSON_BYTES_MAX {
        return Err(Code::TooLong);
    }
    serde_json::from_slice(body).map_err(|_| Code::Malformed)
}

/// The identity of what was asked, to tell a repetition from another request under the same key.
pub(super) fn fingerprint<T: Serialize>(asked: &T) -> Result<Digest, Code> {
    let text = serde_json::to_vec(asked).map_err(|_| Code::Internal)?;
    Ok(Digest::of("koban/v1/payment-server-request", &text))
}
