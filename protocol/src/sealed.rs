//! Sealed request and answer: one round trip in place of VarietyCash's three flows (VC-3).
//!
//! The request is HPKE in base mode (RFC 9180: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM)
//! to the role's key; route, operation and recipient are associated data, so that none can be
//! swapped. The answer is AES-128-GCM under a key from the secret that both ends export and the
//! answerer's nonce, as in Oblivious HTTP (RFC 9458 section 4.4): the session key has a share from
//! each side, as `K_CP` and `K_I` gave it. An answer stored for retries is unreadable to whoever
//! reads the store.

use alloc::vec::Vec;
use core::fmt;

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes128Gcm, Nonce};
use hkdf::Hkdf;
use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _};
use minicbor::{Decode, Encode};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::entropy::Entropy;
use crate::id::{KeyId, OperationId};
pub use crate::key::SealingKey;
use crate::key::Seed;
use crate::wire::{self, Bytes, Wire, byte_string};

const INFO: &[u8] = b"koban/v1/request";
const ANSWER: &[u8] = b"koban/v1/answer";

byte_string!(
    /// An HPKE encapsulated key.
    Encapsulated, 65
);
byte_string!(
    /// The answerer's share of the answer's key.
    AnswerNonce, 16
);
byte_string!(
    /// Tells the issuer that an answer has arrived and need not be kept (VC-3, the last flow).
    Acknowledgement, 16
);

/// What a request asks for; part of the associated data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Route {
    /// [`process::registration`](crate::process::registration).
    #[n(0)]
    Registration,
    /// [`process::enrolment`](crate::process::enrolment).
    #[n(1)]
    Enrolment,
    /// [`process::purchase`](crate::process::purchase).
    #[n(2)]
    Purchase,
    /// The payer's envelope of [`process::payment`](crate::process::payment).
    #[n(3)]
    Payment,
    /// The payee's validation request of [`process::payment`](crate::process::payment).
    #[n(4)]
    Validation,
    /// [`process::change`](crate::process::change).
    #[n(5)]
    Change,
    /// [`process::redeem`](crate::process::redeem).
    #[n(6)]
    Redeem,
    /// [`process::refund`](crate::process::refund).
    #[n(7)]
    Refund,
    /// The issuer's note to the register: [`RegisterNote`](crate::statement::RegisterNote).
    #[n(8)]
    Note,
    /// The issuer's look-up: [`RegisterLookup`](crate::statement::RegisterLookup).
    #[n(9)]
    Lookup,
    /// [`process::load`](crate::process::load).
    #[n(10)]
    Load,
    /// [`process::unload`](crate::process::unload).
    #[n(11)]
    Unload,
}

/// A request that only its recipient can open.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SealedRequest {
    /// What it asks for.
    #[n(0)]
    pub route: Route,
    /// The operation, in clear: its first bits name the home shard.
    #[n(1)]
    pub operation: OperationId,
    /// The key it is sealed to.
    #[n(2)]
    pub recipient: KeyId,
    /// HPKE `enc`.
    #[n(3)]
    pub encapsulated: Encapsulated,
    /// HPKE ciphertext.
    #[n(4)]
    pub ciphertext: Bytes,
}

/// An answer that only the asker can open.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SealedAnswer {
    /// The answerer's fresh nonce.
    #[n(0)]
    pub nonce: AnswerNonce,
    /// AES-128-GCM ciphertext.
    #[n(1)]
    pub ciphertext: Bytes,
}

/// A sealed message that does not open; no reason is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSealedForUs;

impl fmt::Display for NotSealedForUs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message cannot be opened with this key")
    }
}
impl core::error::Error for NotSealedForUs {}

#[derive(Encode)]
struct Associated(#[n(0)] Route, #[n(1)] OperationId, #[n(2)] KeyId);

/// Both ends' share of an answer's key: `HPKE.Export("koban/v1/answer", 32)` with the request's
/// `enc`.
///
/// The asker journals it with the request, since a lost answer can be fetched again.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct AnswerSecret {
    encapsulated: [u8; 65],
    exported: [u8; 32],
}

impl fmt::Debug for AnswerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerSecret(..)")
    }
}

impl AnswerSecret {
    /// Its bytes, for the asker's journal.
    pub fn expose(&self) -> [u8; 97] {
        let mut bytes = [0; 97];
        let parts = self.encapsulated.iter().chain(&self.exported);
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// The secret that [`expose`](Self::expose) wrote.
    pub fn restore(bytes: &[u8; 97]) -> Self {
        let mut secret = Self { encapsulated: [0; 65], exported: [0; 32] };
        let parts = secret.encapsulated.iter_mut().chain(&mut secret.exported);
        parts.zip(bytes).for_each(|(to, from)| *to = *from);
        secret
    }

    /// Encrypts `answer`; at the answerer.
    pub fn seal<T: Wire>(&self, answer: &T, entropy: Entropy) -> SealedAnswer {
        let nonce = AnswerNonce(entropy.bytes());
        let (cipher, iv) = self.cipher(&nonce);
        let sealed = cipher.encrypt(&iv, wire::encode(answer).as_slice());
        // AES-GCM refuses only plaintexts of 64 GiB.
        debug_assert!(sealed.is_ok());
        SealedAnswer { nonce, ciphertext: Bytes(sealed.unwrap_or_default()) }
    }

    /// Decrypts an answer; at the asker.
    ///
    /// # Errors
    /// [`NotSealedForUs`] if it is not the answer to this request.
    pub fn open<T: Wire>(&self, answer: &SealedAnswer) -> Result<T, NotSealedForUs> {
        let (cipher, iv) = self.cipher(&answer.nonce);
        let opened = cipher.decrypt(&iv, answer.ciphertext.0.as_slice());
        wire::decode_exact(&opened.map_err(|_| NotSealedForUs)?).map_err(|_| NotSealedForUs)
    }

    /// What the asker sends once the answer is safe, and the issuer compares.
    pub fn acknowledgement(&self) -> Acknowledgement {
        Acknowledgement(self.expand(&[], b"koban/v1/acknowledgement"))
    }

    fn cipher(&self, nonce: &AnswerNonce) -> (Aes128Gcm, Nonce<aes_gcm::aead::consts::U12>) {
        let key: [u8; 16] = self.expand(&nonce.0, b"key");
        let iv: [u8; 12] = self.expand(&nonce.0, b"nonce");
        (Aes128Gcm::new(&key.into()), iv.into())
    }

    /// `HKDF(salt = enc || nonce, ikm = exported, info)`, RFC 9458 section 4.4.
    fn expand<const N: usize>(&self, nonce: &[u8], info: &[u8]) -> [u8; N] {
        let salt: Vec<u8> = self.encapsulated.iter().chain(nonce).copied().collect();
        let mut okm = [0; N];
        let expanded = Hkdf::<Sha256>::new(Some(&salt), &self.exported).expand(info, &mut okm);
        // HKDF refuses only outputs longer than 255 hashes.
        debug_assert!(expanded.is_ok());
        okm
    }
}

/// Seals `order` to `recipient`; gives the request and the secret its answer will be encrypted
/// under.
///
/// # Errors
/// [`NotSealedForUs`] if the recipient's key is no point of the curve.
pub fn seal<T: Wire>(
    route: Route,
    operation: OperationId,
    recipient: &SealingKey,
    order: &T,
    entropy: Entropy,
) -> Result<(SealedRequest, AnswerSecret), NotSealedForUs> {
    let key = <DhP256HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(&recipient.0)
        .map_err(|_| NotSealedForUs)?;
    let (enc, mut context) =
        hpke::setup_sender_with_rng::<AesGcm128, HkdfSha256, DhP256HkdfSha256>(
            &OpModeS::Base,
            &key,
            INFO,
            &mut entropy.rng(),
        )
        .map_err(|_| NotSealedForUs)?;
    let recipient = recipient.id();
    let associated = wire::encode(&Associated(route, operation, recipient));
    let ciphertext = context.seal(&wire::encode(order), &associated).map_err(|_| NotSealedForUs)?;
    let encapsulated = Encapsulated(enc.to_bytes().into());
    let mut secret = AnswerSecret { encapsulated: encapsulated.0, exported: [0; 32] };
    context.export(ANSWER, &mut secret.exported).map_err(|_| NotSealedForUs)?;
    let ciphertext = Bytes(ciphertext);
    Ok((SealedRequest { route, operation, recipient, encapsulated, ciphertext }, secret))
}

/// A role's secret key for sealed requests.
pub struct OpeningKey {
    secret: <DhP256HkdfSha256 as hpke::Kem>::PrivateKey,
    public: SealingKey,
}

impl fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpeningKey({})", self.public.id())
    }
}

impl OpeningKey {
    /// The key pair of `seed`: RFC 9180 `DeriveKeyPair`.
    pub fn from_seed(seed: &Seed) -> Self {
        let ikm = seed.derive(&[b"sealing"]);
        let (secret, public) = DhP256HkdfSha256::derive_keypair(ikm.expose());
        Self { secret, public: SealingKey(public.to_bytes().into()) }
    }

    /// The public key.
    pub const fn sealing_key(&self) -> SealingKey {
        self.public
    }

    /// The order in `request`, and the secret to answer under.
    ///
    /// # Errors
    /// [`NotSealedForUs`], whatever is wrong.
    pub fn open<T: Wire>(
        &self,
        request: &SealedRequest,
    ) -> Result<(T, AnswerSecret), NotSealedForUs> {
        if request.recipient != self.public.id() {
            return Err(NotSealedForUs);
        }
        let enc = <DhP256HkdfSha256 as hpke::Kem>::EncappedKey::from_bytes(&request.encapsulated.0)
            .map_err(|_| NotSealedForUs)?;
        let mut context = hpke::setup_receiver::<AesGcm128, HkdfSha256, DhP256HkdfSha256>(
            &OpModeR::Base,
            &self.secret,
            &enc,
            INFO,
        )
        .map_err(|_| NotSealedForUs)?;
        let associated =
            wire::encode(&Associated(request.route, request.operation, self.public.id()));
        let order = context.open(&request.ciphertext.0, &associated).map_err(|_| NotSealedForUs)?;
        let mut secret = AnswerSecret { encapsulated: request.encapsulated.0, exported: [0; 32] };
        context.export(ANSWER, &mut secret.exported).map_err(|_| NotSealedForUs)?;
        Ok((wire::decode_exact(&order).map_err(|_| NotSealedForUs)?, secret))
    }
}
