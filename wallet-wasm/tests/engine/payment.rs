//! Payment, with honest and dishonest shops.

use koban_protocol::id::OperationId;
use koban_protocol::refusal::Code;
use koban_wallet_wasm::engine::{CallId, Command, Event, HttpAnswer, Part, Store};
use koban_wallet_wasm::view::{Obstacle, TransactionState};

use super::edge::{Edge, Shop};
use super::holder::Holder;

fn id(text: &str) -> OperationId {
    text.parse().unwrap()
}

fn envelope(holder: &Holder) -> Vec<u8> {
    let of = |id: &CallId| matches!(id, CallId::Operation(_, Part::Envelope));
    holder.sent.iter().rfind(|(id, _)| of(id)).unwrap().1.clone()
}

#[test]
fn vc_4_an_exact_payment_with_receipt() {
    let mut holder = Holder::with(5000);
    let invoice = holder.edge.invoice(370);
    let shown = holder.engine.invoice(&invoice, holder.edge.now).unwrap();
    assert_eq!((shown.payee.as_str(), shown.amount.minor), ("Shop", 370));
    assert_eq!(shown.pay_origin, "http://shop");
    assert_eq!(shown.obstacle, None);
    let paid = holder.pay(370);
    assert_eq!(paid.state, TransactionState::Done);
    assert_eq!(paid.change, None);
    assert_eq!(paid.receipt.unwrap().payee, "Shop");
    assert_eq!(paid.fulfilment_url.as_deref(), Some("http://shop/goods"));
    assert_eq!(holder.money(), (4630, 0));
    assert_eq!(holder.edge.outstanding(), 5000);
    holder.assert_sound();
}

#[test]
fn vc_5_change_comes_with_the_payment() {
    let mut holder = Holder::new(Edge::new());
    holder.register();
    let counts = vec![(koban_protocol::amount::Denomination::new(12).unwrap(), 1)];
    let bundle = koban_protocol::amount::Bundle::new(super::edge::yen(), counts).unwrap();
    holder.command(Command::Withdraw { bundle, recoverable: false }).unwrap();
    let paid = holder.pay(370);
    assert_eq!(paid.change.unwrap().minor, 3726);
    assert_eq!(holder.money(), (3726, 0));
    let small = holder.engine.coins(super::edge::yen(), holder.edge.now);
    assert!(small.iter().take(8).map(|(minor, _)| *minor).eq((0..8).map(|e| 1 << e)));
    holder.assert_sound();
}

#[test]
fn the_same_invoice_is_paid_once() {
    let mut holder = Holder::with(500);
    let first = holder.pay(100);
    let again = holder.command(Command::Pay(holder.invoice.clone())).unwrap();
    assert_eq!(id(&first.id), again);
    assert_eq!(holder.money(), (400, 0));
    let shown = holder.engine.invoice(&holder.invoice, holder.edge.now).unwrap();
    assert_eq!(shown.obstacle, Some(Obstacle::AlreadyPaid));
}

#[test]
fn what_stands_in_the_way_is_shown_and_nothing_is_written() {
    let mut holder = Holder::with(100);
    let rows = holder.rows.clone();
    let dear = holder.edge.invoice(101);
    let shown = holder.engine.invoice(&dear, holder.edge.now).unwrap();
    assert_eq!(shown.obstacle, Some(Obstacle::TooLittleMoney));
    assert_eq!(holder.command(Command::Pay(dear)).unwrap_err().name(), "too-little-money");
    let other = Edge::of_seed(50).desk.keys().key;
    let foreign = holder.edge.invoice_for(10, &[other]);
    assert_eq!(holder.command(Command::Pay(foreign)).unwrap_err().name(), "foreign-issuer");
    let theirs = Edge::of_seed(50).invoice(10);
    let shown = holder.engine.invoice(&theirs, holder.edge.now).unwrap();
    assert_eq!(shown.obstacle, Some(Obstacle::ForeignIssuer));
    let late = holder.edge.invoice(10);
    holder.edge.now = holder.edge.now.plus(3601);
    let shown = holder.engine.invoice(&late, holder.edge.now).unwrap();
    assert_eq!(shown.obstacle, Some(Obstacle::Expired));
    assert_eq!(holder.command(Command::Pay(late)).unwrap_err().name(), "invoice-expired");
    assert_eq!(rows, holder.rows);
}

#[test]
fn p4_a_bad_coin_is_named_dropped_and_the_rest_is_free() {
    let mut holder = Holder::with(255);
    let dead =
        *holder.edge.live.iter().find(|(_, body)| body.denomination.minor() == 16).unwrap().0;
    holder.edge.live.remove(&dead);
    let refused = holder.pay(31);
    assert_eq!(refused.state, TransactionState::Refused);
    let problem = refused.problem.unwrap();
    assert_eq!(problem.code, "coin-not-live");
    assert_eq!(problem.detail, dead.to_string());
    assert_eq!(refused.lost.unwrap().minor, 16);
    assert_eq!(holder.money(), (239, 0));
    holder.assert_sound();
    assert_eq!(holder.pay(31).state, TransactionState::Done);
    assert_eq!(holder.money(), (208, 0));
    holder.assert_sound();
}

#[test]
fn p4_a_mismatch_leaves_the_coins_as_they_were() {
    let mut holder = Holder::with(255);
    let coins = holder.edge.live.clone();
    holder.edge.shop = Shop::Mismatches;
    let refused = holder.pay(31);
    assert_eq!(refused.state, TransactionState::Refused);
    assert_eq!(refused.problem.unwrap().code, "amount-mismatch");
    assert_eq!(holder.money(), (255, 0));
    assert_eq!(holder.edge.live, coins);
}

#[test]
fn a_shop_that_swaps_the_invoice_gets_nothing_now_or_later() {
    let mut holder = Holder::with(255);
    let before = holder.edge.live.clone();
    holder.edge.shop = Shop::Swaps;
    let refused = holder.pay(31);
    assert_eq!(refused.state, TransactionState::Refused);
    assert_eq!(refused.problem.unwrap().code, "envelope-foreign");
    assert_eq!(holder.money(), (255, 0));
    assert_ne!(holder.edge.live, before, "the coins in the envelope are dead");
    let (envelope, invoice) = (envelope(&holder), holder.invoice.clone());
    let operation = koban_protocol::process::outer(&envelope).unwrap().operation;
    let later = holder.edge.validate(operation, &envelope, invoice).unwrap();
    assert!(later.receipt.is_none(), "the right invoice comes too late");
    assert_eq!(holder.edge.outstanding(), 255);
    holder.assert_sound();
}

#[test]
fn an_unanswered_payment_stays_open_and_is_called_back() {
    let mut holder = Holder::with(255);
    holder.edge.shop = Shop::Silent;
    let open = holder.pay(31);
    assert_eq!(open.state, TransactionState::Open);
    assert_eq!(open.problem.unwrap().code, "network");
    assert_eq!(holder.money(), (224, 31));
    holder.wait(600);
    assert_eq!(holder.money(), (224, 31));
    let tries = holder.sent.len();
    assert!(tries < 60, "the tries become rarer: {tries}");
    holder.command(Command::Cancel(id(&open.id))).unwrap();
    assert_eq!(holder.transaction(id(&open.id)).state, TransactionState::Cancelled);
    assert_eq!(holder.money(), (255, 0));
    holder.assert_sound();
    let again = holder.command(Command::Cancel(id(&open.id))).unwrap_err();
    assert_eq!(again.name(), "not-cancellable");
    let unknown = holder.command(Command::Cancel(OperationId([1; 16]))).unwrap_err();
    assert_eq!(unknown.name(), "unknown-transaction");
}

#[test]
fn an_expired_payment_is_called_back_by_itself() {
    let mut holder = Holder::with(255);
    holder.edge.shop = Shop::Silent;
    let open = holder.pay(31);
    holder.wait(3600 + 300 + 301);
    let refused = holder.transaction(id(&open.id));
    assert_eq!(refused.state, TransactionState::Refused);
    assert_eq!(refused.problem.unwrap().code, "invoice-expired");
    assert_eq!(holder.money(), (255, 0));
    holder.assert_sound();
}

#[test]
fn words_in_clear_never_decide_about_money() {
    for code in Code::ALL {
        let mut holder = Holder::with(255);
        holder.edge.shop = Shop::Says(*code);
        let told = holder.pay(31);
        let (available, pending) = holder.money();
        assert_eq!(available + pending, 255, "{code:?}");
        match told.state {
            TransactionState::Open => holder.edge.shop = Shop::Honest,
            TransactionState::Refused => {
                assert_eq!(told.problem.unwrap().code, code.name());
                assert_eq!(pending, 0);
            }
            other => panic!("{code:?}: {other:?}"),
        }
        holder.wait(600);
        let (available, pending) = holder.money();
        assert_eq!(pending, 0);
        assert!(available == 255 || available == 224);
        holder.assert_sound();
    }
}

#[test]
fn a_shop_that_vanishes_with_the_payment_has_been_paid() {
    let mut holder = Holder::with(255);
    holder.edge.shop = Shop::TakesAndVanishes;
    let open = holder.pay(31);
    assert_eq!(open.state, TransactionState::Open);
    holder.wait(10);
    let done = holder.transaction(id(&open.id));
    assert_eq!(done.state, TransactionState::Done, "the issuer says so");
    assert_eq!(done.problem.unwrap().code, "receipt-missing");
    assert!(done.receipt.is_none());
    assert_eq!(holder.money(), (224, 0));
    holder.edge.shop = Shop::Honest;
    holder.wait(300);
    let done = holder.transaction(id(&open.id));
    assert!(done.receipt.is_some(), "the shop is back");
    assert!(done.problem.is_none());
    holder.assert_sound();
}

#[test]
fn a_missing_receipt_is_not_asked_for_for_ever() {
    let mut holder = Holder::with(255);
    holder.edge.shop = Shop::WithholdsReceipt;
    let done = holder.pay(31);
    assert_eq!(done.state, TransactionState::Done);
    assert_eq!(done.problem.unwrap().code, "receipt-missing");
    holder.wait(2 * 86_400);
    assert_eq!(holder.wake, None);
    assert!(!holder.engine.is_open(id(&done.id)));
}

#[test]
fn calling_back_what_went_through_ends_as_paid() {
    let mut holder = Holder::with(255);
    holder.edge.shop = Shop::TakesAndVanishes;
    let open = holder.pay(31);
    holder.edge.shop = Shop::Silent;
    holder.command(Command::Cancel(id(&open.id))).unwrap();
    holder.wait(60);
    let done = holder.transaction(id(&open.id));
    assert_eq!(done.state, TransactionState::Done);
    assert_eq!(holder.money(), (224, 0));
    holder.assert_sound();
}

#[test]
fn only_an_issuer_that_knows_of_no_payment_ends_a_dispute() {
    for status in [0, 200, 403, 500, 503] {
        let mut holder = Holder::with(255);
        holder.edge.shop = Shop::TakesAndVanishes;
        let open = holder.pay(31);
        holder.edge.shop = Shop::Silent;
        holder.forge = Some((Part::PayersAnswer, HttpAnswer { status, body: Vec::new() }));
        holder.command(Command::Cancel(id(&open.id))).unwrap();
        holder.wait(5 * 3600);
        assert_eq!(holder.transaction(id(&open.id)).state, TransactionState::Cancelling);
        assert_eq!(holder.money(), (224, 31));
        holder.forge = None;
        holder.wait(600);
        assert_eq!(holder.transaction(id(&open.id)).state, TransactionState::Done);
        assert_eq!(holder.money(), (224, 0));
        holder.assert_sound();
    }
}

#[test]
fn coins_that_died_some_other_way_are_dropped_after_the_invoice() {
    let mut holder = Holder::with(255);
    holder.edge.shop = Shop::Silent;
    let open = holder.pay(31);
    let dead = *holder.edge.live.iter().find(|(_, body)| body.denomination.minor() == 4).unwrap().0;
    holder.edge.live.remove(&dead);
    holder.command(Command::Cancel(id(&open.id))).unwrap();
    holder.wait(3600);
    assert_eq!(holder.transaction(id(&open.id)).state, TransactionState::Cancelling);
    assert_eq!(holder.money(), (224, 31), "the payment may still be under way");
    holder.wait(3 * 3600);
    let refused = holder.transaction(id(&open.id));
    assert_eq!(refused.state, TransactionState::Refused);
    assert_eq!(refused.lost.unwrap().minor, 4);
    assert_eq!(holder.money(), (251, 0));
    holder.assert_sound();
}

#[test]
fn a_coin_is_in_one_payment_only() {
    let mut holder = Holder::with(15);
    holder.edge.shop = Shop::Silent;
    holder.pay(8);
    assert_eq!(holder.money(), (7, 8));
    let eight = holder.edge.invoice(8);
    assert_eq!(holder.command(Command::Pay(eight)).unwrap_err().name(), "too-little-money");
    let second = holder.edge.invoice(7);
    holder.handle(Event::Command(Command::Pay(second)));
    assert_eq!(holder.money(), (0, 15));
    let third = holder.edge.invoice(1);
    let refused = holder.command(Command::Pay(third)).unwrap_err();
    assert_eq!(refused.name(), "too-little-money");
    let held = holder.rows.keys().filter(|(store, _)| *store == Store::Coin).count();
    assert_eq!(held, 0);
}
