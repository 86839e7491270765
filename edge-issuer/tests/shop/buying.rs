//! From the goods to the delivered file.

use koban_edge_issuer::host::Address;
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::Invoice;

use super::browser::{Browser, SHOP};
use crate::market::{Market, code};
use koban_tests::raw;
use koban_tests::world::Fate;

const PICTURE: &str = "ferry-at-first-light";
const STORY: &str = "the-clockmakers-change";
const SOUND: &str = "evening-strings";

#[test]
fn the_goods_are_shown_in_two_languages() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    let english = browser.read("/");
    assert!(english.contains("<html lang=\"en\">") && english.contains("¥370"));
    assert!(english.contains("Ferry at First Light") && english.contains("href=\"/?lang=ja\""));
    let asked = browser.send("GET", "/", &[("accept-language", "ja,en;q=0.5")], Vec::new());
    let japanese = String::from_utf8(asked.into_body()).unwrap();
    assert!(japanese.contains("<html lang=\"ja\">") && japanese.contains("暁の渡し舟"));
    assert!(browser.read("/?lang=ja").contains("暁の渡し舟"));
    assert!(browser.read("/").contains("暁の渡し舟"), "the choice is kept");
    assert!(browser.read("/?lang=en").contains("Ferry"));
    for file in ["/style.css", "/icon.svg", "/covers/evening-strings.svg"] {
        assert_eq!(browser.open(file).status(), 200, "{file}");
    }
}

#[test]
fn vc_12_an_order_opens_every_door() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    let order = browser.buy(PICTURE);
    let page = browser.read(&order);
    let document = format!("{SHOP}{order}/goods").replace(':', "%3A").replace('/', "%2F");
    assert!(page.contains(&format!("href=\"http://localhost:8700/pay?invoice={document}\"")));
    assert!(page.contains(&format!("href=\"web+koban:{document}\"")));
    assert!(page.contains(&format!("href=\"{order}/goods\"")));
    assert!(!page.contains("http-equiv") && page.contains("¥370"), "no page turns under a reader");
    let goods = browser.goods(&order);
    assert_eq!(goods.status(), 402);
    assert_eq!(goods.headers()["content-type"], "application/vnd.koban.invoice+cbor");
    assert_eq!(goods.headers()["access-control-allow-origin"], "*");
    let invoice: Signed<Invoice> = raw::message(&goods);
    let issuer = &market.payer.issuer.key;
    let now = market.world.now();
    let checked = koban_protocol::process::payment::check_invoice(&invoice, issuer, now).unwrap();
    assert_eq!(checked.payee().pseudonym.as_str(), "Inkstone");
    assert_eq!(checked.invoice().amount.minor(), 370);
    let fulfilment = checked.invoice().fulfilment_url.clone().unwrap();
    assert_eq!(fulfilment.as_str(), format!("{SHOP}{order}"));
}

#[test]
fn ecash_3_what_is_paid_is_delivered() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    for (good, kind, start) in [
        (PICTURE, "image/svg+xml", &b"<svg "[..]),
        (STORY, "text/plain; charset=utf-8", b"The Clockmaker"),
        (SOUND, "audio/wav", b"RIFF"),
    ] {
        let order = browser.buy(good);
        browser.pay(&order);
        let page = browser.read(&order);
        assert!(page.contains("Paid. Thank you!") && !page.contains("refresh"), "{good}");
        let goods = browser.goods(&order);
        assert_eq!(goods.status(), 200);
        assert_eq!(goods.headers()["content-type"], kind);
        let disposition = goods.headers()["content-disposition"].to_str().unwrap();
        assert!(disposition.starts_with("inline; filename=\""));
        assert!(goods.body().starts_with(start), "{good}");
    }
    let order = browser.buy(STORY);
    assert_eq!(browser.goods(&order).status(), 402, "each order is paid by itself");
}

#[test]
fn a_sound_is_given_in_parts() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    let order = browser.buy(SOUND);
    browser.pay(&order);
    let whole = browser.goods(&order).into_body();
    let path = format!("{order}/goods");
    let part = browser.send("GET", &path, &[("range", "bytes=40-49")], Vec::new());
    assert_eq!((part.status().as_u16(), part.body().as_slice()), (206, &whole[40..50]));
    let expected = format!("bytes 40-49/{}", whole.len());
    assert_eq!(part.headers()["content-range"], expected.as_str());
}

#[test]
fn the_webhook_tells_the_shop_and_repeats_itself_until_it_is_heard() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    let order = browser.buy(PICTURE);
    market.spoil("payment", "shop", Fate::LOST);
    browser.pay(&order);
    market.world.run(30);
    // The shop cannot ask either: only the webhook will tell.
    market.spoil("shop", "payment", Fate::LOST);
    assert!(!browser.read(&order).contains("Paid. Thank you!"));
    market.world.run(300);
    assert!(browser.read(&order).contains("Paid. Thank you!"));
}

#[test]
fn a_lost_webhook_is_made_up_for_by_asking() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    let order = browser.buy(PICTURE);
    market.spoil("payment", "shop", Fate::LOST);
    browser.pay(&order);
    assert_eq!(browser.goods(&order).status(), 200);
}

#[test]
fn a_webhook_of_somebody_else_is_not_believed() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    let event = |order: &str, minor: u64| {
        format!(
            r#"{{"event":"paid","id":1,"order":"{order}","reference":"{order}",
               "amount":{{"currency":"JPY","minor":{minor}}},"taken":"refresh","at":1}}"#
        )
    };
    let body = event("00", 370).into_bytes();
    let early = browser.send("POST", "/webhook", &[("koban-signature", "00")], body);
    assert_eq!(code(&early), Code::NotAllowed);
    let order = browser.buy(PICTURE);
    let body = event(order.rsplit('/').next().unwrap(), 370).into_bytes();
    let unsigned = browser.send("POST", "/webhook", &[], body.clone());
    assert_eq!(code(&unsigned), Code::BadSignature);
    let zeros = "0".repeat(64);
    let forged = browser.send("POST", "/webhook", &[("koban-signature", &zeros)], body);
    assert_eq!(code(&forged), Code::BadSignature);
    let long = browser.send("POST", "/webhook", &[], vec![b' '; 20_000]);
    assert_eq!(long.status(), 413);
    assert_eq!(browser.goods(&order).status(), 402);
}

#[test]
fn while_the_payment_server_is_away_an_order_waits_for_its_invoice() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    market.spoil("shop", "payment", Fate::LOST);
    let order = browser.buy(PICTURE);
    let page = browser.read(&order);
    assert!(page.contains("The invoice is on its way.") && page.contains("content=\"3\""));
    assert_eq!(code(&browser.goods(&order)), Code::PeerUnreachable);
    market.world.fair();
    assert!(browser.read(&order).contains("Pay with Koban"));
    market.spoil("shop", "payment", Fate::ANSWER_LOST);
    let other = browser.buy(PICTURE);
    market.world.fair();
    browser.pay(&other);
    assert_eq!(browser.goods(&other).status(), 200);
}

#[test]
fn an_order_that_expired_can_be_made_again() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    let order = browser.buy(PICTURE);
    market.world.pass(1801);
    let page = browser.read(&order);
    assert!(page.contains("This invoice has expired.") && !page.contains("Pay with Koban"));
    assert_eq!(code(&browser.goods(&order)), Code::InvoiceExpired);
    assert!(page.contains(&format!("action=\"/buy/{PICTURE}\"")));
}

#[test]
fn a_payment_that_is_being_checked_is_shown_as_such() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    let order = browser.buy(PICTURE);
    let remote = browser.remote(&order);
    let envelope = market.envelope(&remote, market.coins(370));
    market.world.weather(|role, to, _| {
        let lost = role == "payment" && *to == Address::Peer("issuer".into());
        if lost { Fate::LOST } else { Fate::ARRIVES }
    });
    market.post(&remote, envelope.request());
    assert!(browser.read(&order).contains("Your payment is being checked."));
    market.world.fair();
    market.world.run(60);
    assert!(browser.read(&order).contains("Paid. Thank you!"));
}

#[test]
fn what_is_not_there_is_said_kindly() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    let none = "0".repeat(32);
    for path in ["/nowhere".into(), format!("/orders/{none}"), "/orders/x".into()] {
        let response = browser.open(&path);
        assert_eq!(response.status(), 404, "{path}");
        assert!(String::from_utf8(response.into_body()).unwrap().contains("Nothing here"));
    }
    assert_eq!(code(&browser.open(&format!("/orders/{none}/goods"))), Code::NotFound);
    assert_eq!(browser.submit("/buy/nothing", "").status(), 404);
}
