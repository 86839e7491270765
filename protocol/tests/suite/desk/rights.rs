//! What the desk does not open at all, and what it publishes.

use koban_protocol::limits::CLOCK_SKEW_MAX_S;
use koban_protocol::process::change::{Change, ChangeOrder};
use koban_protocol::process::enrolment::Enrolment;
use koban_protocol::process::payment::{Take, Validation, ValidationOrder};
use koban_protocol::process::purchase::{Purchase, PurchaseOrder};
use koban_protocol::process::redeem::{Redeem, RedeemOrder};
use koban_protocol::process::refund::{Refund, RefundOrder};
use koban_protocol::process::registration::{Registration, RegistrationOrder};
use koban_protocol::process::{Asked, Process, Rejected, outer};
use koban_protocol::refusal::Code;
use koban_protocol::sealed::{self, Route};
use koban_protocol::wire::Bytes;

use crate::fixture::{NOW, World, entropy, operation, text};

fn unopened(world: &World, request: &[u8]) -> Code {
    let request = outer(request).unwrap();
    match world.desk.prepare(&request, NOW, entropy("desk")) {
        Err(Rejected::Unopened(code)) => code,
        Err(Rejected::Opened(_)) => panic!("opened and refused"),
        Ok(_) => panic!("accepted"),
    }
}

#[test]
fn an_order_sealed_to_another_issuer_is_not_opened() {
    let (world, other) = (World::new(), World::of("another issuer"));
    let order = world.change(8);
    let asked: Asked<Change> =
        Asked::new(operation("o"), &order, other.desk.keys(), entropy("o")).unwrap();
    assert_eq!(unopened(&world, asked.request()), Code::NotSealedForUs);
}

#[test]
fn an_order_that_is_malformed_inside_is_not_opened() {
    let world = World::new();
    let sealing = &world.desk.keys().sealing;
    for route in [Route::Purchase, Route::Validation, Route::Change, Route::Redeem, Route::Refund] {
        let garbage = Bytes(b"garbage".to_vec());
        let (request, _) =
            sealed::seal(route, operation("o"), sealing, &garbage, entropy("o")).unwrap();
        let request = koban_protocol::wire::encode(&request);
        assert_eq!(unopened(&world, &request), Code::NotSealedForUs, "{route:?}");
    }
}

#[test]
fn routes_that_move_nothing_are_not_found_at_the_desk() {
    let world = World::new();
    let sealing = &world.desk.keys().sealing;
    let others =
        [Route::Registration, Route::Enrolment, Route::Payment, Route::Note, Route::Lookup];
    for route in others {
        let order = Bytes(Vec::new());
        let (request, _) =
            sealed::seal(route, operation("o"), sealing, &order, entropy("o")).unwrap();
        let request = koban_protocol::wire::encode(&request);
        assert_eq!(unopened(&world, &request), Code::NotFound, "{route:?}");
    }
}

#[test]
fn vc_15_an_order_dated_ahead_is_sent_back_in_clear() {
    // a sealed refusal is final, and whoever kept these bytes could send them again when they are
    // good
    let world = World::new();
    let (id, at) = (operation("o"), NOW.plus(CLOCK_SKEW_MAX_S + 1));
    let invoice = world.payee.signs(&world.invoice(370));
    let purchase = PurchaseOrder { at, ..world.purchase(id, 500) };
    let validation = world.validation(invoice, Take::Aggregate, b"envelope");
    let validation = ValidationOrder { at, ..validation };
    let redeem = RedeemOrder { at, ..world.redeem(500) };
    let refund = RefundOrder { at, ..world.refund() };
    for request in [
        asked::<Purchase>(&world, &world.payer.signs(&purchase)),
        asked::<Validation>(&world, &world.payee.signs(&validation)),
        asked::<Change>(&world, &ChangeOrder { at, ..world.change(500) }),
        asked::<Redeem>(&world, &world.payee.signs(&redeem)),
        asked::<Refund>(&world, &world.payer.signs(&refund)),
    ] {
        assert_eq!(unopened(&world, &request), Code::ClockSkew);
    }
}

fn asked<P: Process>(world: &World, order: &P::Order) -> Vec<u8> {
    let asked = Asked::<P>::new(operation("o"), order, world.desk.keys(), entropy("o"));
    asked.unwrap().request().to_vec()
}

#[test]
fn p3_an_envelope_alone_is_no_order() {
    let world = World::new();
    let invoice = world.payee.signs(&world.invoice(370));
    let payment = world.payment(&invoice, 500);
    let asked: Asked<koban_protocol::process::payment::Payment> =
        Asked::new(operation("o"), &payment, world.desk.keys(), entropy("o")).unwrap();
    assert_eq!(unopened(&world, asked.request()), Code::NotFound);
}

#[test]
fn a_registration_is_opened_as_one_and_as_nothing_else() {
    let world = World::new();
    let key = world.payer.key.verifying_key();
    let order = RegistrationOrder { pseudonym: text("hanako"), key, at: NOW };
    let order = world.payer.signs(&order);
    let asked: Asked<Registration> =
        Asked::new(operation("o"), &order, world.desk.keys(), entropy("o")).unwrap();
    let request = outer(asked.request()).unwrap();
    assert_eq!(world.desk.open::<Registration>(&request).unwrap().0, order);
    let code = world.desk.open::<Enrolment>(&request).err();
    assert_eq!(code, Some(Code::NotSealedForUs));
}

#[test]
fn the_published_keys_verify_under_the_identity_key() {
    let world = World::new();
    let keys = world.desk.published().open(&world.signing.verifying_key()).unwrap();
    assert_eq!(&keys, world.desk.keys());
    let other = World::of("another issuer").signing.verifying_key();
    assert!(world.desk.published().open(&other).is_err());
}
