//! Credits: the issuer's reserve pays an account, once; and what anyone may see of the reserve
//! (VC-10).

use koban_protocol::refusal::Code;
use koban_protocol::statement::{AccountRef, BankAct, BankConfirmation, Transfer};
use serde_json::json;

use super::books::{BANK_A, Books, ISSUER, short, signed, transfer, word, yen};
use crate::common::{key, operation, refused};

#[test]
fn vc_5_a_credit_pays_an_account_from_the_reserve_once() {
    let mut books = Books::a();
    books.with_reserve(20, 1_000);
    let shop = books.open(21);
    let message = transfer(operation(1), &shop, yen(370));
    let first = books.post("/credits", message.clone());
    let expected =
        BankConfirmation { operation: operation(1), act: BankAct::Credited, amount: yen(370) };
    assert_eq!(word::<BankConfirmation>(&first, BANK_A), expected);
    let before = books.books();
    books.reopen();
    assert_eq!(books.post("/credits", message).body(), first.body());
    assert_eq!(books.books(), before);
    assert_eq!(books.yen(shop.number.as_str()), 50_370);
    assert_eq!(books.yen("reserve"), 630);
    for amount in [371, 0] {
        let other = books.post("/credits", transfer(operation(1), &shop, yen(amount)));
        assert_eq!(refused(&other), Code::OperationReused);
    }
    assert_eq!(books.books(), before);
}

#[test]
fn vc_10_a_credit_beyond_the_reserve_waits_for_it() {
    let books = Books::a();
    let account = books.with_reserve(20, 1_000);
    let before = books.books();
    let message = transfer(operation(1), &account, yen(1_001));
    assert_eq!(refused(&books.post("/credits", message.clone())), Code::ReserveTooSmall);
    assert_eq!(books.books(), before);
    books.with_reserve(21, 1);
    assert_eq!(books.post("/credits", message).status(), 200);
    assert_eq!(books.yen("reserve"), 0);
    books.check();
}

#[test]
fn a_credit_is_the_issuers_and_for_an_account_that_is_here() {
    let books = Books::a();
    let account = books.with_reserve(20, 1_000);
    let other = books.open(21);
    let before = books.books();
    let pay = |account: AccountRef, minor, signer: u8| {
        let transfer = Transfer { operation: operation(1), account, amount: yen(minor) };
        refused(&books.post("/credits", signed(&transfer, &key(signer))))
    };
    for signer in [20, BANK_A, 2] {
        assert_eq!(pay(account.clone(), 1, signer), Code::BadSignature);
    }
    let foreign = [
        AccountRef { number: short("0000000"), ..account.clone() },
        AccountRef { number: short("reserve"), ..account.clone() },
        AccountRef { number: other.number, ..account.clone() },
        AccountRef { key: other.key, ..account.clone() },
        AccountRef { bank: short("bank-b"), ..account.clone() },
    ];
    for account in foreign {
        assert_eq!(pay(account, 1, ISSUER), Code::AccountForeign);
    }
    assert_eq!(pay(account, 0, ISSUER), Code::AmountInvalid);
    assert_eq!(books.books(), before);
}

#[test]
fn vc_10_anyone_sees_the_reserve_and_whether_it_moved() {
    let books = Books::a();
    let issuer = key(ISSUER).verifying_key().id().to_string();
    let empty = json!({"issuer": issuer, "version": 0, "reserves": []});
    assert_eq!(books.reserves(), empty);
    let account = books.open(20);
    assert_eq!(books.reserves(), empty, "an account's opening does not touch the reserve");
    books.with_reserve(20, 1_000);
    let told = json!({"currency": "JPY", "minor": 1_000});
    assert_eq!(books.reserves(), json!({"issuer": issuer, "version": 1, "reserves": [told]}));
    let message = transfer(operation(1), &account, yen(1_000));
    for _ in 0..2 {
        assert_eq!(books.post("/credits", message.clone()).status(), 200);
        assert_eq!((&books.reserves()["version"]), &json!(2));
    }
    assert_eq!(books.reserves()["reserves"], json!([{"currency": "JPY", "minor": 0}]));
}
