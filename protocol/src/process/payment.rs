//! Payment (VC-4 to VC-6): invoice, envelope, validation, acceptance, receipt.
//!
//! The payer seals its coins to the issuer, bound to payee, invoice and amount, with its own change
//! request; the payee passes the envelope on unopened, with what it wants in return. P1 and P2: the
//! issuer makes the payee's value in the operation that takes the coins. P3: invoice, payee and
//! amount are inside the envelope and the invoice carries the payee's signature. P4: bad coins are
//! named to the payer alone; unequal amounts to both.

use minicbor::{Decode, Encode};

use super::{Asked, Process};
use crate::amount::{Amount, Bundle};
use crate::id::{Digest, ParticipantId};
use crate::key::VerifyingKey;
use crate::limits::{CLOCK_SKEW_MAX_S, INVOICE_LIFETIME_MAX_S};
use crate::online::tagged::wire::Coins;
use crate::refusal::{Answer, Code};
use crate::sealed::{Route, SealedAnswer};
use crate::signed::{Signed, Statement};
use crate::statement::{Acceptance, Certificate, Invoice, Receipt};
use crate::time::Time;
use crate::wire::Bytes;

/// The payer's side.
#[derive(Debug)]
pub enum Payment {}

impl Process for Payment {
    const ROUTE: Route = Route::Payment;
    type Order = PaymentOrder;
    type Outcome = PaymentOutcome;
}

/// The payee's side.
#[derive(Debug)]
pub enum Validation {}

impl Process for Validation {
    const ROUTE: Route = Route::Validation;
    type Order = Signed<ValidationOrder>;
    type Outcome = ValidationOutcome;
}

/// What is in the envelope.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PaymentOrder {
    /// The coins.
    #[n(0)]
    pub coins: Coins,
    /// The invoice they pay.
    #[n(1)]
    pub invoice: Digest,
    /// Who may have them.
    #[n(2)]
    pub payee: ParticipantId,
    /// How much of them.
    #[n(3)]
    pub amount: Amount,
    /// The rest, as fresh coins for the payer.
    #[n(4)]
    pub change: Option<Bundle>,
}

/// What the payer gets: the issuer's word, and its change.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PaymentOutcome {
    /// The issuer's word that the invoice is paid.
    #[n(0)]
    pub acceptance: Signed<Acceptance>,
    /// The change.
    #[n(1)]
    pub change: Coins,
}

/// What the payee does with a payment (VC-5).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Take {
    /// New coins of this bundle.
    #[n(0)]
    Refresh(#[n(0)] Bundle),
    /// Money in the enrolled account.
    #[n(1)]
    Redeem,
    /// Kept at the issuer, to be redeemed later, together.
    #[n(2)]
    Aggregate,
}

/// VC: `V-DESC` with the envelope, signed by the payee.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ValidationOrder {
    /// The payee; enrolled, if it redeems.
    #[n(0)]
    pub certificate: Signed<Certificate>,
    /// What was to be paid.
    #[n(1)]
    pub invoice: Signed<Invoice>,
    /// What the payee wants in return.
    #[n(2)]
    pub take: Take,
    /// The payer's envelope, unopened.
    #[n(3)]
    pub envelope: Bytes,
    /// When it was asked.
    #[n(4)]
    pub at: Time,
}

impl Statement for ValidationOrder {
    const DOMAIN: &'static str = "koban/v1/validation-order";
}

/// What the payee gets: its own verdict, and the payer's, sealed to the payer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ValidationOutcome {
    /// For the payee.
    #[n(0)]
    pub verdict: Answer<Validated>,
    /// For the payer, to be passed on unopened.
    #[n(1)]
    pub for_payer: SealedAnswer,
}

/// A payment that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Validated {
    /// The issuer's word.
    #[n(0)]
    pub acceptance: Signed<Acceptance>,
    /// Fresh coins, if the payee asked for them.
    #[n(1)]
    pub coins: Coins,
}

/// What the payee's server answers the payer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PaymentAnswer {
    /// The issuer's answer to the payer.
    #[n(0)]
    pub for_payer: SealedAnswer,
    /// The payee's receipt, if the payment was accepted.
    #[n(1)]
    pub receipt: Option<Signed<Receipt>>,
}

/// An invoice whose every signature was checked; only [`check_invoice`] makes one.
#[derive(Clone, Debug)]
pub struct CheckedInvoice {
    invoice: Invoice,
    payee: Certificate,
    digest: Digest,
}

impl CheckedInvoice {
    /// The invoice.
    pub const fn invoice(&self) -> &Invoice {
        &self.invoice
    }

    /// The payee as the issuer certified it.
    pub const fn payee(&self) -> &Certificate {
        &self.payee
    }

    /// Its digest.
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

/// Checks an invoice: the payee's certificate under the issuer's key, the invoice under the payee's
/// key, the issuer among those accepted, amount above zero, not dated ahead, and expiry.
///
/// # Errors
/// [`Code::InvoiceInvalid`], [`Code::InvoiceExpired`].
pub fn check_invoice(
    signed: &Signed<Invoice>,
    issuer: &VerifyingKey,
    now: Time,
) -> Result<CheckedInvoice, Code> {
    let claim = signed.claim().map_err(|_| Code::InvoiceInvalid)?;
    let payee = claim.payee.open(issuer).map_err(|_| Code::InvoiceInvalid)?;
    let invoice = signed.open(&payee.key).map_err(|_| Code::InvoiceInvalid)?;
    let accepted = invoice.issuers.iter().any(|accepted| accepted.key == *issuer);
    let bounded = invoice.expires <= invoice.created.plus(INVOICE_LIFETIME_MAX_S)
        && invoice.created <= now.plus(CLOCK_SKEW_MAX_S);
    if !accepted || !bounded || invoice.amount.is_zero() || payee.expires < now {
        return Err(Code::InvoiceInvalid);
    }
    if invoice.expires < now {
        return Err(Code::InvoiceExpired);
    }
    Ok(CheckedInvoice { invoice, payee, digest: signed.digest() })
}

/// Checks a receipt against the invoice it is for: the payee's signature, the issuer's acceptance
/// inside, equal amounts.
///
/// # Errors
/// [`Code::BadSignature`].
pub fn check_receipt(
    receipt: &Signed<Receipt>,
    invoice: &CheckedInvoice,
    issuer: &VerifyingKey,
) -> Result<Receipt, Code> {
    let receipt = receipt.open(&invoice.payee.key).map_err(|_| Code::BadSignature)?;
    check_acceptance(&receipt.acceptance, invoice, issuer)?;
    if receipt.invoice == invoice.digest { Ok(receipt) } else { Err(Code::BadSignature) }
}

/// Checks that the issuer accepted payment of this invoice in full.
///
/// # Errors
/// [`Code::BadSignature`].
pub fn check_acceptance(
    acceptance: &Signed<Acceptance>,
    invoice: &CheckedInvoice,
    issuer: &VerifyingKey,
) -> Result<Acceptance, Code> {
    let accepted = acceptance.open(issuer).map_err(|_| Code::BadSignature)?;
    let same = accepted.invoice == invoice.digest
        && accepted.payee == invoice.payee.participant()
        && accepted.amount == invoice.invoice.amount;
    if same { Ok(accepted) } else { Err(Code::BadSignature) }
}

/// The payer's order on its way.
pub type AskedPayment = Asked<Payment>;
