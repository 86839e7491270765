//! What the issuer and the originator of cards say to each other, carried by whoever it is for: the
//! clearing between payment agency and load server (VC 4.3, VC 4.4).

use minicbor::{Decode, Encode};

use super::{Name, Url};
use crate::amount::Amount;
use crate::id::{Digest, OperationId};
use crate::key::VerifyingKey;

/// What an originator publishes of itself.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OriginatorKeys {
    /// Its name.
    #[n(0)]
    pub name: Name,
    /// Its address.
    #[n(1)]
    pub url: Url,
    /// The key it signs with: certificates of cards, and [`Released`].
    #[n(2)]
    pub key: VerifyingKey,
}

/// The issuer has taken soft money for a card: the amount is owed to the originator, which loads
/// the card of `request` for it, once.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Funded {
    /// The issuer's operation.
    #[n(0)]
    pub operation: OperationId,
    /// The digest of the card's request: the issuer does not learn which card.
    #[n(1)]
    pub request: Digest,
    /// How much.
    #[n(2)]
    pub amount: Amount,
    /// Whose it is if the card never takes it: see [`Released::claim`].
    #[n(3)]
    pub claim: Digest,
}

/// The originator has taken value off a card: the issuer pays it out for `operation`, once.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Released {
    /// The operation at the issuer it is for.
    #[n(0)]
    pub operation: OperationId,
    /// How much.
    #[n(1)]
    pub amount: Amount,
    /// `SHA-256("koban/v1/claim", secret)` of a secret that only its owner knows and shows to the
    /// issuer alone.
    #[n(2)]
    pub claim: Digest,
}
