//! The JSON interface: its description, its callers, and what it must refuse.

use koban_edge_issuer::role::payment::model::JSON_BYTES_MAX;
use koban_edge_issuer::role::payment::routes::{Caller, ROUTES};
use koban_protocol::limits::AMOUNT_MAX_MINOR;
use koban_protocol::refusal::Code;
use serde_json::{Value, json};

use crate::market::{Market, PAYMENT, code, new_order, new_shop};

const ID: &str = "00000000000000000000000000000000";

fn description(market: &Market) -> Value {
    let response = market.send("GET", "/openapi.json", &[], Vec::new());
    assert_eq!(response.status(), 200);
    serde_json::from_slice(response.body()).unwrap()
}

/// Whether an answer is of this schema: no member too many, none too few, every reference followed.
fn conforms(document: &Value, name: &str, value: &Value) {
    let schema = &document["components"]["schemas"][name];
    let (Some(required), Some(properties)) =
        (schema["required"].as_array(), schema["properties"].as_object())
    else {
        assert!(!schema.is_null(), "no schema {name}");
        return;
    };
    let value = value.as_object().unwrap_or_else(|| panic!("{name}: {value}"));
    for member in required {
        assert!(value.contains_key(member.as_str().unwrap()), "{name} lacks {member}");
    }
    for (member, value) in value {
        let schema = properties.get(member).unwrap_or_else(|| panic!("{name} has {member}"));
        let reference = |schema: &Value| {
            let name = schema["$ref"].as_str()?.rsplit('/').next()?;
            Some(name.to_owned())
        };
        if let Some(name) = reference(schema) {
            conforms(document, &name, value);
        }
        for value in value.as_array().into_iter().flatten() {
            conforms(document, &reference(&schema["items"]).unwrap(), value);
        }
    }
}

#[test]
fn every_route_is_described_and_every_description_is_a_route() {
    let market = Market::new(1);
    let document = description(&market);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], PAYMENT);
    let mut described = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            described += 1;
            let is_it = |route: &&koban_edge_issuer::role::payment::routes::Route| {
                route.path == path && route.method.eq_ignore_ascii_case(method)
            };
            let route = ROUTES.iter().find(is_it).unwrap_or_else(|| panic!("{method} {path}"));
            let secured = !operation["security"].as_array().unwrap().is_empty();
            assert_eq!(secured, route.caller != Caller::Public, "{method} {path}");
            // A described route is there: a caller without a token is turned away, not lost.
            let shop = market.shop("Any", "refresh");
            let path = path.replace("{shop}", &shop.shop).replace("{order}", ID);
            let response = market.send(&method.to_uppercase(), &path, &[], Vec::new());
            if secured {
                assert_eq!(code(&response), Code::NotAllowed, "{method} {path}");
            }
        }
    }
    assert_eq!(described, ROUTES.len());
}

#[test]
fn every_reference_in_the_description_resolves() {
    let document = description(&Market::new(1));
    let mut left = vec![&document];
    let mut references = 0;
    while let Some(value) = left.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                    references += 1;
                }
                left.extend(members.values());
            }
            Value::Array(values) => left.extend(values),
            _ => {}
        }
    }
    assert!(references > 50);
}

#[test]
fn answers_are_what_the_description_says() {
    let market = Market::new(1);
    let document = description(&market);
    let (_, opened) = market.ask_for_shop("a", &new_shop("A", "refresh"));
    conforms(&document, "OpenedShop", &opened);
    let shop = market.shop("B", "refresh");
    let order = market.order(&shop, "1", 370);
    conforms(&document, "Order", &order);
    market.pay(&order);
    conforms(&document, "Order", &market.look(&shop, &order));
    conforms(&document, "Orders", &market.of(&shop, "GET", "/orders", &Value::Null).1);
    conforms(&document, "Shop", &market.of(&shop, "GET", "", &Value::Null).1);
    let settings = json!({ "take": "aggregate", "webhook": null });
    conforms(&document, "Settings", &market.of(&shop, "PUT", "/settings", &settings).1);
    let redeem = json!({ "currency": "JPY" });
    conforms(&document, "Redeemed", &market.of(&shop, "POST", "/redeem", &redeem).1);
    conforms(&document, "Problem", &market.of(&shop, "POST", "/redeem", &Value::Null).1);
    let event = events(&market, &shop.shop, &shop.token, None).remove(0);
    conforms(&document, "PaidEvent", &event);
}

fn events(market: &Market, shop: &str, token: &str, last: Option<&str>) -> Vec<Value> {
    let authorization = format!("Bearer {token}");
    let mut headers = vec![("authorization", authorization.as_str())];
    headers.extend(last.map(|last| ("last-event-id", last)));
    let response = market.send("GET", &format!("/shops/{shop}/events"), &headers, Vec::new());
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = String::from_utf8(response.into_body()).unwrap();
    assert!(text.ends_with("retry: 2000\n\n"));
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[test]
fn events_come_once_and_in_order() {
    let market = Market::new(1);
    let shop = market.shop("A", "aggregate");
    for reference in ["1", "2", "3"] {
        market.pay(&market.order(&shop, reference, 10));
    }
    let all = events(&market, &shop.shop, &shop.token, None);
    let references: Vec<_> = all.iter().map(|event| event["reference"].as_str().unwrap()).collect();
    assert_eq!(references, ["1", "2", "3"]);
    let last = all[1]["id"].to_string();
    let rest = events(&market, &shop.shop, &shop.token, Some(&last));
    assert_eq!(rest, all[2..]);
}

#[test]
fn only_the_right_token_opens() {
    let market = Market::new(1);
    let (a, b) = (market.shop("A", "refresh"), market.shop("B", "refresh"));
    let path = format!("/shops/{}", a.shop);
    for token in ["", "demo", &b.token, &a.token[1..], &format!("{}0", a.token)] {
        let (status, problem) = market.call("GET", &path, token, &Value::Null);
        assert_eq!((status, &problem["name"]), (403, &json!("not-allowed")), "{token}");
    }
    let basic = market.send("GET", &path, &[("authorization", "Basic YTpi")], Vec::new());
    assert_eq!(code(&basic), Code::NotAllowed);
    let nobody = market.send("POST", "/shops", &[], b"{}".to_vec());
    assert_eq!(code(&nobody), Code::NotAllowed);
    assert_eq!(market.call("GET", &path, &a.token, &Value::Null).0, 200);
}

#[test]
fn a_guessed_shop_reaches_no_object() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let order = market.order(&shop, "1", 10);
    let invoice = order["order"].as_str().unwrap();
    for path in [
        format!("/shops/{ID}"),
        format!("/invoices/{ID}/{invoice}"),
        format!("/invoices/{}/{ID}", shop.shop),
        format!("/invoices/{}/{}", shop.shop, &invoice[1..]),
        format!("/invoices/{}/{invoice}/", shop.shop),
        format!("/INVOICES/{}/{invoice}", shop.shop),
        "/".into(),
    ] {
        assert_eq!(code(&market.send("GET", &path, &[], Vec::new())), Code::NotFound, "{path}");
    }
    let pay = format!("/pay/{ID}/{invoice}");
    assert_eq!(code(&market.send("POST", &pay, &[], Vec::new())), Code::NotFound);
    assert_eq!(code(&market.send("DELETE", "/shops", &[], Vec::new())), Code::NotFound);
}

#[test]
fn orders_that_make_no_sense_are_refused() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let with = |member: &str, value: Value| {
        let mut order = new_order("1", 10);
        order[member] = value;
        order
    };
    let money = |currency: Value, minor: Value| {
        with("amount", json!({ "currency": currency, "minor": minor }))
    };
    let cases = [
        (money(json!("JPY"), json!(0)), Code::AmountInvalid),
        (money(json!("JPY"), json!(AMOUNT_MAX_MINOR + 1)), Code::AmountInvalid),
        (money(json!("JPY"), json!(u64::MAX)), Code::AmountInvalid),
        // More than 64 coins of the largest denomination.
        (money(json!("JPY"), json!(65_u64 << 23)), Code::AmountInvalid),
        (money(json!("JPY"), json!(-1)), Code::Malformed),
        (money(json!("JPY"), json!(1.5)), Code::Malformed),
        (money(json!("JPY"), json!("370")), Code::Malformed),
        (money(json!("EUR"), json!(10)), Code::CurrencyUnknown),
        (money(json!("jpy"), json!(10)), Code::CurrencyUnknown),
        (with("reference", json!("")), Code::Malformed),
        (with("reference", json!("x".repeat(129))), Code::Malformed),
        (with("reference", json!("a\nb")), Code::Malformed),
        (with("purpose", json!("")), Code::Malformed),
        (with("purpose", json!("p".repeat(513))), Code::Malformed),
        (with("fulfilment_url", json!("javascript:alert(1)")), Code::Malformed),
        (with("fulfilment_url", json!("/relative")), Code::Malformed),
        (with("expires_in", json!(59)), Code::Malformed),
        (with("expires_in", json!(7 * 86_400 + 1)), Code::Malformed),
        (with("surprise", json!(1)), Code::Malformed),
        (json!([]), Code::Malformed),
    ];
    for (order, expected) in cases {
        let (status, problem) = market.of(&shop, "POST", "/orders", &order);
        assert_eq!(problem["code"], expected.number(), "{order}: {problem}");
        assert_eq!(status, expected.status());
    }
    assert_eq!(market.of(&shop, "GET", "/orders", &Value::Null).1["orders"], json!([]));
}

#[test]
fn a_body_that_is_too_long_is_refused_unread() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let path = format!("/shops/{}/orders", shop.shop);
    let authorization = format!("Bearer {}", shop.token);
    let headers = [("authorization", authorization.as_str())];
    let mut body = serde_json::to_vec(&new_order("1", 10)).unwrap();
    body.resize(JSON_BYTES_MAX, b' ');
    assert_eq!(market.send("POST", &path, &headers, body.clone()).status(), 201);
    body.push(b' ');
    assert_eq!(code(&market.send("POST", &path, &headers, body)), Code::TooLong);
    let deep = "[".repeat(JSON_BYTES_MAX).into_bytes();
    assert_eq!(code(&market.send("POST", &path, &headers, deep)), Code::Malformed);
}

#[test]
fn a_reference_names_one_order() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    let order = market.order(&shop, "1", 10);
    assert_eq!(market.order(&shop, "1", 10), order);
    let (status, problem) = market.of(&shop, "POST", "/orders", &new_order("1", 11));
    assert_eq!((status, &problem["name"]), (409, &json!("operation-reused")));
    // Another shop's reference is its own.
    assert_ne!(market.order(&market.shop("B", "refresh"), "1", 10)["order"], order["order"]);
}

#[test]
fn orders_are_listed_newest_first_in_pages() {
    let market = Market::new(1);
    let shop = market.shop("A", "refresh");
    for reference in 0..103 {
        market.order(&shop, &reference.to_string(), 10);
    }
    let page = |query: &str| {
        let (_, page) = market.of(&shop, "GET", &format!("/orders{query}"), &Value::Null);
        page["orders"].as_array().unwrap().clone()
    };
    let first = page("");
    assert_eq!((first.len(), &first[0]["reference"]), (100, &json!("102")));
    let rest = page(&format!("?before={}", first[99]["number"]));
    assert_eq!((rest.len(), &rest[2]["reference"]), (3, &json!("0")));
    let (status, _) = market.of(&shop, "GET", "/orders?before=x", &Value::Null);
    assert_eq!(status, 400);
}
