//! A participant that speaks the protocol by hand, honestly or not: for what the shipped wallet
//! would never send.

use http::Request;
use koban_edge_issuer::host::HttpResponse;
use koban_protocol::amount::{Amount, Bundle};
use koban_protocol::id::{InvoiceId, OperationId};
use koban_protocol::key::{Seed, SigningKey};
use koban_protocol::online::tagged::wire::{Coin, Coins};
use koban_protocol::process::change::{Change, ChangeOrder};
use koban_protocol::process::enrolment::{AccountConsent, Enrolment, EnrolmentOrder};
use koban_protocol::process::payment::{
    Payment, PaymentOrder, Take, Validation, ValidationOrder, ValidationOutcome,
};
use koban_protocol::process::purchase::{Purchase, PurchaseOrder};
use koban_protocol::process::redeem::{Redeem, RedeemOrder};
use koban_protocol::process::registration::{Registration, RegistrationOrder};
use koban_protocol::process::{AnswerError, Asked, HeldClaim, Process};
use koban_protocol::signed::Signed;
use koban_protocol::statement::{
    AccountAttestation, AccountRef, Certificate, DebitAuthorisation, Invoice, IssuerKeys,
    IssuerRef, Name, OpenAccount, Purpose, Short, Url,
};
use koban_protocol::wire::{self, Bytes, List, Wire};

use crate::network::Net;

/// A participant with its keys.
pub struct Raw {
    /// Its way to the roles.
    pub net: Net,
    /// The issuer's keys.
    pub issuer: IssuerKeys,
    /// Its own key.
    pub key: SigningKey,
    /// Its account's key.
    pub account_key: SigningKey,
    /// Its certificate.
    pub certificate: Signed<Certificate>,
}

/// Posts a message.
pub fn post(net: &Net, url: &str, message: Vec<u8>) -> HttpResponse {
    net.http(Request::post(url).body(message).unwrap()).unwrap()
}

/// Posts a message to the issuer.
pub fn post_operation(net: &Net, message: Vec<u8>) -> HttpResponse {
    post(net, &format!("{}/operations", net.origin("issuer")), message)
}

/// What a message holds.
pub fn message<T: Wire>(response: &HttpResponse) -> T {
    wire::decode_exact(response.body()).unwrap_or_else(|error| {
        panic!("{error}: {} {}", response.status(), String::from_utf8_lossy(response.body()))
    })
}

impl Raw {
    /// A registered participant, enrolled with an account at bank A; its pseudonym begins with
    /// `name`.
    pub fn enrolled(net: &Net, name: &str) -> Self {
        let seed = Seed::generate(net.entropy());
        let key = SigningKey::from_seed(&seed.derive(&[b"participant"]));
        let account_key = SigningKey::from_seed(&seed.derive(&[b"account"]));
        let keys = net
            .http(Request::get(format!("{}/keys", net.origin("issuer"))).body(Vec::new()).unwrap());
        let keys: Signed<IssuerKeys> = message(&keys.unwrap());
        let issuer = keys.open(&keys.claim().unwrap().key).unwrap();
        let suffix = key.verifying_key().participant();
        let pseudonym = Name::new(&format!("{name}-{suffix}")).unwrap();
        let order = RegistrationOrder { pseudonym, key: key.verifying_key(), at: net.now() };
        let order = Signed::sign(&order, &key);
        let certificate = asked::<Registration>(net, &issuer, &order).unwrap();
        let mut raw = Self { net: net.clone(), issuer, key, account_key, certificate };
        raw.enrol();
        raw
    }

    fn enrol(&mut self) {
        let at = self.net.now();
        let (bank, owner) = (Short::new("bank-a").unwrap(), Name::new("Taro").unwrap());
        let open = OpenAccount { bank, owner, key: self.account_key.verifying_key(), at };
        let open = wire::encode(&Signed::sign(&open, &self.account_key));
        let attestation: Signed<AccountAttestation> =
            message(&post(&self.net, &format!("{}/accounts", self.net.origin("bank-a")), open));
        let participant = self.key.verifying_key().participant();
        let consent = Signed::sign(&AccountConsent { participant, at }, &self.account_key);
        let certificate = self.certificate.clone();
        let order = EnrolmentOrder { certificate, attestation, consent, at };
        let order = Signed::sign(&order, &self.key);
        self.certificate = asked::<Enrolment>(&self.net, &self.issuer, &order).unwrap();
    }

    /// Its pseudonym.
    pub fn pseudonym(&self) -> String {
        self.certificate.claim().unwrap().pseudonym.to_string()
    }

    /// Its account.
    pub fn account(&self) -> AccountRef {
        self.certificate.claim().unwrap().account.unwrap()
    }

    /// A fresh operation, at home anywhere.
    pub fn operation(&self) -> OperationId {
        OperationId::fresh(None, self.issuer.shards, self.net.entropy())
    }

    /// A permission to debit its account.
    pub fn authorise(&self, operation: OperationId, amount: Amount) -> DebitAuthorisation {
        DebitAuthorisation {
            operation,
            account: self.account(),
            issuer: self.issuer.key.id(),
            amount,
            expires: self.net.now().plus(600),
        }
    }

    /// An order for coins.
    pub fn purchase_order(&self, operation: OperationId, bundle: Bundle) -> PurchaseOrder {
        let debit = self.authorise(operation, bundle.total());
        PurchaseOrder {
            certificate: self.certificate.clone(),
            bundle,
            authorisation: Signed::sign(&debit, &self.account_key),
            recoverable: true,
            at: self.net.now(),
        }
    }

    /// Buys coins.
    pub fn purchase(&self, bundle: Bundle) -> Vec<Coin> {
        let operation = self.operation();
        let order = Signed::sign(&self.purchase_order(operation, bundle), &self.key);
        self.ask::<Purchase>(operation, &order).unwrap().into_vec()
    }

    /// Changes coins.
    pub fn change(&self, coins: Vec<Coin>, bundle: Bundle) -> Result<Coins, AnswerError> {
        let coins = Coins::new(coins).unwrap();
        let order = ChangeOrder { coins, bundle, refresh: false, at: self.net.now() };
        self.ask::<Change>(self.operation(), &order)
    }

    /// An order to redeem coins and held value.
    pub fn redeem(
        &self,
        coins: Vec<Coin>,
        held: Vec<HeldClaim>,
        amount: Amount,
    ) -> Result<koban_protocol::process::redeem::Redeemed, AnswerError> {
        let order = RedeemOrder {
            certificate: self.certificate.clone(),
            coins: Coins::new(coins).unwrap(),
            held: List::new(held).unwrap(),
            amount,
            change: None,
            at: self.net.now(),
        };
        self.ask::<Redeem>(self.operation(), &Signed::sign(&order, &self.key))
    }

    /// An invoice of its own.
    pub fn invoice(&self, amount: Amount) -> Invoice {
        let issuer = IssuerRef { key: self.issuer.key, url: self.issuer.url.clone() };
        Invoice {
            id: InvoiceId(self.net.entropy().bytes()),
            payee: self.certificate.clone(),
            amount,
            purpose: Purpose::new("a thing").unwrap(),
            issuers: List::new(vec![issuer]).unwrap(),
            pay_url: Url::new("http://localhost:9/pay").unwrap(),
            fulfilment_url: None,
            created: self.net.now(),
            expires: self.net.now().plus(600),
        }
    }

    /// A signed invoice of its own.
    pub fn signed_invoice(&self, amount: Amount) -> Signed<Invoice> {
        Signed::sign(&self.invoice(amount), &self.key)
    }

    /// What it puts into an envelope for `invoice`, all coins and no change.
    pub fn payment(&self, invoice: &Signed<Invoice>, coins: Vec<Coin>) -> PaymentOrder {
        let claim = invoice.claim().unwrap();
        PaymentOrder {
            coins: Coins::new(coins).unwrap(),
            invoice: invoice.digest(),
            payee: claim.payee.claim().unwrap().participant(),
            amount: claim.amount,
            change: None,
        }
    }

    /// Seals an envelope.
    pub fn seal(&self, operation: OperationId, order: &PaymentOrder) -> Asked<Payment> {
        Asked::new(operation, order, &self.issuer, self.net.entropy()).unwrap()
    }

    /// As payee: has the issuer validate an envelope.
    pub fn validate(
        &self,
        invoice: &Signed<Invoice>,
        envelope: &Asked<Payment>,
        take: Take,
    ) -> Result<ValidationOutcome, AnswerError> {
        let order = ValidationOrder {
            certificate: self.certificate.clone(),
            invoice: invoice.clone(),
            take,
            envelope: Bytes(envelope.request().to_vec()),
            at: self.net.now(),
        };
        self.ask::<Validation>(envelope.operation(), &Signed::sign(&order, &self.key))
    }

    /// Sends an order to the issuer.
    pub fn ask<P: Process>(
        &self,
        operation: OperationId,
        order: &P::Order,
    ) -> Result<P::Outcome, AnswerError> {
        let asked = self.seal_order::<P>(operation, order);
        self.send(&asked)
    }

    /// Seals an order to the issuer.
    pub fn seal_order<P: Process>(&self, operation: OperationId, order: &P::Order) -> Asked<P> {
        Asked::new(operation, order, &self.issuer, self.net.entropy()).unwrap()
    }

    /// Sends a sealed order, again if the issuer is still at it.
    pub fn send<P: Process>(&self, asked: &Asked<P>) -> Result<P::Outcome, AnswerError> {
        let mut response = post_operation(&self.net, asked.request().to_vec());
        for _ in 0..20 {
            if response.status() == 200 {
                break;
            }
            self.net.wait(1);
            response = post_operation(&self.net, asked.request().to_vec());
        }
        asked.answer(response.body())
    }
}

fn asked<P: Process>(
    net: &Net,
    issuer: &IssuerKeys,
    order: &P::Order,
) -> Result<P::Outcome, AnswerError> {
    let operation = OperationId::fresh(None, issuer.shards, net.entropy());
    let asked = Asked::<P>::new(operation, order, issuer, net.entropy()).unwrap();
    let response = post_operation(net, asked.request().to_vec());
    asked.answer(response.body())
}
