//! The originator's side: every key comes from its seed (VC 4.2, the hierarchy).

use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable as _, OpModeS, Serializable as _};

use super::PurseKey;
use super::card::{Birth, INFO, Keys, Personalisation, PurchaseKeys, SealedPersonalisation};
use super::wire::{CardCertificate, CardId, Class, Label, Limits, Pockets, Segment};
use crate::entropy::Entropy;
use crate::key::{Seed, SigningKey};
use crate::sealed::NotSealedForUs;
use crate::signed::Attested;
use crate::time::Day;
use crate::wire;

/// The masters `K`, of which every device has a derived key or, a terminal, one segment's.
#[derive(Debug)]
pub struct Masters(Seed);

impl Masters {
    /// The masters of an originator's seed.
    pub const fn from_seed(seed: Seed) -> Self {
        Self(seed)
    }

    /// A card's load key.
    pub fn load(&self, card: CardId) -> PurseKey {
        PurseKey::new(self.0.derive(&[b"load"])).of_card(card)
    }

    /// The purchase key of a segment.
    fn segment(&self, number: u8) -> PurseKey {
        PurseKey::new(self.0.derive(&[b"purchase", &[number]]))
    }

    /// What makes the device of `birth` the card of `certificate`.
    ///
    /// # Errors
    /// [`NotSealedForUs`] if the birth's sealing key is no key.
    pub fn personalise(
        &self,
        birth: &Birth,
        certificate: Attested<CardCertificate>,
        limits: Pockets<Limits>,
        originator: &SigningKey,
        entropy: Entropy,
    ) -> Result<SealedPersonalisation, NotSealedForUs> {
        let card = certificate.claim.card;
        let purchase = match certificate.claim.class {
            Class::Virtual => PurchaseKeys::None,
            Class::Purse => PurchaseKeys::Derived(Keys(core::array::from_fn(|number| {
                self.segment(u8::try_from(number).unwrap_or(u8::MAX)).of_card(card)
            }))),
            Class::Terminal => {
                let segment = Segment::of(card);
                PurchaseKeys::Segment(segment, self.segment(segment.number()))
            }
        };
        let content = Personalisation {
            originator: originator.verifying_key(),
            certificate,
            load: self.load(card),
            purchase,
            limits,
        };
        let key = <DhP256HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(&birth.sealing.0);
        let key = key.map_err(|_| NotSealedForUs)?;
        let (encapsulated, sealed) =
            hpke::single_shot_seal_with_rng::<AesGcm128, HkdfSha256, DhP256HkdfSha256>(
                &OpModeS::Base,
                &key,
                INFO,
                &wire::encode(&content),
                &[],
                &mut entropy.rng(),
            )
            .map_err(|_| NotSealedForUs)?;
        let mut kept = SealedPersonalisation {
            encapsulated: [0; 65],
            sealed: heapless::Vec::try_from(sealed.as_slice()).map_err(|_| NotSealedForUs)?,
        };
        encapsulated.write_exact(&mut kept.encapsulated);
        Ok(kept)
    }
}

/// A certificate over a device's key.
pub fn certify(
    birth: &Birth,
    card: CardId,
    label: Option<Label>,
    expires: Day,
    originator: &SigningKey,
) -> Attested<CardCertificate> {
    let Birth { class, key, .. } = *birth;
    Attested::sign(CardCertificate { card, class, key, label, expires }, originator)
}
