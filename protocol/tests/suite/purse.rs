//! The purse: derived keys, tags, certificates, and how a card comes to its keys.

use koban_protocol::amount::{Amount, Currency};
use koban_protocol::entropy::Entropy;
use koban_protocol::key::{Seed, SigningKey};
use koban_protocol::offline::purse::issuer::{Masters, certify};
use koban_protocol::offline::purse::wire::{
    Acknowledgement, CardId, Class, Label, Limits, Link, Party, Pockets, Request, Segment,
    Transfer, Value,
};
use koban_protocol::offline::purse::{Born, Personalisation, PurchaseKeys, SEGMENTS, WrongTag};
use koban_protocol::signed::Attested;
use koban_protocol::time::Day;
use koban_protocol::wire;

fn yen(minor: u64) -> Amount {
    Amount::new(Currency::new("JPY").unwrap(), minor).unwrap()
}

fn party(card: u8, number: u32) -> Party {
    Party { card: CardId([card; 8]), number }
}

fn transfer() -> Transfer {
    let link = Link::Terminal(Segment::new(3).unwrap());
    Transfer { link, payee: party(1, 7), payer: party(2, 9), amount: yen(370) }
}

fn limits() -> Pockets<Limits> {
    let currency = Currency::new("JPY").unwrap();
    Pockets::new([Limits { currency, balance: 9, payment: 9, unsettled: 9 }]).unwrap()
}

#[test]
fn vc_13_every_card_has_its_own_keys() {
    let masters = Masters::from_seed(Seed::new([1; 32]));
    let other = Masters::from_seed(Seed::new([2; 32]));
    let [a, b] = [1, 2].map(|card| CardId([card; 8]));
    let keys = [masters.load(a), masters.load(b), other.load(a)];
    let tags = keys.each_ref().map(|key| key.tag(&Value(transfer())));
    assert_ne!(tags[0], tags[1]);
    assert_ne!(tags[0], tags[2]);
    assert_eq!(masters.load(a).tag(&Value(transfer())), tags[0]);
}

#[test]
fn a_tag_is_for_one_step_of_one_transfer() {
    let key = Masters::from_seed(Seed::new([1; 32])).load(CardId([1; 8]));
    let tag = key.tag(&Value(transfer()));
    assert_eq!(key.verify(&Value(transfer()), &tag), Ok(()));
    assert_eq!(key.verify(&Acknowledgement(transfer()), &tag), Err(WrongTag));
    for changed in [
        Transfer { amount: yen(371), ..transfer() },
        Transfer { payee: party(1, 8), ..transfer() },
        Transfer { payer: party(3, 9), ..transfer() },
        Transfer { link: Link::Originator, ..transfer() },
    ] {
        assert_eq!(key.verify(&Value(changed), &tag), Err(WrongTag), "{changed:?}");
    }
}

#[test]
fn a_request_is_answered_by_whom_it_names_or_by_anybody() {
    let Transfer { link, payee, payer, amount } = transfer();
    let open = Request { link, payee, payer: None, amount };
    assert_eq!(open.answered_by(payer), Some(transfer()));
    let named = Request { payer: Some(payer), ..open };
    assert_eq!(named.answered_by(payer), Some(transfer()));
    assert_eq!(named.answered_by(party(2, 10)), None, "another number");
    assert_eq!(named.answered_by(party(3, 9)), None, "another card");
    assert_ne!(open.digest(), named.digest());
}

/// What the device of seed `born` finds in a personalisation of this class for card 5.
fn personalised(born: &Born, to: &Born, class: Class) -> Option<Personalisation> {
    let masters = Masters::from_seed(Seed::new([1; 32]));
    let key = SigningKey::from_seed(&Seed::new([2; 32]));
    let birth = born.birth(class);
    let birth = birth.open(&birth.claim.key).unwrap();
    let certificate = certify(birth, CardId([5; 8]), Label::new("Tea"), Day(30_000), &key);
    let sealed = masters.personalise(birth, certificate, limits(), &key, Entropy::new([3; 32]));
    let sealed = wire::encode(&sealed.unwrap());
    assert!(!sealed.windows(32).any(|it| it == masters.load(CardId([5; 8])).expose()));
    to.open(wire::decode_exact(&sealed).unwrap())
}

#[test]
fn vc_13_keys_are_segmented_and_reach_only_the_card_they_are_for() {
    let born = Born::new(Seed::new([8; 32]));
    let masters = Masters::from_seed(Seed::new([1; 32]));
    let card = CardId([5; 8]);
    for class in [Class::Virtual, Class::Purse, Class::Terminal] {
        let got = personalised(&born, &born, class).unwrap();
        assert_eq!(got.load.expose(), masters.load(card).expose());
        assert_eq!(got.certificate.claim.class, class);
        match got.purchase {
            PurchaseKeys::None => assert_eq!(class, Class::Virtual),
            PurchaseKeys::Segment(segment, key) => {
                assert_eq!((class, segment), (Class::Terminal, Segment::of(card)));
                // It makes every purse's key of its segment, and no other's.
                let purse = personalised(&born, &born, Class::Purse).unwrap();
                let PurchaseKeys::Derived(keys) = purse.purchase else { panic!("a purse") };
                let same = keys.0.each_ref().map(|it| it.expose() == key.of_card(card).expose());
                assert_eq!(same.iter().filter(|same| **same).count(), 1);
                assert!(same[usize::from(segment.number())]);
            }
            PurchaseKeys::Derived(keys) => {
                assert_eq!(class, Class::Purse);
                let mut all = keys.0.map(|key| *key.expose()).to_vec();
                all.sort_unstable();
                all.dedup();
                assert_eq!(all.len(), SEGMENTS);
            }
        }
    }
    let other = Born::new(Seed::new([9; 32]));
    assert!(personalised(&born, &other, Class::Purse).is_none());
}

#[test]
fn terminals_spread_over_all_segments() {
    let mut segments = (0..=255).map(|first| Segment::of(CardId([first; 8])).number());
    assert!((0..8).all(|segment| segments.any(|it| it == segment)));
    assert_eq!(Segment::new(u8::try_from(SEGMENTS).unwrap()), None);
    assert!(wire::decode_exact::<Segment>(&[8]).is_err());
}

#[test]
fn attested_claims_hold_only_under_the_key_that_signed_them() {
    let born = Born::new(Seed::new([8; 32]));
    let birth = born.birth(Class::Purse);
    assert!(birth.open(&birth.claim.key).is_ok());
    let other = SigningKey::from_seed(&Seed::new([2; 32])).verifying_key();
    assert!(birth.open(&other).is_err());
    let mut changed = birth.clone();
    changed.claim.class = Class::Terminal;
    assert!(changed.open(&birth.claim.key).is_err());
    // What travels is the claim itself, encoded once.
    let bytes = wire::encode(&birth);
    assert_eq!(wire::decode_exact::<Attested<_>>(&bytes), Ok(birth));
}

#[test]
fn names_and_pockets_are_bounded() {
    assert!(Label::new(&"x".repeat(32)).is_some());
    for wrong in ["", "line\nbreak", &"x".repeat(33)] {
        assert!(Label::new(wrong).is_none(), "{wrong:?}");
    }
    assert!(Pockets::new([0_u8; 4]).is_some());
    assert!(Pockets::new([0_u8; 5]).is_none());
    assert!(wire::decode_exact::<Pockets<u8>>(&[0x85, 0, 0, 0, 0, 0]).is_err());
}
