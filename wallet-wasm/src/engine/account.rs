//! The holder's bank account: opened at a bank, enrolled with the issuer, asked for its balance.

use koban_protocol::amount::{Amount, Currency};
use koban_protocol::id::OperationId;
use koban_protocol::process::AnswerError;
use koban_protocol::process::enrolment::{AccountConsent, Enrolment, EnrolmentOrder};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{
    AccountAttestation, AccountRef, BalanceInquiry, Name, OpenAccount, Short,
};
use koban_protocol::time::Time;
use koban_protocol::wire;
use serde::Deserialize;

use super::Engine;
use super::event::{Call, CallId, HttpAnswer, Part, Report};
use super::problem::{Fault, Problem, reported, unsealed};
use super::record::{Balance, Order, Store, Transaction};
use super::saga::{Enrolling, OpeningAccount, Saga};
use super::step::{Next, Step};
use crate::view::{TransactionKind, TransactionState};

impl Engine {
    pub(super) fn enrol(
        &mut self,
        step: &mut Step,
        bank: Short,
        owner: Name,
    ) -> Result<(), Problem> {
        let issuer = self.issuer()?;
        let (_, certified) = self.holder()?;
        if certified.content.account.is_some() {
            return Err(Fault::AlreadyEnrolled.into());
        }
        let enrolling = |saga: &Saga| matches!(saga, Saga::OpeningAccount(_) | Saga::Enrolling(_));
        if let Some(id) = self.find_open(enrolling) {
            self.go_on(step, id);
            step.report(Report::Started(id));
            return Ok(());
        }
        let info = issuer.bank(&bank).ok_or_else(|| Problem {
            detail: bank.to_string(),
            ..Problem::from(Code::AccountForeign)
        })?;
        let id = OperationId::fresh(None, issuer.shards, step.draw());
        let mut transaction = Transaction::open(TransactionKind::Enrolment, step.now, None);
        transaction.counterparty = Some(info.name.to_string());
        let state = OpeningAccount { bank, owner };
        self.begin(step, id, transaction, Saga::OpeningAccount(state));
        Ok(())
    }

    /// The request to the bank, signed anew for every try: the bank knows the account by its key.
    pub(super) fn account_request(
        &self,
        state: &OpeningAccount,
        now: Time,
    ) -> Option<(Part, String, Option<Vec<u8>>)> {
        let url = &self.keys.as_ref()?.bank(&state.bank)?.url;
        let key = self.identity.as_ref()?.account_key(state.bank.as_str());
        let order = OpenAccount {
            bank: state.bank.clone(),
            owner: state.owner.clone(),
            key: key.verifying_key(),
            at: now,
        };
        let body = wire::encode(&Signed::sign(&order, &key));
        Some((Part::Account, at(url.as_str(), "accounts"), Some(body)))
    }

    pub(super) fn account_opened(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: OpeningAccount,
        answer: &HttpAnswer,
    ) -> Next {
        let Ok(attestation) = wire::decode_exact::<Signed<AccountAttestation>>(&answer.body) else {
            return match reported(answer) {
                // Nothing is at stake yet, so the bank's word in clear is enough.
                Some(code) if !transient(code) => {
                    self.refused(step, id, code);
                    Next::End
                }
                _ => Next::Wait(unsealed(answer)),
            };
        };
        match self.enrolment(step, id, &state, attestation) {
            Ok(saga) => Next::to(saga),
            Err(problem) => Next::Wait(problem),
        }
    }

    fn enrolment(
        &self,
        step: &mut Step,
        id: OperationId,
        state: &OpeningAccount,
        attestation: Signed<AccountAttestation>,
    ) -> Result<Saga, Problem> {
        let issuer = self.issuer()?;
        let (identity, certified) = self.holder()?;
        let wrong = || Problem::with(Fault::BankMisbehaved, state.bank.to_string());
        let bank = issuer.bank(&state.bank).ok_or_else(wrong)?;
        let account = attestation.open(&bank.key).map_err(|_| wrong())?.account;
        let key = identity.account_key(state.bank.as_str());
        if account.bank != state.bank || account.key != key.verifying_key() {
            return Err(wrong());
        }
        let participant = certified.content.participant();
        let consent = Signed::sign(&AccountConsent { participant, at: step.now }, &key);
        let certificate = certified.signed.clone();
        let order = EnrolmentOrder { certificate, attestation, consent, at: step.now };
        let order = Signed::sign(&order, &identity.participant);
        let order = Order::seal::<Enrolment>(id, &order, &issuer, step.draw())?;
        Ok(Saga::Enrolling(Enrolling { order, account }))
    }

    pub(super) fn enrolled(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Enrolling,
        answer: &HttpAnswer,
    ) -> Next {
        match state.order.asked::<Enrolment>().answer(&answer.body) {
            Ok(certificate) => {
                let ours = |account: &AccountRef| *account == state.account;
                match certificate.claim() {
                    Ok(content) if content.account.as_ref().is_some_and(ours) => (),
                    _ => return Next::Wait(Problem::with(Fault::IssuerMisbehaved, "certificate")),
                }
                if let Err(problem) = self.accept_certificate(step, certificate) {
                    return Next::Wait(problem);
                }
                let number = state.account.number.to_string();
                self.end(step, id, TransactionState::Done, |it| {
                    it.counterparty = it.counterparty.take().map(|bank| format!("{bank} {number}"));
                });
            }
            Err(AnswerError::Refused(refusal)) => self.refused(step, id, refusal),
            Err(AnswerError::NotAnAnswer) => return Next::Wait(unsealed(answer)),
        }
        // The issuer keeps certificates for good, so there is nothing to acknowledge.
        Next::End
    }

    /// The enrolled account.
    pub(super) fn account(&self) -> Result<&AccountRef, Problem> {
        let (_, certified) = self.holder()?;
        certified.content.account.as_ref().ok_or(Problem::from(Code::NotEnrolled))
    }

    /// Bank and number of the enrolled account, for people.
    pub(super) fn account_name(&self) -> Option<String> {
        let account = self.account().ok()?;
        let bank = self.keys.as_ref()?.bank(&account.bank)?;
        Some(format!("{} {}", bank.name, account.number))
    }

    pub(super) fn ask_balance(&self, step: &mut Step) -> Result<(), Problem> {
        let account = self.account()?.clone();
        let (identity, _) = self.holder()?;
        let issuer = self.issuer()?;
        let bank = issuer.bank(&account.bank).ok_or(Problem::from(Code::AccountForeign))?;
        let key = identity.account_key(account.bank.as_str());
        let inquiry = Signed::sign(&BalanceInquiry { account, at: step.now }, &key);
        let url = at(bank.url.as_str(), "balance");
        step.send(Call::post(CallId::Balance, url, wire::encode(&inquiry)));
        Ok(())
    }

    pub(super) fn balance_answered(&mut self, step: &mut Step, answer: Option<&HttpAnswer>) {
        #[derive(Deserialize)]
        struct Entry {
            currency: String,
            minor: u64,
        }
        #[derive(Deserialize)]
        struct Body {
            balances: Vec<Entry>,
        }
        let read = |answer: &HttpAnswer| {
            let body: Option<Body> = serde_json::from_slice(&answer.body).ok();
            let body = body.filter(|_| answer.status == 200).ok_or_else(|| unsealed(answer))?;
            let amount =
                |entry: &Entry| Amount::new(Currency::new(&entry.currency)?, entry.minor).ok();
            Ok(body.balances.iter().filter_map(amount).collect())
        };
        let result = answer.map_or(Err(Problem::from(Fault::Network)), read);
        let result = result.map(|amounts| {
            let balance = Balance { amounts, at: step.now };
            step.put(Store::Identity, "balance", &balance);
            self.balance = Some(balance);
        });
        step.report(Report::Balance(result));
    }
}

/// Whether the same message may be answered otherwise in a while.
pub(super) const fn transient(code: Code) -> bool {
    matches!(code, Code::Pending | Code::PeerUnreachable | Code::Internal)
}

fn at(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}
