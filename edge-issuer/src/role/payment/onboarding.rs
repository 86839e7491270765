//! Opening a shop (VC-2, FX-9): an account at the bank, a name at the issuer, the account enrolled
//! there. Each step is taken once; opening goes on where it was interrupted.

use http::{Request, StatusCode, header};
use koban_protocol::id::OperationId;
use koban_protocol::process::enrolment::{AccountConsent, Enrolment, EnrolmentOrder};
use koban_protocol::process::registration::{Registration, RegistrationOrder};
use koban_protocol::process::{Asked, Process};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{
    AccountAttestation, AccountRef, Certificate, IssuerKeys, Name, OpenAccount, Short,
};
use koban_protocol::time::Time;
use koban_protocol::wire;

use super::Till;
use super::journal::{Entry, Kind, Outcome};
use super::model::{NewShop, OpenedShop, fingerprint, parse};
use super::store;
use crate::answer::{CBOR, Fault, json};
use crate::host::{Address, HttpResponse, ObjectHost};
use crate::sql::{Row, Sql, StoreError, Value};

impl<H: ObjectHost> Till<H> {
    /// Opens the shop, or goes on with opening it.
    pub(super) async fn open_shop(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let asked: NewShop = parse(body)?;
        let (Some(_), Some(_), Some(bank)) =
            (Name::new(&asked.name), Name::new(&asked.owner_name), Short::new(&asked.bank))
        else {
            return Err(Code::Malformed.into());
        };
        self.check_webhook(asked.webhook.as_deref())?;
        self.issuer.keys(&self.host).await?.bank(&bank).ok_or(Code::AccountForeign)?;
        self.host.sql().transaction(|| self.register_shop(&asked))?;
        self.continue_opening().await?;
        self.wake().await?;
        let shop = self.shop_row()?.ok_or(Code::Internal)?;
        if !shop.is_null("refused")? {
            return Err(stored_code(&shop)?.into());
        }
        if shop.is_null("enrolled")? {
            return Err(Code::Pending.into());
        }
        let opened = OpenedShop { shop: self.shop.to_string(), token: self.keys.token.clone() };
        Ok(json(StatusCode::CREATED, &opened))
    }

    fn register_shop(&self, asked: &NewShop) -> Result<(), Fault> {
        let digest = fingerprint(asked)?;
        if let Some(shop) = self.shop_row()? {
            let same = shop.bytes("asked")? == digest.0;
            return if same { Ok(()) } else { Err(Code::OperationReused.into()) };
        }
        self.host.sql().run(
            "INSERT INTO shop(one, asked, name, bank, owner, take, webhook)
             VALUES(1, ?, ?, ?, ?, ?, ?)",
            &[
                digest.0.into(),
                asked.name.as_str().into(),
                asked.bank.as_str().into(),
                asked.owner_name.as_str().into(),
                asked.take.number().into(),
                asked.webhook.as_deref().into(),
            ],
        )?;
        Ok(())
    }

    /// Takes the steps that are left, as far as the others answer.
    pub(super) async fn continue_opening(&self) -> Result<(), Fault> {
        loop {
            let Some(shop) = self.shop_row()? else { return Ok(()) };
            let done = !shop.is_null("enrolled")? || !shop.is_null("refused")?;
            let stepped = if done {
                false
            } else if shop.is_null("attestation")? {
                self.open_account(&shop).await?
            } else {
                let issuer = self.issuer.keys(&self.host).await?;
                let operation = self.host.sql().transaction(|| self.next_order(&issuer))?;
                self.drive(operation).await?
            };
            if !stepped {
                return Ok(());
            }
        }
    }

    /// Opens the account at the bank: the same key again gives the same account. Gives whether the
    /// bank said so.
    async fn open_account(&self, shop: &Row) -> Result<bool, Fault> {
        let issuer = self.issuer.keys(&self.host).await?;
        let bank = Short::new(shop.text("bank")?).ok_or(StoreError::Column("bank"))?;
        let owner = Name::new(shop.text("owner")?).ok_or(StoreError::Column("owner"))?;
        let vouching = issuer.bank(&bank).ok_or(Code::AccountForeign)?;
        let key = self.keys.account.verifying_key();
        let order = OpenAccount { bank: bank.clone(), owner, key, at: self.host.now() };
        let order = Signed::sign(&order, &self.keys.account);
        let request = Request::post("http://bank/accounts")
            .header(header::CONTENT_TYPE, CBOR)
            .body(wire::encode(&order))
            .map_err(|_| Code::Internal)?;
        let Ok(answer) = self.host.call(&Address::Peer(bank.as_str().into()), request).await else {
            return Ok(false);
        };
        let Ok(attestation) = wire::decode_exact::<Signed<AccountAttestation>>(answer.body())
        else {
            return Ok(false);
        };
        let Ok(attested) = attestation.open(&vouching.key) else { return Ok(false) };
        if attested.account.key != key || attested.account.bank != bank {
            return Ok(false);
        }
        let statement = "UPDATE shop SET attestation = ? WHERE attestation IS NULL";
        self.host.sql().run(statement, &[wire::encode(&attestation).into()])?;
        Ok(true)
    }

    /// The order that opening waits for; recorded if it is not yet.
    fn next_order(&self, issuer: &IssuerKeys) -> Result<OperationId, Fault> {
        let shop = self.shop_row()?.ok_or(Code::NotFound)?;
        let registered: Option<Signed<Certificate>> = store::message_if(&shop, "registered")?;
        let kind = if registered.is_none() { Kind::Registration } else { Kind::Enrolment };
        if let Some(open) = self.open_of(kind)? {
            return Ok(open);
        }
        let now = self.host.now();
        match registered {
            None => {
                let pseudonym = Name::new(shop.text("name")?).ok_or(StoreError::Column("name"))?;
                let key = self.keys.signing.verifying_key();
                let order = RegistrationOrder { pseudonym, key, at: now };
                let order = Signed::sign(&order, &self.keys.signing);
                self.ask::<Registration>(kind, &order, issuer, now)
            }
            Some(certificate) => {
                let participant = self.keys.signing.verifying_key().participant();
                let consent = AccountConsent { participant, at: now };
                let order = EnrolmentOrder {
                    certificate,
                    attestation: store::message(&shop, "attestation")?,
                    consent: Signed::sign(&consent, &self.keys.account),
                    at: now,
                };
                let order = Signed::sign(&order, &self.keys.signing);
                self.ask::<Enrolment>(kind, &order, issuer, now)
            }
        }
    }

    /// Seals and records an order under a fresh operation.
    pub(super) fn ask<P: Process>(
        &self,
        kind: Kind,
        order: &P::Order,
        issuer: &IssuerKeys,
        now: Time,
    ) -> Result<OperationId, Fault> {
        let operation = OperationId::fresh(None, issuer.shards, self.host.entropy());
        self.ask_as::<P>(operation, kind, order, issuer, now)
    }

    /// Seals and records an order under `operation`.
    pub(super) fn ask_as<P: Process>(
        &self,
        operation: OperationId,
        kind: Kind,
        order: &P::Order,
        issuer: &IssuerKeys,
        now: Time,
    ) -> Result<OperationId, Fault> {
        let asked = Asked::<P>::new(operation, order, issuer, self.host.entropy());
        self.record(kind, &asked.map_err(|_| Code::Internal)?, now)?;
        Ok(operation)
    }

    /// Settles a registration; part of the journal's transaction.
    pub(super) fn settle_registration(
        &self,
        entry: &Entry,
        answer: &[u8],
        issuer: &IssuerKeys,
        now: Time,
    ) -> Result<bool, StoreError> {
        self.settle_certificate(
            entry,
            entry.outcome::<Registration>(answer, now),
            "registered",
            issuer,
        )
    }

    /// Settles an enrolment; part of the journal's transaction.
    pub(super) fn settle_enrolment(
        &self,
        entry: &Entry,
        answer: &[u8],
        issuer: &IssuerKeys,
        now: Time,
    ) -> Result<bool, StoreError> {
        self.settle_certificate(entry, entry.outcome::<Enrolment>(answer, now), "enrolled", issuer)
    }

    fn settle_certificate(
        &self,
        entry: &Entry,
        outcome: Outcome<Signed<Certificate>>,
        column: &'static str,
        issuer: &IssuerKeys,
    ) -> Result<bool, StoreError> {
        let (column, value): (_, Value) = match outcome {
            Outcome::Nothing => return Ok(false),
            Outcome::Late => return self.forget(entry.operation).map(|()| true),
            Outcome::Refused(refusal) => ("refused", refusal.code.number().into()),
            Outcome::Done(certificate) => {
                if !self.is_ours(&certificate, column == "enrolled", issuer)? {
                    // Left open, it is asked for again and again, and the operator is told each
                    // time.
                    self.host.log("payment: the issuer's certificate is not what was asked for");
                    return Ok(false);
                }
                (column, wire::encode(&certificate).into())
            }
        };
        self.forget(entry.operation)?;
        self.host.sql().run(&format!("UPDATE shop SET {column} = ?"), &[value])?;
        Ok(true)
    }

    /// Whether the issuer certified this shop's key and name, and its account where that was asked
    /// for.
    fn is_ours(
        &self,
        certificate: &Signed<Certificate>,
        enrolled: bool,
        issuer: &IssuerKeys,
    ) -> Result<bool, StoreError> {
        let shop = self.shop_row()?.ok_or(StoreError::Invariant("an order has its shop"))?;
        let Ok(certificate) = certificate.open(&issuer.key) else { return Ok(false) };
        let account = self.account(&shop)?;
        let named = certificate.pseudonym.as_str() == shop.text("name")?;
        let ours = certificate.key == self.keys.signing.verifying_key();
        Ok(named && ours && (!enrolled || certificate.account == Some(account)))
    }

    /// The account the bank vouched for.
    pub(super) fn account(&self, shop: &Row) -> Result<AccountRef, StoreError> {
        let attestation: Signed<AccountAttestation> = store::message(shop, "attestation")?;
        let attested = attestation.claim().map_err(|_| StoreError::Column("attestation"))?;
        Ok(attested.account)
    }

    /// The shop's row, once it is being opened.
    pub(super) fn shop_row(&self) -> Result<Option<Row>, StoreError> {
        self.host.sql().row("SELECT * FROM shop", &[])
    }
}

fn stored_code(shop: &Row) -> Result<Code, StoreError> {
    Code::of_number(shop.u64("refused")?).ok_or(StoreError::Column("refused"))
}
