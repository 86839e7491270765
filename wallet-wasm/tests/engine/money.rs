//! Coins bought, changed, turned into money, given again, renewed.

use koban_protocol::amount::{Bundle, Currency, Denomination};
use koban_protocol::refusal::Code;
use koban_wallet_wasm::engine::{Command, Fault, Problem, Store};
use koban_wallet_wasm::view::{TransactionKind, TransactionState};

use super::edge::{Edge, amount, yen};
use super::holder::Holder;

const DAY: u64 = 86_400;

fn list(counts: &[(u8, u16)]) -> Bundle {
    let counts = counts.iter().map(|(d, n)| (Denomination::new(*d).unwrap(), *n)).collect();
    Bundle::new(yen(), counts).unwrap()
}

#[test]
fn vc_3_a_withdrawal_brings_the_standard_bundle() {
    let mut holder = Holder::with(5000);
    assert_eq!(holder.money(), (5000, 0));
    assert_eq!(holder.view().balances[0].coins, 17);
    assert_eq!(holder.edge.debited, 5000);
    assert_eq!(holder.edge.outstanding(), 5000);
    holder.assert_sound();
    let chosen = list(&[(3, 5), (4, 1)]);
    holder.command(Command::Withdraw { bundle: chosen, recoverable: false }).unwrap();
    assert_eq!(holder.money(), (5056, 0));
    assert!(holder.engine.coins(yen(), holder.edge.now).contains(&(8, 7)));
    holder.assert_sound();
}

#[test]
fn what_the_account_lacks_is_not_withdrawn() {
    let mut holder = Holder::with(1000);
    let refused = holder.withdraw(49_001, false);
    assert_eq!(refused.state, TransactionState::Refused);
    assert_eq!(refused.problem.unwrap().code, "debit-refused");
    assert_eq!(holder.money(), (1000, 0));
    assert_eq!(holder.edge.debited, 1000);
}

#[test]
fn amounts_that_cannot_be_are_refused_before_anything_is_written() {
    let mut holder = Holder::with(100);
    let rows = holder.rows.clone();
    let mut refused = |command| holder.command(command).unwrap_err();
    let too_large = list(&[(17, 1)]);
    let problem = refused(Command::Withdraw { bundle: too_large.clone(), recoverable: false });
    assert_eq!(problem, Problem::from(Code::AmountInvalid));
    assert_eq!(refused(Command::Change(too_large)), Problem::from(Code::AmountInvalid));
    assert_eq!(refused(Command::Redeem(amount(0))), Problem::from(Code::AmountInvalid));
    assert_eq!(refused(Command::Redeem(amount(101))), Problem::from(Fault::TooLittleMoney));
    let euro = Currency::new("EUR").unwrap();
    assert_eq!(refused(Command::Refund(euro)), Problem::from(Code::CurrencyUnknown));
    assert_eq!(rows, holder.rows);
}

#[test]
fn what_sixty_four_coins_cannot_hold_is_refused() {
    let mut holder = Holder::new(Edge::new());
    holder.register();
    let bundle = list(&[(8, 2)]);
    holder.command(Command::Withdraw { bundle, recoverable: false }).unwrap();
    let rows = holder.rows.clone();
    let many = holder.command(Command::Change(list(&[(0, 64)]))).unwrap_err();
    assert_eq!(many.name(), "too-many-coins");
    assert_eq!(rows, holder.rows);
}

#[test]
fn vc_7_coins_are_changed() {
    let mut holder = Holder::with(1000);
    let id = holder.command(Command::Change(list(&[(0, 20)]))).unwrap();
    assert_eq!(holder.transaction(id).state, TransactionState::Done);
    assert_eq!(holder.money(), (1000, 0));
    let ones = holder.engine.coins(yen(), holder.edge.now)[0];
    assert!(ones.0 == 1 && ones.1 >= 20, "{ones:?}");
    holder.assert_sound();
}

#[test]
fn vc_7_coins_become_money_in_the_account() {
    let mut holder = Holder::new(Edge::new());
    holder.register();
    let bundle = list(&[(8, 2)]);
    holder.command(Command::Withdraw { bundle, recoverable: false }).unwrap();
    let id = holder.command(Command::Redeem(amount(100))).unwrap();
    let done = holder.transaction(id);
    assert_eq!(done.state, TransactionState::Done);
    assert_eq!(done.change.unwrap().minor, 156);
    assert_eq!(holder.money(), (412, 0));
    assert_eq!(holder.edge.credited, 100);
    holder.command(Command::Redeem(amount(412))).unwrap();
    assert_eq!(holder.money(), (0, 0));
    assert_eq!(holder.edge.outstanding(), 0);
    assert_eq!(holder.edge.funds, 50_000);
}

#[test]
fn vc_7_lost_coins_are_given_again() {
    let mut holder = Holder::new(Edge::new());
    holder.register();
    holder.withdraw(700, true);
    let lost: Vec<_> =
        holder.rows.keys().filter(|(store, _)| *store == Store::Coin).take(4).cloned().collect();
    lost.iter().for_each(|at| {
        holder.rows.remove(at);
    });
    holder.reopen();
    let (left, _) = holder.money();
    assert!(left < 700);
    let id = holder.command(Command::Refund(yen())).unwrap();
    let done = holder.transaction(id);
    assert_eq!(done.state, TransactionState::Done);
    assert_eq!(done.amount.unwrap().minor, 700);
    assert_eq!(holder.money(), (700, 0), "what was not lost is not counted twice");
    assert_eq!(holder.edge.outstanding(), 700);
    holder.assert_sound();
}

#[test]
fn a_refund_leaves_what_is_not_recorded() {
    let mut holder = Holder::with(300);
    let refused = holder.command(Command::Refund(yen())).unwrap();
    let refused = holder.transaction(refused);
    assert_eq!(refused.problem.unwrap().code, "nothing-to-refund");
    holder.withdraw(200, true);
    holder.command(Command::Refund(yen())).unwrap();
    assert_eq!(holder.money(), (500, 0));
    assert_eq!(holder.edge.outstanding(), 500);
    holder.assert_sound();
}

#[test]
fn coins_in_the_last_third_of_their_life_are_renewed_on_opening() {
    let mut holder = Holder::with(900);
    let kinds = |holder: &Holder| {
        let changes =
            |it: &&koban_wallet_wasm::view::TransactionView| it.kind == TransactionKind::Change;
        holder.view().transactions.iter().filter(changes).count()
    };
    holder.edge.now = holder.edge.now.plus(200 * DAY);
    holder.reopen();
    assert_eq!(kinds(&holder), 0);
    holder.edge.now = holder.edge.now.plus(80 * DAY);
    holder.reopen();
    assert_eq!(kinds(&holder), 1);
    assert_eq!(holder.money(), (900, 0));
    holder.assert_sound();
    holder.edge.now = holder.edge.now.plus(420 * DAY);
    assert_eq!(holder.money(), (0, 0), "expired coins cannot be spent");
    holder.reopen();
    assert_eq!(holder.money(), (900, 0), "but still be renewed");
    holder.assert_sound();
}

#[test]
fn small_coins_are_merged_for_fewer() {
    let mut holder = Holder::new(Edge::new());
    holder.register();
    for _ in 0..2 {
        let bundle = list(&[(0, 40), (1, 10)]);
        holder.command(Command::Withdraw { bundle, recoverable: false }).unwrap();
    }
    let all = holder.command(Command::Redeem(amount(120))).unwrap_err();
    assert_eq!(all.name(), "too-many-coins");
    holder.command(Command::Merge(yen())).unwrap();
    assert_eq!(holder.money(), (120, 0));
    holder.assert_sound();
    holder.command(Command::Redeem(amount(120))).unwrap();
    assert_eq!(holder.money(), (0, 0));
    holder.withdraw(100, false);
    let refused = holder.command(Command::Merge(yen())).unwrap_err();
    assert_eq!(refused.name(), "too-many-coins", "nothing to gain");
}
