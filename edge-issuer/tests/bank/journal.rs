//! The journal asserts what it wrote: a database that writes something else changes nothing
//! (VC-10).

use koban_edge_issuer::host::ObjectHost as _;
use koban_edge_issuer::sql::Sql as _;
use koban_protocol::entropy::Entropy;
use koban_protocol::id::OperationId;
use koban_protocol::refusal::Code;

use super::books::{Books, authorisation, collection, transfer, yen};
use crate::common::{key, operation, refused};

/// Runs a debit on a database that does `fault` on the way; it must be undone as a whole.
fn breaks(fault: &str, invariant: &str) {
    let books = Books::a();
    books.with_reserve(21, 500);
    let account = books.open(20);
    let before = books.books();
    books.host.sql().run(fault, &[]).unwrap();
    let message = collection(&authorisation(operation(1), &account, yen(100)), &key(20));
    assert_eq!(refused(&books.post("/debits", message.clone())), Code::Internal);
    assert_eq!(books.books(), before);
    assert!(books.host.logged().iter().any(|line| line.contains(invariant)), "not logged");
    books.host.sql().run("DROP TRIGGER fault", &[]).unwrap();
    assert_eq!(books.post("/debits", message).status(), 200, "nothing was stored of it");
    books.check();
}

#[test]
fn vc_10_an_entry_that_does_not_sum_to_zero_changes_nothing() {
    breaks(
        "CREATE TRIGGER fault AFTER INSERT ON entry WHEN NEW.minor > 0 BEGIN
            UPDATE entry SET minor = minor - 1
            WHERE journal = NEW.journal AND account = NEW.account; END",
        "a journal entry sums to zero",
    );
    breaks(
        "CREATE TRIGGER fault AFTER INSERT ON entry WHEN NEW.minor < 0 BEGIN
            DELETE FROM entry WHERE journal = NEW.journal AND account = NEW.account; END",
        "a journal entry sums to zero",
    );
}

#[test]
fn vc_10_an_overdrawn_account_or_reserve_changes_nothing() {
    for account in ["= 'reserve'", "NOT IN ('reserve', 'equity')"] {
        let fault = format!(
            "CREATE TRIGGER fault AFTER UPDATE ON balance WHEN NEW.account {account} BEGIN
                UPDATE balance SET minor = -1 WHERE account = NEW.account; END"
        );
        breaks(&fault, "no customer and no reserve is overdrawn");
    }
}

#[test]
fn vc_10_money_is_kept_whatever_is_asked() {
    let books = Books::a();
    let owners = [20, 21, 22];
    let accounts = owners.map(|owner| books.open(owner));
    let mut drawn = [0_u8; 512];
    drawn.copy_from_slice(&Entropy::new([5; 32]).bytes::<512>());
    for (step, draw) in drawn.chunks_exact(4).enumerate() {
        let who = usize::from(draw[0] % 3);
        let amount = yen(u64::from(draw[1]) * u64::from(draw[2]));
        // Few operations, so that many are repeats or conflicts.
        let operation = OperationId([draw[3] % 64; 16]);
        if step % 2 == 0 {
            let asked = authorisation(operation, &accounts[who], amount);
            books.post("/debits", collection(&asked, &key(owners[who])));
        } else {
            books.post("/credits", transfer(operation, &accounts[who], amount));
        }
        books.check();
    }
    assert!(books.host.logged().is_empty(), "{:?}", books.host.logged());
    let all = accounts.iter().map(|account| books.yen(account.number.as_str())).sum::<i64>();
    assert_eq!(all + books.yen("reserve"), 150_000);
    assert!(books.yen("reserve") > 0, "nothing happened");
    assert!(books.host.alarms().is_empty(), "a bank starts nothing by itself");
}
