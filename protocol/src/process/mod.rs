//! The processes of VarietyCash (VC 3): each module has the order, the outcome, and what either
//! side checks.
//!
//! Holder: [`Asked`] is made before anything is sent, journalled, and consumed by the answer.
//! Issuer: a [`Desk`] opens an order into a [`Prepared`] movement; the ledger carries it out;
//! `Prepared` then makes the sealed answer. Nothing here moves money: the ledger does, and only by
//! a [`Movement`], which exists only balanced.

pub mod change;
mod desk;
pub mod enrolment;
pub mod load;
mod movement;
pub mod payment;
mod prepared;
pub mod purchase;
pub mod redeem;
pub mod refund;
pub mod registration;
pub mod unload;

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

pub use desk::{Desk, Ordered, Rejected};
pub use movement::{HeldClaim, Inputs, Movement, Outputs};
pub use prepared::{Answered, Made, Prepared, RefundDue, UnloadDue};

use crate::entropy::Entropy;
use crate::id::OperationId;
use crate::refusal::{Answer, Refusal};
use crate::sealed::{self, AnswerSecret, NotSealedForUs, Route, SealedAnswer, SealedRequest};
use crate::statement::IssuerKeys;
use crate::wire::{self, Wire};

/// A process between a holder and the issuer: one sealed order, one sealed outcome.
pub trait Process {
    /// Its route.
    const ROUTE: Route;
    /// What is asked.
    type Order: Wire;
    /// What is answered when it is done.
    type Outcome: Wire;
}

/// An order on its way. To be journalled ([`request`](Self::request), [`secret`](Self::secret))
/// before it is sent; sending the same bytes again is always safe and gives the same answer.
pub struct Asked<P> {
    operation: OperationId,
    request: Vec<u8>,
    secret: AnswerSecret,
    process: PhantomData<fn() -> P>,
}

impl<P> fmt::Debug for Asked<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asked({})", self.operation)
    }
}

/// Why there is no outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// The bytes are not an answer to this request: a spoiler's work, or a broken relay. Ask again.
    NotAnAnswer,
    /// The issuer refused, and nothing was taken by this message. Final for an asker; a payer's
    /// envelope may still be validated rightly later, so a payer calls it back before it lets go.
    Refused(Refusal),
}

impl<P: Process> Asked<P> {
    /// Seals `order` for the issuer.
    ///
    /// # Errors
    /// [`NotSealedForUs`] if the issuer's key is no key.
    pub fn new(
        operation: OperationId,
        order: &P::Order,
        issuer: &IssuerKeys,
        entropy: Entropy,
    ) -> Result<Self, NotSealedForUs> {
        let (request, secret) = sealed::seal(P::ROUTE, operation, &issuer.sealing, order, entropy)?;
        Ok(Self { operation, request: wire::encode(&request), secret, process: PhantomData })
    }

    /// The order as the journal kept it.
    pub fn restore(operation: OperationId, request: Vec<u8>, secret: &[u8; 97]) -> Self {
        let secret = AnswerSecret::restore(secret);
        Self { operation, request, secret, process: PhantomData }
    }

    /// The operation.
    pub const fn operation(&self) -> OperationId {
        self.operation
    }

    /// The bytes to send.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// The secret the answer will be encrypted under, for the journal.
    pub const fn secret(&self) -> &AnswerSecret {
        &self.secret
    }

    /// The outcome in the issuer's answer.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn answer(&self, answer: &[u8]) -> Result<P::Outcome, AnswerError> {
        let answer = wire::decode_exact(answer).map_err(|_| AnswerError::NotAnAnswer)?;
        self.open(&answer)
    }

    /// The outcome in a sealed answer that came inside another message.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn open(&self, answer: &SealedAnswer) -> Result<P::Outcome, AnswerError> {
        match self.secret.open(answer) {
            Ok(Answer::Done(outcome)) => Ok(outcome),
            Ok(Answer::Refused(refusal)) => Err(AnswerError::Refused(refusal)),
            Err(NotSealedForUs) => Err(AnswerError::NotAnAnswer),
        }
    }
}

/// The request in `bytes`, outer part only: enough to route it.
///
/// # Errors
/// [`wire::WireError`].
pub fn outer(bytes: &[u8]) -> Result<SealedRequest, wire::WireError> {
    wire::decode_exact(bytes)
}
