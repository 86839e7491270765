//! Every way to be wrong, by name: a valid message with one thing changed.

use koban_protocol::id::Digest;
use koban_protocol::key::SigningKey;
use koban_protocol::process::payment::PaymentOrder;
use koban_protocol::sealed::OpeningKey;
use koban_protocol::signed::Statement;
use koban_protocol::statement::{BalanceInquiry, Certificate};
use koban_protocol::wire::{decode_exact, encode};

use super::make::{Vector, sealed_vectors};
use super::purse;
use crate::fixture::cbor::{Form, Item};
use crate::fixture::{World, seed, signing};

/// All invalid vectors.
pub(crate) fn all() -> Vec<Vector> {
    let of_messages = [encodings(), values(), structures(), signatures(), seals()];
    of_messages.into_iter().flatten().chain(purse::wrong()).collect()
}

/// One valid message and its tree.
fn payment(world: &World) -> Vec<u8> {
    let invoice = world.payee.signs(&world.invoice(370));
    encode(&world.payment(&invoice, 500))
}

/// `message` with the item at `path` changed.
pub(super) fn changed(message: &[u8], path: &[usize], change: impl FnOnce(&mut Item)) -> Vec<u8> {
    let mut item = Item::parse(message);
    change(item.at(path));
    item.write()
}

/// What CBOR allows and deterministic CBOR does not.
fn encodings() -> Vec<Vector> {
    let payment = payment(&World::new());
    let wrong = |name, path: &[usize], change: &dyn Fn(&mut Item), outcome| {
        Vector::new(name, "payment-order", &changed(&payment, path, change), outcome)
    };
    let longer = |item: &mut Item| item.form = Form::Longer;
    let indefinite = |item: &mut Item| item.form = Form::Indefinite;
    let refused = "not-canonical";
    let mut all = vec![
        wrong("integer_over_long", &[3, 1], &longer, refused),
        wrong("length_of_array_over_long", &[0], &longer, refused),
        wrong("length_of_map_over_long", &[], &longer, refused),
        wrong("length_of_bytes_over_long", &[1], &longer, refused),
        wrong("length_of_text_over_long", &[3, 0], &longer, refused),
        wrong("key_over_long", &[], &|map| map.items[2].form = Form::Longer, refused),
        wrong("array_of_indefinite_length", &[0], &indefinite, refused),
        wrong("map_of_indefinite_length", &[], &indefinite, refused),
        wrong("bytes_of_indefinite_length", &[1], &indefinite, "malformed"),
        wrong("text_of_indefinite_length", &[3, 0], &indefinite, "malformed"),
        wrong("keys_descending", &[], &|map| map.items.rotate_left(2), refused),
        wrong("key_twice", &[], &|map| repeat_first(map), refused),
        wrong("field_unknown", &[], &|map| append(map, Item::uint(5), Item::uint(0)), refused),
        wrong(
            "field_unknown_in_a_coin",
            &[0, 0],
            &|map| append(map, Item::uint(2), Item::uint(0)),
            refused,
        ),
        wrong("key_as_text", &[], &|map| map.items[0] = Item::text("0"), "malformed"),
        wrong("absent_value_as_null", &[4], &|change| *change = Item::null(), refused),
    ];
    let with = |tail: &[u8]| [payment.as_slice(), tail].concat();
    let other = |name, bytes: &[u8], outcome| Vector::new(name, "payment-order", bytes, outcome);
    all.push(other("trailing_byte", &with(&[0]), refused));
    all.push(other("message_twice", &with(&payment), refused));
    all.push(other("truncated", &payment[..payment.len() - 1], "malformed"));
    all.push(other("empty", &[], "malformed"));
    all.push(other("tagged", &[&[0xd9, 0xd9, 0xf7], payment.as_slice()].concat(), "malformed"));
    all.push(other("nested_deeply", &[0x81; 1000], "malformed"));
    all
}

fn repeat_first(map: &mut Item) {
    let first = map.items[..2].to_vec();
    map.items.splice(0..0, first);
}

fn append(map: &mut Item, key: Item, value: Item) {
    map.items.extend([key, value]);
}

/// Values outside their limits.
fn values() -> Vec<Vector> {
    let wrong = |name, kind, item: Item| Vector::new(name, kind, &item.write(), "malformed");
    let amount = |code, minor| Item::array(vec![Item::text(code), minor]);
    let pair = |exponent, count| Item::array(vec![Item::uint(exponent), Item::uint(count)]);
    let bundle = |pairs| Item::array(vec![Item::text("JPY"), Item::array(pairs)]);
    let negative = Item { major: 1, ..Item::uint(0) };
    let counts = (0..24).map(|exponent| pair(exponent, 3)).collect();
    vec![
        wrong("amount_above_limit", "amount", amount("JPY", Item::uint(1 << 53))),
        wrong("amount_negative", "amount", amount("JPY", negative)),
        wrong("amount_without_currency", "amount", Item::uint(370)),
        wrong("amount_with_three_parts", "amount", {
            Item::array(vec![Item::text("JPY"), Item::uint(1), Item::uint(0)])
        }),
        wrong("currency_in_lower_case", "currency", Item::text("jpy")),
        wrong("currency_of_four_letters", "currency", Item::text("JPYX")),
        wrong("denomination_above_limit", "denomination", Item::uint(24)),
        wrong("bundle_of_65_coins", "bundle", bundle(vec![pair(0, 65)])),
        wrong("bundle_of_72_coins_of_all_kinds", "bundle", bundle(counts)),
        wrong("bundle_with_count_zero", "bundle", bundle(vec![pair(0, 0)])),
        wrong("bundle_descending", "bundle", bundle(vec![pair(1, 1), pair(0, 1)])),
        wrong("bundle_with_denomination_twice", "bundle", bundle(vec![pair(1, 1), pair(1, 1)])),
        wrong("text_empty", "name", Item::text("")),
        wrong("text_with_control_character", "name", Item::text("a\u{7}b")),
        wrong("text_with_line_break", "purpose", Item::text("free\nof charge")),
        wrong("text_above_limit", "name", Item::text(&"x".repeat(65))),
        wrong("text_not_utf_8", "name", Item { string: vec![0xc3, 0x28], ..Item::text("") }),
        wrong("text_as_bytes", "name", Item::bytes(b"hanako")),
        wrong("id_of_15_bytes", "operation-id", Item::bytes(&[0; 15])),
        wrong("id_of_17_bytes", "operation-id", Item::bytes(&[0; 17])),
        wrong("id_as_text", "operation-id", Item::text("0123456789abcdef")),
        wrong("day_above_32_bits", "day", Item::uint(1 << 32)),
        wrong("code_unknown", "code", Item::uint(0)),
        wrong("route_unknown", "route", Item::uint(12)),
        wrong("take_unknown", "take", Item::array(vec![Item::uint(3), Item::array(vec![])])),
    ]
}

/// Messages whose parts do not make the message.
fn structures() -> Vec<Vector> {
    let world = World::new();
    let payment = payment(&world);
    let coin = Item::parse(&encode(&world.coins(1, "coin")[0]));
    let of = |count| Item::array(vec![coin.clone(); count]).write();
    let without = |key: usize| {
        changed(&payment, &[], |map| {
            map.items.drain(2 * key..2 * key + 2);
        })
    };
    let tag = |length: usize| changed(&coin.write(), &[1], |tag| tag.string.resize(length, 0));
    let wrong = |name, kind, bytes: &[u8]| Vector::new(name, kind, bytes, "malformed");
    let none = Item::array(vec![]);
    let three_parts = vec![Item::uint(0), Item::array(vec![none.clone()]), none];
    let three_parts = Item::array(three_parts).write();
    let unsigned = Item::array(vec![Item::bytes(b"body")]).write();
    let keys = encode(world.desk.keys());
    let banks = changed(&keys, &[6], |banks| banks.items = vec![banks.items[0].clone(); 33]);
    vec![
        wrong("coin_list_of_65", "coins", &of(65)),
        wrong("bank_list_of_33", "issuer-keys", &banks),
        wrong("tag_of_15_bytes", "coin", &tag(15)),
        wrong("tag_of_17_bytes", "coin", &tag(17)),
        wrong("coins_missing", "payment-order", &without(0)),
        wrong("invoice_missing", "payment-order", &without(1)),
        wrong("payee_missing", "payment-order", &without(2)),
        wrong("amount_missing", "payment-order", &without(3)),
        wrong(
            "array_for_map",
            "payment-order",
            &changed(&payment, &[], |map| {
                let values: Vec<Item> = map.items.iter().skip(1).step_by(2).cloned().collect();
                *map = Item::array(values);
            }),
        ),
        wrong(
            "coin_for_list",
            "payment-order",
            &changed(&payment, &[0], |coins| {
                *coins = coins.items[0].clone();
            }),
        ),
        wrong("answer_of_three_parts", "answer<coins>", &three_parts),
        wrong("signature_missing", "signed<certificate>", &unsigned),
    ]
}

/// Statements that are well written and badly signed.
fn signatures() -> Vec<Vector> {
    let world = World::new();
    let issuer = &world.signing;
    let good = encode(&world.payer.certificate);
    let wrong = |name: &str, cbor: &[u8], key: &[u8; 33], outcome| {
        Vector::new(name, "signed<certificate>", cbor, outcome).with("key", key)
    };
    let key = issuer.verifying_key().0;
    let bad = "bad-signature";
    let mut off_the_curve = key;
    off_the_curve[32] ^= 1;
    let signature = |change: &dyn Fn(&mut Vec<u8>)| changed(&good, &[1], |s| change(&mut s.string));
    let body = changed(&good, &[0], |body| {
        let at = body.string.len() - 1;
        body.string[at] ^= 1;
    });
    let other: Certificate = world.payer.certificate.claim().unwrap();
    let domain = signed_as::<BalanceInquiry>(&encode(&other), issuer);
    let garbage = signed_as::<Certificate>(&[0xa0], issuer);
    let trailing = signed_as::<Certificate>(&[encode(&other), vec![0]].concat(), issuer);
    vec![
        wrong("signature_high_s", &signature(&negate_s), &key, bad),
        wrong("signature_of_zeros", &signature(&|s| s.fill(0)), &key, bad),
        wrong("signature_flipped", &signature(&|s| s[0] ^= 1), &key, bad),
        wrong("signature_of_another_key", &good, &signing("payee").verifying_key().0, bad),
        wrong("signature_of_another_domain", &domain, &key, bad),
        wrong("signed_body_changed", &body, &key, bad),
        wrong("signed_body_not_the_statement", &garbage, &key, "bad-content"),
        wrong("signed_body_with_trailing_byte", &trailing, &key, "bad-content"),
        wrong("key_not_on_curve", &good, &off_the_curve, bad),
        wrong("key_uncompressed_tag", &good, &with_first(key, 4), bad),
        wrong("key_at_infinity", &good, &[0; 33], bad),
    ]
}

fn with_first(mut key: [u8; 33], first: u8) -> [u8; 33] {
    key[0] = first;
    key
}

/// `body` signed under the domain of `T`, whatever it is.
fn signed_as<T: Statement>(body: &[u8], key: &SigningKey) -> Vec<u8> {
    let signature = key.sign(&Digest::of(T::DOMAIN, body));
    Item::array(vec![Item::bytes(body), Item::bytes(&signature.0)]).write()
}

/// `s` becomes `n - s`.
fn negate_s(signature: &mut Vec<u8>) {
    let parsed = p256::ecdsa::Signature::from_slice(signature).unwrap();
    let (r, s) = parsed.split_scalars();
    let twin = p256::ecdsa::Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    *signature = twin.to_bytes().to_vec();
}

/// Sealed messages that do not open.
fn seals() -> Vec<Vector> {
    let world = World::new();
    let ((_, request), (_, answer)) = sealed_vectors(&world);
    let refused = "not-sealed-for-us";
    let request = |name: &str, path: &[usize], change: &dyn Fn(&mut Item)| {
        let bytes = changed(&request, path, change);
        Vector::new(name, "sealed-request", &bytes, refused)
            .with("seed", seed("issuer").expose())
            .with_text("holds", "payment-order")
    };
    let flip = |item: &mut Item| item.string[0] ^= 1;
    let last = |item: &mut Item| *item.string.last_mut().unwrap() ^= 1;
    let secret = sealed_secret(&world);
    let answered = |name: &str, path: &[usize], change: &dyn Fn(&mut Item)| {
        Vector::new(name, "sealed-answer", &changed(&answer, path, change), refused)
            .with("secret", &secret)
            .with_text("holds", "answer<payment-outcome>")
    };
    vec![
        request("sealed_route_swapped", &[0], &|route| *route = Item::uint(4)),
        request("sealed_operation_swapped", &[1], &flip),
        request("sealed_recipient_swapped", &[2], &flip),
        request("sealed_point_not_on_curve", &[3], &last),
        request("sealed_point_compressed_tag", &[3], &|enc| enc.string[0] = 2),
        request("sealed_ciphertext_flipped", &[4], &flip),
        request("sealed_tag_flipped", &[4], &last),
        request("sealed_ciphertext_truncated", &[4], &|text| {
            text.string.pop();
        }),
        request("sealed_ciphertext_empty", &[4], &|text| text.string.clear()),
        answered("answer_nonce_swapped", &[0], &flip),
        answered("answer_ciphertext_flipped", &[1], &flip),
        answered("answer_truncated", &[1], &|text| {
            text.string.pop();
        }),
    ]
}

fn sealed_secret(world: &World) -> Vec<u8> {
    let ((_, request), _) = sealed_vectors(world);
    let key = OpeningKey::from_seed(&seed("issuer"));
    let opened = key.open::<PaymentOrder>(&decode_exact(&request).unwrap());
    opened.unwrap().1.expose().to_vec()
}
