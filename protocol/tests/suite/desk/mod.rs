//! The issuer's desk: every check of every order, each by its refusal.

mod change;
mod load;
mod payment;
mod payment_made;
mod purchase;
mod redeem;
mod refund;
mod rights;
mod unload;

use koban_protocol::process::payment::{
    Payment, PaymentOrder, Take, Validation, ValidationOrder, ValidationOutcome,
};
use koban_protocol::process::{
    AnswerError, Asked, Made, Ordered, Prepared, Process, Rejected, outer,
};
use koban_protocol::refusal::{Answer, Code, Refusal};
use koban_protocol::signed::Signed;
use koban_protocol::statement::Invoice;
use koban_protocol::time::Time;
use koban_protocol::wire::encode;

use crate::fixture::{NOW, World, entropy, operation};

/// What the desk makes of an order at `now`; a refusal as the asker reads it.
pub(crate) fn ask_at<P: Process>(
    world: &World,
    name: &str,
    order: &P::Order,
    now: Time,
) -> Result<(Ordered, Asked<P>), Refusal> {
    let asked = Asked::new(operation(name), order, world.desk.keys(), entropy(name)).unwrap();
    prepare(world, asked, now)
}

/// The same of an order that is sealed.
pub(crate) fn prepare<P: Process>(
    world: &World,
    asked: Asked<P>,
    now: Time,
) -> Result<(Ordered, Asked<P>), Refusal> {
    let request = outer(asked.request()).unwrap();
    match world.desk.prepare(&request, now, entropy("desk")) {
        Ok(ordered) => Ok((ordered, asked)),
        Err(rejected) => Err(refusal_in(&asked, rejected)),
    }
}

/// The refusal as the asker reads it.
pub(crate) fn refusal_in<P: Process>(asked: &Asked<P>, rejected: Rejected) -> Refusal {
    match rejected {
        Rejected::Opened(answer) => match asked.open(&answer) {
            Err(AnswerError::Refused(refusal)) => refusal,
            Err(AnswerError::NotAnAnswer) => panic!("not an answer"),
            Ok(_) => panic!("a refusal that reads as an outcome"),
        },
        Rejected::Unopened(code) => panic!("not opened: {code:?}"),
    }
}

/// The same at the time of everything.
pub(crate) fn ask<P: Process>(
    world: &World,
    name: &str,
    order: &P::Order,
) -> Result<(Prepared, Asked<P>), Refusal> {
    match ask_at(world, name, order, NOW)? {
        (Ordered::Moves(prepared), asked) => Ok((*prepared, asked)),
        (Ordered::Refunds(_) | Ordered::Unloads(_), _) => panic!("no movement yet"),
    }
}

/// The code alone, if it is refused without evidence.
pub(crate) fn code<P: Process>(world: &World, name: &str, order: &P::Order) -> Option<Code> {
    let refusal = ask::<P>(world, name, order).err()?;
    assert_eq!(refusal.evidence, None);
    Some(refusal.code)
}

/// Carries a movement out as the ledger would, and gives the coins and the outcome that the asker
/// reads.
pub(crate) fn carry_out<P: Process>(
    world: &World,
    (prepared, asked): &(Prepared, Asked<P>),
) -> P::Outcome {
    let made = prepared.strike(&world.desk, NOW, entropy("made"));
    let made = Made { fresh: made.fresh, change: made.change };
    let answered = prepared.done(made, &world.desk, NOW, entropy("done"));
    assert_eq!(asked.secret().acknowledgement(), prepared.acknowledgement());
    match asked.answer(&encode(&answered.answer)) {
        Ok(outcome) => outcome,
        Err(_) => panic!("no outcome"),
    }
}

/// A payment about to be made; tests change its parts.
pub(crate) struct Paying {
    pub(crate) world: World,
    pub(crate) invoice: Signed<Invoice>,
    pub(crate) payment: PaymentOrder,
    pub(crate) take: Take,
    /// The envelope's operation.
    pub(crate) envelope: &'static str,
    /// The validation's operation.
    pub(crate) validation: &'static str,
}

/// Who hears what of a payment.
pub(crate) enum Heard {
    /// It is ready for the ledger.
    Ready(Prepared, Asked<Validation>, Asked<Payment>),
    /// The payee's and the payer's refusals, and all the payee got.
    Refused(Refusal, Refusal, ValidationOutcome),
    /// The envelope could not be opened: only the payee can be answered.
    SentBack(Refusal),
}

impl Paying {
    /// `paid` yen in coins for an invoice over 370.
    pub(crate) fn of(paid: u64) -> Self {
        let world = World::new();
        let invoice = world.payee.signs(&world.invoice(370));
        let payment = world.payment(&invoice, paid);
        let take = Take::Aggregate;
        Self { world, invoice, payment, take, envelope: "pay", validation: "pay" }
    }

    /// Another invoice, and the payment for it.
    pub(crate) fn invoiced(change: impl FnOnce(&mut Invoice)) -> Self {
        let mut paying = Self::of(500);
        let mut invoice = paying.world.invoice(370);
        change(&mut invoice);
        paying.invoice = paying.world.payee.signs(&invoice);
        paying.payment.invoice = paying.invoice.digest();
        paying
    }

    /// Changes what the payer seals.
    pub(crate) fn sealing(mut self, change: impl FnOnce(&mut PaymentOrder)) -> Self {
        change(&mut self.payment);
        self
    }

    /// What everybody hears, with the payee's order changed before it is signed.
    pub(crate) fn with(self, change: impl FnOnce(&mut ValidationOrder)) -> Heard {
        let keys = self.world.desk.keys();
        let id = operation(self.envelope);
        let payer: Asked<Payment> = Asked::new(id, &self.payment, keys, entropy("payer")).unwrap();
        let mut order =
            self.world.validation(self.invoice.clone(), self.take.clone(), payer.request());
        change(&mut order);
        self.heard(payer, &self.world.payee.signs(&order))
    }

    /// What everybody hears of this order.
    pub(crate) fn heard(&self, payer: Asked<Payment>, order: &Signed<ValidationOrder>) -> Heard {
        let keys = self.world.desk.keys();
        let id = operation(self.validation);
        let payee: Asked<Validation> = Asked::new(id, order, keys, entropy("payee")).unwrap();
        let request = outer(payee.request()).unwrap();
        match self.world.desk.prepare(&request, NOW, entropy("desk")) {
            Ok(Ordered::Moves(prepared)) => Heard::Ready(*prepared, payee, payer),
            Ok(Ordered::Refunds(_) | Ordered::Unloads(_)) => panic!("no movement yet"),
            Err(Rejected::Unopened(code)) => panic!("not opened: {code:?}"),
            Err(Rejected::Opened(answer)) => match payee.open(&answer) {
                Err(AnswerError::Refused(refusal)) => Heard::SentBack(refusal),
                Err(AnswerError::NotAnAnswer) => panic!("not an answer"),
                Ok(outcome) => refused(outcome, &payer),
            },
        }
    }

    /// The same as it stands.
    pub(crate) fn go(self) -> Heard {
        self.with(|_| ())
    }
}

/// Both sides' refusals in an outcome.
pub(crate) fn refused(outcome: ValidationOutcome, payer: &Asked<Payment>) -> Heard {
    let Answer::Refused(to_payee) = outcome.verdict.clone() else { panic!("accepted") };
    let Err(AnswerError::Refused(to_payer)) = payer.open(&outcome.for_payer) else {
        panic!("the payer reads no refusal")
    };
    assert_eq!(to_payee.code, to_payer.code);
    Heard::Refused(to_payee, to_payer, outcome)
}

impl Heard {
    /// The code both hear, if there is no evidence.
    pub(crate) fn code(self) -> Code {
        match self {
            Self::Refused(payee, payer, _) => {
                assert_eq!((payee.evidence, payer.evidence), (None, None));
                payer.code
            }
            Self::SentBack(refusal) => panic!("sent back: {refusal:?}"),
            Self::Ready(..) => panic!("accepted"),
        }
    }

    /// The code that only the payee hears.
    pub(crate) fn sent_back(self) -> Code {
        match self {
            Self::SentBack(refusal) => refusal.code,
            _ => panic!("the envelope was opened"),
        }
    }

    /// The movement.
    pub(crate) fn ready(self) -> (Prepared, Asked<Validation>, Asked<Payment>) {
        match self {
            Self::Ready(prepared, payee, payer) => (prepared, payee, payer),
            Self::Refused(refusal, ..) | Self::SentBack(refusal) => panic!("{refusal:?}"),
        }
    }
}
