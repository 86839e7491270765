//! Unload (VC-14, VC 4.3): value in a card becomes coins. The originator asks the card, takes its
//! value, and releases the money for an operation at the issuer, which makes the coins. A terminal
//! is emptied the same way (VC 4.4, collection), and an invoice paid out of a card.

use koban_card::command::{Finish, Hello, Last, Open, Pay, Resume};
use koban_protocol::amount::Amount;
use koban_protocol::id::OperationId;
use koban_protocol::offline::purse::service::{UnloadCall, Unloaded};
use koban_protocol::offline::purse::wire::{CardId, Link, Message, ORIGINATOR, Party, Request};
use koban_protocol::process::AnswerError;
use koban_protocol::process::unload::{ClaimSecret, Unload, UnloadOrder};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Invoice, Released};
use koban_protocol::wire;

use super::super::Engine;
use super::super::account::transient;
use super::super::choice;
use super::super::event::HttpAnswer;
use super::super::problem::{Fault, Problem, reported, unsealed};
use super::super::record::{Order, Transaction};
use super::super::saga::Saga;
use super::super::step::{Next, Step, acknowledge};
use super::refund::{Refund, is_only_here};
use super::state::{
    Booking, Finishing, Obeying, Reporting, UnloadAsking, UnloadGiving, UnloadPaying,
    UnloadRedeeming, Unloading,
};
use super::{After, CardSaga, Claim, ReaderId, Says, Talk, Unsaid, is_final};
use crate::view::{TransactionKind, TransactionState};

/// How old an order is before another takes its place, seconds.
const ORDER_ANEW_S: u64 = 60;

impl Engine {
    /// Turns value in a card into coins, and pays an invoice with them if there is one.
    pub(in crate::engine) fn unload_card(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
        amount: Amount,
        invoice: Option<Signed<Invoice>>,
    ) -> Result<(), Problem> {
        let issuer = self.issuer()?;
        let card = self.free_card(reader)?;
        super::super::coins::largest(&issuer, amount.currency())?;
        if amount.is_zero() {
            return Err(Code::AmountInvalid.into());
        }
        let slot = self.cards.slots.get(&reader).ok_or(Problem::from(Fault::CardMissing))?;
        let has = |pocket: &&koban_card::command::Pocket| {
            pocket.balance.currency() == amount.currency()
                && pocket.balance.minor() >= amount.minor()
        };
        if !slot.pockets.iter().any(|pocket| has(&pocket)) {
            return Err(Fault::CardTooLittle.into());
        }
        if let Some(invoice) = &invoice {
            self.holder()?;
            self.check_invoice(invoice, step.now)?;
        }
        let id = OperationId::clearing(issuer.shards, step.draw());
        let claim = Claim::new(&ClaimSecret::generate(step.draw()));
        let mut transaction = Transaction::open(TransactionKind::Unload, step.now, Some(amount));
        transaction.counterparty = Some(super::show::printed(card));
        let after = After::Unload(amount, claim, invoice);
        let saga = CardSaga::Reporting(Reporting { card, after });
        self.begin(step, id, transaction, Saga::Card(Box::new(saga)));
        Ok(())
    }

    pub(super) fn unload_on(
        id: OperationId,
        (card, number): (CardId, u32),
        amount: Amount,
        claim: Claim,
        invoice: Option<Signed<Invoice>>,
    ) -> Next {
        let payer = Party { card, number };
        let secret = claim.secret();
        let call = UnloadCall { payer, amount, operation: id, claim: secret.claim() };
        let unloading = Unloading { call, claim, invoice };
        CardSaga::UnloadAsking(UnloadAsking { unloading }).next()
    }

    /// The originator asks the card for money, or says why not.
    pub(super) fn unload_asked(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: UnloadAsking,
        answer: &HttpAnswer,
    ) -> Next {
        let UnloadAsking { unloading } = state;
        let Ok(request) = wire::decode_exact::<Message<Request>>(&answer.body) else {
            return match reported(answer) {
                // No value has moved yet, so the originator's word in clear is enough.
                Some(code) if !transient(code) => {
                    self.refused(step, id, code);
                    Next::End
                }
                _ => Next::Wait(unsealed(answer)),
            };
        };
        let (asked, call) = (&request.content, &unloading.call);
        let fits = asked.payer == Some(call.payer)
            && asked.payee.card == ORIGINATOR
            && asked.link == Link::Originator
            && asked.amount == call.amount;
        if !fits {
            return Next::Wait(Problem::with(Fault::OriginatorMisbehaved, "request"));
        }
        CardSaga::UnloadPaying(UnloadPaying { unloading, request }).next()
    }

    /// Has the card pay, or say again what it paid.
    pub(super) fn unload_pay(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: UnloadPaying,
        reader: ReaderId,
        hello: &Hello,
    ) -> Option<Next> {
        match hello.open {
            None => {
                let talk = Talk::Saga(id, Says::Value);
                self.say(step, reader, talk, &Pay(state.request));
            }
            Some(Open::Paid) => {
                self.say(step, reader, Talk::Saga(id, Says::Last), &Resume {});
            }
            Some(Open::Asked) => return Some(Next::Wait(Fault::CardInterrupted.into())),
        }
        None
    }

    pub(super) fn unload_paid(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: UnloadPaying,
        said: Result<Option<Last>, Unsaid>,
    ) -> Next {
        let value = match said {
            Ok(Some(Last::Value(value))) => value,
            Ok(_) => return Next::Wait(Fault::CardInterrupted.into()),
            Err(unsaid) if is_final(unsaid) => {
                self.given_up(step, id, unsaid.into());
                return Next::End;
            }
            Err(unsaid) => return Next::Wait(unsaid.into()),
        };
        let UnloadPaying { unloading, request } = state;
        if request.content.answered_by(unloading.call.payer) != Some(value.content.0) {
            return Next::Wait(Fault::CardInterrupted.into());
        }
        CardSaga::UnloadGiving(UnloadGiving { unloading, value }).next()
    }

    /// The originator has the card's value and releases the money.
    pub(super) fn unload_given(
        &mut self,
        step: &mut Step,
        state: UnloadGiving,
        answer: &HttpAnswer,
    ) -> Next {
        let Ok(unloaded) = wire::decode_exact::<Unloaded>(&answer.body) else {
            return Next::Wait(unsealed(answer));
        };
        let Unloading { call, claim, invoice } = state.unloading;
        let UnloadCall { payer, amount, operation, claim: named } = call;
        let expected = Released { operation, amount, claim: named };
        let Unloaded { acknowledgement, released } = unloaded;
        match self.redeem_released(step, released, &expected, &claim, invoice, false) {
            Ok(next) => {
                // The card may be gone; the money does not wait for it.
                let finishing = Finishing { card: payer.card, acknowledgement };
                let id = OperationId(step.draw().bytes());
                let saga = CardSaga::Finishing(finishing);
                self.go(step, id, Saga::Card(Box::new(saga)));
                next
            }
            Err(problem) => Next::Wait(problem),
        }
    }

    /// Orders coins at the issuer for what the originator released.
    pub(super) fn redeem_released(
        &self,
        step: &mut Step,
        released: Signed<Released>,
        expected: &Released,
        claim: &Claim,
        invoice: Option<Signed<Invoice>>,
        returned: bool,
    ) -> Result<Next, Problem> {
        let wrong = || Problem::with(Fault::OriginatorMisbehaved, "release");
        let (issuer, originator) = (self.issuer()?, self.originator()?);
        let content = released.open(&originator.key).map_err(|_| wrong())?;
        if content != *expected {
            return Err(wrong());
        }
        let amount = expected.amount;
        let largest = super::super::coins::largest(&issuer, amount.currency())?;
        let bundle = match self.handy(amount, &[]) {
            Ok(bundle) => bundle,
            Err(_) => choice::fewest(amount, largest)?,
        };
        let (secret, at) = (claim.secret(), step.now);
        let order = UnloadOrder { released: released.clone(), secret, bundle: bundle.clone(), at };
        let order = Order::seal::<Unload>(expected.operation, &order, &issuer, step.draw())?;
        let claim = claim.clone();
        let state = UnloadRedeeming { order, bundle, returned, invoice, released, claim, at };
        Ok(CardSaga::UnloadRedeeming(state).next())
    }

    fn order_again(&self, step: &mut Step, state: UnloadRedeeming) -> Option<Next> {
        let UnloadRedeeming { invoice, released, claim, returned, .. } = state;
        let expected = released.claim().ok()?;
        self.redeem_released(step, released, &expected, &claim, invoice, returned).ok()
    }

    /// The issuer made the coins; an invoice that waits for them is paid.
    pub(super) fn unload_redeemed(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: UnloadRedeeming,
        answer: &HttpAnswer,
    ) -> Next {
        match state.order.asked::<Unload>().answer(&answer.body) {
            Ok(coins) => match self.accept(step, id, coins, &state.bundle, false) {
                Ok(()) => (),
                Err(problem) => return Next::Wait(problem),
            },
            // The originator's word stands: what the issuer refuses now it may do later, and an
            // order that has become too old is made anew.
            Err(AnswerError::Refused(refusal)) => {
                let old = state.at.plus(ORDER_ANEW_S) < step.now;
                let again = if old { self.order_again(step, state) } else { None };
                return again.unwrap_or_else(|| Next::Wait(refusal.code.into()));
            }
            Err(AnswerError::NotAnAnswer) => return Next::Wait(unsealed(answer)),
        }
        let end = if state.returned { TransactionState::Cancelled } else { TransactionState::Done };
        // Why the invoice is not paid stays with this transaction; the money is in the wallet.
        let unpaid = state.invoice.and_then(|invoice| self.pay(step, invoice).err());
        self.end(step, id, end, |it| it.problem = unpaid);
        acknowledge::<Unload>(&state.order)
    }

    /// Tells the card that its value has arrived.
    pub(super) fn unload_finish(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: &Finishing,
        reader: ReaderId,
    ) {
        let finish = Finish(state.acknowledgement.clone());
        self.say(step, reader, Talk::Saga(id, Says::Nothing), &finish);
    }

    /// Gives up an operation with a card before value moves.
    pub(in crate::engine) fn cancel_card(
        &mut self,
        step: &mut Step,
        id: OperationId,
        saga: &CardSaga,
    ) -> Result<(), Problem> {
        let untouched = match saga {
            CardSaga::Reporting(Reporting { after, .. })
            | CardSaga::Booking(Booking { after, .. })
            | CardSaga::Obeying(Obeying { after, .. }) => after.can_end(),
            CardSaga::LoadAsking(_) | CardSaga::UnloadAsking(_) => true,
            CardSaga::Refund(Refund::Asking(_, lost)) => !is_only_here(lost),
            // Only the card knows whether it has paid.
            CardSaga::UnloadPaying(state) => {
                let reader = self.cards.reader_of(state.unloading.call.payer.card);
                let slot = reader.and_then(|reader| self.cards.slots.get(&reader));
                slot.is_some_and(|slot| {
                    let hello = slot.hello.as_ref();
                    slot.is_idle() && hello.is_some_and(|it| it.open != Some(Open::Paid))
                })
            }
            _ => false,
        };
        if !untouched {
            return Err(Fault::NotCancellable.into());
        }
        self.sagas.remove(&id);
        step.delete(super::super::record::Store::Saga, id);
        step.report(super::super::event::Report::Started(id));
        self.end(step, id, TransactionState::Cancelled, |_| ());
        Ok(())
    }
}
