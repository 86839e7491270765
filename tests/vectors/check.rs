//! The checks of the vectors beside this file, the same natively and in a browser.
//!
//! A test crate includes this file by `#[path]` and calls each public function once; it needs
//! `koban-protocol`, `hex`, `hpke`, `p256` and `serde_json`. Every file is `{"source": text,
//! "vectors": [{"name": text, ...}]}`; bytes are lower-case hexadecimal. A vector's `outcome` is
//! `valid` or the error it must end in. `docs/PROTOCOL.md` describes the fields.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable as _, Kem as _, OpModeR, Serializable as _};
use koban_protocol::id::Digest;
use koban_protocol::key::{Seed, Signature, SigningKey, VerifyingKey};
use koban_protocol::offline::purse::PurseKey;
use koban_protocol::offline::purse::wire::CardId;
use koban_protocol::sealed::{AnswerSecret, OpeningKey};
use koban_protocol::wire::WireError;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use serde_json::Value;

#[path = "kinds.rs"]
pub(crate) mod kinds;

use kinds::{Kind, kind};

type Kem = DhP256HkdfSha256;

/// Our own messages.
pub(crate) const MESSAGES: &str = include_str!("messages.json");
/// Our own key derivations.
pub(crate) const KEYS: &str = include_str!("keys.json");

/// Checks a file's every vector by `check`, which gives what went wrong; all are reported together.
fn each(file: &str, least: usize, check: impl Fn(&Value) -> Result<(), String>) {
    let file: Value = serde_json::from_str(file).unwrap();
    assert!(!file["source"].as_str().unwrap().is_empty());
    let vectors = file["vectors"].as_array().unwrap();
    assert!(vectors.len() >= least, "only {} vectors", vectors.len());
    let failed: Vec<String> = vectors
        .iter()
        .filter_map(|vector| Some(format!("{}: {}", vector["name"], check(vector).err()?)))
        .collect();
    assert!(failed.is_empty(), "\n{}\n", failed.join("\n"));
}

fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    hex::decode(vector[field].as_str().unwrap()).unwrap()
}

fn array<const N: usize>(vector: &Value, field: &str) -> [u8; N] {
    bytes(vector, field).try_into().unwrap()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: T, should: T) -> Result<(), String> {
    if is == should {
        return Ok(());
    }
    Err(format!("{what} is {is:02x?} and should be {should:02x?}"))
}

/// RFC 6979: the nonces of our signatures, and of two twins the low `s` alone.
pub(crate) fn rfc_6979() {
    each(include_str!("rfc6979.json"), 2, |vector| {
        let key = p256::ecdsa::SigningKey::from_slice(&bytes(vector, "key")).unwrap();
        let public = VerifyingKey(array(vector, "public"));
        let point = key.verifying_key().to_sec1_point(true);
        same("public key", point.as_bytes(), &public.0)?;
        let digest = Digest(array(vector, "digest"));
        let signed: p256::ecdsa::Signature = key.sign_prehash(&digest.0).unwrap();
        let of_message = key.sign(vector["message"].as_str().unwrap().as_bytes());
        same("digest", signed == of_message, true)?;
        let signature = [bytes(vector, "r"), bytes(vector, "s")].concat();
        let of = |s: p256::ecdsa::Signature| Signature(s.to_bytes().into());
        let published = p256::ecdsa::Signature::from_slice(&signature).unwrap();
        same("signature", of(signed.normalize_s()), of(published.normalize_s()))?;
        let low = of(published.normalize_s());
        same("low s", public.verify(&digest, &low).is_ok(), true)?;
        let high = of(twin(&published.normalize_s()));
        same("high s", public.verify(&digest, &high).is_ok(), false)
    });
}

/// The other signature that satisfies the equation.
fn twin(signature: &p256::ecdsa::Signature) -> p256::ecdsa::Signature {
    let (r, s) = signature.split_scalars();
    p256::ecdsa::Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap()
}

/// RFC 9180: DeriveKeyPair, decapsulation, opening and exporting of the library that seals our
/// requests.
pub(crate) fn rfc_9180() {
    each(include_str!("rfc9180.json"), 1, |vector| {
        let pair = |ikm| {
            let (secret, public) = Kem::derive_keypair(&bytes(vector, ikm));
            (secret.to_bytes().to_vec(), public.to_bytes().to_vec())
        };
        same("recipient", pair("ikm_r"), (bytes(vector, "sk_r"), bytes(vector, "pk_r")))?;
        same("sender", pair("ikm_e"), (bytes(vector, "sk_e"), bytes(vector, "enc")))?;
        let (secret, _) = Kem::derive_keypair(&bytes(vector, "ikm_r"));
        let enc = <Kem as hpke::Kem>::EncappedKey::from_bytes(&bytes(vector, "enc")).unwrap();
        let info = bytes(vector, "info");
        let mut context = hpke::setup_receiver::<AesGcm128, HkdfSha256, Kem>(
            &OpModeR::Base,
            &secret,
            &enc,
            &info,
        )
        .unwrap();
        for message in vector["encryptions"].as_array().unwrap() {
            let opened = context.open(&bytes(message, "ct"), &bytes(message, "aad"));
            same("plaintext", opened.unwrap(), bytes(message, "pt"))?;
        }
        for export in vector["exports"].as_array().unwrap() {
            let mut value = [0; 32];
            context.export(&bytes(export, "context"), &mut value).unwrap();
            same("export", value, array(export, "value"))?;
        }
        Ok(())
    });
}

/// RFC 8949 through our door: what is not well-formed or not deterministic is refused as any
/// message.
pub(crate) fn rfc_8949() {
    each(include_str!("cbor.json"), 100, |vector| {
        let cbor = bytes(vector, "cbor");
        let outcome = vector["outcome"].as_str().unwrap();
        if let Some(name) = vector["type"].as_str() {
            let door = kinds::plain(name).unwrap();
            return same("outcome", wire_outcome(&door(&cbor)), outcome);
        }
        let accepts = |kind: &Kind| (kind.door)(&cbor).is_ok();
        let accepting = kinds::all().into_iter().find(accepts).map(|kind| kind.name);
        same("accepted as", accepting, None)?;
        let plain = kinds::PLAIN.iter().find(|(_, door)| door(&cbor).is_ok());
        same("accepted as", plain.map(|(name, _)| name), None)
    });
}

fn wire_outcome(decoded: &Result<Vec<u8>, WireError>) -> &'static str {
    match decoded {
        Ok(_) => "valid",
        Err(WireError::TooLong) => "too-long",
        Err(WireError::Malformed) => "malformed",
        Err(WireError::NotCanonical) => "not-canonical",
    }
}

/// Our messages: valid ones are read and written back; each invalid one ends in the error it names.
pub(crate) fn messages() {
    each(MESSAGES, 80, |vector| {
        let kind = kind(vector["type"].as_str().unwrap()).ok_or("unknown type")?;
        let is = outcome(&kind, vector, &bytes(vector, "cbor"));
        same("outcome", is?, vector["outcome"].as_str().unwrap())
    });
}

/// What a message ends in: at the door, then under a tag, a signature, a seal or an answer's
/// secret.
fn outcome(kind: &Kind, vector: &Value, cbor: &[u8]) -> Result<&'static str, String> {
    let decoded = (kind.door)(cbor);
    match &decoded {
        Ok(again) => same("encoding", again.as_slice(), cbor)?,
        Err(_) => return Ok(wire_outcome(&decoded)),
    }
    if vector["master"].is_string() {
        let master = PurseKey::new(Seed::new(array(vector, "master")));
        let tagged = (kind.tagged)(&master.of_card(CardId(array(vector, "card"))), cbor);
        if tagged != "valid" || !vector["key"].is_string() {
            return Ok(tagged);
        }
    }
    if vector["key"].is_string() {
        let key = VerifyingKey(array(vector, "key"));
        return Ok((kind.open)(cbor, &key));
    }
    if vector["seed"].is_string() {
        let key = OpeningKey::from_seed(&Seed::new(array(vector, "seed")));
        let holds = kinds::kind(vector["holds"].as_str().unwrap()).ok_or("unknown content")?;
        let Some(content) = (holds.unseal)(&key, cbor) else { return Ok("not-sealed-for-us") };
        same("content", content, bytes(vector, "content"))?;
    }
    if vector["secret"].is_string() {
        let secret = AnswerSecret::restore(&array(vector, "secret"));
        let holds = kinds::kind(vector["holds"].as_str().unwrap()).ok_or("unknown content")?;
        let Some(content) = (holds.answer)(&secret, cbor) else { return Ok("not-sealed-for-us") };
        same("content", content, bytes(vector, "content"))?;
        let word = array(vector, "acknowledgement");
        same("acknowledgement", secret.acknowledgement().0, word)?;
    }
    Ok("valid")
}

/// Keys and short names that a seed gives, and a signature under them.
pub(crate) fn keys() {
    each(KEYS, 2, |vector| {
        let seed = Seed::new(array(vector, "seed"));
        let signing = SigningKey::from_seed(&seed);
        let public = signing.verifying_key();
        same("verifying key", public.0, array(vector, "verifying_key"))?;
        same("key id", public.id().0, array(vector, "key_id"))?;
        same("participant", public.participant().0, array(vector, "participant"))?;
        let sealing = OpeningKey::from_seed(&seed).sealing_key();
        same("sealing key", sealing.0, array(vector, "sealing_key"))?;
        same("sealing key's id", sealing.id().0, array(vector, "sealing_key_id"))?;
        let digest = Digest::of(vector["domain"].as_str().unwrap(), &bytes(vector, "body"));
        same("digest", digest.0, array(vector, "digest"))?;
        same("signature", signing.sign(&digest).0, array(vector, "signature"))
    });
}
