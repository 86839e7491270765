//! P1 to P4 and the payee's three ways: payments between a payer and a payee who may lie.

use crate::holder::yen;
use crate::network::Net;
use crate::raw::{Raw, post_operation};
use koban_protocol::amount::Bundle;
use koban_protocol::id::OperationId;
use koban_protocol::process::HeldClaim;
use koban_protocol::process::payment::{Take, check_acceptance, check_invoice};
use koban_protocol::refusal::{Answer, Code, Evidence};
use koban_protocol::signed::Signed;

use super::{circulates, circulating, refused};

struct Scene {
    before: u64,
    payer: Raw,
    payee: Raw,
}

fn scene(net: &Net) -> Scene {
    let before = circulating(net);
    let payer = Raw::enrolled(net, "hanako");
    let payee = Raw::enrolled(net, "inkstone");
    Scene { before, payer, payee }
}

fn take_coins(amount: u64) -> Take {
    Take::Refresh(Bundle::fewest(yen(amount)).unwrap())
}

/// See its name.
pub fn p1_p2_valid_payments_are_accepted_and_the_payees_coins_are_good(net: &Net) {
    let Scene { before, payer, payee } = scene(net);
    let coins = payer.purchase(Bundle::fewest(yen(512)).unwrap());
    let invoice = payee.signed_invoice(yen(370));
    let mut order = payer.payment(&invoice, coins);
    order.change = Some(Bundle::fewest(yen(142)).unwrap());
    let envelope = payer.seal(payer.operation(), &order);
    let outcome = payee.validate(&invoice, &envelope, take_coins(370)).unwrap();
    let Answer::Done(validated) = outcome.verdict else { panic!("refused") };
    let paid = envelope.open(&outcome.for_payer).unwrap();
    let checked = check_invoice(&invoice, &payer.issuer.key, net.now()).unwrap();
    check_acceptance(&paid.acceptance, &checked, &payer.issuer.key).unwrap();
    payee.redeem(validated.coins.into_vec(), Vec::new(), yen(370)).unwrap();
    payer.change(paid.change.into_vec(), Bundle::fewest(yen(142)).unwrap()).unwrap();
    circulates(net, before + 142);
}

/// See its name.
pub fn vc_5_the_payee_may_redeem_or_aggregate(net: &Net) {
    let Scene { before, payer, payee } = scene(net);
    let mut held = Vec::new();
    for (amount, take) in [(8, Take::Redeem), (16, Take::Aggregate), (32, Take::Aggregate)] {
        let coins = payer.purchase(Bundle::fewest(yen(amount)).unwrap());
        let invoice = payee.signed_invoice(yen(amount));
        let envelope = payer.seal(payer.operation(), &payer.payment(&invoice, coins));
        let outcome = payee.validate(&invoice, &envelope, take.clone()).unwrap();
        assert!(matches!(outcome.verdict, Answer::Done(_)));
        if take == Take::Aggregate {
            held.push(HeldClaim { payment: envelope.operation(), amount: yen(amount) });
        }
    }
    circulates(net, before + 48);
    assert_eq!(refused(payer.redeem(Vec::new(), held.clone(), yen(48))), Code::AmountInvalid);
    payee.redeem(Vec::new(), held.clone(), yen(48)).unwrap();
    assert_eq!(refused(payee.redeem(Vec::new(), held, yen(48))), Code::AmountInvalid);
    circulates(net, before);
}

/// See its name.
pub fn p2_a_coin_spent_twice_is_refused_the_second_time(net: &Net) {
    let Scene { before, payer, payee } = scene(net);
    let coins = payer.purchase(Bundle::fewest(yen(64)).unwrap());
    let first = payee.signed_invoice(yen(64));
    let envelope = payer.seal(payer.operation(), &payer.payment(&first, coins.clone()));
    let paid = payee.validate(&first, &envelope, take_coins(64)).unwrap();
    assert!(matches!(paid.verdict, Answer::Done(_)));
    let second = payee.signed_invoice(yen(64));
    let again = payer.seal(payer.operation(), &payer.payment(&second, coins));
    let outcome = payee.validate(&second, &again, take_coins(64)).unwrap();
    let Answer::Refused(refusal) = outcome.verdict else { panic!("paid twice") };
    assert_eq!((refusal.code, refusal.evidence), (Code::CoinNotLive, None));
    circulates(net, before + 64);
}

/// See its name.
pub fn p4_the_payer_alone_gets_the_signed_statement_of_its_bad_coins(net: &Net) {
    let Scene { before, payer, payee } = scene(net);
    let coins = payer.purchase(Bundle::fewest(yen(24)).unwrap());
    let spent = coins[0].clone();
    payer.change(vec![spent.clone()], Bundle::fewest(spent.body.amount()).unwrap()).unwrap();
    let invoice = payee.signed_invoice(yen(24));
    let envelope = payer.seal(payer.operation(), &payer.payment(&invoice, coins));
    let outcome = payee.validate(&invoice, &envelope, take_coins(24)).unwrap();
    let Answer::Refused(for_payee) = outcome.verdict else { panic!("accepted") };
    assert_eq!(for_payee.evidence, None);
    let error = envelope.open(&outcome.for_payer).unwrap_err();
    let koban_protocol::process::AnswerError::Refused(refusal) = error else { panic!() };
    let Some(Evidence::BadCoins(statement)) = refusal.evidence else { panic!("no statement") };
    let verdict = statement.open(&payer.issuer.key).unwrap();
    assert_eq!(verdict.operation, envelope.operation());
    assert_eq!(verdict.bad.iter().map(|bad| bad.coin).collect::<Vec<_>>(), [spent.body.id]);
    circulates(net, before + 24);
}

/// See its name.
pub fn p4_the_statement_names_every_bad_coin_of_every_shard(net: &Net) {
    let Scene { before, payer, payee } = scene(net);
    let eight = || Bundle::fewest(yen(8)).unwrap();
    let coins: Vec<_> = (0..12).flat_map(|_| payer.purchase(eight())).collect();
    for coin in &coins[..9] {
        payer.change(vec![coin.clone()], eight()).unwrap();
    }
    let invoice = payee.signed_invoice(yen(96));
    let near = Some(coins[0].body.id);
    let operation = OperationId::fresh(near, payer.issuer.shards, net.entropy());
    let envelope = payer.seal(operation, &payer.payment(&invoice, coins.clone()));
    let outcome = payee.validate(&invoice, &envelope, take_coins(96)).unwrap();
    let error = envelope.open(&outcome.for_payer).unwrap_err();
    let koban_protocol::process::AnswerError::Refused(refusal) = error else { panic!() };
    let Some(Evidence::BadCoins(statement)) = refusal.evidence else { panic!("no statement") };
    let verdict = statement.open(&payer.issuer.key).unwrap();
    let mut named: Vec<_> = verdict.bad.iter().map(|bad| bad.coin).collect();
    let mut dead: Vec<_> = coins[..9].iter().map(|coin| coin.body.id).collect();
    named.sort_unstable();
    dead.sort_unstable();
    assert_eq!(named, dead);
    circulates(net, before + 96);
}

/// See its name.
pub fn p4_both_get_the_statement_when_the_amounts_differ(net: &Net) {
    let Scene { before, payer, payee } = scene(net);
    let coins = payer.purchase(Bundle::fewest(yen(64)).unwrap());
    let invoice = payee.signed_invoice(yen(64));
    let mut order = payer.payment(&invoice, coins);
    order.amount = yen(63);
    order.change = Some(Bundle::fewest(yen(1)).unwrap());
    let envelope = payer.seal(payer.operation(), &order);
    let outcome = payee.validate(&invoice, &envelope, take_coins(64)).unwrap();
    let Answer::Refused(for_payee) = outcome.verdict else { panic!("accepted") };
    let Some(Evidence::Mismatch(statement)) = for_payee.evidence else { panic!("no statement") };
    let mismatch = statement.open(&payer.issuer.key).unwrap();
    assert_eq!((mismatch.paid, mismatch.asked), (yen(63), yen(64)));
    assert_eq!(refused(envelope.open(&outcome.for_payer)), Code::AmountMismatch);
    circulates(net, before + 64);
}

/// See its name.
pub fn p3_a_payment_cannot_be_diverted_to_another_payee(net: &Net) {
    let Scene { before, payer, payee } = scene(net);
    let thief = Raw::enrolled(net, "goemon");
    let coins = payer.purchase(Bundle::fewest(yen(64)).unwrap());
    let invoice = payee.signed_invoice(yen(64));
    let envelope = payer.seal(payer.operation(), &payer.payment(&invoice, coins));
    let own = thief.signed_invoice(yen(64));
    let outcome = thief.validate(&own, &envelope, take_coins(64)).unwrap();
    let Answer::Refused(refusal) = outcome.verdict else { panic!("diverted") };
    assert_eq!(refusal.code, Code::EnvelopeForeign);
    let outcome = thief.validate(&invoice, &envelope, take_coins(64)).unwrap();
    let Answer::Refused(refusal) = outcome.verdict else { panic!("diverted") };
    assert_eq!(refusal.code, Code::InvoiceInvalid);
    let outcome = payee.validate(&invoice, &envelope, take_coins(64)).unwrap();
    assert!(matches!(outcome.verdict, Answer::Done(_)));
    circulates(net, before + 64);
}

/// See its name.
pub fn p3_an_order_cannot_be_altered_after_it_was_agreed(net: &Net) {
    let Scene { before, payer, payee } = scene(net);
    let coins = payer.purchase(Bundle::fewest(yen(64)).unwrap());
    let invoice = payee.invoice(yen(64));
    let agreed = Signed::sign(&invoice, &payee.key);
    let envelope = payer.seal(payer.operation(), &payer.payment(&agreed, coins));
    let mut other = invoice;
    other.purpose = koban_protocol::statement::Purpose::new("another thing").unwrap();
    let other = Signed::sign(&other, &payee.key);
    let outcome = payee.validate(&other, &envelope, take_coins(64)).unwrap();
    let Answer::Refused(refusal) = outcome.verdict else { panic!("altered") };
    assert_eq!(refusal.code, Code::EnvelopeForeign);
    circulates(net, before + 64);
}

/// See its name.
pub fn vc_4_the_payer_can_fetch_its_answer_from_the_issuer_itself(net: &Net) {
    let Scene { before, payer, payee } = scene(net);
    let coins = payer.purchase(Bundle::fewest(yen(64)).unwrap());
    let invoice = payee.signed_invoice(yen(64));
    let envelope = payer.seal(payer.operation(), &payer.payment(&invoice, coins));
    payee.validate(&invoice, &envelope, take_coins(64)).unwrap();
    let url = format!("{}/operations/{}/payer", net.origin("issuer"), envelope.operation());
    let response = net.http(http::Request::get(url).body(Vec::new()).unwrap()).unwrap();
    envelope.answer(response.body()).unwrap();
    let other = payer.seal(envelope.operation(), &payer.payment(&invoice, Vec::new()));
    assert!(other.answer(response.body()).is_err(), "another's answer opens");
    circulates(net, before + 64);
}

/// See its name.
pub fn vc_15_altered_truncated_and_overlong_messages_end_in_a_clear_error(net: &Net) {
    let Scene { before, payer, payee } = scene(net);
    let coins = payer.purchase(Bundle::fewest(yen(64)).unwrap());
    let invoice = payee.signed_invoice(yen(64));
    let envelope = payer.seal(payer.operation(), &payer.payment(&invoice, coins));
    let good = envelope.request().to_vec();
    let at = good.len() / 2;
    let mut altered = good.clone();
    altered[at] ^= 1;
    for bad in [altered, good[..at].to_vec(), [good.clone(), vec![0]].concat(), vec![0; 70_000]] {
        let response = post_operation(net, bad);
        assert!(response.status().is_client_error());
        let problem: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert!(problem["name"].is_string() && problem["remedy"].is_string());
        assert!(problem["culprit"].is_string());
    }
    let outcome = payee.validate(&invoice, &envelope, take_coins(64)).unwrap();
    assert!(matches!(outcome.verdict, Answer::Done(_)));
    circulates(net, before + 64);
}
