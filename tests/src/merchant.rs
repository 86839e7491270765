//! A merchant: the payment server's JSON interface as a shop's program uses it.

use http::Request;
use koban_edge_issuer::host::{HttpRequest, HttpResponse};
use koban_edge_issuer::role::payment::model::{
    Money, NewOrder, NewShop, OpenedShop, Order, Redeem, Redeemed, Settings, Shop, Taking,
};
use koban_protocol::signed::Signed;
use koban_protocol::statement::Invoice;
use koban_protocol::wire;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::network::Net;

/// A shop at a payment server.
#[derive(Clone, Debug)]
pub struct Merchant {
    server: String,
    opened: OpenedShop,
}

/// An answer that is not what was asked for: status and body.
#[derive(Debug)]
pub struct Refused(pub u16, pub String);

impl Merchant {
    /// Opens a shop of this name with an account at `bank`; in a demonstration the operator's token
    /// is `demo`.
    pub fn open(net: &Net, name: &str, bank: &str) -> Result<Self, Refused> {
        let new = NewShop {
            name: name.to_owned(),
            webhook: None,
            bank: bank.to_owned(),
            owner_name: format!("{name} Ltd"),
            take: Taking::Refresh,
        };
        let server = net.origin("payment");
        let opened = sent(net, request("POST", &format!("{server}/shops"), "demo", Some(&new)))?;
        Ok(Self { server, opened })
    }

    /// Chooses how payments are taken from now on.
    pub fn take(&self, net: &Net, take: Taking) -> Result<Settings, Refused> {
        self.call(net, "PUT", "/settings", Some(&Settings { take, webhook: None }))
    }

    /// Makes an order.
    pub fn order(&self, net: &Net, reference: &str, yen: u64) -> Result<Order, Refused> {
        sent(net, self.order_request(reference, yen))
    }

    /// What makes an order.
    pub fn order_request(&self, reference: &str, yen: u64) -> HttpRequest {
        let new = NewOrder {
            reference: reference.to_owned(),
            amount: Money { currency: "JPY".to_owned(), minor: yen },
            purpose: format!("Order {reference}"),
            fulfilment_url: None,
            expires_in: Some(3600),
        };
        self.request("POST", "/orders", Some(&new))
    }

    /// An order as it stands.
    pub fn show(&self, net: &Net, order: &str) -> Result<Order, Refused> {
        self.call::<(), _>(net, "GET", &format!("/orders/{order}"), None)
    }

    /// The shop with its takings.
    pub fn shop(&self, net: &Net) -> Result<Shop, Refused> {
        self.call::<(), _>(net, "GET", "", None)
    }

    /// Turns everything into money in the account.
    pub fn redeem(&self, net: &Net) -> Result<Redeemed, Refused> {
        sent(net, self.redeem_request())
    }

    /// What does so.
    pub fn redeem_request(&self) -> HttpRequest {
        self.request("POST", "/redeem", Some(&Redeem { currency: "JPY".to_owned() }))
    }

    fn call<B: Serialize, A: DeserializeOwned>(
        &self,
        net: &Net,
        method: &str,
        path: &str,
        body: Option<&B>,
    ) -> Result<A, Refused> {
        sent(net, self.request(method, path, body))
    }

    fn request<B: Serialize>(&self, method: &str, path: &str, body: Option<&B>) -> HttpRequest {
        let url = format!("{}/shops/{}{path}", self.server, self.opened.shop);
        request(method, &url, &self.opened.token, body)
    }
}

/// The invoice that a wallet fetches for an order.
pub fn invoice(net: &Net, order: &Order) -> Result<Signed<Invoice>, Refused> {
    let response = net.http(invoice_request(order)).map_err(|_| unreachable())?;
    wire::decode_exact(response.body()).map_err(|error| Refused(200, error.to_string()))
}

/// What fetches it.
pub fn invoice_request(order: &Order) -> HttpRequest {
    Request::get(&order.invoice_url).body(Vec::new()).expect("an address")
}

/// A JSON document.
pub fn get<A: DeserializeOwned>(net: &Net, url: &str) -> Result<A, Refused> {
    sent(net, request::<()>("GET", url, "", None))
}

fn request<B: Serialize>(method: &str, url: &str, token: &str, body: Option<&B>) -> HttpRequest {
    let mut request = Request::builder().method(method).uri(url);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = body.map_or_else(Vec::new, |body| serde_json::to_vec(body).expect("plain values"));
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    request.body(body).expect("an address")
}

fn sent<A: DeserializeOwned>(net: &Net, request: HttpRequest) -> Result<A, Refused> {
    answer(&net.http(request).map_err(|_| unreachable())?)
}

/// What the payment server answered.
pub fn answer<A: DeserializeOwned>(response: &HttpResponse) -> Result<A, Refused> {
    let status = response.status().as_u16();
    let text = || String::from_utf8_lossy(response.body()).into_owned();
    if !response.status().is_success() {
        return Err(Refused(status, text()));
    }
    serde_json::from_slice(response.body()).map_err(|_| Refused(status, text()))
}

fn unreachable() -> Refused {
    Refused(0, "no answer".to_owned())
}
