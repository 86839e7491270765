//! Calling a payment back: its coins are changed, so that either this or the payment takes them,
//! never both (VC-7).

use koban_protocol::id::OperationId;
use koban_protocol::process::AnswerError;
use koban_protocol::process::change::Change;
use koban_protocol::refusal::{Code, Evidence, Refusal};
use koban_protocol::time::Time;

use super::coins::{seal_change, worth};
use super::event::{HttpAnswer, Part, Report};
use super::payment::{PayersWord, payers_word};
use super::problem::{Cause, Fault, Problem, unsealed};
use super::saga::{Cancelling, Disputed, Paying, Payment, Saga};
use super::show::Past;
use super::step::{Next, Step, acknowledge};
use super::{Engine, choice};
use crate::view::TransactionState;

/// How long after the invoice's expiry the issuer's answer to the payer is waited for, seconds.
const DISPUTE_S: u64 = 3600;

impl Engine {
    pub(super) fn cancel(&mut self, step: &mut Step, id: OperationId) -> Result<(), Problem> {
        let saga = self.sagas.get(&id).map(|open| open.saga.clone());
        match saga {
            Some(Saga::Paying(Paying { payment })) => {
                match self.call_back(step, id, payment, None) {
                    Next::Go(saga) => self.go(step, id, *saga),
                    Next::Wait(problem) => return Err(problem),
                    Next::Ignore | Next::End => (),
                }
            }
            Some(Saga::Cancelling(_) | Saga::Disputed(_)) => self.go_on(step, id),
            Some(Saga::Card(saga)) => return self.cancel_card(step, id, &saga),
            _ if self.transactions.contains_key(&id) => return Err(Fault::NotCancellable.into()),
            _ => return Err(Fault::UnknownTransaction.into()),
        }
        step.report(Report::Started(id));
        Ok(())
    }

    /// Begins to call a payment back.
    pub(super) fn call_back(
        &mut self,
        step: &mut Step,
        id: OperationId,
        payment: Payment,
        reason: Option<Problem>,
    ) -> Next {
        let begun = (step.now, 0);
        self.call_back_again(step, id, payment, reason, begun)
    }

    fn call_back_again(
        &mut self,
        step: &mut Step,
        id: OperationId,
        payment: Payment,
        reason: Option<Problem>,
        (since, round): (Time, u32),
    ) -> Next {
        match self.call_back_order(step, &payment) {
            Ok((order, bundle)) => {
                if let Some(mut transaction) = self.transactions.get(&id).map(Past::record) {
                    transaction.state = TransactionState::Cancelling;
                    transaction.problem.clone_from(&reason);
                    self.record(step, id, transaction);
                }
                let state = Cancelling { payment, order, bundle, reason, since, round };
                Next::to(Saga::Cancelling(state))
            }
            Err(problem) => Next::Wait(problem),
        }
    }

    fn call_back_order(
        &self,
        step: &mut Step,
        payment: &Payment,
    ) -> Result<(super::record::Order, koban_protocol::amount::Bundle), Problem> {
        let issuer = self.issuer()?;
        let first = payment.coins.first().map(|held| held.coin.body);
        let first = first.ok_or(Problem::from(Fault::StorageCorrupt))?;
        let id = OperationId::fresh(Some(first.id), issuer.shards, step.draw());
        let amount = worth(&payment.coins, first.currency);
        let largest = super::coins::largest(&issuer, first.currency)?;
        let bundle = match self.handy(amount, &[]) {
            Ok(bundle) => bundle,
            Err(_) => choice::fewest(amount, largest)?,
        };
        let order = seal_change(id, &payment.coins, &bundle, true, &issuer, step)?;
        Ok((order, bundle))
    }

    pub(super) fn call_back_answered(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Cancelling,
        answer: &HttpAnswer,
    ) -> Next {
        match state.order.asked::<Change>().answer(&answer.body) {
            Ok(coins) => {
                if let Err(problem) = self.accept(step, id, coins, &state.bundle, false) {
                    return Next::Wait(problem);
                }
                let refused = state.reason.is_some();
                let end =
                    if refused { TransactionState::Refused } else { TransactionState::Cancelled };
                self.end(step, id, end, |it| it.problem = state.reason);
                acknowledge::<Change>(&state.order)
            }
            Err(AnswerError::Refused(refusal)) => self.dispute(state, &refusal),
            Err(AnswerError::NotAnAnswer) => Next::Wait(unsealed(answer)),
        }
    }

    /// The coins could not be changed: the payment went through, is under way, or was never good.
    fn dispute(&self, state: Cancelling, refusal: &Refusal) -> Next {
        let Cancelling { payment, reason, since, round, .. } = state;
        let verdict = match &refusal.evidence {
            Some(Evidence::BadCoins(verdict)) if self.verdict(refusal).is_some() => {
                Some(verdict.clone())
            }
            _ => None,
        };
        let refusal = Problem::from(refusal.code);
        let round = round.saturating_add(1);
        Next::to(Saga::Disputed(Disputed { payment, reason, since, refusal, verdict, round }))
    }

    /// The issuer's word on a disputed payment, from the payee or from itself.
    pub(super) fn dispute_answered(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Disputed,
        part: Part,
        answer: &HttpAnswer,
    ) -> Next {
        let waiting = Next::Wait(state.refusal.clone());
        match payers_word(&state.payment, part, answer) {
            None if part == Part::PayersAnswer && is_unknown(answer) => {
                self.unknown_at_issuer(step, id, state)
            }
            None => waiting,
            Some(PayersWord { outcome: Ok(outcome), receipt }) => {
                let paid = self.paid(step, id, &state.payment, outcome, receipt);
                paid.unwrap_or_else(Next::Wait)
            }
            Some(PayersWord { outcome: Err(refusal), .. }) => match self.verdict(&refusal) {
                Some(_) => self.pay_refused(step, id, state.payment, refusal),
                None => waiting,
            },
        }
    }

    /// The issuer knows of no payment. Once none can be accepted any more, its statement about the
    /// coins stands: those it names were lost some other way.
    fn unknown_at_issuer(&mut self, step: &mut Step, id: OperationId, state: Disputed) -> Next {
        let expires = state.payment.invoice.claim().map_or(state.since, |it| it.expires);
        let over = expires.max(state.since).plus(DISPUTE_S) < step.now;
        let Some(verdict) = state.verdict.filter(|_| over) else {
            return Next::Wait(state.refusal);
        };
        let code = match state.refusal.cause {
            Cause::Role(code) => code,
            Cause::Wallet(_) => Code::CoinNotLive,
        };
        let refusal = Refusal { code, evidence: Some(Evidence::BadCoins(verdict)) };
        self.refused_with(step, id, refusal, state.payment.coins);
        Next::End
    }

    /// The time for another try: the coins again, or the same questions.
    pub(super) fn disputed_due(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Disputed,
    ) -> Next {
        let Disputed { payment, reason, since, round, .. } = state;
        match self.call_back_again(step, id, payment, reason, (since, round)) {
            Next::Wait(_) => Next::Ignore,
            next => next,
        }
    }
}

/// Whether the issuer says that it has no answer for the payer: never had, or no longer has.
const fn is_unknown(answer: &HttpAnswer) -> bool {
    matches!(answer.status, 404 | 410)
}
