//! A market: shops at the payment server, a payer with coins, real issuer and banks behind them.

use std::rc::Rc;

use http::Request;
use koban_edge_issuer::host::{Address, HttpResponse};
use koban_protocol::amount::{Amount, Bundle, Currency};
use koban_protocol::id::OperationId;
use koban_protocol::online::tagged::wire::Coin;
use koban_protocol::process::AnswerError;
use koban_protocol::process::payment::{
    AskedPayment, PaymentAnswer, PaymentOrder, PaymentOutcome, check_invoice, check_receipt,
};
use koban_protocol::refusal::{Code, Refusal};
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Invoice, Receipt};
use serde_json::{Value, json};

use koban_tests::network::Net;
use koban_tests::raw::{self, Raw};
use koban_tests::world::{Fate, World};

/// The payment server's origin.
pub(crate) const PAYMENT: &str = "http://localhost:8705";

/// An amount of yen.
pub(crate) fn yen(minor: u64) -> Amount {
    Amount::new(Currency::new("JPY").unwrap(), minor).unwrap()
}

/// Everybody.
pub(crate) struct Market {
    pub(crate) world: World,
    pub(crate) payer: Raw,
}

/// A shop's access to the payment server.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) shop: String,
    pub(crate) token: String,
}

impl Market {
    pub(crate) fn new(seed: u64) -> Self {
        let world = World::new(seed);
        let net: Net = Rc::new(world.clone());
        Self { payer: Raw::enrolled(&net, "payer"), world }
    }

    /// Calls the payment server's interface; gives status and JSON.
    pub(crate) fn call(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        let response =
            self.send(method, path, &[("authorization", &format!("Bearer {token}"))], body);
        let json = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        (response.status().as_u16(), json)
    }

    /// Sends anything to the payment server.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> HttpResponse {
        let mut request = Request::builder().method(method).uri(format!("{PAYMENT}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.world.send(request.body(body).unwrap()).unwrap()
    }

    /// Asks for a shop under an idempotency key.
    pub(crate) fn ask_for_shop(&self, key: &str, asked: &Value) -> (u16, Value) {
        let headers = [("authorization", "Bearer demo"), ("idempotency-key", key)];
        let response = self.send("POST", "/shops", &headers, serde_json::to_vec(asked).unwrap());
        let json = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        (response.status().as_u16(), json)
    }

    /// A shop that takes payments so.
    pub(crate) fn shop(&self, name: &str, take: &str) -> Access {
        let (status, opened) = self.ask_for_shop(name, &new_shop(name, take));
        assert_eq!(status, 201, "{opened}");
        let text = |member: &str| opened[member].as_str().unwrap().to_owned();
        Access { shop: text("shop"), token: text("token") }
    }

    /// Calls something of a shop's.
    pub(crate) fn of(
        &self,
        access: &Access,
        method: &str,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        self.call(method, &format!("/shops/{}{path}", access.shop), &access.token, body)
    }

    /// Makes an order.
    pub(crate) fn order(&self, access: &Access, reference: &str, minor: u64) -> Value {
        let (status, order) = self.of(access, "POST", "/orders", &new_order(reference, minor));
        assert_eq!(status, 201, "{order}");
        order
    }

    /// An order as it stands.
    pub(crate) fn look(&self, access: &Access, order: &Value) -> Value {
        let path = format!("/orders/{}", order["order"].as_str().unwrap());
        self.of(access, "GET", &path, &Value::Null).1
    }

    /// A shop's takings in yen.
    pub(crate) fn takings(&self, access: &Access) -> Value {
        self.of(access, "GET", "", &Value::Null).1["takings"][0].clone()
    }

    /// An order's invoice, as a wallet fetches it.
    pub(crate) fn invoice(&self, order: &Value) -> Signed<Invoice> {
        let url = order["invoice_url"].as_str().unwrap();
        let response = self.world.send(Request::get(url).body(Vec::new()).unwrap()).unwrap();
        assert_eq!(response.headers()["content-type"], "application/vnd.koban.invoice+cbor");
        raw::message(&response)
    }

    /// Coins of exactly this value, fresh from the issuer.
    pub(crate) fn coins(&self, minor: u64) -> Vec<Coin> {
        self.payer.purchase(Bundle::fewest(yen(minor)).unwrap())
    }

    /// An envelope of the payer's for an order, with these coins.
    pub(crate) fn envelope(&self, order: &Value, coins: Vec<Coin>) -> AskedPayment {
        let invoice = self.invoice(order);
        let claim = invoice.claim().unwrap();
        let total = coins.iter().map(|coin| coin.body.denomination.minor()).sum::<u64>();
        let change = yen(total.saturating_sub(claim.amount.minor()));
        let change = (!change.is_zero()).then(|| Bundle::fewest(change).unwrap());
        let payment = PaymentOrder { change, ..self.payer.payment(&invoice, coins) };
        self.seal(&payment)
    }

    /// Seals whatever the payer puts into an envelope.
    pub(crate) fn seal(&self, payment: &PaymentOrder) -> AskedPayment {
        let near = payment.coins.first().map(|coin| coin.body.id);
        let shards = self.payer.issuer.shards;
        self.payer.seal(OperationId::fresh(near, shards, self.world.entropy()), payment)
    }

    /// Posts bytes to where an order is paid.
    pub(crate) fn post(&self, order: &Value, envelope: &[u8]) -> HttpResponse {
        let request = Request::post(order["pay_url"].as_str().unwrap());
        self.world.send(request.body(envelope.to_vec()).unwrap()).unwrap()
    }

    /// Pays an order with fresh coins, to the yen.
    pub(crate) fn pay(&self, order: &Value) -> (PaymentOutcome, Receipt) {
        let coins = self.coins(order["amount"]["minor"].as_u64().unwrap());
        let envelope = self.envelope(order, coins);
        let response = self.post(order, envelope.request());
        self.accepted(order, &envelope, &response)
    }

    /// What the payer learns from an answer that accepts its payment; receipt and acceptance are
    /// checked.
    pub(crate) fn accepted(
        &self,
        order: &Value,
        envelope: &AskedPayment,
        response: &HttpResponse,
    ) -> (PaymentOutcome, Receipt) {
        let answer: PaymentAnswer = raw::message(response);
        let outcome = envelope.open(&answer.for_payer).unwrap();
        let (invoice, issuer) = (self.invoice(order), &self.payer.issuer.key);
        let made = invoice.claim().unwrap().created;
        let checked = check_invoice(&invoice, issuer, made).unwrap();
        let receipt = check_receipt(&answer.receipt.unwrap(), &checked, issuer).unwrap();
        assert_eq!(receipt.acceptance, outcome.acceptance);
        (outcome, receipt)
    }

    /// What the payer learns from an answer that refuses its payment.
    pub(crate) fn refused(&self, envelope: &AskedPayment, response: &HttpResponse) -> Refusal {
        let answer: PaymentAnswer = raw::message(response);
        assert!(answer.receipt.is_none());
        match envelope.open(&answer.for_payer) {
            Err(AnswerError::Refused(refusal)) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// Lets calls from one role to another fail in this way.
    pub(crate) fn spoil(&self, from: &'static str, to: &'static str, fate: Fate) {
        self.world.weather(move |role, address, _| {
            if role == from && *address == Address::Peer(to.into()) { fate } else { Fate::ARRIVES }
        });
    }
}

/// What opening a shop needs.
pub(crate) fn new_shop(name: &str, take: &str) -> Value {
    json!({ "name": name, "bank": "bank-b", "owner_name": "Owner", "take": take })
}

/// What an order needs.
pub(crate) fn new_order(reference: &str, minor: u64) -> Value {
    json!({
        "reference": reference,
        "amount": { "currency": "JPY", "minor": minor },
        "purpose": "A thing",
    })
}

/// The code in a problem document.
pub(crate) fn code(problem: &HttpResponse) -> Code {
    assert_eq!(problem.headers()["content-type"], "application/problem+json");
    let problem: Value = serde_json::from_slice(problem.body()).unwrap();
    *Code::ALL.iter().find(|code| problem["code"] == code.number()).unwrap()
}
