//! The owner's desk.

use koban_edge_issuer::host::HttpResponse;

use super::browser::Browser;
use crate::market::Market;
use koban_tests::world::Fate;

const PICTURE: &str = "ferry-at-first-light";

fn sign_in(browser: &mut Browser<'_>) -> HttpResponse {
    browser.submit("/owner/login", "password=owner")
}

/// The token that the desk's forms carry.
fn token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"form\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn only_the_owner_comes_in() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    let page = browser.read("/owner");
    assert!(page.contains("type=\"password\"") && page.contains("it is: owner"));
    assert_eq!(browser.submit("/owner/login", "password=guess").status(), 403);
    assert!(!browser.read("/owner").contains("Takings"));
    let response = sign_in(&mut browser);
    assert_eq!(response.status(), 303);
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/owner", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(browser.read("/owner").contains("Takings"));
    assert!(!Browser::new(&market).read("/owner").contains("Takings"));
}

#[test]
fn guessing_is_slow() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    for _ in 0..10 {
        assert_eq!(browser.submit("/owner/login", "password=guess").status(), 403);
    }
    assert_eq!(sign_in(&mut browser).status(), 429);
    market.world.pass(61);
    assert_eq!(sign_in(&mut browser).status(), 303);
}

#[test]
fn a_session_ends() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    sign_in(&mut browser);
    let form = format!("form={}", token(&browser.read("/owner")));
    assert_eq!(browser.submit("/owner/logout", &form).status(), 303);
    assert!(!browser.read("/owner").contains("Takings"));
    sign_in(&mut browser);
    market.world.pass(12 * 3600 + 1);
    assert!(!browser.read("/owner").contains("Takings"));
}

#[test]
fn a_form_of_another_site_does_nothing() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    sign_in(&mut browser);
    let page = browser.read("/owner");
    assert!(page.contains("value=\"refresh\" checked"));
    for form in ["take=redeem", "take=redeem&form=", "take=redeem&form=0123"] {
        assert_eq!(browser.submit("/owner/settings", form).status(), 403, "{form}");
    }
    assert!(browser.read("/owner").contains("value=\"refresh\" checked"));
    let text = ("content-type", "text/plain");
    let form = format!("take=redeem&form={}", token(&page)).into_bytes();
    let response = browser.send("POST", "/owner/settings", &[text], form);
    assert_eq!(response.status(), 403);
    // Without a session the way in is shown, whatever the form says.
    let stranger = Browser::new(&market).submit("/owner/settings", "take=redeem");
    assert_eq!(stranger.headers()["location"], "/owner");
}

#[test]
fn vc_5_the_owner_chooses_and_sees_sales_and_money() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    sign_in(&mut browser);
    assert!(browser.read("/owner").contains("Nothing sold yet."));
    for take in ["refresh", "redeem", "aggregate"] {
        let form = format!("take={take}&form={}", token(&browser.read("/owner")));
        assert_eq!(browser.submit("/owner/settings", &form).status(), 303);
        let order = browser.buy(PICTURE);
        browser.pay(&order);
    }
    market.world.run(60);
    let page = browser.read("/owner");
    for said in ["fresh coins</td>", "to the account</td>", "kept</td>", "¥1,110", "¥50,370"] {
        assert!(page.contains(said), "{said}");
    }
    assert!(page.contains("Redeem everything (¥740)"), "{page}");
    let form = format!("currency=JPY&form={}", token(&page));
    assert_eq!(browser.submit("/owner/redeem", &form).status(), 303);
    market.world.run(60);
    let page = browser.read("/owner");
    assert!(page.contains("¥51,110") && page.contains("disabled"));
    // The choice of how to take payments did not take the webhook away.
    let order = browser.buy(PICTURE);
    browser.pay(&order);
    market.world.run(10);
    market.spoil("shop", "payment", Fate::LOST);
    assert!(browser.read(&order).contains("Paid. Thank you!"));
}

#[test]
fn the_desk_says_so_when_others_do_not_answer() {
    let market = Market::new(1);
    let mut browser = Browser::new(&market);
    sign_in(&mut browser);
    let order = browser.buy(PICTURE);
    browser.pay(&order);
    market.spoil("payment", "bank-a", Fate::LOST);
    assert!(browser.read("/owner").contains("the bank does not answer"));
    market.spoil("shop", "payment", Fate::LOST);
    let response = browser.open("/owner");
    assert_eq!(response.status(), 503);
    let page = String::from_utf8(response.into_body()).unwrap();
    assert!(page.contains("peer-unreachable") && page.contains("Nothing was charged."));
}
