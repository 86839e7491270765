//! The page's `fetch`, answered by the issuer core, a bank and a shop in the same page.

use std::cell::{Cell, RefCell};

use js_sys::{Promise, Reflect, Uint8Array};
use koban_protocol::signed::Signed;
use koban_protocol::statement::Invoice;
use koban_wallet_wasm::drivers::platform;
use koban_wallet_wasm::engine::{Call, CallId, HttpAnswer, Method};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Response, ResponseInit};

use super::edge::{Edge, ISSUER, Shop};

thread_local! {
    static DOWN: Cell<bool> = const { Cell::new(false) };
    static EDGE: RefCell<Option<(Edge, Signed<Invoice>)>> = const { RefCell::new(None) };
}

/// Puts a fresh issuer behind `fetch`. Its address is the test's own, and so is the database.
pub fn install(test: &str) -> String {
    let mut edge = Edge::new();
    edge.now = platform::now();
    let invoice = edge.invoice(1);
    EDGE.set(Some((edge, invoice)));
    let fetch = Closure::<dyn Fn(String, JsValue) -> Promise>::new(fetched);
    Reflect::set(&js_sys::global(), &"fetch".into(), &fetch.into_js_value()).unwrap();
    format!("{ISSUER}-{test}-{}", js_sys::Date::now())
}

/// Whether nobody is there at all.
pub fn down(down: bool) {
    DOWN.set(down);
}

/// Asks the edge behind `fetch` something.
pub fn with<T>(ask: impl FnOnce(&mut Edge) -> T) -> T {
    EDGE.with_borrow_mut(|edge| ask(&mut edge.as_mut().unwrap().0))
}

/// An invoice that the shop will take payment for.
pub fn invoice(minor: u64) -> Vec<u8> {
    EDGE.with_borrow_mut(|edge| {
        let (edge, current) = edge.as_mut().unwrap();
        *current = edge.invoice(minor);
        koban_protocol::wire::encode(current)
    })
}

/// Tells the shop how to behave.
pub fn shop(shop: Shop) {
    with(|edge| edge.shop = shop);
}

fn fetched(url: String, init: JsValue) -> Promise {
    let get = |name: &str| Reflect::get(&init, &name.into()).unwrap();
    let body = get("body");
    assert_eq!(get("credentials").as_string().as_deref(), Some("omit"));
    assert!(get("signal").is_object(), "every request has a time limit");
    let (host, path) = url.split_once("://").unwrap().1.split_once('/').unwrap();
    let host = if host.starts_with("issuer") { "issuer" } else { host };
    let call = Call {
        id: CallId::Keys,
        method: if body.is_undefined() { Method::Get } else { Method::Post },
        url: format!("http://{host}/{path}"),
        content_type: None,
        body: if body.is_undefined() { Vec::new() } else { Uint8Array::new(&body).to_vec() },
    };
    if DOWN.get() {
        return Promise::reject(&"nobody is there".into());
    }
    let answer = EDGE.with_borrow_mut(|edge| {
        let (edge, invoice) = edge.as_mut().unwrap();
        match (host, path) {
            ("issuer", "audit") => Some(audit(edge)),
            ("shop", "invoice") => {
                let body = koban_protocol::wire::encode(invoice);
                Some(HttpAnswer { status: 402, body })
            }
            _ => edge.answer(&call, invoice),
        }
    });
    match answer {
        Some(answer) => Promise::resolve(&JsValue::from(response(answer))),
        None => Promise::reject(&"nobody is there".into()),
    }
}

fn audit(edge: &Edge) -> HttpAnswer {
    let coins = edge.outstanding();
    let reserve = serde_json::json!({"bank": "bank-a", "name": "Asakusa Bank", "minor": coins});
    let yen = serde_json::json!({
        "code": "JPY", "exponent": 0, "coins": coins, "held": 0, "settling": 0, "owed": 0,
        "debiting": 0, "transit": 0, "consistent": true, "reserves": [reserve],
    });
    let body = serde_json::json!({"at": 1, "steady": true, "currencies": [yen]}).to_string();
    HttpAnswer { status: 200, body: body.into_bytes() }
}

fn response(answer: HttpAnswer) -> Response {
    let init = ResponseInit::new();
    init.set_status(answer.status);
    if answer.body.is_empty() {
        return Response::new_with_opt_str_and_init(None, &init).unwrap();
    }
    let body = Uint8Array::from(answer.body.as_slice());
    let body = body.unchecked_into();
    Response::new_with_opt_buffer_source_and_init(Some(&body), &init).unwrap()
}
