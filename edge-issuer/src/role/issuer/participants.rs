//! Participants (VC-2): pseudonyms with their keys, enrolled accounts, certificates; and the
//! issuer's published keys.

use std::cell::OnceCell;
use std::rc::Rc;

use http::{Method, StatusCode};
use koban_protocol::amount::{Currency, Denomination};
use koban_protocol::id::{CoinId, OperationId, ParticipantId};
use koban_protocol::key::VerifyingKey;
use koban_protocol::limits::{CERTIFICATE_LIFETIME_S, DENOMINATION_EXPONENT_MAX};
use koban_protocol::process::enrolment::{Enrolment, EnrolmentOrder};
use koban_protocol::process::registration::{Registration, RegistrationOrder};
use koban_protocol::process::{Desk, outer};
use koban_protocol::refusal::{Answer, Code, Refusal};
use koban_protocol::sealed::{Route, SealedAnswer, SealedRequest};
use koban_protocol::signed::Signed;
use koban_protocol::statement::{
    AccountRef, BankInfo, BankKeys, Certificate, CurrencyInfo, IssuerKeys, Name, Purpose,
    RegisterKeys, RegisterLookup, Url,
};
use koban_protocol::time::Time;
use koban_protocol::wire::{self, List};
use serde::{Deserialize, Serialize};

use super::message::{LiveAnswer, LiveOrder};
use crate::answer::{self, Fault, cbor, problem};
use crate::host::{Address, Class, HttpRequest, HttpResponse, Object, ObjectHost};
use crate::role::peer;
use crate::sql::{Row, Sql, StoreError, Value};

const TABLES: &[&str] = &["CREATE TABLE IF NOT EXISTS participant(
    key BLOB PRIMARY KEY, pseudonym TEXT NOT NULL UNIQUE, account BLOB,
    certificate BLOB NOT NULL) WITHOUT ROWID"];

/// The object.
pub struct Participants<H> {
    host: H,
    desk: OnceCell<Rc<Desk>>,
}

impl<H> std::fmt::Debug for Participants<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Participants")
    }
}

impl<H: ObjectHost> Object<H> for Participants<H> {
    fn open(host: H) -> Result<Self, StoreError> {
        TABLES.iter().try_for_each(|table| host.sql().run(table, &[]).map(drop))?;
        Ok(Self { host, desk: OnceCell::new() })
    }

    async fn fetch(&self, request: HttpRequest) -> HttpResponse {
        match self.route(request).await {
            Ok(response) => response,
            Err(Fault::Refused(code)) => problem(code),
            Err(Fault::Store(error)) => {
                self.host.log(&format!("participants: {error}"));
                problem(Code::Internal)
            }
        }
    }

    async fn alarm(&self) {}
}

impl<H: ObjectHost> Participants<H> {
    async fn route(&self, request: HttpRequest) -> Result<HttpResponse, Fault> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/keys") => Ok(cbor(&self.desk().await?.published())),
            (&Method::POST, "/operations") => self.operate(request.body()).await,
            (&Method::POST, "/operator/holder") => self.holder(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }

    /// The issuer's desk; the banks' keys are fetched once and pinned.
    async fn desk(&self) -> Result<Rc<Desk>, Fault> {
        if let Some(desk) = self.desk.get() {
            return Ok(Rc::clone(desk));
        }
        let mut banks = Vec::new();
        for name in peer::names(&self.host).iter().filter(|name| name.starts_with("bank-")) {
            let BankKeys { id, name, url, key } =
                peer::keys_of::<BankKeys, _>(&self.host, name).await?;
            banks.push(BankInfo { id, name, url, key });
        }
        let own = self.host.setting("SELF").and_then(|url| Url::new(&url)).ok_or(Code::Internal)?;
        let name = Name::new("Koban Demo Issuer").ok_or(Code::Internal)?;
        let currencies = self.currencies()?;
        let shards = super::shards(&self.host);
        let banks = List::new(banks).ok_or(Code::Internal)?;
        let desk = Desk::new(&peer::seed(&self.host)?, |key, sealing| IssuerKeys {
            name,
            url: own,
            key,
            sealing,
            shards,
            currencies,
            banks,
            epoch_days: 28,
            coin_lifetime_days: 364,
            refresh_days: 182,
        });
        let desk = Rc::new(desk);
        Ok(Rc::clone(self.desk.get_or_init(|| desk)))
    }

    /// `CURRENCIES`, such as `JPY:0,USD:2`: code and digits after the point.
    fn currencies(&self) -> Result<List<CurrencyInfo, 32>, Code> {
        let largest = Denomination::new(DENOMINATION_EXPONENT_MAX).ok_or(Code::Internal)?;
        let setting = self.host.setting("CURRENCIES").unwrap_or_else(|| "JPY:0,USD:2".into());
        let info = |entry: &str| {
            let (code, exponent) = entry.split_once(':')?;
            let exponent = exponent.parse().ok()?;
            Some(CurrencyInfo { currency: Currency::new(code)?, exponent, largest })
        };
        let all: Option<Vec<_>> = setting.split(',').map(info).collect();
        all.and_then(List::new).ok_or(Code::Internal)
    }

    async fn operate(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let sealed = outer(body).map_err(|_| Code::Malformed)?;
        let desk = self.desk().await?;
        let answer = match sealed.route {
            Route::Registration => self.register(&desk, &sealed)?,
            Route::Enrolment => self.enrol(&desk, &sealed)?,
            _ => return Err(Code::NotFound.into()),
        };
        Ok(cbor(&answer))
    }

    fn register(&self, desk: &Desk, sealed: &SealedRequest) -> Result<SealedAnswer, Fault> {
        let (order, secret) = desk.open::<Registration>(sealed)?;
        let certified = self.certify(desk, &order);
        let answer = answer_of(certified)?;
        Ok(secret.seal(&answer, self.host.entropy()))
    }

    /// One certificate a key; the same order again gives the stored one.
    fn certify(
        &self,
        desk: &Desk,
        order: &Signed<RegistrationOrder>,
    ) -> Result<Signed<Certificate>, Fault> {
        let claim = order.claim().map_err(|_| Code::Malformed)?;
        let order = order.open(&claim.key).map_err(|_| Code::BadSignature)?;
        let now = self.host.now();
        if let Some(stored) = self.stored(&order.key)? {
            let known = stored.claim().map_err(|_| StoreError::Column("certificate"))?;
            if known.pseudonym != order.pseudonym {
                return Err(Code::PseudonymTaken.into());
            }
            return Ok(stored);
        }
        if !order.at.is_near(now) {
            return Err(Code::ClockSkew.into());
        }
        let certificate = certificate(order.pseudonym, order.key, None, now);
        let signed = desk.sign(&certificate);
        self.host.sql().transaction(|| {
            let taken = "SELECT key FROM participant WHERE pseudonym = ?";
            let name = [Value::from(certificate.pseudonym.as_str())];
            if self.host.sql().row(taken, &name)?.is_some() {
                return Err(Fault::from(Code::PseudonymTaken));
            }
            self.host.sql().run(
                "INSERT INTO participant(key, pseudonym, certificate) VALUES(?, ?, ?)",
                &[
                    certificate.key.0.into(),
                    certificate.pseudonym.as_str().into(),
                    wire::encode(&signed).into(),
                ],
            )?;
            Ok(())
        })?;
        Ok(signed)
    }

    fn enrol(&self, desk: &Desk, sealed: &SealedRequest) -> Result<SealedAnswer, Fault> {
        let (order, secret) = desk.open::<Enrolment>(sealed)?;
        let answer = answer_of(self.certify_account(desk, &order))?;
        Ok(secret.seal(&answer, self.host.entropy()))
    }

    /// A certificate with the account, if participant, account key and bank all say so.
    fn certify_account(
        &self,
        desk: &Desk,
        order: &Signed<EnrolmentOrder>,
    ) -> Result<Signed<Certificate>, Fault> {
        let now = self.host.now();
        let claim = order.claim().map_err(|_| Code::Malformed)?;
        let holder = desk.certified(&claim.certificate, now)?;
        let order = order.open(&holder.key).map_err(|_| Code::BadSignature)?;
        let account = attested(desk, &order)?;
        let consent = order.consent.open(&account.key).map_err(|_| Code::AccountForeign)?;
        if consent.participant != holder.participant() {
            return Err(Code::AccountForeign.into());
        }
        let stored = self.stored(&holder.key)?.ok_or(Code::CertificateInvalid)?;
        let known = stored.claim().map_err(|_| StoreError::Column("certificate"))?;
        if known.account.as_ref() == Some(&account) {
            return Ok(stored);
        }
        if !order.at.is_near(now) {
            return Err(Code::ClockSkew.into());
        }
        let body = wire::encode(&account);
        let signed = desk.sign(&certificate(known.pseudonym, holder.key, Some(account), now));
        self.host.sql().run(
            "UPDATE participant SET certificate = ?, account = ? WHERE key = ?",
            &[wire::encode(&signed).into(), body.into(), holder.key.0.into()],
        )?;
        Ok(signed)
    }

    fn stored(&self, key: &VerifyingKey) -> Result<Option<Signed<Certificate>>, StoreError> {
        let query = "SELECT certificate FROM participant WHERE key = ?";
        let row = self.host.sql().row(query, &[key.0.into()])?;
        row.map(|row: Row| {
            wire::decode_exact(row.blob("certificate")?)
                .map_err(|_| StoreError::Column("certificate"))
        })
        .transpose()
    }

    /// The operator joins who withdrew with what is live (VC-8): by pseudonym, with a reason,
    /// logged at the register.
    async fn holder(&self, request: &HttpRequest) -> Result<HttpResponse, Fault> {
        peer::check_operator(&self.host, request)?;
        let asked: HolderInquiry =
            serde_json::from_slice(request.body()).map_err(|_| Code::Malformed)?;
        let reason = Purpose::new(&asked.reason).ok_or(Code::Malformed)?;
        let query = "SELECT key FROM participant WHERE pseudonym = ?";
        let row = self.host.sql().row(query, &[asked.pseudonym.as_str().into()])?;
        let key = VerifyingKey(row.ok_or(Code::NotFound)?.bytes("key")?);
        let desk = self.desk().await?;
        let noted = self.noted(&desk, key.participant(), reason).await?;
        let live = self.live(&noted, desk.keys().shards).await?;
        let coins = noted.iter().map(|coin| HeldCoin {
            coin: coin.to_string(),
            live: live.iter().any(|body| body.id == *coin),
        });
        let holder = key.participant().to_string();
        let answer = HolderAnswer { pseudonym: asked.pseudonym, holder, coins: coins.collect() };
        Ok(answer::json(StatusCode::OK, &answer))
    }

    async fn noted(
        &self,
        desk: &Desk,
        holder: ParticipantId,
        reason: Purpose,
    ) -> Result<Vec<CoinId>, Fault> {
        let register = peer::keys_of::<RegisterKeys, _>(&self.host, "register").await?;
        let operation = OperationId(self.host.entropy().bytes());
        let at = self.host.now();
        let lookup = desk.sign(&RegisterLookup { holder, reason, operation, at });
        Ok(super::look_up(&self.host, &register, operation, &lookup).await?.into_vec())
    }

    async fn live(
        &self,
        coins: &[CoinId],
        shards: u16,
    ) -> Result<Vec<koban_protocol::online::tagged::wire::CoinBody>, Fault> {
        let mut live = Vec::new();
        for shard in 0..shards {
            let here = coins.iter().copied().filter(|coin| coin.shard(shards).0 == shard);
            let order = LiveOrder::new(here.collect()).unwrap_or_default();
            let to = Address::Object(Class::Shard, shard.to_string());
            let request = http::Request::post("http://shard/live").body(wire::encode(&order));
            let request = request.map_err(|_| Code::Internal)?;
            let response = self.host.call(&to, request).await.map_err(|_| Code::PeerUnreachable)?;
            let answer: LiveAnswer =
                wire::decode_exact(response.body()).map_err(|_| Code::PeerUnreachable)?;
            live.extend(answer.into_vec());
        }
        Ok(live)
    }
}

#[derive(Deserialize)]
struct HolderInquiry {
    pseudonym: String,
    reason: String,
}

#[derive(Serialize)]
struct HolderAnswer {
    pseudonym: String,
    holder: String,
    coins: Vec<HeldCoin>,
}

#[derive(Serialize)]
struct HeldCoin {
    coin: String,
    live: bool,
}

fn certificate(
    pseudonym: Name,
    key: VerifyingKey,
    account: Option<AccountRef>,
    issued: Time,
) -> Certificate {
    let expires = issued.plus(CERTIFICATE_LIFETIME_S);
    Certificate { pseudonym, key, account, issued, expires }
}

/// The account that the bank vouches for, under the bank's key.
fn attested(desk: &Desk, order: &EnrolmentOrder) -> Result<AccountRef, Code> {
    let claim = order.attestation.claim().map_err(|_| Code::Malformed)?;
    let bank = desk.keys().bank(&claim.account.bank).ok_or(Code::AccountForeign)?;
    let attested = order.attestation.open(&bank.key).map_err(|_| Code::AccountForeign)?;
    Ok(attested.account)
}

/// A refusal is an answer too; a failure of the store is not.
fn answer_of<T>(done: Result<T, Fault>) -> Result<Answer<T>, Fault> {
    match done {
        Ok(done) => Ok(Answer::Done(done)),
        Err(Fault::Refused(code)) => Ok(Answer::Refused(Refusal::from(code))),
        Err(store) => Err(store),
    }
}
