//! Registration (VC-2): a pseudonym and a key. Enough to pay and to receive.

use minicbor::{Decode, Encode};

use super::Process;
use crate::key::VerifyingKey;
use crate::sealed::Route;
use crate::signed::{Signed, Statement};
use crate::statement::{Certificate, Name};
use crate::time::Time;

/// The process.
#[derive(Debug)]
pub enum Registration {}

impl Process for Registration {
    const ROUTE: Route = Route::Registration;
    type Order = Signed<RegistrationOrder>;
    type Outcome = Signed<Certificate>;
}

/// A pseudonym for a key, signed by the key: proof that the asker has it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RegistrationOrder {
    /// The name to be known by; the first key to ask for it gets it.
    #[n(0)]
    pub pseudonym: Name,
    /// The key.
    #[n(1)]
    pub key: VerifyingKey,
    /// When it was asked.
    #[n(2)]
    pub at: Time,
}

impl Statement for RegistrationOrder {
    const DOMAIN: &'static str = "koban/v1/registration-order";
}
