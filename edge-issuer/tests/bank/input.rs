//! Spoiled messages at every endpoint: refused with a reason, and nothing changes.

use koban_protocol::amount::Currency;
use koban_protocol::id::OperationId;
use koban_protocol::key::SigningKey;
use koban_protocol::limits::{AMOUNT_MAX_MINOR, MESSAGE_BYTES_MAX};
use koban_protocol::refusal::Code;
use koban_protocol::signed::{Signed, Statement};
use koban_protocol::statement::{AccountRef, BalanceInquiry, SettlementPaid};
use koban_protocol::wire;
use minicbor::{Decode, Encode};

use super::books::{
    BANK_A, Books, authorisation, collection, decoded, order, settlement, signed, transfer, yen,
};
use crate::common::{NOON, key, operation, refused, spoiled};

#[test]
fn spoiled_messages_change_nothing() {
    let (a, b) = (Books::a(), Books::b());
    let account = a.with_reserve(20, 1_000);
    b.open(21);
    let paid = SettlementPaid { settlement: decoded(&settlement(operation(3), yen(1))) };
    let inquiry = BalanceInquiry { account: account.clone(), at: NOON };
    let debit = authorisation(operation(1), &account, yen(1));
    let messages = [
        (&a, "/accounts", signed(&order("bank-a", 22, NOON), &key(22))),
        (&a, "/balance", signed(&inquiry, &key(20))),
        (&a, "/debits", collection(&debit, &key(20))),
        (&a, "/credits", transfer(operation(2), &account, yen(1))),
        (&a, "/settlements/out", settlement(operation(3), yen(1))),
        (&b, "/settlements/in", signed(&paid, &key(BANK_A))),
    ];
    for (books, path, message) in messages {
        let before = books.books();
        for spoiled in spoiled(&message) {
            let told = books.post(path, spoiled.clone());
            let code = refused(&told);
            if spoiled.len() > MESSAGE_BYTES_MAX {
                assert_eq!(code, Code::TooLong, "{path}");
            } else {
                // A payer's name with a turned bit is no bank's, so that there is no key to check
                // with.
                let is_foreign = path == "/settlements/in" && code == Code::AccountForeign;
                let expected = [Code::Malformed, Code::BadSignature, Code::ClockSkew];
                assert!(is_foreign || expected.contains(&code), "{path}: {code:?}");
            }
        }
        assert_eq!(books.books(), before, "{path}");
        assert!(books.host.logged().is_empty(), "{path}: a fault of the sender is not the bank's");
        assert_eq!(books.post(path, message).status(), 200, "{path}");
        books.check();
    }
}

/// A transfer that may name any number of minor units.
#[derive(Encode, Decode)]
#[cbor(map)]
struct AnyTransfer {
    #[n(0)]
    operation: OperationId,
    #[n(1)]
    account: AccountRef,
    #[n(2)]
    amount: (Currency, u64),
}

impl Statement for AnyTransfer {
    const DOMAIN: &'static str = "koban/v1/transfer";
}

#[test]
fn an_amount_beyond_every_limit_is_malformed() {
    let books = Books::a();
    let account = books.with_reserve(20, 1_000);
    let before = books.books();
    let pay = |minor: u64, issuer: &SigningKey| {
        let currency = Currency::new("JPY").unwrap();
        let (operation, account) = (operation(1), account.clone());
        let transfer = AnyTransfer { operation, account, amount: (currency, minor) };
        books.post("/credits", wire::encode(&Signed::sign(&transfer, issuer)))
    };
    let issuer = key(super::books::ISSUER);
    for minor in [AMOUNT_MAX_MINOR + 1, 1 << 63, u64::MAX] {
        assert_eq!(refused(&pay(minor, &issuer)), Code::Malformed);
    }
    assert_eq!(refused(&pay(AMOUNT_MAX_MINOR, &issuer)), Code::ReserveTooSmall);
    assert_eq!(books.books(), before);
    assert_eq!(pay(1, &issuer).status(), 200, "the crafted message is otherwise good");
}
