//! Enrolment (VC-2): a registered participant shows a bank account it controls, and may then
//! purchase and redeem.

use minicbor::{Decode, Encode};

use super::Process;
use crate::id::ParticipantId;
use crate::sealed::Route;
use crate::signed::{Signed, Statement};
use crate::statement::{AccountAttestation, Certificate};
use crate::time::Time;

/// The process.
#[derive(Debug)]
pub enum Enrolment {}

impl Process for Enrolment {
    const ROUTE: Route = Route::Enrolment;
    type Order = Signed<EnrolmentOrder>;
    type Outcome = Signed<Certificate>;
}

/// Bank details with proof from both keys: signed by the participant's key, holding the account
/// key's consent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EnrolmentOrder {
    /// The asker's certificate.
    #[n(0)]
    pub certificate: Signed<Certificate>,
    /// The bank's word that the account belongs to the account key.
    #[n(1)]
    pub attestation: Signed<AccountAttestation>,
    /// The account key's word that this participant may use the account.
    #[n(2)]
    pub consent: Signed<AccountConsent>,
    /// When it was asked.
    #[n(3)]
    pub at: Time,
}

/// Signed by the account's key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AccountConsent {
    /// Who may enrol the account.
    #[n(0)]
    pub participant: ParticipantId,
    /// When it was given.
    #[n(1)]
    pub at: Time,
}

impl Statement for EnrolmentOrder {
    const DOMAIN: &'static str = "koban/v1/enrolment-order";
}

impl Statement for AccountConsent {
    const DOMAIN: &'static str = "koban/v1/account-consent";
}
