//! Payment (VC-4 to VC-6), the payer's side.

use koban_protocol::id::OperationId;
use koban_protocol::process::AnswerError;
use koban_protocol::process::payment::{
    CheckedInvoice, Payment as Process, PaymentAnswer, PaymentOrder, PaymentOutcome,
    check_acceptance, check_invoice, check_receipt,
};
use koban_protocol::refusal::{Code, Evidence, Refusal};
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Invoice, Receipt};
use koban_protocol::time::Time;
use koban_protocol::wire;

use super::Engine;
use super::account::transient;
use super::event::{HttpAnswer, Part, Report};
use super::problem::{Fault, Problem, reported, unsealed};
use super::record::{Order, Transaction};
use super::saga::{AwaitingReceipt, Paying, Payment, Saga};
use super::show::Past;
use super::step::{Next, Step};
use crate::view::{TransactionKind, TransactionState};

/// How long a missing receipt is asked for, seconds.
const RECEIPT_WAIT_S: u64 = 86_400;
/// How long after its expiry an invoice is taken to be unpayable at the issuer: its clock may
/// differ.
const EXPIRY_GRACE_S: u64 = koban_protocol::limits::CLOCK_SKEW_MAX_S;

impl Engine {
    /// Checks an invoice for this wallet: its signatures, its issuers, its expiry.
    ///
    /// # Errors
    /// [`Fault::ForeignIssuer`], [`Code::InvoiceInvalid`], [`Code::InvoiceExpired`],
    /// [`Fault::Network`] without the issuer's keys.
    pub fn check_invoice(
        &self,
        invoice: &Signed<Invoice>,
        now: Time,
    ) -> Result<CheckedInvoice, Problem> {
        let key = self.issuer()?.key;
        check_invoice(invoice, &key, now).map_err(|code| match invoice.claim() {
            Ok(claim) if !claim.issuers.iter().any(|accepted| accepted.key == key) => {
                Fault::ForeignIssuer.into()
            }
            _ => code.into(),
        })
    }

    pub(super) fn pay(&mut self, step: &mut Step, invoice: Signed<Invoice>) -> Result<(), Problem> {
        let issuer = self.issuer()?;
        self.holder()?;
        if let Some((id, open)) = self.payment_of(&invoice) {
            self.go_on(step, id);
            step.report(Report::Started(id));
            if !open {
                step.report(Report::Ended(id));
            }
            return Ok(());
        }
        let checked = self.check_invoice(&invoice, step.now)?;
        let amount = checked.invoice().amount;
        super::coins::largest(&issuer, amount.currency())?;
        let (coins, change) = self.choose(amount, step.now)?;
        let near = coins.first().map(|held| held.coin.body.id);
        let id = OperationId::fresh(near, issuer.shards, step.draw());
        let order = PaymentOrder {
            coins: super::coins::on_wire(&coins),
            invoice: checked.digest(),
            payee: checked.payee().participant(),
            amount,
            change: change.clone(),
        };
        let order = Order::seal::<Process>(id, &order, &issuer, step.draw())?;
        self.remove(step, &coins);
        let mut transaction = Transaction::open(TransactionKind::Payment, step.now, Some(amount));
        transaction.counterparty = Some(checked.payee().pseudonym.to_string());
        transaction.invoice = Some(invoice.clone());
        let payment = Payment { order, coins, change, invoice, at: step.now };
        self.begin(step, id, transaction, Saga::Paying(Paying { payment }));
        Ok(())
    }

    /// The payment of an invoice that is open or done, and whether it is open.
    pub(super) fn payment_of(&self, invoice: &Signed<Invoice>) -> Option<(OperationId, bool)> {
        let digest = invoice.digest();
        self.transactions.iter().find_map(|(id, it)| {
            let same = it.invoice() == Some(digest);
            let open = match it.state() {
                TransactionState::Open | TransactionState::Cancelling => true,
                TransactionState::Done => false,
                TransactionState::Cancelled | TransactionState::Refused => return None,
            };
            same.then_some((*id, open))
        })
    }

    /// The time for another try: past the invoice's expiry the payment is called back instead.
    pub(super) fn paying_due(&mut self, step: &mut Step, id: OperationId, state: Paying) -> Next {
        let expired = state
            .payment
            .invoice
            .claim()
            .is_ok_and(|invoice| invoice.expires.plus(EXPIRY_GRACE_S) < step.now);
        if expired {
            let reason = Some(Code::InvoiceExpired.into());
            self.call_back(step, id, state.payment, reason)
        } else {
            Next::Ignore
        }
    }

    /// The payee's server answered the envelope.
    pub(super) fn pay_answered(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Paying,
        answer: &HttpAnswer,
    ) -> Next {
        let Ok(paid) = wire::decode_exact::<PaymentAnswer>(&answer.body) else {
            return match reported(answer) {
                // Nothing will come of this envelope, if that is true: calling it back finds out.
                Some(code) if !transient(code) => {
                    self.call_back(step, id, state.payment, Some(code.into()))
                }
                _ => Next::Wait(unsealed(answer)),
            };
        };
        let outcome = state.payment.order.asked::<Process>().open(&paid.for_payer);
        self.pay_decided(step, id, state.payment, outcome, paid.receipt)
    }

    /// The issuer answered what it had decided about the envelope.
    pub(super) fn payer_answered(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Paying,
        answer: &HttpAnswer,
    ) -> Next {
        match state.payment.order.asked::<Process>().answer(&answer.body) {
            Err(AnswerError::NotAnAnswer) => Next::Ignore,
            outcome => self.pay_decided(step, id, state.payment, outcome, None),
        }
    }

    fn pay_decided(
        &mut self,
        step: &mut Step,
        id: OperationId,
        payment: Payment,
        outcome: Result<PaymentOutcome, AnswerError>,
        receipt: Option<Signed<Receipt>>,
    ) -> Next {
        match outcome {
            Ok(outcome) => match self.paid(step, id, &payment, outcome, receipt) {
                Ok(next) => next,
                Err(problem) => Next::Wait(problem),
            },
            Err(AnswerError::Refused(refusal)) => self.pay_refused(step, id, payment, refusal),
            Err(AnswerError::NotAnAnswer) => {
                Next::Wait(Problem::with(Fault::PayeeMisbehaved, "not the issuer's answer"))
            }
        }
    }

    /// The issuer accepted the payment: the change is held, the receipt kept or waited for.
    pub(super) fn paid(
        &mut self,
        step: &mut Step,
        id: OperationId,
        payment: &Payment,
        outcome: PaymentOutcome,
        receipt: Option<Signed<Receipt>>,
    ) -> Result<Next, Problem> {
        let wrong = |_| Problem::with(Fault::IssuerMisbehaved, "acceptance");
        let key = self.issuer()?.key;
        let checked = self.checked(payment)?;
        check_acceptance(&outcome.acceptance, &checked, &key).map_err(wrong)?;
        if let Some(bundle) = &payment.change {
            self.accept(step, id, outcome.change, bundle, false)?;
        }
        let change = payment.change.as_ref().map(koban_protocol::amount::Bundle::total);
        let receipt = receipt.filter(|it| check_receipt(it, &checked, &key).is_ok());
        let missing = receipt.is_none();
        self.end(step, id, TransactionState::Done, |it| {
            it.acceptance = Some(outcome.acceptance);
            it.change = change;
            it.receipt = receipt;
            it.problem = missing.then(|| Fault::ReceiptMissing.into());
        });
        if !missing {
            return Ok(Next::End);
        }
        let until = step.now.plus(RECEIPT_WAIT_S);
        let (order, invoice, at) = (payment.order.clone(), payment.invoice.clone(), payment.at);
        Ok(Next::to(Saga::AwaitingReceipt(AwaitingReceipt { order, invoice, at, until })))
    }

    /// The issuer refused the payment. Its statement about bad coins or unequal amounts holds for
    /// this envelope whoever presents it again; any other reason lies in how the payee presented
    /// it, and it could do better later: then the coins are changed before they are free again.
    pub(super) fn pay_refused(
        &mut self,
        step: &mut Step,
        id: OperationId,
        payment: Payment,
        refusal: Refusal,
    ) -> Next {
        let stands = match &refusal.evidence {
            Some(Evidence::BadCoins(_)) => self
                .verdict(&refusal)
                .is_some_and(|verdict| verdict.operation == payment.order.operation),
            Some(Evidence::Mismatch(mismatch)) => self.keys.as_ref().is_some_and(|keys| {
                let opened = mismatch.open(&keys.key);
                opened.is_ok_and(|it| it.invoice == payment.invoice.digest())
            }),
            None => false,
        };
        if stands {
            self.refused_with(step, id, refusal, payment.coins);
            return Next::End;
        }
        self.call_back(step, id, payment, Some(refusal.code.into()))
    }

    /// The payee's server answered again, after the payment was done without a receipt.
    pub(super) fn receipt_answered(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: AwaitingReceipt,
        answer: &HttpAnswer,
    ) -> Next {
        let missing = || Next::Wait(Fault::ReceiptMissing.into());
        let Ok(key) = self.issuer().map(|issuer| issuer.key) else { return missing() };
        let answer = wire::decode_exact::<PaymentAnswer>(&answer.body).ok();
        let Some(receipt) = answer.and_then(|answer| answer.receipt) else { return missing() };
        let checked = check_invoice(&state.invoice, &key, state.at);
        let good = checked.is_ok_and(|it| check_receipt(&receipt, &it, &key).is_ok());
        if !good {
            return missing();
        }
        if let Some(mut transaction) = self.transactions.get(&id).map(Past::record) {
            transaction.receipt = Some(receipt);
            transaction.problem = None;
            self.record(step, id, transaction);
        }
        Next::End
    }

    /// The invoice of a payment, as it was checked when the payment began.
    fn checked(&self, payment: &Payment) -> Result<CheckedInvoice, Problem> {
        let key = self.issuer()?.key;
        check_invoice(&payment.invoice, &key, payment.at).map_err(Problem::from)
    }

    /// A payment that was called back may have gone through all the same: the issuer's sealed word.
    pub(super) fn paid_after_all(
        &mut self,
        step: &mut Step,
        id: OperationId,
        payment: Payment,
        part: Part,
        answer: &HttpAnswer,
    ) -> Option<Next> {
        let word = payers_word(&payment, part, answer)?;
        self.paid(step, id, &payment, word.outcome.ok()?, word.receipt).ok()
    }
}

/// What the issuer decided about an envelope, and the payee's receipt if it came along.
pub(super) struct PayersWord {
    pub(super) outcome: Result<PaymentOutcome, Refusal>,
    pub(super) receipt: Option<Signed<Receipt>>,
}

/// The issuer's word to the payer, from whichever answer it came in.
pub(super) fn payers_word(
    payment: &Payment,
    part: Part,
    answer: &HttpAnswer,
) -> Option<PayersWord> {
    let asked = payment.order.asked::<Process>();
    let (outcome, receipt) = if part == Part::Envelope {
        let paid: PaymentAnswer = wire::decode_exact(&answer.body).ok()?;
        (asked.open(&paid.for_payer), paid.receipt)
    } else {
        (asked.answer(&answer.body), None)
    };
    match outcome {
        Ok(outcome) => Some(PayersWord { outcome: Ok(outcome), receipt }),
        Err(AnswerError::Refused(refusal)) => Some(PayersWord { outcome: Err(refusal), receipt }),
        Err(AnswerError::NotAnAnswer) => None,
    }
}
