//! A checked order on its way through the ledger: its movement, its new coins, its sealed answer.

use alloc::vec::Vec;

use super::Process;
use super::desk::{Desk, Rejected};
use super::load::Loaded;
use super::movement::{Inputs, Movement, Outputs};
use super::payment::{PaymentOutcome, Validated, ValidationOutcome};
use super::redeem::Redeemed;
use super::refund::Refund;
use super::unload::{Unload, UnloadOrder};
use crate::amount::{Amount, Bundle, Currency};
use crate::entropy::Entropy;
use crate::id::{Digest, OperationId, ParticipantId};
use crate::key::VerifyingKey;
use crate::online::tagged::issuer::Genuine;
use crate::online::tagged::wire::{Coin, CoinBody, Coins};
use crate::refusal::{Answer, Code, Evidence, Refusal};
use crate::sealed::{Acknowledgement, AnswerSecret, SealedAnswer};
use crate::statement::{Acceptance, BadCoin, CoinFault, Funded};
use crate::time::Time;

/// A checked order with its movement, ready for the ledger.
#[derive(Debug)]
pub struct Prepared {
    pub(super) operation: OperationId,
    pub(super) movement: Movement,
    pub(super) reply: Reply,
}

/// A refund whose holder was checked.
#[derive(Debug)]
pub struct RefundDue {
    pub(super) operation: OperationId,
    pub(super) holder: ParticipantId,
    pub(super) currency: Currency,
    pub(super) secret: AnswerSecret,
}

/// An unload that was opened; it is checked once the originator's key is there.
#[derive(Debug)]
pub struct UnloadDue {
    pub(super) operation: OperationId,
    pub(super) order: UnloadOrder,
    pub(super) secret: AnswerSecret,
}

/// The coins made for an operation.
#[derive(Debug, Default)]
pub struct Made {
    /// For whoever asked.
    pub fresh: Vec<Coin>,
    /// For the payer.
    pub change: Vec<Coin>,
}

/// An operation's answer, as it is stored and sent.
#[derive(Debug)]
pub struct Answered {
    /// For whoever asked.
    pub answer: SealedAnswer,
    /// For the payer, who may ask the issuer for it directly.
    pub for_payer: Option<SealedAnswer>,
}

#[derive(Debug)]
pub(super) enum Reply {
    Purchase(AnswerSecret),
    Validation { payee: AnswerSecret, payer: AnswerSecret, paid: Paid },
    Change(AnswerSecret),
    Redeem(AnswerSecret, Amount),
    Refund(AnswerSecret),
    Load(AnswerSecret, Funded),
    Unload(AnswerSecret),
}

/// What an acceptance will say.
#[derive(Debug)]
pub(super) struct Paid {
    pub(super) invoice: Digest,
    pub(super) payee: ParticipantId,
    pub(super) amount: Amount,
}

impl RefundDue {
    /// Whose coins.
    pub const fn holder(&self) -> ParticipantId {
        self.holder
    }

    /// In which currency.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The movement that replaces the `live` coins recorded for the holder, at most one operation's
    /// worth.
    ///
    /// # Errors
    /// [`Code::NothingToRefund`], sealed.
    pub fn replace(self, live: &[CoinBody], entropy: Entropy) -> Result<Prepared, Rejected> {
        let mut exponents: Vec<_> = live.iter().map(|coin| coin.denomination).collect();
        exponents.sort_unstable();
        let mut counts: Vec<(_, u16)> = Vec::new();
        for denomination in exponents {
            match counts.last_mut() {
                Some((last, count)) if *last == denomination => *count = count.saturating_add(1),
                _ => counts.push((denomination, 1)),
            }
        }
        let coins = live.iter().copied().map(Genuine::recorded).collect();
        let inputs = Inputs { coins, expired_too: true, ..Inputs::default() };
        let movement = Bundle::new(self.currency, counts).ok().and_then(|bundle| {
            let holder = Some(self.holder);
            let outputs = Outputs { fresh: Some(bundle), holder, ..Outputs::default() };
            Movement::balanced(inputs, outputs).ok()
        });
        match movement {
            Some(movement) => {
                let reply = Reply::Refund(self.secret);
                Ok(Prepared { operation: self.operation, movement, reply })
            }
            None => Err(refuse::<Refund>(&self.secret, Code::NothingToRefund.into(), entropy)),
        }
    }
}

impl UnloadDue {
    /// The movement of what the originator has released for this operation and this claim.
    ///
    /// # Errors
    /// A refusal, sealed; nothing of it is stored, so that the release stays good for its owner.
    pub fn release(
        self,
        desk: &Desk,
        originator: &VerifyingKey,
        now: Time,
        entropy: Entropy,
    ) -> Result<Prepared, Rejected> {
        match self.movement(desk, originator, now) {
            Ok(movement) => {
                let reply = Reply::Unload(self.secret);
                Ok(Prepared { operation: self.operation, movement, reply })
            }
            Err(code) => Err(refuse::<Unload>(&self.secret, code.into(), entropy)),
        }
    }

    fn movement(
        &self,
        desk: &Desk,
        originator: &VerifyingKey,
        now: Time,
    ) -> Result<Movement, Code> {
        let UnloadOrder { released, secret, bundle, at } = &self.order;
        desk.clears(self.operation)?;
        if !at.is_near(now) {
            return Err(Code::ClockSkew);
        }
        let released = released.open(originator).map_err(|_| Code::BadSignature)?;
        desk.issuable(bundle)?;
        if bundle.total() != released.amount {
            return Err(Code::AmountInvalid);
        }
        if released.operation != self.operation || released.claim != secret.claim() {
            return Err(Code::NotAllowed);
        }
        let inputs = Inputs { card: Some(released.amount), ..Inputs::default() };
        let outputs = Outputs { fresh: Some(bundle.clone()), ..Outputs::default() };
        Movement::balanced(inputs, outputs)
    }
}

impl Prepared {
    /// The operation.
    pub const fn operation(&self) -> OperationId {
        self.operation
    }

    /// What is to be moved.
    pub const fn movement(&self) -> &Movement {
        &self.movement
    }

    /// Makes the movement's new coins; the ledger records them in the transaction that takes the
    /// inputs.
    pub fn strike(&self, desk: &Desk, now: Time, entropy: Entropy) -> Made {
        let expiry = desk.keys.expiry(now);
        let shards = desk.keys.shards;
        let home = (self.operation.shard(shards), shards);
        let (fresh, change) = entropy.split();
        let strike = |bundle: &Option<Bundle>, entropy| {
            let strike = |bundle| desk.mint.strike(bundle, expiry, home, entropy);
            bundle.as_ref().map(strike).unwrap_or_default()
        };
        let outputs = self.movement.outputs();
        Made { fresh: strike(&outputs.fresh, fresh), change: strike(&outputs.change, change) }
    }

    /// The answer that it was done.
    pub fn done(&self, made: Made, desk: &Desk, now: Time, entropy: Entropy) -> Answered {
        let fresh = Coins::new(made.fresh).unwrap_or_default();
        match &self.reply {
            Reply::Purchase(secret)
            | Reply::Change(secret)
            | Reply::Refund(secret)
            | Reply::Unload(secret) => alone(secret.seal(&Answer::Done(fresh), entropy)),
            Reply::Load(secret, funded) => {
                let loaded = Loaded { funded: desk.sign(funded), change: fresh };
                alone(secret.seal(&Answer::Done(loaded), entropy))
            }
            Reply::Redeem(secret, amount) => {
                let redeemed = Redeemed { amount: *amount, change: fresh };
                alone(secret.seal(&Answer::Done(redeemed), entropy))
            }
            Reply::Validation { payee, payer, paid } => {
                let acceptance = desk.sign(&Acceptance {
                    operation: self.operation,
                    invoice: paid.invoice,
                    payee: paid.payee,
                    amount: paid.amount,
                    at: now,
                });
                let change = Coins::new(made.change).unwrap_or_default();
                let outcome = PaymentOutcome { acceptance: acceptance.clone(), change };
                let (for_payee, for_payer) = entropy.split();
                let for_payer = payer.seal(&Answer::Done(outcome), for_payer);
                let verdict = Answer::Done(Validated { acceptance, coins: fresh });
                let outcome = ValidationOutcome { verdict, for_payer: for_payer.clone() };
                let answer = payee.seal(&Answer::Done(outcome), for_payee);
                Answered { answer, for_payer: Some(for_payer) }
            }
        }
    }

    /// The answer that coins were not live; the payer alone learns which (P4).
    pub fn not_live(
        &self,
        bad: Vec<CoinBody>,
        desk: &Desk,
        now: Time,
        entropy: Entropy,
    ) -> Answered {
        let fault = CoinFault::NotLive;
        let bad = bad.into_iter().map(|coin| BadCoin { coin: coin.id, fault }).collect();
        self.refused(desk.verdict(self.operation, bad, now), entropy)
    }

    /// The answer that it was refused.
    pub fn refused(&self, refusal: Refusal, entropy: Entropy) -> Answered {
        match &self.reply {
            Reply::Purchase(secret)
            | Reply::Change(secret)
            | Reply::Refund(secret)
            | Reply::Redeem(secret, _)
            | Reply::Load(secret, _)
            | Reply::Unload(secret) => {
                alone(secret.seal(&Answer::<Coins>::Refused(refusal), entropy))
            }
            Reply::Validation { payee, payer, .. } => {
                let (for_payee, for_payer) = entropy.split();
                refuse_payment(payee, payer, refusal, for_payee, for_payer)
            }
        }
    }

    /// What the asker will send once the answer is safe.
    pub fn acknowledgement(&self) -> Acknowledgement {
        match &self.reply {
            Reply::Purchase(secret)
            | Reply::Change(secret)
            | Reply::Refund(secret)
            | Reply::Redeem(secret, _)
            | Reply::Load(secret, _)
            | Reply::Unload(secret)
            | Reply::Validation { payee: secret, .. } => secret.acknowledgement(),
        }
    }
}

const fn alone(answer: SealedAnswer) -> Answered {
    Answered { answer, for_payer: None }
}

/// Both sides learn the code; bad coins go to the payer alone, unequal amounts to both.
pub(super) fn refuse_payment(
    payee: &AnswerSecret,
    payer: &AnswerSecret,
    refusal: Refusal,
    for_payee: Entropy,
    for_payer: Entropy,
) -> Answered {
    let evidence = match &refusal.evidence {
        Some(Evidence::BadCoins(_)) | None => None,
        shared @ Some(Evidence::Mismatch(_)) => shared.clone(),
    };
    let verdict = Answer::Refused(Refusal { code: refusal.code, evidence });
    let for_payer = payer.seal(&Answer::<PaymentOutcome>::Refused(refusal), for_payer);
    let outcome = ValidationOutcome { verdict, for_payer: for_payer.clone() };
    Answered { answer: payee.seal(&Answer::Done(outcome), for_payee), for_payer: Some(for_payer) }
}

/// A refusal before the ledger was asked.
pub(super) fn refuse<P: Process>(
    secret: &AnswerSecret,
    refusal: Refusal,
    entropy: Entropy,
) -> Rejected {
    Rejected::Opened(secret.seal(&Answer::<P::Outcome>::Refused(refusal), entropy))
}
