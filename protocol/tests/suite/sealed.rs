//! Sealed requests and answers: whatever is altered or swapped on the way, nothing opens.

use koban_protocol::id::{KeyId, OperationId};
use koban_protocol::online::tagged::wire::Coins;
use koban_protocol::process::{AnswerError, Asked, change::Change};
use koban_protocol::refusal::{Answer, Code, Refusal};
use koban_protocol::sealed::{
    self, AnswerSecret, NotSealedForUs, OpeningKey, Route, SealedAnswer, SealedRequest, SealingKey,
};
use koban_protocol::wire::{Bytes, decode_exact, encode};

use crate::fixture::{World, entropy, operation, seed};

fn order() -> Bytes {
    Bytes(b"an order".to_vec())
}

fn sealed(name: &str) -> (OpeningKey, SealedRequest, AnswerSecret) {
    let key = OpeningKey::from_seed(&seed("role"));
    let (to, id) = (key.sealing_key(), operation("sealed"));
    let (request, secret) = sealed::seal(Route::Change, id, &to, &order(), entropy(name)).unwrap();
    (key, request, secret)
}

fn opens(key: &OpeningKey, request: &SealedRequest) -> bool {
    key.open::<Bytes>(request).is_ok()
}

#[test]
fn a_request_opens_with_its_recipients_key_alone() {
    let (key, request, _) = sealed("a");
    assert_eq!(key.open::<Bytes>(&request).unwrap().0, order());
    assert!(!opens(&OpeningKey::from_seed(&seed("another role")), &request));
}

#[test]
fn vc_15_a_request_with_any_bit_flipped_does_not_open() {
    let (key, request, _) = sealed("a");
    let bytes = encode(&request);
    for bit in 0..8 * bytes.len() {
        let mut wrong = bytes.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        let opened = decode_exact(&wrong).is_ok_and(|request| opens(&key, &request));
        assert!(!opened, "bit {bit}");
    }
}

#[test]
fn vc_15_route_operation_and_recipient_cannot_be_swapped() {
    let (key, request, _) = sealed("a");
    for route in [Route::Registration, Route::Purchase, Route::Payment, Route::Lookup] {
        assert!(!opens(&key, &SealedRequest { route, ..request.clone() }), "{route:?}");
    }
    let operation = OperationId([7; 16]);
    assert!(!opens(&key, &SealedRequest { operation, ..request.clone() }));
    let recipient = KeyId([7; 8]);
    assert!(!opens(&key, &SealedRequest { recipient, ..request.clone() }));
    let other = sealed("b").1;
    let encapsulated = other.encapsulated;
    assert!(!opens(&key, &SealedRequest { encapsulated, ..request.clone() }));
    let ciphertext = other.ciphertext;
    assert!(!opens(&key, &SealedRequest { ciphertext, ..request }));
}

#[test]
fn vc_15_a_substituted_encapsulated_key_does_not_open() {
    let (key, request, _) = sealed("a");
    let mut not_on_the_curve = request.encapsulated;
    not_on_the_curve.0[64] ^= 1;
    for encapsulated in [not_on_the_curve, sealed::Encapsulated([0; 65])] {
        assert!(!opens(&key, &SealedRequest { encapsulated, ..request.clone() }));
    }
}

#[test]
fn nothing_is_sealed_to_a_key_that_is_no_point() {
    let seal =
        |key| sealed::seal(Route::Change, operation("o"), &key, &order(), entropy("e")).err();
    assert_eq!(seal(SealingKey([0; 65])), Some(NotSealedForUs));
    let mut off_the_curve = OpeningKey::from_seed(&seed("role")).sealing_key();
    off_the_curve.0[64] ^= 1;
    assert_eq!(seal(off_the_curve), Some(NotSealedForUs));
}

#[test]
fn an_order_of_another_type_does_not_open() {
    let (key, request, _) = sealed("a");
    assert_eq!(key.open::<Coins>(&request).err(), Some(NotSealedForUs));
}

#[test]
fn an_answer_opens_for_its_asker_alone() {
    let (key, request, asker) = sealed("a");
    let (_, answerer) = key.open::<Bytes>(&request).unwrap();
    let answer = answerer.seal(&order(), entropy("answer"));
    assert_eq!(asker.open::<Bytes>(&answer), Ok(order()));
    let (_, _, other) = sealed("b");
    assert_eq!(other.open::<Bytes>(&answer), Err(NotSealedForUs));
}

#[test]
fn vc_15_an_answer_with_any_bit_flipped_does_not_open() {
    let (key, request, asker) = sealed("a");
    let answer = key.open::<Bytes>(&request).unwrap().1.seal(&order(), entropy("answer"));
    let bytes = encode(&answer);
    for bit in 0..8 * bytes.len() {
        let mut wrong = bytes.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        let opened = decode_exact::<SealedAnswer>(&wrong).map(|wrong| asker.open::<Bytes>(&wrong));
        assert!(!matches!(opened, Ok(Ok(_))), "bit {bit}");
    }
}

#[test]
fn vc_3_the_answers_key_has_a_share_from_each_side() {
    let (key, request, _) = sealed("a");
    let (_, answerer) = key.open::<Bytes>(&request).unwrap();
    let first = answerer.seal(&order(), entropy("first"));
    let second = answerer.seal(&order(), entropy("second"));
    assert_ne!(first.nonce, second.nonce);
    assert_ne!(first.ciphertext, second.ciphertext);
    let other = sealed("b").1;
    let third = key.open::<Bytes>(&other).unwrap().1.seal(&order(), entropy("first"));
    assert_eq!(first.nonce, third.nonce);
    assert_ne!(first.ciphertext, third.ciphertext);
}

#[test]
fn a_secret_survives_the_journal() {
    let (key, request, asker) = sealed("a");
    let answer = key.open::<Bytes>(&request).unwrap().1.seal(&order(), entropy("answer"));
    let restored = AnswerSecret::restore(&asker.expose());
    assert_eq!(restored.open::<Bytes>(&answer), Ok(order()));
    assert_eq!(restored.acknowledgement(), asker.acknowledgement());
    assert_eq!(format!("{asker:?}"), "AnswerSecret(..)");
}

#[test]
fn both_ends_know_the_acknowledgement_and_nobody_else() {
    let (key, request, asker) = sealed("a");
    let (_, answerer) = key.open::<Bytes>(&request).unwrap();
    assert_eq!(asker.acknowledgement(), answerer.acknowledgement());
    assert_ne!(asker.acknowledgement(), sealed("b").2.acknowledgement());
}

#[test]
fn vc_15_an_answer_of_another_operation_is_no_answer_and_a_refusal_is_final() {
    let world = World::new();
    let order = world.change(8);
    let ask = |name| {
        let keys = world.desk.keys();
        Asked::<Change>::new(operation(name), &order, keys, entropy(name)).unwrap()
    };
    let (a, b) = (ask("a"), ask("b"));
    let request = decode_exact(b.request()).unwrap();
    let (_, secret) = world.desk.open::<Change>(&request).unwrap();
    let refusal = Refusal::from(Code::CoinNotLive);
    let answer = secret.seal(&Answer::<Coins>::Refused(refusal.clone()), entropy("answer"));
    assert_eq!(a.answer(&encode(&answer)), Err(AnswerError::NotAnAnswer));
    assert_eq!(b.answer(&encode(&answer)), Err(AnswerError::Refused(refusal.clone())));
    assert_eq!(b.answer(b"garbage"), Err(AnswerError::NotAnAnswer));
    let again = Asked::<Change>::restore(b.operation(), b.request().to_vec(), &b.secret().expose());
    assert_eq!(again.answer(&encode(&answer)), Err(AnswerError::Refused(refusal)));
}
