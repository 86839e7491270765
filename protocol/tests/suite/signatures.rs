//! Signatures and signed statements: the right key, the right domain, the low `s`.

use koban_protocol::id::Digest;
use koban_protocol::key::{BadSignature, Signature, VerifyingKey};
use koban_protocol::process::enrolment::AccountConsent;
use koban_protocol::signed::{OpenError, Signed, Statement};
use koban_protocol::statement::{AccountAttestation, BalanceInquiry, Certificate};
use koban_protocol::wire::{Bytes, WireError, decode_exact, encode};

use crate::fixture::{NOW, World, signing};

/// `n - s`, the other `s` that satisfies ECDSA's equation.
fn other_s(signature: &Signature) -> Signature {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut other = *signature;
    let mut borrow = 0;
    for at in (0..32).rev() {
        let difference = i16::from(ORDER[at]) - i16::from(signature.0[32 + at]) - borrow;
        borrow = i16::from(difference < 0);
        other.0[32 + at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    other
}

#[test]
fn a_signature_verifies_under_its_key_and_digest_alone() {
    let key = signing("a");
    let digest = Digest::of("koban/v1/test", b"body");
    let signature = key.sign(&digest);
    assert_eq!(key.verifying_key().verify(&digest, &signature), Ok(()));
    let other = Digest::of("koban/v1/test", b"Body");
    assert_eq!(key.verifying_key().verify(&other, &signature), Err(BadSignature));
    let other = signing("b").verifying_key();
    assert_eq!(other.verify(&digest, &signature), Err(BadSignature));
}

#[test]
fn signatures_are_low_s_and_the_high_twin_is_refused() {
    let key = signing("a");
    for trial in 0..20_u8 {
        let digest = Digest::of("koban/v1/test", &[trial]);
        let signature = key.sign(&digest);
        assert!(signature.0[32] < 0x80, "s > n/2");
        let twin = other_s(&signature);
        assert_eq!(other_s(&twin), signature);
        assert_eq!(key.verifying_key().verify(&digest, &twin), Err(BadSignature));
    }
}

#[test]
fn a_signature_with_any_bit_flipped_is_refused() {
    let key = signing("a");
    let digest = Digest::of("koban/v1/test", b"body");
    let signature = key.sign(&digest);
    for bit in 0..512 {
        let mut wrong = signature;
        wrong.0[bit / 8] ^= 1 << (bit % 8);
        let verdict = key.verifying_key().verify(&digest, &wrong);
        assert_eq!(verdict, Err(BadSignature), "bit {bit}");
    }
    assert_eq!(key.verifying_key().verify(&digest, &Signature([0; 64])), Err(BadSignature));
}

#[test]
fn a_key_is_a_compressed_point_and_nothing_else() {
    let key = signing("a");
    let digest = Digest::of("koban/v1/test", b"body");
    let signature = key.sign(&digest);
    for tag in 0..=u8::MAX {
        let mut other = key.verifying_key();
        other.0[0] = tag;
        let verdict = other.verify(&digest, &signature);
        assert_eq!(verdict.is_ok(), other == key.verifying_key(), "tag {tag:#04x}");
    }
    let mut off_the_curve = [0; 33];
    off_the_curve[0] = 2;
    off_the_curve[32] = 1;
    assert_eq!(VerifyingKey(off_the_curve).verify(&digest, &signature), Err(BadSignature));
    assert_eq!(VerifyingKey([0; 33]).verify(&digest, &signature), Err(BadSignature));
}

#[test]
fn a_statement_opens_under_its_signers_key_alone() {
    let world = World::new();
    let attestation = AccountAttestation { account: world.payer.account.clone(), at: NOW };
    let signed = world.payer.signs(&attestation);
    assert_eq!(signed.open(&world.payer.key.verifying_key()), Ok(attestation));
    let opened = signed.open(&world.payee.key.verifying_key());
    assert_eq!(opened, Err(OpenError::Signature(BadSignature)));
}

/// The same body and signature, claimed to be another statement.
fn relabelled<A: Statement, B: Statement>(signed: &Signed<A>) -> Signed<B> {
    decode_exact(&encode(signed)).unwrap()
}

#[test]
fn a_signature_for_one_domain_is_refused_in_another() {
    let world = World::new();
    // the two have the same fields, so only the domain tells them apart
    let attestation = AccountAttestation { account: world.payer.account.clone(), at: NOW };
    let signed = world.payer.signs(&attestation);
    let inquiry: Signed<BalanceInquiry> = relabelled(&signed);
    assert!(inquiry.claim().is_ok());
    let opened = inquiry.open(&world.payer.key.verifying_key());
    assert_eq!(opened, Err(OpenError::Signature(BadSignature)));
    assert_ne!(inquiry.digest(), signed.digest());
}

#[test]
fn a_signed_body_that_is_no_statement_is_refused_after_the_signature() {
    let key = signing("a");
    let body = Bytes(vec![0xa1, 0x00]);
    let signature = key.sign(&Digest::of(AccountConsent::DOMAIN, &body.0));
    let bytes = [vec![0x82], encode(&body), encode(&signature)].concat();
    let signed: Signed<AccountConsent> = decode_exact(&bytes).unwrap();
    let malformed = Err(OpenError::Content(WireError::Malformed));
    assert_eq!(signed.open(&key.verifying_key()), malformed);
    assert_eq!(signed.claim(), Err(WireError::Malformed));
}

#[test]
fn a_statement_with_any_byte_of_its_body_changed_is_refused() {
    let world = World::new();
    let signed = &world.payer.certificate;
    let bytes = encode(signed);
    let issuer = world.desk.keys().key;
    let body = bytes.len() - 66;
    for at in 3..body {
        let mut wrong = bytes.clone();
        wrong[at] ^= 1;
        let opened = decode_exact::<Signed<Certificate>>(&wrong).map(|signed| signed.open(&issuer));
        assert!(!matches!(opened, Ok(Ok(_))), "byte {at}");
    }
}

#[test]
fn bodies_are_compared_and_signatures_are_not() {
    let world = World::new();
    let inquiry = BalanceInquiry { account: world.payer.account.clone(), at: NOW };
    assert_eq!(world.payer.signs(&inquiry), world.payee.signs(&inquiry));
    let later = BalanceInquiry { at: NOW.plus(1), ..inquiry.clone() };
    assert_ne!(world.payer.signs(&inquiry), world.payer.signs(&later));
}

#[test]
fn keys_of_one_seed_differ_by_purpose_and_stay_the_same() {
    let seed = crate::fixture::seed("s");
    assert_ne!(seed.derive(&[b"a"]).expose(), seed.derive(&[b"b"]).expose());
    assert_eq!(seed.derive(&[b"a"]).expose(), seed.derive(&[b"a"]).expose());
    assert_eq!(signing("a").verifying_key(), signing("a").verifying_key());
    assert_ne!(signing("a").verifying_key(), signing("b").verifying_key());
    assert_eq!(format!("{seed:?}"), "Seed(..)");
}
