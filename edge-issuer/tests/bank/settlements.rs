//! Settlements: reserve moves from one bank to another, and the sum stays (NTT-3, VC-10).

use koban_edge_issuer::host::HttpResponse;
use koban_protocol::amount::Amount;
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{BankAct, BankConfirmation, Settlement, SettlementPaid, Short};
use serde_json::json;

use super::books::{
    BANK_A, BANK_B, Books, ISSUER, decoded, settlement, short, signed, transfer, word, yen,
};
use crate::common::{key, operation, refused};

fn out(books: &Books, message: Vec<u8>) -> HttpResponse {
    books.post("/settlements/out", message)
}

fn received(books: &Books, word: &HttpResponse) -> HttpResponse {
    books.post("/settlements/in", word.body().clone())
}

#[test]
fn vc_10_a_settlement_moves_reserve_and_keeps_its_sum() {
    let (mut a, mut b) = (Books::a(), Books::b());
    a.with_reserve(20, 1_000);
    let shop = b.open(21);
    let message = settlement(operation(1), yen(400));
    let paid = out(&a, message.clone());
    let SettlementPaid { settlement: ordered } = word(&paid, BANK_A);
    assert_eq!(ordered, decoded::<Signed<Settlement>>(&message));
    let settled = received(&b, &paid);
    let expected =
        BankConfirmation { operation: operation(1), act: BankAct::Settled, amount: yen(400) };
    assert_eq!(word::<BankConfirmation>(&settled, BANK_B), expected);
    assert_eq!((a.yen("reserve"), b.yen("reserve")), (600, 400));
    assert_eq!((a.yen("due/bank-b"), b.yen("due/bank-a")), (400, -400));
    assert_eq!((&a.reserves()["version"], &b.reserves()["version"]), (&json!(2), &json!(1)));
    // Every step again: the same words, nothing moves.
    let before = (a.books(), b.books());
    a.reopen();
    b.reopen();
    assert_eq!(out(&a, message).body(), paid.body());
    assert_eq!(received(&b, &paid).body(), settled.body());
    assert_eq!((a.books(), b.books()), before);
    // What was missing at the other bank can now be paid there.
    assert_eq!(b.post("/credits", transfer(operation(2), &shop, yen(400))).status(), 200);
    b.check();
}

#[test]
fn vc_10_a_settlement_refused_stays_refused() {
    let a = Books::a();
    a.with_reserve(20, 1_000);
    let message = settlement(operation(1), yen(1_001));
    assert_eq!(refused(&out(&a, message.clone())), Code::ReserveTooSmall);
    a.with_reserve(21, 1_000);
    let before = a.books();
    assert_eq!(refused(&out(&a, message)), Code::ReserveTooSmall);
    assert_eq!(a.books(), before);
    assert_eq!(out(&a, settlement(operation(2), yen(1_001))).status(), 200);
    a.check();
}

#[test]
fn a_settlement_is_the_issuers_between_two_banks_and_of_one_amount() {
    let a = Books::a();
    a.with_reserve(20, 1_000);
    let before = a.books();
    let send = |from: &str, to: &str, amount: Amount, signer: u8| {
        let (from, to) = (short(from), short(to));
        let settlement = Settlement { operation: operation(1), from, to, amount };
        refused(&out(&a, signed(&settlement, &key(signer))))
    };
    for signer in [20, BANK_A, BANK_B] {
        assert_eq!(send("bank-a", "bank-b", yen(1), signer), Code::BadSignature);
    }
    let routes =
        [("bank-b", "bank-b"), ("bank-a", "bank-a"), ("bank-a", "bank-c"), ("bank-a", "issuer")];
    for (from, to) in routes {
        assert_eq!(send(from, to, yen(1), ISSUER), Code::AccountForeign, "{from} {to}");
    }
    assert_eq!(send("bank-a", "bank-b", yen(0), ISSUER), Code::AmountInvalid);
    assert_eq!(a.books(), before);
    assert_eq!(out(&a, settlement(operation(1), yen(1))).status(), 200);
    let reused = refused(&out(&a, settlement(operation(1), yen(2))));
    assert_eq!(reused, Code::OperationReused);
    a.check();
}

#[test]
fn vc_10_no_reserve_without_the_other_banks_word() {
    let b = Books::b();
    let before = b.books();
    let take = |from: &str, to: &str, minor, issuer: u8, payer: u8| {
        let (from, to): (Short, Short) = (short(from), short(to));
        let ordered = Settlement { operation: operation(1), from, to, amount: yen(minor) };
        let settlement = Signed::sign(&ordered, &key(issuer));
        let word = signed(&SettlementPaid { settlement }, &key(payer));
        refused(&b.post("/settlements/in", word))
    };
    // The issuer alone, the receiving bank itself or a customer cannot speak for the paying bank.
    for payer in [ISSUER, BANK_B, 20] {
        assert_eq!(take("bank-a", "bank-b", 1, ISSUER, payer), Code::BadSignature);
    }
    // Nor the paying bank for the issuer.
    assert_eq!(take("bank-a", "bank-b", 1, BANK_A, BANK_A), Code::BadSignature);
    assert_eq!(take("bank-a", "bank-a", 1, ISSUER, BANK_A), Code::AccountForeign);
    assert_eq!(take("bank-b", "bank-b", 1, ISSUER, BANK_B), Code::AccountForeign);
    assert_eq!(take("bank-c", "bank-b", 1, ISSUER, BANK_A), Code::AccountForeign);
    assert_eq!(take("bank-a", "bank-b", 0, ISSUER, BANK_A), Code::AmountInvalid);
    assert_eq!(b.books(), before);
}

#[test]
fn a_bank_whose_keys_name_another_bank_is_not_believed() {
    let (a, b) = (Books::a(), Books::b());
    a.with_reserve(20, 1_000);
    let paid = out(&a, settlement(operation(1), yen(400)));
    let keys = crate::common::ask(&b.bank, http::Method::GET, "/keys", Vec::new());
    let issuer = crate::common::issuer_keys(&key(ISSUER), &key(ISSUER));
    b.host.reach(move |peer, _| Ok(if peer == "issuer" { issuer.clone() } else { keys.clone() }));
    assert_eq!(refused(&received(&b, &paid)), Code::PeerUnreachable);
    assert_eq!(b.yen("reserve"), 0);
}
