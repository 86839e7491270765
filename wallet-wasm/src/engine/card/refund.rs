//! Refund (MONDEX-1): value that left a card, and that both ends gave up, is loaded again. The
//! card's log goes first, so that the originator knows of the broken exchange; then the card asks
//! for the lost amount, and takes what the originator answers as it takes a load.
//!
//! ```text
//! Reporting ─▶ Booking ─▶ Obeying ─▶ Asking ─▶ Answering ─▶ Taking ─▶ ended ─▶ LoadEnding
//!     ▲                                            │           │
//!     │                                            │ refused   │ the card gave its request up
//!     └────────────────────────────────────────────│───────────┘
//!                                                  └─▶ Leaving ─▶ ended
//! ```
//!
//! An exchange has one refund, named by its digest: whoever asks twice asks for the same one. The
//! originator's refusal comes in clear. Should it be forged, the value is not in the card and not
//! lost: the originator's books have it, under a load that the card never acknowledged.

use koban_card::Status;
use koban_card::command::{Abort, Hello, Last, Open, Take};
use koban_protocol::id::{Digest, OperationId};
use koban_protocol::offline::purse::service::RefundCall;
use koban_protocol::offline::purse::wire::{
    CardId, End, Entry, Link, Message, ORIGINATOR, Side, Transfer, Value,
};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Statement as _;
use koban_protocol::wire;
use minicbor::{Decode, Encode};

use super::super::Engine;
use super::super::account::transient;
use super::super::event::HttpAnswer;
use super::super::problem::{Fault, Problem, reported, unsealed};
use super::super::record::Transaction;
use super::super::saga::Saga;
use super::super::step::{Next, Step};
use super::state::{LoadEnding, Reporting};
use super::{After, CardSaga, ReaderId, Says, Talk, Unsaid, is_final};
use crate::view::{TransactionKind, TransactionState};

/// A refund, once the card's log is booked.
#[derive(Clone, Debug, Encode, Decode)]
pub(in crate::engine) enum Refund {
    /// The card is to ask for the value of a lost exchange.
    #[n(0)]
    Asking(#[n(0)] CardId, #[n(1)] Transfer),
    /// The originator is being asked for it.
    #[n(1)]
    Answering(#[n(0)] RefundCall),
    /// The card is to take it.
    #[n(2)]
    Taking(#[n(0)] Message<Value>),
    /// The originator refused; the card is to give its request up.
    #[n(3)]
    Leaving(#[n(0)] CardId, #[n(1)] Problem),
}

impl Refund {
    /// The card it is about.
    pub(super) const fn card(&self) -> CardId {
        match self {
            Self::Asking(card, _) | Self::Leaving(card, _) => *card,
            Self::Answering(call) => call.request.content.payee.card,
            Self::Taking(value) => value.content.0.payee.card,
        }
    }

    /// Whether the card has to do the next step.
    pub(super) const fn needs_card(&self) -> bool {
        !matches!(self, Self::Answering(_))
    }

    fn next(self) -> Next {
        CardSaga::Refund(self).next()
    }
}

/// The exchange that an entry says left the card and was given up, and its refund.
pub(super) fn refundable(entry: &Entry) -> Option<(OperationId, Transfer)> {
    let lost = (entry.side, entry.end) == (Side::Payer, End::Broken);
    let digest = || Digest::of_value(Value::DOMAIN, &Value(entry.transfer));
    lost.then(|| (OperationId(digest().prefix()), entry.transfer))
}

/// Whether the refund alone tells of what was lost: no log has an entry of the originator's side.
/// Such a refund ends only when the card has the value.
pub(super) fn is_only_here(lost: &Transfer) -> bool {
    lost.payer.card == ORIGINATOR
}

impl Engine {
    /// Asks for the value of a broken exchange in the log of the card in a reader, by the id of its
    /// refund.
    pub(in crate::engine) fn refund_card(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
        id: OperationId,
    ) -> Result<(), Problem> {
        let card = self.free_card(reader)?;
        let entries = self.cards.slots.get(&reader).map(|slot| slot.entries.iter());
        let mut lost = entries.into_iter().flatten().filter_map(refundable);
        let Some((_, lost)) = lost.find(|(refund, _)| *refund == id) else {
            return Err(Problem::with(Fault::UnknownTransaction, id.to_string()));
        };
        if self.transaction(id).is_some_and(|it| it.state == TransactionState::Done) {
            return Err(Code::OperationReused.into());
        }
        let mut transaction =
            Transaction::open(TransactionKind::CardRefund, step.now, Some(lost.amount));
        transaction.counterparty = Some(super::show::printed(card));
        let saga = CardSaga::Reporting(Reporting { card, after: After::Refund(lost) });
        self.begin(step, id, transaction, Saga::Card(Box::new(saga)));
        Ok(())
    }

    /// What the card is told in a state, or what follows without it.
    pub(super) fn refund_step(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Refund,
        reader: ReaderId,
        hello: &Hello,
    ) -> Option<Next> {
        match state {
            Refund::Asking(_, lost) => return self.load_ask(step, id, lost.amount, reader, hello),
            Refund::Taking(value) => {
                self.say(step, reader, Talk::Saga(id, Says::Acknowledgement), &Take(value));
            }
            Refund::Leaving(..) if hello.open == Some(Open::Asked) => {
                self.say(step, reader, Talk::Saga(id, Says::Nothing), &Abort {});
            }
            Refund::Leaving(_, problem) => {
                self.given_up(step, id, problem);
                return Some(Next::End);
            }
            Refund::Answering(_) => return Some(Next::Ignore),
        }
        None
    }

    /// What the card answered.
    pub(super) fn refund_said(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Refund,
        said: Result<Option<Last>, Unsaid>,
    ) -> Next {
        match (state, said) {
            (Refund::Asking(card, lost), Ok(Some(Last::Request(request)))) => {
                let asked = request.content;
                let ours = asked.payee.card == card
                    && asked.link == Link::Originator
                    && asked.amount == lost.amount;
                if !ours {
                    return Next::Wait(Fault::CardInterrupted.into());
                }
                Refund::Answering(RefundCall { request, lost }).next()
            }
            (Refund::Taking(value), Ok(Some(Last::Acknowledgement(acknowledgement))))
                if acknowledgement.content.0 == value.content.0 =>
            {
                self.end(step, id, TransactionState::Done, |_| ());
                CardSaga::LoadEnding(LoadEnding { acknowledgement }).next()
            }
            // The card gave its request up, as its log says: now this is the value that is lost.
            (Refund::Taking(value), Err(Unsaid::Refused(Status::WrongState | Status::BadData))) => {
                let lost = value.content.0;
                let card = lost.payee.card;
                CardSaga::Reporting(Reporting { card, after: After::Refund(lost) }).next()
            }
            (Refund::Leaving(_, problem), Ok(_) | Err(Unsaid::Refused(Status::WrongState))) => {
                self.given_up(step, id, problem);
                Next::End
            }
            (Refund::Asking(_, lost), Err(unsaid)) if is_final(unsaid) && !is_only_here(&lost) => {
                self.given_up(step, id, unsaid.into());
                Next::End
            }
            (Refund::Taking(_), Ok(_)) => Next::Wait(Fault::CardMisbehaved.into()),
            (_, Err(unsaid)) => Next::Wait(unsaid.into()),
            (_, Ok(_)) => Next::Wait(Fault::CardInterrupted.into()),
        }
    }

    /// The originator gives the value again, or says why not.
    pub(super) fn refund_answered(call: RefundCall, answer: &HttpAnswer) -> Next {
        let asked = call.request.content;
        let Ok(value) = wire::decode_exact::<Message<Value>>(&answer.body) else {
            return match reported(answer) {
                Some(code) if !transient(code) && !is_only_here(&call.lost) => {
                    Refund::Leaving(asked.payee.card, code.into()).next()
                }
                _ => Next::Wait(unsealed(answer)),
            };
        };
        let given = &value.content.0;
        let fits = given.payee == asked.payee
            && given.payer.card == ORIGINATOR
            && given.amount == asked.amount;
        if !fits {
            return Next::Wait(Problem::with(Fault::OriginatorMisbehaved, "value"));
        }
        Refund::Taking(value).next()
    }
}
