//! Customers: opening an account, and looking at it.

use http::Method;
use koban_edge_issuer::host::Object as _;
use koban_edge_issuer::role::bank::Bank;
use koban_edge_issuer::sqlite::Sqlite;
use koban_protocol::refusal::Code;
use koban_protocol::statement::{AccountAttestation, AccountRef, BalanceInquiry, BankKeys};
use serde_json::json;

use super::books::{BANK_A, Books, order, short, signed, word, yen};
use crate::common::{NOON, TestHost, ask, key, operation, post, refused};

#[test]
fn the_bank_publishes_its_own_keys() {
    let books = Books::a();
    let keys: BankKeys = word(&ask(&books.bank, Method::GET, "/keys", Vec::new()), BANK_A);
    assert_eq!((keys.id.as_str(), keys.name.as_str()), ("bank-a", "Asakusa Bank"));
    assert_eq!(keys.url.as_str(), "http://bank-a.example");
    assert_eq!(keys.key, key(BANK_A).verifying_key());
}

#[test]
fn vc_2_a_key_has_one_account() {
    let books = Books::a();
    let first = books.open(20);
    let number = first.number.as_str();
    assert!(number.len() == 7 && number.bytes().all(|digit| digit.is_ascii_digit()), "{number}");
    assert_eq!((first.bank.as_str(), first.key), ("bank-a", key(20).verifying_key()));
    // Again, and much later: told again, given nothing again.
    let before = books.books();
    assert_eq!(books.open(20), first);
    books.host.set(NOON.plus(86_400));
    assert_eq!(books.open(20), first);
    assert_eq!(books.books(), before);
    books.host.set(NOON);
    assert_ne!(books.open(21).number, first.number);
    assert_eq!(books.yen(first.number.as_str()), 50_000);
    assert_eq!(books.yen("equity"), -100_000);
    books.check();
}

#[test]
fn an_account_is_opened_by_its_own_key_here_and_now() {
    let books = Books::a();
    let before = books.books();
    let open = |order, signer: u8| refused(&books.post("/accounts", signed(&order, &key(signer))));
    assert_eq!(open(order("bank-a", 20, NOON), 21), Code::BadSignature);
    assert_eq!(open(order("bank-b", 20, NOON), 20), Code::AccountForeign);
    assert_eq!(open(order("bank-a", 20, NOON.plus(301)), 20), Code::ClockSkew);
    assert_eq!(books.books(), before);
    // A statement of another kind under the same key is none.
    let inquiry = BalanceInquiry { account: books.open(22), at: NOON };
    let posted = books.post("/accounts", signed(&inquiry, &key(22)));
    assert_eq!(refused(&posted), Code::Malformed);
}

#[test]
fn outside_the_demo_nothing_is_given() {
    let host = TestHost::new("bank-b", 11, Sqlite::in_memory().unwrap()).without("DEMO");
    let bank = Bank::open(host).unwrap();
    let opened = post(&bank, "/accounts", signed(&order("bank-b", 20, NOON), &key(20)));
    let AccountAttestation { account, at } = word(&opened, 11);
    assert_eq!(at, NOON);
    let inquiry = BalanceInquiry { account, at: NOON };
    let told = post(&bank, "/balance", signed(&inquiry, &key(20)));
    let told: serde_json::Value = serde_json::from_slice(told.body()).unwrap();
    assert_eq!((&told["balances"], &told["entries"]), (&json!([]), &json!([])));
}

#[test]
fn an_owner_sees_balances_and_the_newest_entries() {
    let books = Books::a();
    let account = books.with_reserve(20, 370);
    let told = books.statement(&account, 20);
    assert_eq!(
        told,
        json!({
            "account": account.number.as_str(),
            "balances": [
                {"currency": "JPY", "minor": 49_630},
                {"currency": "USD", "minor": 50_000},
            ],
            "entries": [
                {"at": NOON.0, "what": "withdrawal", "currency": "JPY", "minor": -370},
                {"at": NOON.0, "what": "opening", "currency": "USD", "minor": 50_000},
                {"at": NOON.0, "what": "opening", "currency": "JPY", "minor": 50_000},
            ],
        })
    );
    for number in 100..160 {
        let paid = super::books::transfer(operation(number), &account, yen(1));
        assert_eq!(books.post("/credits", paid).status(), 200);
    }
    let told = books.statement(&account, 20);
    let entries = told["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 50);
    assert!(entries.iter().all(|entry| entry["what"] == "deposit" && entry["minor"] == 1));
}

#[test]
fn an_account_is_shown_to_its_owner_alone() {
    let books = Books::a();
    let (own, other) = (books.open(20), books.open(21));
    let ask = |account: &AccountRef, at, signer: u8| {
        let inquiry = BalanceInquiry { account: account.clone(), at };
        refused(&books.post("/balance", signed(&inquiry, &key(signer))))
    };
    assert_eq!(ask(&other, NOON, 20), Code::BadSignature);
    assert_eq!(ask(&own, NOON.plus(301), 20), Code::ClockSkew);
    let taken = AccountRef { key: own.key, ..other.clone() };
    assert_eq!(ask(&taken, NOON, 20), Code::AccountForeign);
    let elsewhere = AccountRef { bank: short("bank-b"), ..own.clone() };
    assert_eq!(ask(&elsewhere, NOON, 20), Code::AccountForeign);
    for own_account in ["reserve", "equity"] {
        let account = AccountRef { number: short(own_account), ..own.clone() };
        assert_eq!(ask(&account, NOON, 20), Code::AccountForeign);
    }
}

#[test]
fn there_is_nothing_else() {
    let books = Books::a();
    for (method, path) in [(Method::GET, "/"), (Method::GET, "/debits"), (Method::POST, "/keys")] {
        let told = ask(&books.bank, method, path, Vec::new());
        assert_eq!(refused(&told), Code::NotFound, "{path}");
    }
}
