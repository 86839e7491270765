//! What a payer checks of an invoice and of a receipt (P2, P3).

use koban_protocol::limits::INVOICE_LIFETIME_MAX_S;
use koban_protocol::process::payment::{
    CheckedInvoice, check_acceptance, check_invoice, check_receipt,
};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Acceptance, Invoice, Receipt};
use koban_protocol::time::Time;
use koban_protocol::wire::List;

use crate::fixture::{NOW, World, operation, yen};

fn checked(change: impl FnOnce(&World, &mut Invoice)) -> Result<CheckedInvoice, Code> {
    let world = World::new();
    let mut invoice = world.invoice(370);
    change(&world, &mut invoice);
    check_invoice(&world.payee.signs(&invoice), &world.desk.keys().key, NOW)
}

#[test]
fn a_good_invoice_tells_who_and_how_much() {
    let world = World::new();
    let good = checked(|_, _| ()).unwrap();
    assert_eq!(good.invoice(), &world.invoice(370));
    assert_eq!(good.payee().key, world.payee.key.verifying_key());
    assert_eq!(good.digest(), world.payee.signs(&world.invoice(370)).digest());
}

#[test]
fn an_invoice_that_does_not_hold_together_is_invalid() {
    let invalid = |change: fn(&World, &mut Invoice)| checked(change).err();
    let foreign = invalid(|_, invoice| {
        invoice.payee = World::of("another issuer").payee.certificate;
    });
    assert_eq!(foreign, Some(Code::InvoiceInvalid));
    let stolen = invalid(|world, invoice| invoice.payee = world.payer.certificate.clone());
    assert_eq!(stolen, Some(Code::InvoiceInvalid));
    let lapsed = invalid(|world, invoice| {
        invoice.payee = world.payee.certified(&world.signing, |c| c.expires = Time(NOW.0 - 1));
    });
    assert_eq!(lapsed, Some(Code::InvoiceInvalid));
    assert_eq!(invalid(|_, invoice| invoice.amount = yen(0)), Some(Code::InvoiceInvalid));
    let nobodys = invalid(|_, invoice| invoice.issuers = List::default());
    assert_eq!(nobodys, Some(Code::InvoiceInvalid));
}

#[test]
fn an_invoice_is_open_for_a_week_at_most_and_not_after_its_expiry() {
    let lives = |created: u64, expires: u64| {
        checked(|_, invoice| {
            invoice.created = Time(created);
            invoice.expires = Time(expires);
        })
        .err()
    };
    assert_eq!(lives(NOW.0, NOW.0 + INVOICE_LIFETIME_MAX_S), None);
    let long = lives(NOW.0, NOW.0 + INVOICE_LIFETIME_MAX_S + 1);
    assert_eq!(long, Some(Code::InvoiceInvalid));
    assert_eq!(lives(NOW.0 - 10, NOW.0), None);
    assert_eq!(lives(NOW.0 - 10, NOW.0 - 1), Some(Code::InvoiceExpired));
    // dated far ahead, it would stay open for longer than a week
    let ahead = NOW.0 + 30 * 86_400;
    assert_eq!(lives(ahead, ahead + 900), Some(Code::InvoiceInvalid));
}

fn acceptance(world: &World, change: impl FnOnce(&mut Acceptance)) -> Signed<Acceptance> {
    let mut acceptance = Acceptance {
        operation: operation("pay"),
        invoice: world.payee.signs(&world.invoice(370)).digest(),
        payee: world.payee.key.verifying_key().participant(),
        amount: yen(370),
        at: NOW,
    };
    change(&mut acceptance);
    world.desk.sign(&acceptance)
}

#[test]
fn p2_an_acceptance_is_the_issuers_word_on_this_invoice_in_full() {
    let world = World::new();
    let invoice = checked(|_, _| ()).unwrap();
    let check = |signed: &Signed<Acceptance>| {
        check_acceptance(signed, &invoice, &world.desk.keys().key).map(|_| ())
    };
    assert_eq!(check(&acceptance(&world, |_| ())), Ok(()));
    type Change = fn(&mut Acceptance);
    let wrong: [Change; 3] = [
        |acceptance| acceptance.amount = yen(369),
        |acceptance| acceptance.payee.0[0] ^= 1,
        |acceptance| acceptance.invoice.0[0] ^= 1,
    ];
    for change in wrong {
        assert_eq!(check(&acceptance(&world, change)), Err(Code::BadSignature));
    }
    let other = acceptance(&World::of("another issuer"), |_| ());
    assert_eq!(check(&other), Err(Code::BadSignature));
}

#[test]
fn p2_a_receipt_is_the_payees_word_with_the_issuers_in_it() {
    let world = World::new();
    let invoice = checked(|_, _| ()).unwrap();
    let issuer = world.desk.keys().key;
    let receipt =
        Receipt { invoice: invoice.digest(), acceptance: acceptance(&world, |_| ()), at: NOW };
    let check = |receipt: &Signed<Receipt>| check_receipt(receipt, &invoice, &issuer).map(|_| ());
    assert_eq!(check(&world.payee.signs(&receipt)), Ok(()));
    assert_eq!(check(&world.payer.signs(&receipt)), Err(Code::BadSignature));
    let mut other = receipt.clone();
    other.invoice.0[0] ^= 1;
    assert_eq!(check(&world.payee.signs(&other)), Err(Code::BadSignature));
    let mut unaccepted = receipt;
    unaccepted.acceptance = acceptance(&World::of("another issuer"), |_| ());
    assert_eq!(check(&world.payee.signs(&unaccepted)), Err(Code::BadSignature));
}
