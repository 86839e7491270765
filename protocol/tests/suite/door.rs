//! The one door in: `decode_exact` accepts a value's one encoding and nothing else.

use koban_protocol::amount::{Amount, Bundle};
use koban_protocol::id::Digest;
use koban_protocol::limits::MESSAGE_BYTES_MAX;
use koban_protocol::offline::purse::issuer::certify;
use koban_protocol::offline::purse::wire::{
    CardId, Class, Link, Message, Party, Proof, Segment, Transfer, Value,
};
use koban_protocol::offline::purse::{Born, PurseKey};
use koban_protocol::online::tagged::wire::Coins;
use koban_protocol::process::load::LoadOrder;
use koban_protocol::process::payment::{PaymentOrder, Take, ValidationOrder};
use koban_protocol::process::purchase::PurchaseOrder;
use koban_protocol::process::unload::UnloadOrder;
use koban_protocol::refusal::{Answer, Code, Refusal};
use koban_protocol::sealed::{self, Route, SealedRequest};
use koban_protocol::signed::{Signed, Statement};
use koban_protocol::statement::{Certificate, Invoice, IssuerKeys, Name};
use koban_protocol::wire::{Bytes, Text, Wire, WireError, decode_exact, encode};
use proptest::prelude::*;

use crate::fixture::cbor::{Form, Item};
use crate::fixture::{NOW, World, coins_of, entropy, operation, seed, signing, yen};

type Door = fn(&[u8]) -> Result<(), WireError>;

fn door<T: Wire>(bytes: &[u8]) -> Result<(), WireError> {
    decode_exact::<T>(bytes).map(|_| ())
}

/// Messages of every shape, with the door for their type.
fn messages() -> Vec<(&'static str, Vec<u8>, Door)> {
    let world = World::new();
    let invoice = world.payee.signs(&world.invoice(370));
    let payment = world.payment(&invoice, 500);
    let id = operation("message");
    let sealing = &world.desk.keys().sealing;
    let seal = sealed::seal(Route::Payment, id, sealing, &payment, entropy("seal"));
    let envelope = encode(&seal.unwrap().0);
    let take = Take::Refresh(coins_of(370));
    let validation = world.validation(invoice.clone(), take, &envelope);
    let refusal = Answer::<Coins>::Refused(Refusal::from(Code::CoinNotLive));
    vec![
        ("payment order", encode(&payment), door::<PaymentOrder>),
        ("invoice", encode(&world.invoice(370)), door::<Invoice>),
        ("signed invoice", encode(&invoice), door::<Signed<Invoice>>),
        ("validation order", encode(&validation), door::<ValidationOrder>),
        ("purchase order", encode(&world.purchase(id, 500)), door::<PurchaseOrder>),
        ("certificate", encode(&world.payer.certificate.claim().unwrap()), door::<Certificate>),
        ("issuer's keys", encode(world.desk.keys()), door::<IssuerKeys>),
        ("sealed request", envelope, door::<SealedRequest>),
        ("refusal", encode(&refusal), door::<Answer<Coins>>),
        ("load order", encode(&world.load(500)), door::<LoadOrder>),
        ("unload order", encode(&world.unload(&world.released(500))), door::<UnloadOrder>),
        ("a card's value", encode(&value()), door::<Message<Value>>),
    ]
}

/// A purse's value to a terminal, with all that such a message has.
fn value() -> Message<Value> {
    let born = Born::new(seed("purse"));
    let (card, originator) = (CardId([1; 8]), signing("originator"));
    let birth = born.birth(Class::Purse).claim;
    let certificate = certify(&birth, card, None, NOW.day().plus(1), &originator);
    let transfer = Transfer {
        link: Link::Terminal(Segment::of(card)),
        payee: Party { card: CardId([2; 8]), number: 1 },
        payer: Party { card, number: 1 },
        amount: yen(370),
    };
    let content = Value(transfer);
    let tag = PurseKey::new(seed("segment")).of_card(card).tag(&content);
    let signature = born.signing().sign(&Digest::of_value(Value::DOMAIN, &content));
    Message { content, proof: Proof::Keyed(tag, Some(signature), Some(certificate)) }
}

/// That `change` at any item of any message makes it refused; gives how often it applied.
fn all_refused(change: &dyn Fn(&mut Item) -> bool) -> usize {
    let mut times = 0;
    for (name, bytes, door) in messages() {
        let item = Item::parse(&bytes);
        assert_eq!(item.write(), bytes, "{name}");
        for changed in item.each(change) {
            let wrong = changed.write();
            assert_ne!(wrong, bytes, "{name}");
            assert!(door(&wrong).is_err(), "{name}: {wrong:02x?}");
            times += 1;
        }
    }
    times
}

#[test]
fn every_message_passes_as_it_was_made() {
    for (name, bytes, door) in messages() {
        assert_eq!(door(&bytes), Ok(()), "{name}");
    }
}

#[test]
fn trailing_bytes_are_refused() {
    for (name, mut bytes, door) in messages() {
        bytes.push(0);
        assert_eq!(door(&bytes), Err(WireError::NotCanonical), "{name}");
        let twice = [&bytes[..bytes.len() - 1], &bytes[..bytes.len() - 1]].concat();
        assert_eq!(door(&twice), Err(WireError::NotCanonical), "{name}");
    }
}

#[test]
fn every_truncation_is_refused() {
    for (name, bytes, door) in messages() {
        for length in 0..bytes.len() {
            assert_eq!(door(&bytes[..length]), Err(WireError::Malformed), "{name} {length}");
        }
    }
}

#[test]
fn integers_and_lengths_in_more_bytes_than_needed_are_refused() {
    let longer = |item: &mut Item| {
        item.form = Form::Longer;
        item.major < 7
    };
    assert!(all_refused(&longer) > 250);
}

#[test]
fn indefinite_lengths_are_refused() {
    let indefinite = |item: &mut Item| {
        item.form = Form::Indefinite;
        (2..=5).contains(&item.major)
    };
    assert!(all_refused(&indefinite) > 100);
}

#[test]
fn keys_out_of_order_are_refused() {
    let swapped = |item: &mut Item| {
        let map = item.major == 5 && item.items.len() >= 4;
        if map {
            item.items.rotate_left(2);
        }
        map
    };
    assert!(all_refused(&swapped) > 15);
}

#[test]
fn repeated_keys_are_refused() {
    let repeated = |item: &mut Item| {
        let map = item.major == 5;
        if map {
            let first = item.items[..2].to_vec();
            item.items.splice(0..0, first);
        }
        map
    };
    assert!(all_refused(&repeated) > 15);
}

#[test]
fn unknown_fields_are_refused() {
    for key in [Item::uint(23), Item::uint(u64::MAX), Item::text("comment")] {
        let unknown = |item: &mut Item| {
            let map = item.major == 5;
            if map {
                item.items.extend([key.clone(), Item::uint(0)]);
            }
            map
        };
        assert!(all_refused(&unknown) > 15);
    }
}

#[test]
fn missing_fields_are_refused() {
    // the first field of a map is optional nowhere
    let missing = |item: &mut Item| {
        let map = item.major == 5;
        if map {
            item.items.drain(..2);
        }
        map
    };
    assert!(all_refused(&missing) > 15);
}

#[test]
fn an_absent_value_is_left_out_and_never_null() {
    let absent = |item: &mut Item| {
        let refusal = item.major == 5 && item.items.len() == 2;
        if refusal {
            item.items.extend([Item::uint(1), Item::null()]);
        }
        refusal
    };
    assert!(all_refused(&absent) > 0);
}

#[test]
fn a_message_over_64_kib_is_too_long() {
    let message = |length| encode(&Bytes(vec![0; length]));
    assert_eq!(door::<Bytes>(&message(MESSAGE_BYTES_MAX - 3)), Ok(()));
    assert_eq!(door::<Bytes>(&message(MESSAGE_BYTES_MAX - 2)), Err(WireError::TooLong));
    assert_eq!(door::<PaymentOrder>(&vec![0; MESSAGE_BYTES_MAX + 1]), Err(WireError::TooLong));
}

#[test]
fn deep_nesting_is_refused() {
    for head in [0x81, 0x9f, 0xd8] {
        let deep = vec![head; MESSAGE_BYTES_MAX];
        for (name, _, door) in messages() {
            assert_eq!(door(&deep), Err(WireError::Malformed), "{name}");
        }
    }
    // inside a field nobody knows, which a reader has to skip
    for head in [0x81, 0x9f] {
        let mut deep = vec![0xa1, 0x18, 0x63];
        deep.extend(vec![head; MESSAGE_BYTES_MAX - 3]);
        for (name, _, door) in messages() {
            assert!(door(&deep).is_err(), "{name}");
        }
    }
}

#[test]
fn text_keeps_its_limits() {
    assert!(Name::new("花子 🗻").is_some());
    assert!(Name::new(&"x".repeat(64)).is_some());
    for wrong in ["", "a\0", "a\nb", "\u{7f}", "\u{85}", &"x".repeat(65), &"あ".repeat(22)] {
        assert_eq!(Name::new(wrong), None, "{wrong:?}");
        let bytes = Item::text(wrong).write();
        assert_eq!(door::<Name>(&bytes), Err(WireError::Malformed), "{wrong:?}");
    }
    let invalid = [0x62, 0xc3, 0x28];
    assert_eq!(door::<Text<8>>(&invalid), Err(WireError::Malformed));
}

#[test]
fn a_list_ends_at_its_limit() {
    let world = World::new();
    let coin = Item::parse(&encode(&world.coins(1, "coin")[0]));
    let of = |count| Item::array(vec![coin.clone(); count]).write();
    assert_eq!(door::<Coins>(&of(64)), Ok(()));
    assert_eq!(door::<Coins>(&of(65)), Err(WireError::Malformed));
}

#[test]
fn values_outside_their_limits_are_refused() {
    let yen = |minor| Item::array(vec![Item::text("JPY"), minor]).write();
    assert_eq!(door::<Amount>(&yen(Item::uint((1 << 53) - 1))), Ok(()));
    assert_eq!(door::<Amount>(&yen(Item::uint(1 << 53))), Err(WireError::Malformed));
    let negative = Item { major: 1, ..Item::uint(0) };
    assert_eq!(door::<Amount>(&yen(negative)), Err(WireError::Malformed));
    let pair = |exponent, count| Item::array(vec![Item::uint(exponent), Item::uint(count)]);
    let bundle = |pairs| Item::array(vec![Item::text("JPY"), Item::array(pairs)]).write();
    assert_eq!(door::<Bundle>(&bundle(vec![pair(0, 1), pair(23, 1)])), Ok(()));
    for wrong in [
        vec![pair(24, 1)],
        vec![pair(0, 0)],
        vec![pair(0, 65)],
        vec![pair(0, 65_536)],
        vec![pair(1, 1), pair(0, 1)],
        vec![pair(1, 1), pair(1, 1)],
    ] {
        assert_eq!(door::<Bundle>(&bundle(wrong.clone())), Err(WireError::Malformed), "{wrong:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_passes_is_the_one_encoding(at: usize, byte: u8) {
        let world = World::new();
        let invoice = world.payee.signs(&world.invoice(370));
        let mut bytes = encode(&world.payment(&invoice, 500));
        let at = at % bytes.len();
        bytes[at] = byte;
        if door::<PaymentOrder>(&bytes).is_ok() {
            prop_assert_eq!(Item::parse(&bytes).write(), bytes);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let doors: [Door; 4] = [
            door::<PaymentOrder>,
            door::<IssuerKeys>,
            door::<Answer<Coins>>,
            door::<SealedRequest>,
        ];
        for door in doors {
            if door(&bytes).is_ok() {
                prop_assert_eq!(&Item::parse(&bytes).write(), &bytes);
            }
        }
    }
}
