//! Debits: the issuer takes what an account's owner authorised, once (W1, W2, W3).

use koban_edge_issuer::host::Unreachable;
use koban_protocol::amount::{Amount, Currency};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{
    AccountRef, BankAct, BankConfirmation, Collection, DebitAuthorisation,
};
use koban_protocol::time::Time;

use super::books::{
    BANK_A, BANK_B, Books, ISSUER, authorisation, collection, short, signed, transfer, word, yen,
};
use crate::common::{NOON, issuer_keys, key, operation, refused};

const OWNER: u8 = 20;
const OTHER: u8 = 21;

#[test]
fn w1_an_authorised_debit_moves_money_to_the_reserve() {
    let books = Books::a();
    let account = books.open(OWNER);
    let asked = authorisation(operation(1), &account, yen(5_000));
    let debited = books.post("/debits", collection(&asked, &key(OWNER)));
    let expected =
        BankConfirmation { operation: operation(1), act: BankAct::Debited, amount: yen(5_000) };
    assert_eq!(word::<BankConfirmation>(&debited, BANK_A), expected);
    assert_eq!(books.yen(account.number.as_str()), 45_000);
    assert_eq!(books.yen("reserve"), 5_000);
    books.check();
}

#[test]
fn w1_everything_in_the_account_can_be_taken_on_the_last_second() {
    let books = Books::a();
    let account = books.open(OWNER);
    let asked = authorisation(operation(1), &account, yen(50_000));
    books.host.set(asked.expires);
    assert_eq!(books.post("/debits", collection(&asked, &key(OWNER))).status(), 200);
    assert_eq!(books.yen(account.number.as_str()), 0);
    books.check();
}

type Change = fn(&mut DebitAuthorisation, &AccountRef);

/// What is wrong with an authorisation: who signed it, and how it differs from a good one; another
/// customer's account is at hand.
const WRONG: [(&str, u8, Change); 11] = [
    ("of nobody", OWNER, |asked, _| asked.account.number = short("0000000")),
    ("of the reserve", OWNER, |asked, _| asked.account.number = short("reserve")),
    ("of the equity", OWNER, |asked, _| asked.account.number = short("equity")),
    ("of another", OWNER, |asked, other| asked.account.number = other.number.clone()),
    ("with another's key", OTHER, |asked, other| asked.account.key = other.key),
    ("at another bank", OWNER, |asked, _| asked.account.bank = short("bank-b")),
    ("for another issuer", OWNER, |asked, _| asked.issuer = key(2).verifying_key().id()),
    ("expired", OWNER, |asked, _| asked.expires = Time(NOON.0 - 1)),
    ("signed by another customer", OTHER, |_, _| ()),
    ("signed by the issuer", ISSUER, |_, _| ()),
    ("signed by the bank", BANK_A, |_, _| ()),
];

#[test]
fn w3_no_debit_without_the_owners_authorisation() {
    let books = Books::a();
    let (account, other) = (books.open(OWNER), books.open(OTHER));
    let before = books.books();
    for (number, (what, signer, change)) in (1..).zip(WRONG) {
        let mut asked = authorisation(operation(number), &account, yen(100));
        change(&mut asked, &other);
        let refusal = refused(&books.post("/debits", collection(&asked, &key(signer))));
        assert_eq!(refusal, Code::DebitRefused, "{what}");
        assert_eq!(books.books(), before, "{what}");
    }
}

#[test]
fn w3_no_debit_without_the_issuers_collection() {
    let books = Books::a();
    let account = books.open(OWNER);
    let before = books.books();
    let authorisation = Signed::sign(&authorisation(operation(1), &account, yen(100)), &key(OWNER));
    for collector in [OWNER, OTHER, BANK_A, BANK_B] {
        let collection = Collection { authorisation: authorisation.clone() };
        let posted = books.post("/debits", signed(&collection, &key(collector)));
        assert_eq!(refused(&posted), Code::BadSignature);
    }
    // The authorisation itself is not a collection.
    let posted = books.post("/debits", koban_protocol::wire::encode(&authorisation));
    assert_eq!(refused(&posted), Code::BadSignature);
    assert_eq!(books.books(), before);
}

#[test]
fn w3_a_replayed_authorisation_debits_once() {
    let mut books = Books::a();
    let account = books.open(OWNER);
    let asked = authorisation(operation(1), &account, yen(100));
    let message = collection(&asked, &key(OWNER));
    let first = books.post("/debits", message.clone());
    let before = books.books();
    assert_eq!(books.yen("reserve"), 100);
    for later in [0, 1, 3_600, 3_601, 90 * 86_400] {
        books.host.set(NOON.plus(later));
        books.reopen();
        let again = books.post("/debits", message.clone());
        assert_eq!((again.status(), again.body()), (first.status(), first.body()));
        assert_eq!(books.books(), before);
    }
}

#[test]
fn w3_an_operation_debits_one_authorisation() {
    let books = Books::a();
    let account = books.open(OWNER);
    let asked = authorisation(operation(1), &account, yen(100));
    assert_eq!(books.post("/debits", collection(&asked, &key(OWNER))).status(), 200);
    let before = books.books();
    let others = [
        DebitAuthorisation { amount: yen(101), ..asked.clone() },
        DebitAuthorisation { amount: yen(0), ..asked.clone() },
        DebitAuthorisation { expires: NOON.plus(7_200), ..asked.clone() },
        DebitAuthorisation { account: AccountRef { number: short("1"), ..account }, ..asked },
    ];
    for other in others {
        let posted = books.post("/debits", collection(&other, &key(OWNER)));
        assert_eq!(refused(&posted), Code::OperationReused);
        assert_eq!(books.books(), before);
    }
}

#[test]
fn w2_no_confirmation_without_funds() {
    let books = Books::a();
    let account = books.open(OWNER);
    let before = books.books();
    let euro = Amount::new(Currency::new("EUR").unwrap(), 1).unwrap();
    let most = yen(koban_protocol::limits::AMOUNT_MAX_MINOR);
    for (number, amount) in (1..).zip([yen(50_001), most, euro]) {
        let asked = authorisation(operation(number), &account, amount);
        let posted = books.post("/debits", collection(&asked, &key(OWNER)));
        assert_eq!(refused(&posted), Code::DebitRefused);
    }
    let nothing = authorisation(operation(9), &account, yen(0));
    let posted = books.post("/debits", collection(&nothing, &key(OWNER)));
    assert_eq!(refused(&posted), Code::AmountInvalid);
    assert_eq!(books.books(), before);
}

#[test]
fn w3_a_refused_debit_stays_refused() {
    let books = Books::a();
    books.with_reserve(21, 20_000);
    let account = books.open(OWNER);
    let asked = authorisation(operation(1), &account, yen(60_000));
    let message = collection(&asked, &key(OWNER));
    assert_eq!(refused(&books.post("/debits", message.clone())), Code::DebitRefused);
    // The issuer has given up by now; then money comes in, and the message comes again.
    assert_eq!(books.post("/credits", transfer(operation(2), &account, yen(20_000))).status(), 200);
    let before = books.books();
    assert_eq!(refused(&books.post("/debits", message)), Code::DebitRefused);
    assert_eq!(books.books(), before);
    // A new operation takes it.
    let asked = authorisation(operation(3), &account, yen(60_000));
    assert_eq!(books.post("/debits", collection(&asked, &key(OWNER))).status(), 200);
    books.check();
}

#[test]
fn an_issuer_that_cannot_be_asked_for_its_key_is_asked_again() {
    let mut books = Books::a();
    let account = books.open(OWNER);
    let message = collection(&authorisation(operation(1), &account, yen(100)), &key(OWNER));
    let before = books.books();
    books.host.reach(|_, _| Err(Unreachable));
    assert_eq!(refused(&books.post("/debits", message.clone())), Code::PeerUnreachable);
    // Keys that another signed are no keys.
    books.host.reach(|_, _| Ok(issuer_keys(&key(ISSUER), &key(2))));
    assert_eq!(refused(&books.post("/debits", message.clone())), Code::PeerUnreachable);
    assert_eq!(books.books(), before);
    books.host.reach(|_, _| Ok(issuer_keys(&key(ISSUER), &key(ISSUER))));
    assert_eq!(books.post("/debits", message).status(), 200);
    // From now on that issuer is the issuer, whoever else answers.
    books.host.reach(|_, _| Ok(issuer_keys(&key(2), &key(2))));
    books.reopen();
    let asked = Collection {
        authorisation: Signed::sign(
            &DebitAuthorisation {
                issuer: key(2).verifying_key().id(),
                ..authorisation(operation(2), &account, yen(100))
            },
            &key(OWNER),
        ),
    };
    assert_eq!(refused(&books.post("/debits", signed(&asked, &key(2)))), Code::BadSignature);
    books.check();
}
