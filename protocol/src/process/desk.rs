//! The issuer's side of every process that moves value: opens an order, checks it, and makes the
//! sealed answer once the ledger has carried the movement out.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::change::{Change, ChangeOrder};
use super::load::{Load, LoadOrder};
use super::movement::{Inputs, Movement, Outputs};
use super::payment::{
    Payment, PaymentOrder, Take, Validation, ValidationOrder, ValidationOutcome, check_invoice,
};
use super::prepared::{Paid, Prepared, RefundDue, Reply, UnloadDue, refuse, refuse_payment};
use super::purchase::{Purchase, PurchaseOrder};
use super::redeem::{Redeem, RedeemOrder};
use super::refund::{Refund, RefundOrder};
use super::unload::Unload;
use super::{Process, outer};
use crate::amount::{Amount, Bundle, Currency};
use crate::entropy::Entropy;
use crate::id::{OperationId, ParticipantId, Shard};
use crate::key::{Seed, SigningKey, VerifyingKey};
use crate::limits::CLOCK_SKEW_MAX_S;
use crate::online::tagged::issuer::{Genuine, Mint};
use crate::online::tagged::wire::Coin;
use crate::refusal::{Answer, Code, Evidence, Refusal};
use crate::sealed::{AnswerSecret, OpeningKey, Route, SealedAnswer, SealedRequest, SealingKey};
use crate::signed::{Signed, Statement};
use crate::statement::{
    BadCoin, Certificate, CoinFault, CoinVerdict, Funded, IssuerKeys, Mismatch,
};
use crate::time::Time;
use crate::wire::{List, WireError};

/// An issuer's keys and settings: everything that checking an order needs.
#[derive(Debug)]
pub struct Desk {
    pub(super) keys: IssuerKeys,
    signing: SigningKey,
    opening: OpeningKey,
    pub(super) mint: Mint,
}

/// An order that was refused before the ledger saw it. Nothing of it is stored.
#[derive(Debug)]
pub enum Rejected {
    /// It could not be opened, or is dated ahead: told in clear, and not final.
    Unopened(Code),
    /// It was opened; the refusal is sealed to the asker.
    Opened(SealedAnswer),
}

/// An order that was opened and checked.
#[derive(Debug)]
pub enum Ordered {
    /// It names what it moves.
    Moves(Box<Prepared>),
    /// A refund: the ledger looks up what there is to move.
    Refunds(RefundDue),
    /// An unload: the originator's key says whether there is anything to move.
    Unloads(UnloadDue),
}

impl Desk {
    /// The desk of an issuer's seed. `publish` makes the published keys from the two public keys,
    /// in the order signing, sealing.
    pub fn new(seed: &Seed, publish: impl FnOnce(VerifyingKey, SealingKey) -> IssuerKeys) -> Self {
        let signing = SigningKey::from_seed(seed);
        let opening = OpeningKey::from_seed(seed);
        let keys = publish(signing.verifying_key(), opening.sealing_key());
        Self { keys, signing, opening, mint: Mint::from_seed(seed) }
    }

    /// The published keys.
    pub const fn keys(&self) -> &IssuerKeys {
        &self.keys
    }

    /// The published keys under the identity key.
    pub fn published(&self) -> Signed<IssuerKeys> {
        self.sign(&self.keys)
    }

    /// `statement` under the identity key.
    pub fn sign<T: Statement>(&self, statement: &T) -> Signed<T> {
        Signed::sign(statement, &self.signing)
    }

    /// The order in a request that is not a movement (registration, enrolment), and the secret to
    /// answer under.
    ///
    /// # Errors
    /// [`Code::NotSealedForUs`].
    pub fn open<P: Process>(
        &self,
        request: &SealedRequest,
    ) -> Result<(P::Order, AnswerSecret), Code> {
        if request.route != P::ROUTE {
            return Err(Code::NotSealedForUs);
        }
        self.opening.open(request).map_err(|_| Code::NotSealedForUs)
    }

    /// The certificate, if it is this issuer's and holds at `now`.
    ///
    /// # Errors
    /// [`Code::CertificateInvalid`].
    pub fn certified(
        &self,
        certificate: &Signed<Certificate>,
        now: Time,
    ) -> Result<Certificate, Code> {
        let opened = certificate.open(&self.keys.key).map_err(|_| Code::CertificateInvalid)?;
        if opened.expires < now { Err(Code::CertificateInvalid) } else { Ok(opened) }
    }

    /// Opens and checks the order in `request`.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn prepare(
        &self,
        request: &SealedRequest,
        now: Time,
        entropy: Entropy,
    ) -> Result<Ordered, Rejected> {
        let operation = request.operation;
        match request.route {
            Route::Purchase => {
                let (order, secret) = self.open::<Purchase>(request).map_err(Rejected::Unopened)?;
                in_time(order.claim().map(|it| it.at), now)?;
                let movement = self.purchase(operation, &order, now).map_err(Refusal::from);
                moves::<Purchase>(operation, movement, secret, Reply::Purchase, entropy)
            }
            Route::Change => {
                let (order, secret) = self.open::<Change>(request).map_err(Rejected::Unopened)?;
                in_time(Ok(order.at), now)?;
                let movement = self.change(operation, &order, now);
                moves::<Change>(operation, movement, secret, Reply::Change, entropy)
            }
            Route::Redeem => {
                let (order, secret) = self.open::<Redeem>(request).map_err(Rejected::Unopened)?;
                in_time(order.claim().map(|it| it.at), now)?;
                let redeemed = self.redeem(operation, &order, now);
                let (movement, amount) = match redeemed {
                    Ok(redeemed) => redeemed,
                    Err(refusal) => return Err(refuse::<Redeem>(&secret, refusal, entropy)),
                };
                let reply = |secret| Reply::Redeem(secret, amount);
                moves::<Redeem>(operation, Ok(movement), secret, reply, entropy)
            }
            Route::Refund => {
                let (order, secret) = self.open::<Refund>(request).map_err(Rejected::Unopened)?;
                in_time(order.claim().map(|it| it.at), now)?;
                match self.refund(&order, now) {
                    Ok((holder, currency)) => {
                        Ok(Ordered::Refunds(RefundDue { operation, holder, currency, secret }))
                    }
                    Err(code) => Err(refuse::<Refund>(&secret, code.into(), entropy)),
                }
            }
            Route::Load => {
                let (order, secret) = self.open::<Load>(request).map_err(Rejected::Unopened)?;
                in_time(Ok(order.at), now)?;
                let movement = self.load(operation, &order, now);
                let LoadOrder { request, amount, claim, .. } = order;
                let funded = Funded { operation, request, amount, claim };
                let reply = |secret| Reply::Load(secret, funded);
                moves::<Load>(operation, movement, secret, reply, entropy)
            }
            Route::Unload => {
                let (order, secret) = self.open::<Unload>(request).map_err(Rejected::Unopened)?;
                in_time(Ok(order.at), now)?;
                Ok(Ordered::Unloads(UnloadDue { operation, order, secret }))
            }
            Route::Validation => self.prepare_validation(request, now, entropy),
            Route::Registration
            | Route::Enrolment
            | Route::Payment
            | Route::Note
            | Route::Lookup => Err(Rejected::Unopened(Code::NotFound)),
        }
    }

    /// The asker of a signed order: its certificate, after its signature and the order's time were
    /// checked.
    fn asker<T: Statement>(
        &self,
        order: &Signed<T>,
        certificate: impl FnOnce(&T) -> (&Signed<Certificate>, Time),
        now: Time,
    ) -> Result<(T, Certificate), Code> {
        let claim = order.claim().map_err(|_| Code::Malformed)?;
        let (certificate, at) = certificate(&claim);
        if !at.is_near(now) {
            return Err(Code::ClockSkew);
        }
        let named = certificate.claim().map_err(|_| Code::CertificateInvalid)?;
        let order = order.open(&named.key).map_err(|_| Code::BadSignature)?;
        Ok((order, self.certified(certificate, now)?))
    }

    pub(super) fn issuable(&self, bundle: &Bundle) -> Result<(), Code> {
        let info = self.keys.currency(bundle.currency()).ok_or(Code::CurrencyUnknown)?;
        let fits = bundle.counts().iter().all(|(denomination, _)| *denomination <= info.largest);
        if fits { Ok(()) } else { Err(Code::AmountInvalid) }
    }

    fn purchase(
        &self,
        operation: OperationId,
        order: &Signed<PurchaseOrder>,
        now: Time,
    ) -> Result<Movement, Code> {
        let (order, certificate) = self.asker(order, |o| (&o.certificate, o.at), now)?;
        let account = certificate.account.as_ref().ok_or(Code::NotEnrolled)?;
        let debit = order.authorisation.open(&account.key).map_err(|_| Code::BadSignature)?;
        if debit.account != *account {
            return Err(Code::AccountForeign);
        }
        self.issuable(&order.bundle)?;
        let amount = order.bundle.total();
        if debit.amount != amount {
            return Err(Code::AmountInvalid);
        }
        if debit.operation != operation || debit.issuer != self.keys.key.id() || debit.expires < now
        {
            return Err(Code::DebitRefused);
        }
        let holder = order.recoverable.then(|| certificate.participant());
        let debit = Some((order.authorisation, account.clone(), amount));
        Movement::balanced(
            Inputs { debit, ..Inputs::default() },
            Outputs { fresh: Some(order.bundle), holder, ..Outputs::default() },
        )
    }

    fn change(
        &self,
        operation: OperationId,
        order: &ChangeOrder,
        now: Time,
    ) -> Result<Movement, Refusal> {
        if !order.at.is_near(now) {
            return Err(Code::ClockSkew.into());
        }
        self.issuable(&order.bundle)?;
        let currency = order.bundle.currency();
        let coins = self.genuine(operation, &order.coins, currency, order.refresh, now)?;
        let inputs = Inputs { coins, expired_too: order.refresh, ..Inputs::default() };
        let outputs = Outputs { fresh: Some(order.bundle.clone()), ..Outputs::default() };
        Ok(Movement::balanced(inputs, outputs)?)
    }

    fn redeem(
        &self,
        operation: OperationId,
        order: &Signed<RedeemOrder>,
        now: Time,
    ) -> Result<(Movement, Amount), Refusal> {
        let (order, certificate) = self.asker(order, |o| (&o.certificate, o.at), now)?;
        let account = certificate.account.clone().ok_or(Code::NotEnrolled)?;
        let currency = order.amount.currency();
        self.keys.currency(currency).ok_or(Code::CurrencyUnknown)?;
        order.change.iter().try_for_each(|it| self.issuable(it))?;
        let coins = self.genuine(operation, &order.coins, currency, false, now)?;
        let inputs = Inputs {
            coins,
            held: order.held.to_vec(),
            owner: Some(certificate.participant()),
            ..Inputs::default()
        };
        let outputs = Outputs {
            fresh: order.change,
            credit: Some((account, order.amount)),
            ..Outputs::default()
        };
        Ok((Movement::balanced(inputs, outputs)?, order.amount))
    }

    fn refund(
        &self,
        order: &Signed<RefundOrder>,
        now: Time,
    ) -> Result<(ParticipantId, Currency), Code> {
        let (order, certificate) = self.asker(order, |o| (&o.certificate, o.at), now)?;
        self.keys.currency(order.currency).ok_or(Code::CurrencyUnknown)?;
        Ok((certificate.participant(), order.currency))
    }

    fn load(
        &self,
        operation: OperationId,
        order: &LoadOrder,
        now: Time,
    ) -> Result<Movement, Refusal> {
        self.clears(operation)?;
        if !order.at.is_near(now) {
            return Err(Code::ClockSkew.into());
        }
        let currency = order.amount.currency();
        self.keys.currency(currency).ok_or(Code::CurrencyUnknown)?;
        order.change.iter().try_for_each(|it| self.issuable(it))?;
        let coins = self.genuine(operation, &order.coins, currency, false, now)?;
        let outputs =
            Outputs { fresh: order.change.clone(), card: Some(order.amount), ..Outputs::default() };
        Ok(Movement::balanced(Inputs { coins, ..Inputs::default() }, outputs)?)
    }

    /// Whether a load or an unload is at home where what is owed for cards is kept.
    pub(super) fn clears(&self, operation: OperationId) -> Result<(), Code> {
        let at_home = operation.shard(self.keys.shards) == Shard::CLEARING;
        if at_home { Ok(()) } else { Err(Code::Malformed) }
    }

    /// The coins with good tags, or the verdict over the bad ones.
    fn genuine(
        &self,
        operation: OperationId,
        coins: &[Coin],
        currency: Currency,
        refresh: bool,
        now: Time,
    ) -> Result<Vec<Genuine>, Refusal> {
        let grace = if refresh { self.keys.refresh_days } else { 0 };
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for coin in coins {
            let fault = match self.mint.check(coin) {
                None => CoinFault::NotLive,
                Some(_) if coin.body.currency != currency => CoinFault::OtherCurrency,
                Some(_) if coin.body.expiry.plus(grace) < now.day() => CoinFault::Expired,
                Some(genuine) => {
                    good.push(genuine);
                    continue;
                }
            };
            bad.push(BadCoin { coin: coin.body.id, fault });
        }
        if bad.is_empty() { Ok(good) } else { Err(self.verdict(operation, bad, now)) }
    }

    /// The refusal that names bad coins, under the issuer's signature (P4).
    pub(super) fn verdict(&self, operation: OperationId, bad: Vec<BadCoin>, at: Time) -> Refusal {
        let only_expired = bad.iter().all(|bad| bad.fault == CoinFault::Expired);
        let code = if only_expired { Code::CoinExpired } else { Code::CoinNotLive };
        let bad = List::new(bad).unwrap_or_default();
        let verdict = self.sign(&CoinVerdict { operation, bad, at });
        Refusal { code, evidence: Some(Evidence::BadCoins(verdict)) }
    }

    fn prepare_validation(
        &self,
        request: &SealedRequest,
        now: Time,
        entropy: Entropy,
    ) -> Result<Ordered, Rejected> {
        let operation = request.operation;
        let (signed, payee) = self.open::<Validation>(request).map_err(Rejected::Unopened)?;
        in_time(signed.claim().map(|it| it.at), now)?;
        let (for_payee, for_payer) = entropy.split();
        let opened = signed.claim().map_err(|_| Code::Malformed).and_then(|claim| {
            let envelope = outer(&claim.envelope.0).map_err(|_| Code::EnvelopeForeign)?;
            if envelope.operation != operation {
                return Err(Code::EnvelopeForeign);
            }
            self.open::<Payment>(&envelope).map_err(|_| Code::EnvelopeForeign)
        });
        let (envelope, payer) = match opened {
            Ok(opened) => opened,
            Err(code) => return Err(Rejected::Opened(payee.seal(&refusal(code), for_payee))),
        };
        match self.payment(operation, &signed, &envelope, now) {
            Ok((movement, paid)) => {
                let reply = Reply::Validation { payee, payer, paid };
                Ok(Ordered::Moves(Box::new(Prepared { operation, movement, reply })))
            }
            Err(refusal) => {
                let answered = refuse_payment(&payee, &payer, refusal, for_payee, for_payer);
                Err(Rejected::Opened(answered.answer))
            }
        }
    }

    fn payment(
        &self,
        operation: OperationId,
        order: &Signed<ValidationOrder>,
        envelope: &PaymentOrder,
        now: Time,
    ) -> Result<(Movement, Paid), Refusal> {
        let (order, certificate) = self.asker(order, |o| (&o.certificate, o.at), now)?;
        if order.take == Take::Redeem && certificate.account.is_none() {
            return Err(Code::NotEnrolled.into());
        }
        if let Take::Refresh(bundle) = &order.take {
            self.issuable(bundle)?;
        }
        envelope.change.iter().try_for_each(|it| self.issuable(it))?;
        let checked = check_invoice(&order.invoice, &self.keys.key, now)?;
        let payee = certificate.participant();
        if checked.payee().participant() != payee {
            return Err(Code::InvoiceInvalid.into());
        }
        if envelope.payee != payee || envelope.invoice != checked.digest() {
            return Err(Code::EnvelopeForeign.into());
        }
        let amount = checked.invoice().amount;
        if envelope.amount != amount {
            let (invoice, paid) = (checked.digest(), envelope.amount);
            let mismatch = self.sign(&Mismatch { operation, invoice, paid, asked: amount });
            let evidence = Some(Evidence::Mismatch(mismatch));
            return Err(Refusal { code: Code::AmountMismatch, evidence });
        }
        let mut outputs = Outputs { change: envelope.change.clone(), ..Outputs::default() };
        match order.take {
            Take::Refresh(bundle) => outputs.fresh = Some(bundle),
            Take::Redeem => {
                outputs.credit = Some((certificate.account.ok_or(Code::NotEnrolled)?, amount));
            }
            Take::Aggregate => outputs.held = Some((payee, amount)),
        }
        if outputs.fresh.iter().any(|bundle| bundle.total() != amount) {
            return Err(Code::AmountInvalid.into());
        }
        let coins = self.genuine(operation, &envelope.coins, amount.currency(), false, now)?;
        let movement = Movement::balanced(Inputs { coins, ..Inputs::default() }, outputs)?;
        Ok((movement, Paid { invoice: checked.digest(), payee, amount }))
    }
}

/// An order dated ahead is sent back unsealed: a sealed refusal is final, and these bytes would be
/// good later, when whoever kept them could send them again.
fn in_time(at: Result<Time, WireError>, now: Time) -> Result<(), Rejected> {
    match at {
        Ok(at) if at > now.plus(CLOCK_SKEW_MAX_S) => Err(Rejected::Unopened(Code::ClockSkew)),
        _ => Ok(()),
    }
}

fn moves<P: Process>(
    operation: OperationId,
    movement: Result<Movement, Refusal>,
    secret: AnswerSecret,
    reply: impl FnOnce(AnswerSecret) -> Reply,
    entropy: Entropy,
) -> Result<Ordered, Rejected> {
    match movement {
        Ok(movement) => {
            let reply = reply(secret);
            Ok(Ordered::Moves(Box::new(Prepared { operation, movement, reply })))
        }
        Err(refusal) => Err(refuse::<P>(&secret, refusal, entropy)),
    }
}

fn refusal(code: Code) -> Answer<ValidationOutcome> {
    Answer::Refused(code.into())
}

impl From<Code> for Rejected {
    fn from(code: Code) -> Self {
        Self::Unopened(code)
    }
}
