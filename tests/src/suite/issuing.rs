//! W1 to W3, change, refresh, redeem, refund: what the issuer makes and takes back.

use crate::holder::{jpy, yen};
use crate::network::Net;
use crate::raw::{Raw, post_operation};
use koban_protocol::amount::{Bundle, Denomination};
use koban_protocol::process::purchase::Purchase;
use koban_protocol::process::refund::{Refund, RefundOrder};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;

use super::{circulates, circulating, refused};

/// See its name.
pub fn w1_valid_purchases_go_through(net: &Net) {
    let before = circulating(net);
    let raw = Raw::enrolled(net, "hanako");
    let coins = raw.purchase(Bundle::fewest(yen(1_234)).unwrap());
    let total: u64 = coins.iter().map(|coin| coin.body.amount().minor()).sum();
    assert_eq!(total, 1_234);
    circulates(net, before + 1_234);
}

/// See its name.
pub fn w1_any_list_of_denominations_and_counts(net: &Net) {
    let before = circulating(net);
    let raw = Raw::enrolled(net, "hanako");
    let d = |exponent| Denomination::new(exponent).unwrap();
    let bundle = Bundle::new(jpy(), vec![(d(0), 20), (d(3), 2), (d(9), 5)]).unwrap();
    let coins = raw.purchase(bundle.clone());
    assert!(coins.iter().map(|coin| coin.body.denomination).eq(bundle.denominations()));
    circulates(net, before + 20 + 16 + 2_560);
}

/// See its name.
pub fn w2_no_coins_for_nothing(net: &Net) {
    let before = circulating(net);
    let raw = Raw::enrolled(net, "hanako");
    let operation = raw.operation();
    let order = raw.purchase_order(operation, Bundle::fewest(yen(50_001)).unwrap());
    let order = Signed::sign(&order, &raw.key);
    assert_eq!(refused(raw.ask::<Purchase>(operation, &order)), Code::DebitRefused);
    circulates(net, before);
}

/// See its name.
pub fn w2_an_authorisation_for_less_buys_nothing(net: &Net) {
    let before = circulating(net);
    let raw = Raw::enrolled(net, "hanako");
    let operation = raw.operation();
    let mut order = raw.purchase_order(operation, Bundle::fewest(yen(1_000)).unwrap());
    let less = raw.authorise(operation, yen(1));
    order.authorisation = Signed::sign(&less, &raw.account_key);
    let order = Signed::sign(&order, &raw.key);
    assert_eq!(refused(raw.ask::<Purchase>(operation, &order)), Code::AmountInvalid);
    circulates(net, before);
}

/// See its name.
pub fn w3_a_replayed_purchase_debits_once_and_gives_the_stored_answer(net: &Net) {
    let before = circulating(net);
    let raw = Raw::enrolled(net, "hanako");
    let operation = raw.operation();
    let order = raw.purchase_order(operation, Bundle::fewest(yen(700)).unwrap());
    let asked = raw.seal_order::<Purchase>(operation, &Signed::sign(&order, &raw.key));
    let first = raw.send(&asked).unwrap();
    for _ in 0..3 {
        assert_eq!(raw.send(&asked).unwrap(), first);
    }
    circulates(net, before + 700);
}

/// See its name.
pub fn w3_another_order_under_the_same_operation_is_refused(net: &Net) {
    let before = circulating(net);
    let raw = Raw::enrolled(net, "hanako");
    let operation = raw.operation();
    let order = raw.purchase_order(operation, Bundle::fewest(yen(700)).unwrap());
    let order = Signed::sign(&order, &raw.key);
    raw.ask::<Purchase>(operation, &order).unwrap();
    let again = raw.seal_order::<Purchase>(operation, &order);
    let response = post_operation(net, again.request().to_vec());
    assert_eq!(response.status(), Code::OperationReused.status());
    circulates(net, before + 700);
}

/// See its name.
pub fn w3_nobody_else_can_have_an_account_debited(net: &Net) {
    let before = circulating(net);
    let victim = Raw::enrolled(net, "hanako");
    let thief = Raw::enrolled(net, "goemon");
    let operation = thief.operation();
    let mut order = thief.purchase_order(operation, Bundle::fewest(yen(700)).unwrap());
    let mut debit = thief.authorise(operation, yen(700));
    debit.account = victim.account();
    order.authorisation = Signed::sign(&debit, &thief.account_key);
    let order = Signed::sign(&order, &thief.key);
    assert_eq!(refused(thief.ask::<Purchase>(operation, &order)), Code::AccountForeign);
    circulates(net, before);
}

/// See its name.
pub fn vc_7_change_gives_equal_value_and_kills_the_old_coins(net: &Net) {
    let before = circulating(net);
    let raw = Raw::enrolled(net, "hanako");
    let old = raw.purchase(Bundle::fewest(yen(64)).unwrap());
    let d = |exponent| Denomination::new(exponent).unwrap();
    let small = Bundle::new(jpy(), vec![(d(4), 4)]).unwrap();
    let new = raw.change(old.clone(), small.clone()).unwrap();
    assert_eq!(new.len(), 4);
    assert_eq!(refused(raw.change(old, small)), Code::CoinNotLive);
    circulates(net, before + 64);
}

/// See its name.
pub fn vc_7_change_does_not_make_money(net: &Net) {
    let before = circulating(net);
    let raw = Raw::enrolled(net, "hanako");
    let coins = raw.purchase(Bundle::fewest(yen(64)).unwrap());
    let more = Bundle::fewest(yen(65)).unwrap();
    assert_eq!(refused(raw.change(coins.clone(), more)), Code::AmountInvalid);
    let twice = [coins.clone(), coins].concat();
    let both = Bundle::fewest(yen(128)).unwrap();
    assert_eq!(refused(raw.change(twice, both)), Code::AmountInvalid);
    circulates(net, before + 64);
}

/// See its name.
pub fn vc_7_coins_of_all_shards_go_into_one_change(net: &Net) {
    let before = circulating(net);
    let raw = Raw::enrolled(net, "hanako");
    let coins: Vec<_> =
        (0..16).flat_map(|_| raw.purchase(Bundle::fewest(yen(8)).unwrap())).collect();
    let shards: std::collections::BTreeSet<_> =
        coins.iter().map(|coin| coin.body.id.shard(raw.issuer.shards)).collect();
    assert!(shards.len() > 1, "sixteen purchases all in one shard");
    raw.change(coins, Bundle::fewest(yen(128)).unwrap()).unwrap();
    circulates(net, before + 128);
}

/// See its name.
pub fn vc_7_a_dead_coin_among_many_shards_frees_the_others(net: &Net) {
    let before = circulating(net);
    let raw = Raw::enrolled(net, "hanako");
    let mut coins: Vec<_> =
        (0..12).flat_map(|_| raw.purchase(Bundle::fewest(yen(8)).unwrap())).collect();
    let spent = coins.pop().unwrap();
    raw.change(vec![spent.clone()], Bundle::fewest(yen(8)).unwrap()).unwrap();
    let all = [coins.clone(), vec![spent]].concat();
    assert_eq!(refused(raw.change(all, Bundle::fewest(yen(96)).unwrap())), Code::CoinNotLive);
    net.wait(60);
    raw.change(coins, Bundle::fewest(yen(88)).unwrap()).unwrap();
    circulates(net, before + 96);
}

/// See its name.
pub fn vc_7_redeemed_coins_become_money_in_the_account(net: &Net) {
    let before = circulating(net);
    let raw = Raw::enrolled(net, "hanako");
    let coins = raw.purchase(Bundle::fewest(yen(1_000)).unwrap());
    raw.redeem(coins.clone(), Vec::new(), yen(1_000)).unwrap();
    assert_eq!(refused(raw.redeem(coins, Vec::new(), yen(1_000))), Code::CoinNotLive);
    circulates(net, before);
}

/// See its name.
pub fn vc_7_refund_gives_recorded_coins_again_and_the_old_die(net: &Net) {
    let before = circulating(net);
    let raw = Raw::enrolled(net, "hanako");
    let lost = raw.purchase(Bundle::fewest(yen(300)).unwrap());
    net.wait(10);
    let refund = |raw: &Raw| {
        let (certificate, at) = (raw.certificate.clone(), net.now());
        let order = RefundOrder { certificate, currency: jpy(), at };
        raw.ask::<Refund>(raw.operation(), &Signed::sign(&order, &raw.key))
    };
    let again = refund(&raw).unwrap();
    assert_eq!(again.iter().map(|c| c.body.amount().minor()).sum::<u64>(), 300);
    let bundle = Bundle::fewest(yen(300)).unwrap();
    assert_eq!(refused(raw.change(lost, bundle.clone())), Code::CoinNotLive);
    raw.change(again.into_vec(), bundle).unwrap();
    assert_eq!(refused(refund(&raw)), Code::NothingToRefund);
    let other = Raw::enrolled(net, "taro");
    assert_eq!(refused(refund(&other)), Code::NothingToRefund);
    circulates(net, before + 300);
}
