//! What operations with cards ask of issuer and originator.

use koban_protocol::id::OperationId;
use koban_protocol::wire;

use super::super::Engine;
use super::super::event::{HttpAnswer, Part};
use super::super::step::{ACKNOWLEDGEMENT_TRIES, Next, Step};
use super::CardSaga;
use super::refund::Refund;

/// A request: which it is, where to, and its body.
type Request = (Part, String, Option<Vec<u8>>);

/// The time for another try of an operation's state, of which there were so many.
pub(in crate::engine) fn due(state: CardSaga, tries: u32) -> Next {
    match state {
        CardSaga::LoadReturning(state) => Engine::returning_due(state),
        // The card's log says the same.
        CardSaga::LoadEnding(_) if tries >= ACKNOWLEDGEMENT_TRIES => Next::End,
        _ => Next::Ignore,
    }
}

impl Engine {
    pub(in crate::engine) fn card_requests(&self, state: &CardSaga) -> Vec<Request> {
        let order = match state {
            CardSaga::LoadFunding(state) => Some(&state.order),
            CardSaga::UnloadRedeeming(state) => Some(&state.order),
            _ => None,
        };
        if let Some(order) = order {
            let url = format!("{}/operations", self.issuer_url);
            return vec![(Part::Order, url, Some(order.request.0.clone()))];
        }
        let (path, body) = match state {
            CardSaga::Booking(state) => ("reports", wire::encode(&state.report)),
            CardSaga::LoadAnswering(state) => ("loads", wire::encode(&state.call)),
            CardSaga::LoadReturning(state) => {
                ("loads/return", wire::encode(&Self::return_call(state)))
            }
            CardSaga::LoadEnding(state) => ("loads/end", wire::encode(&state.acknowledgement)),
            CardSaga::Refund(Refund::Answering(call)) => ("refunds", wire::encode(call)),
            CardSaga::UnloadAsking(state) => ("unloads", wire::encode(&state.unloading.call)),
            CardSaga::UnloadGiving(state) => ("unloads/value", wire::encode(&state.value)),
            _ => return Vec::new(),
        };
        let Some(originator) = &self.originator else { return Vec::new() };
        let url = format!("{}/{path}", originator.url.as_str().trim_end_matches('/'));
        vec![(Part::Originator, url, Some(body))]
    }

    /// The issuer or the originator answered.
    pub(in crate::engine) fn card_answer(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: CardSaga,
        part: Part,
        answer: &HttpAnswer,
    ) -> Next {
        match (state, part) {
            (CardSaga::Booking(state), Part::Originator) => self.booked(step, id, state, answer),
            (CardSaga::LoadFunding(state), Part::Order) => {
                self.load_funded(step, id, state, answer)
            }
            (CardSaga::LoadAnswering(state), Part::Originator) => {
                self.load_answered(step, state, answer)
            }
            (CardSaga::LoadReturning(state), Part::Originator) => {
                self.load_returned(step, state, answer)
            }
            (CardSaga::LoadEnding(_), Part::Originator) if answer.status < 500 => Next::End,
            (CardSaga::Refund(Refund::Answering(call)), Part::Originator) => {
                Self::refund_answered(call, answer)
            }
            (CardSaga::UnloadAsking(state), Part::Originator) => {
                self.unload_asked(step, id, state, answer)
            }
            (CardSaga::UnloadGiving(state), Part::Originator) => {
                self.unload_given(step, state, answer)
            }
            (CardSaga::UnloadRedeeming(state), Part::Order) => {
                self.unload_redeemed(step, id, state, answer)
            }
            _ => Next::Ignore,
        }
    }
}
