//! A browser without scripts: follows links and forms, keeps cookies.

use std::collections::BTreeMap;

use http::Request;
use koban_edge_issuer::host::HttpResponse;
use serde_json::{Value, json};

use crate::market::Market;

/// The shop's origin.
pub(crate) const SHOP: &str = "http://localhost:8701";

/// A visitor's browser.
pub(crate) struct Browser<'a> {
    market: &'a Market,
    cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(market: &'a Market) -> Self {
        Self { market, cookies: BTreeMap::new() }
    }

    /// Sends a request; takes the cookies of the answer.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> HttpResponse {
        let mut request = Request::builder().method(method).uri(format!("{SHOP}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let cookies = pairs.collect::<Vec<_>>().join("; ");
        let request = request.header("cookie", cookies).body(body).unwrap();
        let response = self.market.world.send(request).unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.into(), value.into());
        }
        guarded(&response);
        response
    }

    /// Opens a page.
    pub(crate) fn open(&mut self, path: &str) -> HttpResponse {
        self.send("GET", path, &[], Vec::new())
    }

    /// A page's text.
    pub(crate) fn read(&mut self, path: &str) -> String {
        let response = self.open(path);
        assert_eq!(response.status(), 200, "{path}");
        String::from_utf8(response.into_body()).unwrap()
    }

    /// Sends a form.
    pub(crate) fn submit(&mut self, path: &str, form: &str) -> HttpResponse {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.send("POST", path, &[kind], form.as_bytes().to_vec())
    }

    /// Orders a good; gives the path of the order's page.
    pub(crate) fn buy(&mut self, good: &str) -> String {
        let response = self.submit(&format!("/buy/{good}"), "");
        assert_eq!(response.status(), 303);
        response.headers()["location"].to_str().unwrap().to_owned()
    }

    /// The order's goods, or what is in their place.
    pub(crate) fn goods(&mut self, order: &str) -> HttpResponse {
        self.open(&format!("{order}/goods"))
    }

    /// The order as [`Market`] speaks of orders: where its invoice is and where it is paid.
    pub(crate) fn remote(&mut self, order: &str) -> Value {
        let response = self.goods(order);
        assert_eq!(response.status(), 402);
        let invoice: koban_protocol::signed::Signed<koban_protocol::statement::Invoice> =
            koban_tests::raw::message(&response);
        let invoice = invoice.claim().unwrap();
        json!({
            "invoice_url": format!("{SHOP}{order}/goods"),
            "pay_url": invoice.pay_url.as_str(),
            "amount": { "currency": "JPY", "minor": invoice.amount.minor() },
        })
    }

    /// Pays an order, as the wallet does with the document behind its link.
    pub(crate) fn pay(&mut self, order: &str) {
        let remote = self.remote(order);
        let coins = self.market.coins(remote["amount"]["minor"].as_u64().unwrap());
        let envelope = self.market.envelope(&remote, coins);
        let response = self.market.post(&remote, envelope.request());
        let answer: koban_protocol::process::payment::PaymentAnswer =
            koban_tests::raw::message(&response);
        assert!(answer.receipt.is_some());
        envelope.open(&answer.for_payer).unwrap();
    }
}

/// Every answer carries the policy, and no page needs what it forbids.
fn guarded(response: &HttpResponse) {
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert_eq!(
        policy,
        "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let kind = response.headers().get("content-type");
    if kind.is_some_and(|kind| kind == "text/html; charset=utf-8") {
        let text = String::from_utf8(response.body().clone()).unwrap();
        assert!(!text.contains("<script") && !text.contains("style="));
        assert!(text.starts_with("<!DOCTYPE html>"));
    }
}
