//! How a card comes to its keys: it makes its own, and the originator seals the rest to it, so that
//! whatever page or machine is between them learns nothing. The same for a card in a factory, a
//! terminal's module and a virtual card.

use core::fmt;

use hpke::aead::{AeadTag, AesGcm128};
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable as _, Kem as _, OpModeR, Serializable as _};
use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use super::wire::{CardCertificate, Class, Limits, Pockets, Segment};
use super::{PurseKey, SEGMENTS};
use crate::key::{SealingKey, Seed, SigningKey, VerifyingKey};
use crate::signed::{Attested, Statement};
use crate::wire;

pub(super) const INFO: &[u8] = b"koban/v1/personalisation";
/// Bytes of an AES-GCM tag.
const TAG_BYTES: usize = 16;
/// Room for a personalisation, sealed.
const SEALED_BYTES_MAX: usize = 1024;

/// A card's first words, signed with the key it has just made.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Birth {
    /// What kind of device it says it is; whether that is true is the originator's to know.
    #[n(0)]
    pub class: Class,
    /// The key it will sign with.
    #[n(1)]
    pub key: VerifyingKey,
    /// The key its personalisation is to be sealed to.
    #[n(2)]
    pub sealing: SealingKey,
}

impl Statement for Birth {
    const DOMAIN: &'static str = "koban/v1/card-birth";
}

/// The keys a device has to do with terminals.
#[expect(clippy::large_enum_variant, reason = "a card has no heap to keep the keys on")]
#[derive(Debug, Encode, Decode)]
pub enum PurchaseKeys {
    /// None: a virtual card.
    #[n(0)]
    None,
    /// `f(K, card)` of every segment: a purse.
    #[n(1)]
    Derived(#[n(0)] Keys),
    /// `K` of one segment: a terminal.
    #[n(2)]
    Segment(#[n(0)] Segment, #[n(1)] PurseKey),
}

/// A key for each segment.
#[derive(Debug)]
pub struct Keys(pub [PurseKey; SEGMENTS]);

impl<C> Encode<C> for Keys {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        c: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        self.0.as_slice().encode(e, c)
    }
}

impl<'b, C> Decode<'b, C> for Keys {
    fn decode(d: &mut Decoder<'b>, c: &mut C) -> Result<Self, decode::Error> {
        let mut keys = heapless::Vec::<PurseKey, SEGMENTS>::new();
        for key in d.array_iter_with(c)? {
            keys.push(key?).map_err(|_| decode::Error::message("more keys than segments"))?;
        }
        let keys = keys.into_array().map_err(|_| decode::Error::message("a key is missing"));
        keys.map(Self)
    }
}

/// What makes a device a card of this originator.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct Personalisation {
    /// The originator, whose certificates the card believes.
    #[n(0)]
    pub originator: VerifyingKey,
    /// The card's certificate.
    #[n(1)]
    pub certificate: Attested<CardCertificate>,
    /// `f(K, card)` for loads, unloads and directives.
    #[n(2)]
    pub load: PurseKey,
    /// For purchases and refunds.
    #[n(3)]
    pub purchase: PurchaseKeys,
    /// Its currencies.
    #[n(4)]
    pub limits: Pockets<Limits>,
}

/// A personalisation, sealed to the card's [`Birth::sealing`] (RFC 9180, base mode).
#[derive(Clone, PartialEq, Eq)]
pub struct SealedPersonalisation {
    pub(super) encapsulated: [u8; 65],
    /// Ciphertext, then tag.
    pub(super) sealed: heapless::Vec<u8, SEALED_BYTES_MAX>,
}

impl fmt::Debug for SealedPersonalisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedPersonalisation({} bytes)", self.sealed.len())
    }
}

impl<C> Encode<C> for SealedPersonalisation {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?.bytes(&self.encapsulated)?.bytes(&self.sealed)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for SealedPersonalisation {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let wrong = || decode::Error::message("not a sealed personalisation");
        if d.array()? != Some(2) {
            return Err(wrong());
        }
        let encapsulated = d.bytes()?.try_into().map_err(|_| wrong())?;
        let sealed = heapless::Vec::try_from(d.bytes()?).map_err(|_| wrong())?;
        Ok(Self { encapsulated, sealed })
    }
}

/// What a card has of itself: everything comes from this seed.
#[derive(Debug)]
pub struct Born {
    seed: Seed,
    /// Derived once: making a public key takes a card as long as making a signature.
    signing: SigningKey,
}

impl Born {
    /// A card of this seed, which never leaves it.
    pub fn new(seed: Seed) -> Self {
        let signing = SigningKey::from_seed(&seed);
        Self { seed, signing }
    }

    /// The seed, for the card's own store.
    pub const fn expose(&self) -> &[u8; 32] {
        self.seed.expose()
    }

    /// The key it signs with.
    pub const fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// Its first words.
    pub fn birth(&self, class: Class) -> Attested<Birth> {
        let (_, public) = DhP256HkdfSha256::derive_keypair(self.sealing().expose());
        let mut sealing = SealingKey([0; 65]);
        public.write_exact(&mut sealing.0);
        Attested::sign(Birth { class, key: self.signing.verifying_key(), sealing }, &self.signing)
    }

    /// The personalisation, if it is for this card and holds together; none otherwise.
    pub fn open(&self, mut sealed: SealedPersonalisation) -> Option<Personalisation> {
        let (secret, _) = DhP256HkdfSha256::derive_keypair(self.sealing().expose());
        let encapsulated =
            <DhP256HkdfSha256 as hpke::Kem>::EncappedKey::from_bytes(&sealed.encapsulated).ok()?;
        let length = sealed.sealed.len().checked_sub(TAG_BYTES)?;
        let (body, tag) = sealed.sealed.split_at_mut(length);
        let tag = AeadTag::<AesGcm128>::from_bytes(tag).ok()?;
        hpke::single_shot_open_inout_detached::<AesGcm128, HkdfSha256, DhP256HkdfSha256>(
            &OpModeR::Base,
            &secret,
            &encapsulated,
            INFO,
            InOutBuf::from(&mut *body),
            &[],
            &tag,
        )
        .ok()?;
        let found: Personalisation = wire::decode_exact(body).ok()?;
        let certificate = found.certificate.open(&found.originator).ok()?;
        (certificate.key == self.signing.verifying_key()).then_some(found)
    }

    /// A secret of the card's own, for a purpose.
    pub fn derive(&self, purpose: &[&[u8]]) -> Seed {
        self.seed.derive(purpose)
    }

    fn sealing(&self) -> Seed {
        self.derive(&[b"sealing"])
    }
}
