//! Load (VC-14, VC 4.3): coins become value in a card. The card asks, the issuer takes the coins
//! and owes them to the originator, the originator answers the card.

use koban_card::command::{Ask, Hello, Last, Open, Resume, Take};
use koban_protocol::amount::{Amount, Bundle};
use koban_protocol::id::OperationId;
use koban_protocol::offline::purse::service::{LoadCall, ReturnCall};
use koban_protocol::offline::purse::wire::{CardId, Link, Message, ORIGINATOR, Request, Value};
use koban_protocol::process::AnswerError;
use koban_protocol::process::load::{Load, LoadOrder, Loaded};
use koban_protocol::process::unload::ClaimSecret;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Funded, Released};
use koban_protocol::wire;

use super::super::Engine;
use super::super::account::transient;
use super::super::coins::on_wire;
use super::super::event::HttpAnswer;
use super::super::problem::{Fault, Problem, reported, unsealed};
use super::super::record::{Order, Transaction};
use super::super::saga::{Acknowledging, Saga};
use super::super::step::{Next, Step};
use super::state::{
    LoadAnswering, LoadAsking, LoadEnding, LoadFunding, LoadReturning, LoadTaking, Reporting,
};
use super::{After, CardSaga, Claim, ReaderId, Says, Talk, Unsaid, is_final};
use crate::view::{TransactionKind, TransactionState};

impl Engine {
    /// Loads a card with coins of the wallet.
    pub(in crate::engine) fn load_card(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
        amount: Amount,
    ) -> Result<(), Problem> {
        let issuer = self.issuer()?;
        let card = self.free_card(reader)?;
        self.fits(reader, amount)?;
        // To know before anything begins that the coins make the amount.
        self.choose(amount, step.now)?;
        let id = OperationId::clearing(issuer.shards, step.draw());
        let claim = Claim::new(&ClaimSecret::generate(step.draw()));
        let mut transaction = Transaction::open(TransactionKind::Load, step.now, Some(amount));
        transaction.counterparty = Some(super::show::printed(card));
        let after = After::Load(amount, claim);
        let saga = CardSaga::Reporting(Reporting { card, after });
        self.begin(step, id, transaction, Saga::Card(Box::new(saga)));
        Ok(())
    }

    /// Whether a card has room for so much more.
    fn fits(&self, reader: ReaderId, amount: Amount) -> Result<(), Problem> {
        let slot = self.cards.slots.get(&reader).ok_or(Problem::from(Fault::CardMissing))?;
        let currency = amount.currency();
        let mut pockets = slot.pockets.iter();
        let pocket = pockets.find(|pocket| pocket.balance.currency() == currency);
        let pocket =
            pocket.ok_or_else(|| Problem::from(koban_protocol::refusal::Code::CurrencyUnknown))?;
        let room = pocket.limits.balance.saturating_sub(pocket.balance.minor());
        if amount.is_zero() {
            return Err(koban_protocol::refusal::Code::AmountInvalid.into());
        }
        if amount.minor() > room {
            return Err(Problem::with(Fault::CardOverLimit, room.to_string()));
        }
        Ok(())
    }

    pub(super) fn load_on(card: CardId, amount: Amount, claim: Claim) -> Next {
        CardSaga::LoadAsking(LoadAsking { card, amount, claim }).next()
    }

    /// Has the card ask, or say again what it asked.
    pub(super) fn load_ask(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: &LoadAsking,
        reader: ReaderId,
        hello: &Hello,
    ) -> Option<Next> {
        match hello.open {
            None => {
                let ask = Ask { link: Link::Originator, payer: None, amount: state.amount };
                self.say(step, reader, Talk::Saga(id, Says::Request), &ask);
            }
            Some(Open::Asked) => {
                self.say(step, reader, Talk::Saga(id, Says::Last), &Resume {});
            }
            Some(Open::Paid) => return Some(Next::Wait(Fault::CardInterrupted.into())),
        }
        None
    }

    pub(super) fn load_asked(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: &LoadAsking,
        said: Result<Option<Last>, Unsaid>,
    ) -> Next {
        let request = match said {
            Ok(Some(Last::Request(request))) => request,
            Ok(_) => return Next::Wait(Fault::CardInterrupted.into()),
            Err(unsaid) if is_final(unsaid) => {
                self.given_up(step, id, unsaid.into());
                return Next::End;
            }
            Err(unsaid) => return Next::Wait(unsaid.into()),
        };
        let asked = request.content;
        let ours = asked.payee.card == state.card
            && asked.link == Link::Originator
            && asked.amount == state.amount;
        if !ours {
            return Next::Wait(Fault::CardInterrupted.into());
        }
        self.fund(step, id, state, request).unwrap_or_else(|problem| {
            self.given_up(step, id, problem);
            Next::End
        })
    }

    /// Takes the coins that pay for the card's request.
    fn fund(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: &LoadAsking,
        request: Message<Request>,
    ) -> Result<Next, Problem> {
        let issuer = self.issuer()?;
        let (coins, change) = self.choose(state.amount, step.now)?;
        let order = LoadOrder {
            coins: on_wire(&coins),
            amount: state.amount,
            change: change.clone(),
            request: request.content.digest(),
            claim: state.claim.secret().claim(),
            at: step.now,
        };
        let order = Order::seal::<Load>(id, &order, &issuer, step.draw())?;
        self.remove(step, &coins);
        let (card, claim) = (state.card, state.claim.clone());
        let state = LoadFunding { card, request, claim, order, coins, change };
        Ok(CardSaga::LoadFunding(state).next())
    }

    /// The issuer took the coins, or did not.
    pub(super) fn load_funded(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: LoadFunding,
        answer: &HttpAnswer,
    ) -> Next {
        match state.order.asked::<Load>().answer(&answer.body) {
            Ok(loaded) => self.funded(step, id, state, loaded).unwrap_or_else(Next::Wait),
            Err(AnswerError::Refused(refusal)) => {
                self.refused_with(step, id, refusal, state.coins);
                Next::End
            }
            Err(AnswerError::NotAnAnswer) => Next::Wait(unsealed(answer)),
        }
    }

    fn funded(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: LoadFunding,
        loaded: Loaded,
    ) -> Result<Next, Problem> {
        let wrong = || Problem::with(Fault::IssuerMisbehaved, "funding");
        let funded: Funded = loaded.funded.open(&self.issuer()?.key).map_err(|_| wrong())?;
        let expected = Funded {
            operation: id,
            request: state.request.content.digest(),
            amount: state.request.content.amount,
            claim: state.claim.secret().claim(),
        };
        if funded != expected {
            return Err(wrong());
        }
        match &state.change {
            Some(bundle) => self.accept(step, id, loaded.change, bundle, false)?,
            None if loaded.change.is_empty() => (),
            None => return Err(wrong()),
        }
        let change = state.change.as_ref().map(Bundle::total);
        self.note(step, id, |it| it.change = change);
        self.leave_acknowledgement::<Load>(step, &state.order);
        let LoadFunding { card, request, claim, .. } = state;
        let call = LoadCall { request, funded: loaded.funded };
        Ok(CardSaga::LoadAnswering(LoadAnswering { card, call, claim, round: 0 }).next())
    }

    /// The issuer need not keep its answer to an order, though the operation goes on.
    pub(super) fn leave_acknowledgement<P: koban_protocol::process::Process>(
        &mut self,
        step: &mut Step,
        order: &Order,
    ) {
        let acknowledgement = order.asked::<P>().secret().acknowledgement();
        let state = Acknowledging { operation: order.operation, acknowledgement };
        let id = OperationId(step.draw().bytes());
        self.go(step, id, Saga::Acknowledging(state));
    }

    /// The originator gave the card's value, or says that it will not: then the money is asked
    /// back, which it gives only if it never gave the value.
    pub(super) fn load_answered(
        &mut self,
        step: &mut Step,
        state: LoadAnswering,
        answer: &HttpAnswer,
    ) -> Next {
        let LoadAnswering { card, call, claim, round } = state;
        let Ok(value) = wire::decode_exact::<Message<Value>>(&answer.body) else {
            return match reported(answer) {
                Some(code) if !transient(code) => self.ask_back(step, (card, round), call, claim),
                _ => Next::Wait(unsealed(answer)),
            };
        };
        let (asked, given) = (&call.request.content, &value.content.0);
        let fits = given.payee == asked.payee
            && given.payer.card == ORIGINATOR
            && given.amount == asked.amount;
        if !fits {
            return Next::Wait(Problem::with(Fault::OriginatorMisbehaved, "value"));
        }
        CardSaga::LoadTaking(LoadTaking { card, value, call, claim, round }).next()
    }

    fn ask_back(
        &self,
        step: &mut Step,
        (card, round): (CardId, u32),
        call: LoadCall,
        claim: Claim,
    ) -> Next {
        match self.issuer() {
            Ok(issuer) => {
                let operation = OperationId::clearing(issuer.shards, step.draw());
                let round = round.saturating_add(1);
                let state = LoadReturning { card, call, claim, operation, round };
                CardSaga::LoadReturning(state).next()
            }
            Err(problem) => Next::Wait(problem),
        }
    }

    pub(super) fn return_call(state: &LoadReturning) -> ReturnCall {
        ReturnCall { funded: state.call.funded.clone(), operation: state.operation }
    }

    /// The originator gives the money back, or gave the value after all.
    pub(super) fn load_returned(
        &mut self,
        step: &mut Step,
        state: LoadReturning,
        answer: &HttpAnswer,
    ) -> Next {
        let Ok(released) = wire::decode_exact::<Signed<Released>>(&answer.body) else {
            return Next::Wait(unsealed(answer));
        };
        let expected = Released {
            operation: state.operation,
            amount: state.call.request.content.amount,
            claim: state.claim.secret().claim(),
        };
        let redeemed = self.redeem_released(step, released, &expected, &state.claim, None, true);
        redeemed.unwrap_or_else(Next::Wait)
    }

    /// The time to ask again: the money was not given back, so perhaps the value is.
    pub(in crate::engine) fn returning_due(state: LoadReturning) -> Next {
        let LoadReturning { card, call, claim, round, .. } = state;
        CardSaga::LoadAnswering(LoadAnswering { card, call, claim, round }).next()
    }

    pub(super) fn load_take(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: &LoadTaking,
        reader: ReaderId,
    ) {
        let take = Take(state.value.clone());
        self.say(step, reader, Talk::Saga(id, Says::Acknowledgement), &take);
    }

    pub(super) fn load_taken(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: LoadTaking,
        said: Result<Option<Last>, Unsaid>,
    ) -> Next {
        match said {
            Ok(Some(Last::Acknowledgement(acknowledgement)))
                if acknowledgement.content.0 == state.value.content.0 =>
            {
                self.end(step, id, TransactionState::Done, |_| ());
                CardSaga::LoadEnding(LoadEnding { acknowledgement }).next()
            }
            // The card gave its request up, as its log says: the money may come back.
            Err(Unsaid::Refused(koban_card::Status::WrongState | koban_card::Status::BadData)) => {
                self.ask_back(step, (state.card, state.round), state.call, state.claim)
            }
            Ok(_) => Next::Wait(Fault::CardMisbehaved.into()),
            Err(unsaid) => Next::Wait(unsaid.into()),
        }
    }

    /// Ends an operation that came to nothing before value moved.
    pub(super) fn given_up(&mut self, step: &mut Step, id: OperationId, problem: Problem) {
        self.end(step, id, TransactionState::Refused, |it| it.problem = Some(problem));
    }

    /// Changes what is written of an operation that goes on.
    fn note(&mut self, step: &mut Step, id: OperationId, change: impl FnOnce(&mut Transaction)) {
        let record = self.transactions.get(&id).map(super::super::show::Past::record);
        if let Some(mut record) = record {
            change(&mut record);
            self.record(step, id, record);
        }
    }
}
