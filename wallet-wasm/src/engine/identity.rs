//! Who the holder is: the issuer's pinned keys, the seed, registration.

use koban_protocol::id::OperationId;
use koban_protocol::key::{Seed, SigningKey};
use koban_protocol::process::AnswerError;
use koban_protocol::process::registration::{Registration, RegistrationOrder};
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Certificate, IssuerKeys, Name};
use koban_protocol::wire;

use super::Engine;
use super::event::{Call, CallId, HttpAnswer, Report};
use super::problem::{Cause, Fault, Problem, unsealed};
use super::record::{Order, Secret, Store, Transaction};
use super::saga::{Registering, Saga};
use super::step::{Next, Step};
use crate::view::{TransactionKind, TransactionState};

/// The holder's seed, the keys made from it, and what the issuer certified.
pub(super) struct Identity {
    seed: Seed,
    pub(super) participant: SigningKey,
    pub(super) certified: Option<Certified>,
}

/// The issuer's certificate, as it is shown and as it was opened.
pub(super) struct Certified {
    pub(super) signed: Signed<Certificate>,
    pub(super) content: Certificate,
}

impl Identity {
    fn new(seed: Seed) -> Self {
        let participant = SigningKey::from_seed(&seed.derive(&[b"participant"]));
        Self { seed, participant, certified: None }
    }

    /// The key that authorises debits of the account at a bank.
    pub(super) fn account_key(&self, bank: &str) -> SigningKey {
        SigningKey::from_seed(&self.seed.derive(&[b"account", bank.as_bytes()]))
    }

    pub(super) fn load(seed: &Secret<32>) -> Self {
        Self::new(Seed::new(seed.0))
    }

    pub(super) fn load_certificate(&mut self, signed: Signed<Certificate>) -> Option<()> {
        let content = signed.claim().ok()?;
        self.certified = Some(Certified { signed, content });
        Some(())
    }
}

impl Engine {
    /// The issuer's keys.
    ///
    /// # Errors
    /// [`Fault::Network`]: they were never fetched.
    pub(super) fn issuer(&self) -> Result<IssuerKeys, Problem> {
        self.keys.clone().ok_or_else(|| Problem::with(Fault::Network, "issuer's keys"))
    }

    /// The holder, registered.
    pub(super) fn holder(&self) -> Result<(&Identity, &Certified), Problem> {
        let identity = self.identity.as_ref();
        identity
            .and_then(|identity| Some((identity, identity.certified.as_ref()?)))
            .ok_or(Problem::from(Fault::NotRegistered))
    }

    pub(super) fn fetch_keys(&self, step: &mut Step) {
        step.send(Call::get(CallId::Keys, format!("{}/keys", self.issuer_url)));
    }

    pub(super) fn keys_answered(&mut self, step: &mut Step, answer: Option<&HttpAnswer>) {
        let result = answer.map_or(Err(Problem::from(Fault::Network)), |answer| {
            let signed = wire::decode_exact::<Signed<IssuerKeys>>(&answer.body);
            signed.map_err(|_| unsealed(answer)).and_then(|signed| self.accept_keys(step, &signed))
        });
        match &result {
            Ok(()) => self.problem = None,
            // Without an answer, what was known before still holds.
            Err(problem) if problem.cause == Cause::Wallet(Fault::Network) => (),
            Err(problem) => self.problem = Some(problem.clone()),
        }
        step.report(Report::Keys(result));
    }

    /// Keys are accepted under the pinned identity key; the first ones pin it.
    fn accept_keys(&mut self, step: &mut Step, signed: &Signed<IssuerKeys>) -> Result<(), Problem> {
        let wrong = |_| Problem::with(Fault::IssuerMisbehaved, "keys");
        let claimed = signed.claim().map_err(|_| Problem::with(Fault::IssuerMisbehaved, "keys"))?;
        let first = self.keys.is_none();
        let pinned = self.keys.as_ref().map_or(claimed.key, |known| known.key);
        if claimed.key != pinned {
            return Err(Problem::with(Fault::IssuerKeyChanged, claimed.key.id().to_string()));
        }
        let keys = signed.open(&pinned).map_err(wrong)?;
        if self.keys.as_ref() != Some(&keys) {
            step.put(Store::Keys, "issuer", signed);
            self.keys = Some(keys);
        }
        if first {
            self.refresh_old(step);
        }
        Ok(())
    }

    pub(super) fn register(&mut self, step: &mut Step, pseudonym: Name) -> Result<(), Problem> {
        let issuer = self.issuer()?;
        if self.holder().is_ok() {
            return Err(Fault::AlreadyRegistered.into());
        }
        if let Some(id) = self.find_open(|saga| matches!(saga, Saga::Registering(_))) {
            self.go_on(step, id);
            step.report(Report::Started(id));
            return Ok(());
        }
        let identity = self.identity.get_or_insert_with(|| {
            let seed = Seed::generate(step.draw());
            step.put(Store::Identity, "seed", &Secret(*seed.expose()));
            Identity::new(seed)
        });
        let key = identity.participant.verifying_key();
        let order = RegistrationOrder { pseudonym, key, at: step.now };
        let order = Signed::sign(&order, &identity.participant);
        let id = OperationId::fresh(None, issuer.shards, step.draw());
        let order = Order::seal::<Registration>(id, &order, &issuer, step.draw())?;
        let mut transaction = Transaction::open(TransactionKind::Registration, step.now, None);
        transaction.counterparty = Some(issuer.name.to_string());
        self.begin(step, id, transaction, Saga::Registering(Registering { order }));
        Ok(())
    }

    pub(super) fn registered(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Registering,
        answer: &HttpAnswer,
    ) -> Next {
        match state.order.asked::<Registration>().answer(&answer.body) {
            Ok(certificate) => match self.accept_certificate(step, certificate) {
                Ok(_) => self.end(step, id, TransactionState::Done, |_| ()),
                Err(problem) => return Next::Wait(problem),
            },
            Err(AnswerError::Refused(refusal)) => self.refused(step, id, refusal),
            Err(AnswerError::NotAnAnswer) => return Next::Wait(unsealed(answer)),
        }
        // The issuer keeps certificates for good, so there is nothing to acknowledge.
        Next::End
    }

    /// Keeps a certificate for the holder's key, if the issuer signed it.
    pub(super) fn accept_certificate(
        &mut self,
        step: &mut Step,
        signed: Signed<Certificate>,
    ) -> Result<Certificate, Problem> {
        let wrong = || Problem::with(Fault::IssuerMisbehaved, "certificate");
        let content = signed.open(&self.issuer()?.key).map_err(|_| wrong())?;
        let identity = self.identity.as_mut().ok_or_else(wrong)?;
        if content.key != identity.participant.verifying_key() {
            return Err(wrong());
        }
        step.put(Store::Identity, "certificate", &signed);
        identity.certified = Some(Certified { signed, content: content.clone() });
        Ok(content)
    }

    /// The open operation in a state that `is` describes.
    pub(super) fn find_open(&self, is: impl Fn(&Saga) -> bool) -> Option<OperationId> {
        self.sagas.iter().find(|(_, open)| is(&open.saga)).map(|(id, _)| *id)
    }
}
