//! What the wallet shows: plain values, ready for a page or for JavaScript. Nothing here is secret.

mod card;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
#[cfg(feature = "js")]
use tsify::Tsify;

pub use card::{
    CardClass, CardMessage, CardOpen, CardPhase, CardStanding, CardView, EntryKind, EntryView,
    KnownCardView, MessageKind, PocketView,
};

/// The whole wallet as a page shows it; made anew after every change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct WalletView {
    /// How far the holder has come.
    pub stage: Stage,
    /// The name the holder is known by at the issuer.
    pub pseudonym: Option<String>,
    /// The issuer, once its keys were fetched and checked.
    pub issuer: Option<IssuerView>,
    /// The holder's bank account, once enrolled.
    pub account: Option<AccountView>,
    /// One balance per currency, in the issuer's order.
    pub balances: Vec<BalanceView>,
    /// The cards that are connected.
    pub cards: Vec<CardView>,
    /// The holder's cards with what was in them when last seen.
    pub known_cards: Vec<KnownCardView>,
    /// Every operation the wallet took part in, newest first.
    pub transactions: Vec<TransactionView>,
    /// Whether the browser promised to keep the wallet's database (`navigator.storage.persisted`).
    pub storage_persistent: bool,
    /// What concerns the whole wallet, such as an issuer whose key has changed.
    pub problem: Option<ProblemView>,
}

/// How far the holder has come (VC-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// Nothing is registered yet.
    New,
    /// A pseudonym and a key are registered: the holder may pay and receive.
    Registered,
    /// A bank account is enrolled as well: the holder may withdraw and redeem.
    Enrolled,
}

/// The issuer as the wallet knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct IssuerView {
    /// The issuer's name.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Its identity key, as eight groups of four hexadecimal digits.
    pub fingerprint: String,
    /// The currencies it issues.
    pub currencies: Vec<CurrencyView>,
    /// The banks it works with.
    pub banks: Vec<BankView>,
}

/// A currency and how it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct CurrencyView {
    /// ISO 4217 code, such as `JPY`.
    pub code: String,
    /// Digits after the decimal point: 0 for yen, 2 for dollars.
    pub exponent: u8,
}

/// A bank that keeps money for the issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct BankView {
    /// The bank's short name, as used in requests.
    pub id: String,
    /// The bank's name for people.
    pub name: String,
}

/// The holder's own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// The bank's name for people.
    pub bank: String,
    /// The account number.
    pub number: String,
    /// The balance when it was last asked for, in the issuer's first currency.
    pub balance: Option<MoneyView>,
    /// The balances when they were last asked for, one a currency.
    pub balances: Vec<MoneyView>,
}

/// An amount of money for display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MoneyView {
    /// ISO 4217 code.
    pub currency: String,
    /// Minor units; at most 2^53 - 1.
    pub minor: u64,
    /// Digits after the decimal point.
    pub exponent: u8,
}

/// What is held in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct BalanceView {
    /// What can be spent now.
    pub available: MoneyView,
    /// What belongs to operations that are still open.
    pub pending: MoneyView,
    /// How many coins make up `available`.
    pub coins: u32,
}

/// What kind of operation a transaction was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[cbor(index_only)]
#[serde(rename_all = "camelCase")]
pub enum TransactionKind {
    /// Registration of a pseudonym.
    #[n(0)]
    Registration,
    /// Enrolment of a bank account.
    #[n(1)]
    Enrolment,
    /// Coins bought from the account.
    #[n(2)]
    Withdrawal,
    /// A payment to a payee.
    #[n(3)]
    Payment,
    /// Coins changed for others, or old ones for new.
    #[n(4)]
    Change,
    /// Coins turned into money in the account.
    #[n(5)]
    Redemption,
    /// Lost coins given again.
    #[n(6)]
    Refund,
    /// Coins put onto a card.
    #[n(7)]
    Load,
    /// Value of a card turned into coins.
    #[n(8)]
    Unload,
    /// Lost value of a card loaded again.
    #[n(9)]
    CardRefund,
}

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[cbor(index_only)]
#[serde(rename_all = "camelCase")]
pub enum TransactionState {
    /// Written down and on its way; it resumes by itself.
    #[n(0)]
    Open,
    /// Being called back: its coins are being changed for new ones.
    #[n(1)]
    Cancelling,
    /// Finished.
    #[n(2)]
    Done,
    /// Called back; the money is in the wallet.
    #[n(3)]
    Cancelled,
    /// Refused; the money is in the wallet, or, with `bad_coins`, was not good.
    #[n(4)]
    Refused,
}

/// One line of the activity page, with its receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct TransactionView {
    /// The operation's id, 32 hexadecimal digits.
    pub id: String,
    /// What it was.
    pub kind: TransactionKind,
    /// Where it stands.
    pub state: TransactionState,
    /// The amount that moved; none for registration and enrolment.
    pub amount: Option<MoneyView>,
    /// The other side: payee's name, or bank and account.
    pub counterparty: Option<String>,
    /// What a payment was for.
    pub purpose: Option<String>,
    /// When it began, seconds since 1970.
    pub at: u64,
    /// Change that came back with a payment.
    pub change: Option<MoneyView>,
    /// The payee's signed receipt, once there.
    pub receipt: Option<ReceiptView>,
    /// Where the payee delivers, once paid.
    pub fulfilment_url: Option<String>,
    /// Coins that the issuer's signed statement named as bad, and that left the wallet.
    pub lost: Option<MoneyView>,
    /// Why it was refused or is being retried.
    pub problem: Option<ProblemView>,
}

/// A receipt that was checked against the invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct ReceiptView {
    /// The payee's name.
    pub payee: String,
    /// The invoice's id, 32 hexadecimal digits.
    pub invoice: String,
    /// When the issuer accepted, seconds since 1970.
    pub accepted_at: u64,
    /// The payee's key, as a fingerprint.
    pub payee_key: String,
}

/// An invoice that was fetched, checked, and waits for the holder's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct InvoiceView {
    /// The invoice's id, 32 hexadecimal digits.
    pub id: String,
    /// Who asks.
    pub payee: String,
    /// The address where the payment goes, scheme and host only.
    pub pay_origin: String,
    /// How much.
    pub amount: MoneyView,
    /// What for.
    pub purpose: String,
    /// Until when it may be paid, seconds since 1970.
    pub expires_at: u64,
    /// Where the payee delivers.
    pub fulfilment_url: Option<String>,
    /// What stands between the holder and one click.
    pub obstacle: Option<Obstacle>,
}

/// Why an invoice cannot be paid right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub enum Obstacle {
    /// The holder has not registered.
    NotRegistered,
    /// Not enough money in this currency.
    TooLittleMoney,
    /// The invoice has expired.
    Expired,
    /// This wallet has paid it already.
    AlreadyPaid,
    /// The wallet's issuer is not among those the payee accepts.
    ForeignIssuer,
}

/// A problem in plain words' keys: the page translates `code`, and shows `detail` as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct ProblemView {
    /// A stable name such as `coin-not-live`; the page has a sentence for each.
    pub code: String,
    /// Who caused it.
    pub culprit: Culprit,
    /// Facts for support: which coin, which number. Never a secret.
    pub detail: String,
}

/// Whose fault a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub enum Culprit {
    /// The holder or this wallet.
    Holder,
    /// The payee or its payment server.
    Payee,
    /// The issuer.
    Issuer,
    /// The bank.
    Bank,
    /// The network or the browser.
    Network,
}

/// The issuer's published totals of one moment (VC-10), as it answers them at `/audit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct AuditView {
    /// The moment, seconds since 1970.
    pub at: u64,
    /// Whether all totals are of that one moment; operations may follow each other too closely.
    pub steady: bool,
    /// Totals, one entry a currency.
    pub currencies: Vec<CurrencyAudit>,
}

/// One currency's totals, in minor units. The rule, with `issued = coins + held + cards`: `issued -
/// settling - transit <= reserves <= issued + owed + debiting`, and equality when nothing is in
/// flight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct CurrencyAudit {
    /// ISO 4217 code.
    pub code: String,
    /// Digits after the decimal point.
    pub exponent: u8,
    /// Coins in circulation.
    pub coins: u64,
    /// Value held for payees.
    pub held: u64,
    /// Value in cards, owed to their originator.
    #[serde(default)]
    pub cards: u64,
    /// Inputs of decided operations that other shards have yet to erase.
    pub settling: u64,
    /// Money that left the coins and has yet to reach a bank account.
    pub owed: u64,
    /// Money that banks were asked to debit and that has yet to become coins.
    pub debiting: u64,
    /// Money on its way from bank to bank.
    pub transit: u64,
    /// The issuer's money at each bank.
    pub reserves: Vec<Reserve>,
    /// Whether the issuer itself finds the rule kept.
    pub consistent: bool,
}

/// The issuer's account at one bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "js", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct Reserve {
    /// The bank's short name.
    pub bank: String,
    /// The bank's name for people.
    pub name: String,
    /// What the account holds, in minor units.
    pub minor: u64,
}
