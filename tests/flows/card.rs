//! Cards that are as they were made: load, purchase, gift, collection, unload, and what
//! interruptions leave.

use std::collections::BTreeMap;

use http::Request as HttpRequest;
use koban_card::Status;
use koban_card::command::{Abort, Ask, Obey, Pay, ReadBalances, Take};
use koban_edge_issuer::answer::code_of;
use koban_edge_issuer::host::Address;
use koban_protocol::amount::{Amount, Bundle, Currency};
use koban_protocol::id::{Digest, OperationId};
use koban_protocol::key::{Seed, SigningKey};
use koban_protocol::offline::purse::Born;
use koban_protocol::offline::purse::service::{
    Directives, LoadCall, NewCard, ReturnCall, UnloadCall, Unloaded,
};
use koban_protocol::offline::purse::wire::{
    Class, Limits, Link, Message, ORIGINATOR, Order, Party, Request, Transfer, Value,
};
use koban_protocol::process::unload::{Unload, UnloadOrder};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::Released;
use koban_protocol::wire;
use koban_tests::audit;
use koban_tests::card::{CardAudit, Held, Owner, ask, label_of, published, tell, tell_as};
use koban_tests::holder::yen;
use koban_tests::network::Net;
use koban_tests::raw::Raw;
use koban_tests::world::{Fate, World};

use crate::net;

fn cents(minor: u64) -> Amount {
    Amount::new(Currency::new("USD").unwrap(), minor).unwrap()
}

/// A world with an owner of soft money.
pub(crate) fn scene(seed: u8) -> (World, Net, Owner) {
    let world = World::new(seed.into());
    let net = net(&world);
    let owner = Owner(Raw::enrolled(&net, "taro"));
    (world, net, owner)
}

/// With nothing on its way, issuer and originator agree on what is in cards, and `lost` yen of it
/// are nowhere (VC-14).
pub(crate) fn even(net: &Net, in_cards: i64, lost: i64) {
    let audit = CardAudit::of(net);
    let figures = audit.figures("JPY");
    assert_eq!((figures.cards, figures.broken, figures.lost), (in_cards, 0, lost), "{figures:?}");
    assert_eq!(figures.overdrawn, 0, "{figures:?}");
    let issuer = audit::figures(net, "JPY").unwrap();
    assert_eq!(i64::try_from(issuer.cards).unwrap(), figures.clearing, "{issuer:?}");
    assert!(issuer.consistent, "{issuer:?}");
}

/// What empties a terminal of a yen.
fn asked_of(owner: &Owner, terminal: &mut Held) -> Pay {
    let (payer, operation) = (terminal.party(), owner.clearing());
    let call = UnloadCall { payer, amount: yen(1), operation, claim: Digest([1; 32]) };
    Pay(ask(&owner.0.net, "/unloads", &call).unwrap())
}

#[test]
fn vc_13_load_purchase_collect() {
    let (_, net, owner) = scene(31);
    let (mut purse, mut terminal) =
        (Held::made(&net, Class::Purse), Held::made(&net, Class::Terminal));
    owner.load(&mut purse, yen(5_000));
    purse.pay(&mut terminal, yen(1_200));
    purse.pay(&mut terminal, yen(300));
    purse.holds(yen(3_500));
    terminal.holds(yen(1_500));

    // what the originator has not heard of cannot be collected
    assert_eq!(owner.unload(&mut terminal, yen(1_500)), Err(Code::ReportFirst));
    terminal.report();
    let emptied = asked_of(&owner, &mut terminal);
    assert_eq!(terminal.run(&emptied), Err(Status::NotAllowed));
    terminal.set_pin();
    assert_eq!(owner.unload(&mut terminal, yen(1_500)), Ok(1_500));
    terminal.holds(yen(0));
    even(&net, 3_500, 0);

    // the purse's own report says the same, and changes nothing
    purse.report();
    even(&net, 3_500, 0);
    assert_eq!(CardAudit::of(&net).closed, 0);
}

#[test]
fn vc_14_card_to_soft_soft_to_card_and_card_to_card_stay_even() {
    let (_, net, owner) = scene(32);
    let (mut ours, mut theirs) = (Held::made(&net, Class::Purse), Held::made(&net, Class::Purse));
    owner.load(&mut ours, yen(10_000));
    even(&net, 10_000, 0);
    ours.pay(&mut theirs, yen(4_000));
    // the payee's report alone books it for both
    assert_eq!(owner.unload(&mut theirs, yen(1)), Err(Code::ReportFirst));
    theirs.report();
    assert_eq!(owner.unload(&mut theirs, yen(2_500)), Ok(2_500));
    even(&net, 7_500, 0);
    ours.report();
    assert_eq!(owner.unload(&mut ours, yen(6_000)), Ok(6_000));
    assert_eq!(owner.unload(&mut theirs, yen(1_500)), Ok(1_500));
    even(&net, 0, 0);
    for card in [&mut ours, &mut theirs] {
        card.report();
    }
    even(&net, 0, 0);
    assert_eq!(CardAudit::of(&net).findings, BTreeMap::new());
}

#[test]
fn vc_14_virtual_cards_give_to_each_other() {
    let (_, net, owner) = scene(33);
    let mut cards = [0; 3].map(|_| Held::made(&net, Class::Virtual));
    let [first, second, third] = &mut cards;
    owner.load(first, yen(2_000));
    first.pay(second, yen(1_500));
    second.pay(third, yen(1_000));
    // the last one reports first: the gift is not covered until its giver's account is
    third.report();
    assert_eq!(owner.unload(third, yen(1_000)), Err(Code::ReportFirst));
    second.report();
    third.report();
    assert_eq!(owner.unload(third, yen(1_000)), Ok(1_000));
    first.report();
    even(&net, 1_000, 0);
    assert_eq!(CardAudit::of(&net).closed, 0);
}

#[test]
fn vc_14_every_call_again_gives_the_same_bytes() {
    let (_, net, owner) = scene(34);
    let mut card = Held::made(&net, Class::Purse);
    let call = owner.order_load(&mut card, yen(700));
    let loaded = tell(&net, "/loads", &call).unwrap();
    assert_eq!(tell(&net, "/loads", &call).unwrap(), loaded);
    let value: Message<Value> = wire::decode_exact(&loaded).unwrap();
    let acknowledgement = card.run(&Take(value)).unwrap();
    for _ in 0..2 {
        tell(&net, "/loads/end", &acknowledgement).unwrap();
    }
    let report = card.log();
    let told = tell(&net, "/reports", &report).unwrap();
    assert_eq!(tell(&net, "/reports", &report).unwrap(), told);

    let (operation, claim) = (owner.clearing(), Digest([1; 32]));
    let call = UnloadCall { payer: card.party(), amount: yen(200), operation, claim };
    // An operation with another home could never be paid out.
    let stranded = UnloadCall { operation: OperationId([0xff; 16]), ..call.clone() };
    assert_eq!(tell(&net, "/unloads", &stranded), Err(Code::Malformed));
    let asked = tell(&net, "/unloads", &call).unwrap();
    assert_eq!(tell(&net, "/unloads", &call).unwrap(), asked);
    let value = card.run(&Pay(wire::decode_exact(&asked).unwrap())).unwrap();
    let unloaded = tell(&net, "/unloads/value", &value).unwrap();
    assert_eq!(tell(&net, "/unloads/value", &value).unwrap(), unloaded);
    assert_eq!(CardAudit::of(&net).figures("JPY").clearing, 500);
}

#[test]
fn vc_14_a_stranger_is_not_in_the_way_of_an_unload() {
    let (_, net, owner) = scene(35);
    let mut card = Held::made(&net, Class::Purse);
    owner.load(&mut card, yen(900));
    // somebody asks for the same amount of the same card in its next exchange
    let (operation, payer) = (owner.clearing(), card.party());
    let claim = Digest([9; 32]);
    let call = UnloadCall { payer, amount: yen(900), operation, claim };
    let theirs: Message<Request> = ask(&net, "/unloads", &call).unwrap();
    let (value, secret) = owner.send_unload(&mut card, yen(900)).unwrap();
    assert_ne!(value.content.0.payee, theirs.content.payee);
    let Unloaded { released, .. } = ask(&net, "/unloads/value", &value).unwrap();
    let released = released.open(&published(&net).key).unwrap();
    assert_eq!(released.claim, secret.claim());
    assert_ne!(released.operation, operation);
}

#[test]
fn vc_14_funding_loads_once_or_goes_back() {
    let (_, net, owner) = scene(36);
    let mut card = Held::made(&net, Class::Purse);
    // the card gives the request up before it is answered
    let request = card.ask_load(yen(640));
    let (funded, secret) = owner.fund(&request.content);
    card.run(&Abort {}).unwrap();
    card.report();
    let call = LoadCall { request, funded: funded.clone() };
    assert_eq!(tell(&net, "/loads", &call), Err(Code::OperationReused));

    let operation = owner.clearing();
    let back = ReturnCall { funded: funded.clone(), operation };
    let released: Signed<Released> = ask(&net, "/loads/return", &back).unwrap();
    assert_eq!(ask(&net, "/loads/return", &back), Ok(released.clone()));
    let other = ReturnCall { funded, operation: owner.clearing() };
    assert_eq!(tell(&net, "/loads/return", &other), Err(Code::OperationReused));
    assert_eq!(tell(&net, "/loads", &call), Err(Code::OperationReused));
    let bundle = Bundle::fewest(yen(640)).unwrap();
    let order = UnloadOrder { released, secret, bundle, at: net.now() };
    owner.0.ask::<Unload>(operation, &order).unwrap();
    assert_eq!(audit::figures(&net, "JPY").unwrap().cards, 0);

    // what was loaded does not go back
    let call = owner.order_load(&mut card, yen(100));
    card.take(ask(&net, "/loads", &call).unwrap());
    let back = ReturnCall { funded: call.funded, operation: owner.clearing() };
    assert_eq!(tell(&net, "/loads/return", &back), Err(Code::OperationReused));
    even(&net, 100, 0);
}

#[test]
fn vc_14_funding_is_for_one_request_and_amount() {
    let (_, net, owner) = scene(37);
    let mut card = Held::made(&net, Class::Purse);
    let call = owner.order_load(&mut card, yen(100));
    card.run(&Abort {}).unwrap();
    let request = card.ask_load(yen(100));
    let other = LoadCall { request, funded: call.funded.clone() };
    assert_eq!(tell(&net, "/loads", &other), Err(Code::Malformed));
    // not the issuer's word
    let forger = SigningKey::from_seed(&Seed::new([7; 32]));
    let claim = call.funded.claim().unwrap();
    let forged = LoadCall { request: call.request, funded: Signed::sign(&claim, &forger) };
    assert_eq!(tell(&net, "/loads", &forged), Err(Code::BadSignature));
    assert!(CardAudit::of(&net).currencies.is_empty());
}

/// The lost exchange, as the payer's log has it.
fn broken(card: &mut Held) -> Transfer {
    let report = card.log();
    report.entries.last().unwrap().transfer
}

#[test]
fn mondex_1_value_broken_at_both_ends_is_loaded_again_once() {
    let (_, net, owner) = scene(38);
    let (mut purse, mut terminal) =
        (Held::made(&net, Class::Purse), Held::made(&net, Class::Terminal));
    owner.load(&mut purse, yen(3_000));
    purse.send(&mut terminal, yen(800));
    purse.run(&Abort {}).unwrap();
    let lost = broken(&mut purse);
    let refund = purse.ask_refund(lost);
    assert_eq!(tell(&net, "/refunds", &refund), Err(Code::NotLost));
    purse.run(&Abort {}).unwrap();
    purse.report();
    // the terminal may have it
    let refund = purse.ask_refund(lost);
    assert_eq!(tell(&net, "/refunds", &refund), Err(Code::NotLost));
    terminal.run(&Abort {}).unwrap();
    terminal.report();
    even(&net, 2_200, 800);

    let loaded = tell(&net, "/refunds", &refund).unwrap();
    assert_eq!(tell(&net, "/refunds", &refund).unwrap(), loaded);
    purse.take(wire::decode_exact(&loaded).unwrap());
    purse.holds(yen(3_000));
    even(&net, 3_000, 0);
    let again = purse.ask_refund(lost);
    assert_eq!(tell(&net, "/refunds", &again), Err(Code::OperationReused));
}

#[test]
fn mondex_1_value_that_arrived_is_not_lost() {
    let (_, net, owner) = scene(39);
    let (mut purse, mut terminal) =
        (Held::made(&net, Class::Purse), Held::made(&net, Class::Terminal));
    owner.load(&mut purse, yen(3_000));
    let value = purse.send(&mut terminal, yen(800));
    terminal.run(&Take(value)).unwrap();
    purse.run(&Abort {}).unwrap();
    let lost = broken(&mut purse);
    purse.report();
    assert_eq!(CardAudit::of(&net).figures("JPY").broken, 800);
    terminal.report();
    even(&net, 3_000, 0);
    let refund = purse.ask_refund(lost);
    assert_eq!(tell(&net, "/refunds", &refund), Err(Code::NotLost));
    // and the other way round: the terminal speaks first
    purse.run(&Abort {}).unwrap();
    let value = purse.send(&mut terminal, yen(50));
    terminal.run(&Take(value)).unwrap();
    terminal.report();
    purse.run(&Abort {}).unwrap();
    purse.report();
    even(&net, 3_000, 0);
    assert_eq!(CardAudit::of(&net).closed, 0);
}

#[test]
fn mondex_1_a_load_or_an_unload_that_broke_is_loaded_again() {
    let (_, net, owner) = scene(40);
    let mut card = Held::made(&net, Class::Purse);
    // the value never reaches the card
    let call = owner.order_load(&mut card, yen(400));
    let value: Message<Value> = ask(&net, "/loads", &call).unwrap();
    card.run(&Abort {}).unwrap();
    card.report();
    even(&net, 0, 400);
    let refund = card.ask_refund(value.content.0);
    card.take(ask(&net, "/refunds", &refund).unwrap());
    even(&net, 400, 0);

    // the value never reaches the originator, and is refused when it does after all
    let (value, _) = owner.send_unload(&mut card, yen(150)).unwrap();
    card.run(&Abort {}).unwrap();
    card.report();
    even(&net, 250, 150);
    assert_eq!(tell(&net, "/unloads/value", &value), Err(Code::OperationReused));
    let refund = card.ask_refund(value.content.0);
    card.take(ask(&net, "/refunds", &refund).unwrap());
    card.holds(yen(400));
    even(&net, 400, 0);
}

#[test]
fn mondex_1_an_unload_that_only_the_card_thinks_broken_is_paid_out_once() {
    let (_, net, owner) = scene(41);
    let mut card = Held::made(&net, Class::Purse);
    owner.load(&mut card, yen(500));
    let (value, _) = owner.send_unload(&mut card, yen(500)).unwrap();
    tell(&net, "/unloads/value", &value).unwrap();
    card.run(&Abort {}).unwrap();
    card.report();
    let refund = card.ask_refund(value.content.0);
    assert_eq!(tell(&net, "/refunds", &refund), Err(Code::NotLost));
    assert_eq!(CardAudit::of(&net).figures("JPY").clearing, 0);
}

#[test]
fn mondex_3_the_operator_moves_limits_and_closes_and_opens_cards() {
    let (world, net, owner) = scene(42);
    let mut card = Held::made(&net, Class::Purse);
    owner.load(&mut card, yen(1_000));
    let token = world.operator_token("originator");
    let path = format!("/cards/{}/orders", card.id());
    let currency = Currency::new("JPY").unwrap();
    let limits = Limits { currency, balance: 90_000, payment: 10, unsettled: 20 };
    assert_eq!(tell(&net, &path, &Order::Limit(limits)), Err(Code::NotAllowed));
    tell_as(&net, &path, &Order::Limit(limits), &token).unwrap();
    assert_eq!(tell_as(&net, &path, &Order::Settle(9), &token), Err(Code::Malformed));
    card.report();
    let pockets = card.run(&ReadBalances {}).unwrap().pockets;
    assert!(pockets.iter().any(|pocket| pocket.limits == limits));

    tell_as(&net, &path, &Order::Close, &token).unwrap();
    let call = owner.order_load(&mut card, yen(5));
    assert_eq!(tell(&net, "/loads", &call), Err(Code::CardClosed));
    card.run(&Abort {}).unwrap();
    let told = card.report();
    assert!(told.orders.iter().any(|it| it.directive.order == Order::Close));
    assert_eq!(
        card.run(&Ask { link: Link::Peer, payer: None, amount: yen(1) }),
        Err(Status::WrongState)
    );
    tell_as(&net, &path, &Order::Reopen, &token).unwrap();
    card.report();
    card.run(&Ask { link: Link::Peer, payer: None, amount: yen(1) }).unwrap();
    // an obeyed directive is not obeyed again
    assert_eq!(card.run(&Obey(told.orders[0])), Err(Status::BadData));
}

#[test]
fn mondex_4_value_of_several_currencies_is_counted_in_one_place() {
    let (_, net, owner) = scene(43);
    let mut card = Held::made(&net, Class::Purse);
    owner.load(&mut card, yen(1_000));
    owner.load(&mut card, cents(1_250));
    assert_eq!(owner.unload(&mut card, yen(1_001)), Err(Code::ReportFirst));
    assert_eq!(owner.unload(&mut card, cents(250)), Ok(250));
    let audit = CardAudit::of(&net);
    assert_eq!(audit.figures("JPY").clearing, 1_000);
    assert_eq!(audit.figures("USD").clearing, 1_000);
    assert_eq!(audit::figures(&net, "USD").unwrap().cards, 1_000);
}

#[test]
fn mondex_4_cards_are_made_once_and_only_for_whom_may_have_them() {
    let (world, net, _) = scene(44);
    let device = |seed: u8, class| {
        let born = Born::new(Seed::new([seed; 32]));
        let label = label_of(class);
        NewCard { birth: born.birth(class), label }
    };
    let card = device(1, Class::Virtual);
    let made = tell(&net, "/cards", &card).unwrap();
    assert_eq!(tell(&net, "/cards", &card).unwrap(), made);
    for class in [Class::Purse, Class::Terminal] {
        let card = device(2, class);
        assert_eq!(tell(&net, "/cards", &card), Err(Code::NotAllowed));
    }
    let token = world.operator_token("originator");
    tell_as(&net, "/cards", &device(2, Class::Purse), &token).unwrap();
    let mut nameless = device(3, Class::Terminal);
    nameless.label = None;
    assert_eq!(tell_as(&net, "/cards", &nameless, &token), Err(Code::Malformed));
    let mut altered = device(4, Class::Virtual);
    altered.birth.claim.class = Class::Purse;
    assert_eq!(tell_as(&net, "/cards", &altered, &token), Err(Code::BadSignature));
    let none = Party { card: ORIGINATOR, number: 1 };
    let call = UnloadCall {
        payer: none,
        amount: yen(1),
        operation: OperationId([0; 16]),
        claim: Digest([0; 32]),
    };
    assert_eq!(tell(&net, "/unloads", &call), Err(Code::CardUnknown));
    let far = HttpRequest::post(format!("{}/cards/zz/orders", net.origin("originator")));
    let far = net.http(far.body(Vec::new()).unwrap()).unwrap();
    assert_eq!(code_of(&far), Some(Code::NotAllowed));
}

#[test]
fn vc_14_a_report_that_comes_late_is_no_second_log() {
    let (_, net, owner) = scene(45);
    let mut card = Held::made(&net, Class::Purse);
    owner.load(&mut card, yen(100));
    let early = card.log();
    owner.load(&mut card, yen(100));
    card.report();
    let told: Directives = ask(&net, "/reports", &early).unwrap();
    assert!(told.orders.iter().all(|it| !matches!(it.directive.order, Order::Close)));
    even(&net, 200, 0);

    // nor does a card hold too much that has since paid somebody who was faster to say so
    let mut terminal = Held::made(&net, Class::Terminal);
    let before = card.log();
    let value = card.send(&mut terminal, yen(150));
    terminal.run(&Take(value)).unwrap();
    terminal.report();
    tell(&net, "/reports", &before).unwrap();
    even(&net, 200, 0);
    assert_eq!(CardAudit::of(&net).closed, 0);
}

#[test]
fn mondex_1_lost_answers_and_crashes_of_the_originator_change_nothing() {
    let (world, net, owner) = scene(46);
    let mut cut = false;
    let there = world.clone();
    // every other call, which is every first one, loses its answer and the originator its memory
    world.weather(move |from, to, path| {
        if from != "outside" || *to != Address::Peer("originator".to_owned()) || path == "/audit" {
            return Fate::ARRIVES;
        }
        cut = !cut;
        there.crash();
        if cut { Fate::ANSWER_LOST } else { Fate::ARRIVES }
    });
    let (mut purse, mut terminal) =
        (Held::made(&net, Class::Purse), Held::made(&net, Class::Terminal));
    owner.load(&mut purse, yen(2_000));
    purse.send(&mut terminal, yen(600));
    purse.run(&Abort {}).unwrap();
    let lost = broken(&mut purse);
    terminal.run(&Abort {}).unwrap();
    purse.report();
    terminal.report();
    let refund = purse.ask_refund(lost);
    purse.take(ask(&net, "/refunds", &refund).unwrap());
    assert_eq!(owner.unload(&mut purse, yen(1_500)), Ok(1_500));
    even(&net, 500, 0);
    assert_eq!(world.log(), [""; 0]);
}

#[test]
fn vc_13_an_expired_card_is_not_loaded_and_can_be_emptied() {
    let (world, net, owner) = scene(47);
    let mut card = Held::made(&net, Class::Purse);
    owner.load(&mut card, yen(300));
    world.pass(367 * 86_400);
    let owner = Owner(Raw::enrolled(&net, "hanako"));
    let call = owner.order_load(&mut card, yen(100));
    assert_eq!(tell(&net, "/loads", &call), Err(Code::CertificateInvalid));
    card.run(&Abort {}).unwrap();
    assert_eq!(owner.unload(&mut card, yen(300)), Ok(300));
}
