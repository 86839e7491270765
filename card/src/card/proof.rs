//! Why the other side believes a card, and when a card believes the other side.

use core::ops::Deref;

use koban_protocol::id::Digest;
use koban_protocol::key::Signature;
use koban_protocol::offline::purse::wire::{
    CardCertificate, CardId, Class, Link, ORIGINATOR, Proof, Request, Value,
};
use koban_protocol::offline::purse::{Keys, PurchaseKeys, PurseKey};
use koban_protocol::signed::{Attested, Statement};

use super::Card;
use crate::Status;
use crate::platform::Platform;
use crate::state::segment;

/// A key shared with the other side.
enum Shared<'a> {
    /// The card has it.
    Kept(&'a PurseKey),
    /// Made of a key that a terminal has.
    Derived(PurseKey),
}

impl Deref for Shared<'_> {
    type Target = PurseKey;

    fn deref(&self) -> &PurseKey {
        match self {
            Self::Kept(key) => key,
            Self::Derived(key) => key,
        }
    }
}

impl<P: Platform> Card<P> {
    /// Whether this card may take part in exchanges of this kind.
    pub(super) fn check_link(&self, link: Link) -> Result<(), Status> {
        let keys = self.keys()?;
        let fits = match (link, self.class()) {
            (Link::Originator, _) | (Link::Peer, Class::Purse | Class::Virtual) => true,
            (Link::Terminal(_), Class::Purse) => true,
            (Link::Terminal(named), Class::Terminal) => segment(&keys.purchase) == Some(named),
            (Link::Terminal(_), Class::Virtual) | (Link::Peer, Class::Terminal) => false,
        };
        if fits { Ok(()) } else { Err(Status::NotAllowed) }
    }

    /// The key shared with `other`; none between peers.
    fn key(&self, link: Link, other: CardId) -> Result<Option<Shared<'_>>, Status> {
        let keys = self.keys()?;
        Ok(match (link, &keys.purchase) {
            (Link::Originator, _) => Some(Shared::Kept(&keys.load)),
            (Link::Terminal(named), PurchaseKeys::Derived(Keys(derived))) => {
                derived.get(usize::from(named.number())).map(Shared::Kept)
            }
            (Link::Terminal(_), PurchaseKeys::Segment(_, key)) => {
                Some(Shared::Derived(key.of_card(other)))
            }
            (Link::Terminal(_), PurchaseKeys::None) => return Err(Status::NotAllowed),
            (Link::Peer, _) => None,
        })
    }

    /// The proof of a request: no evidence, as it moves nothing.
    pub(super) fn prove_request(&self, request: &Request) -> Result<Proof, Status> {
        let payer = request.payer.map_or(ORIGINATOR, |payer| payer.card);
        match self.key(request.link, payer)? {
            Some(key) => Ok(Proof::Keyed(key.tag(request), None, None)),
            None => self.prove(request.link, payer, request),
        }
    }

    /// The proof of a value or an acknowledgement.
    pub(super) fn prove<T: Statement>(
        &self,
        link: Link,
        other: CardId,
        it: &T,
    ) -> Result<Proof, Status> {
        let signature = self.signing()?.sign(&Digest::of_value(T::DOMAIN, it));
        Ok(match self.key(link, other)? {
            Some(key) => Proof::Keyed(key.tag(it), Some(signature), None),
            None => Proof::Signed(signature, self.keys()?.certificate.clone()),
        })
    }

    /// Whether a message is the other side's. A terminal's or a purse's value is also checked by
    /// the certificate and signature it carries: whoever takes it will have to show them.
    pub(super) fn check<T: Statement>(
        &self,
        link: Link,
        other: CardId,
        it: &T,
        proof: &Proof,
    ) -> Result<(), Status> {
        let own = self.class();
        match (proof, self.key(link, other)?) {
            (Proof::Keyed(tag, signature, certificate), Some(key)) => {
                key.verify(it, tag).map_err(|_| Status::BadData)?;
                let expected = match (link, own) {
                    (Link::Terminal(_), Class::Purse) => Class::Terminal,
                    _ => Class::Purse,
                };
                let needed = matches!(link, Link::Terminal(_)) && T::DOMAIN == Value::DOMAIN;
                match (signature, certificate) {
                    (Some(signature), Some(certificate)) if needed => {
                        self.check_signed(other, expected, it, signature, certificate)
                    }
                    _ if needed => Err(Status::BadData),
                    _ => Ok(()),
                }
            }
            (Proof::Signed(signature, certificate), None) => {
                self.check_signed(other, own, it, signature, certificate)
            }
            (Proof::Keyed(..), None) | (Proof::Signed(..), Some(_)) => Err(Status::BadData),
        }
    }

    fn check_signed<T: Statement>(
        &self,
        other: CardId,
        class: Class,
        it: &T,
        signature: &Signature,
        certificate: &Attested<CardCertificate>,
    ) -> Result<(), Status> {
        let originator = &self.keys()?.originator;
        let sender = certificate.open(originator).map_err(|_| Status::BadData)?;
        if sender.card != other || sender.class != class {
            return Err(Status::BadData);
        }
        let digest = Digest::of_value(T::DOMAIN, it);
        sender.key.verify(&digest, signature).map_err(|_| Status::BadData)
    }
}
