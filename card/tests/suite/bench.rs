//! An originator with its cards, as a test needs them.

use koban_card::Status;
use koban_card::command::{Ask, BeBorn, Finish, Obey, Pay, Personalise, Take};
use koban_card::purse::issuer::{Masters, certify};
use koban_card::purse::wire::{
    Acknowledgement, CardId, Class, Directed, Directive, Limits, Link, Message, ORIGINATOR, Order,
    Party, Pockets, Proof, Request, Segment, Value,
};
use koban_protocol::amount::{Amount, Currency};
use koban_protocol::entropy::Entropy;
use koban_protocol::key::{Seed, SigningKey};
use koban_protocol::time::Day;

use crate::machine::Held;

pub(crate) struct Originator {
    pub(crate) masters: Masters,
    pub(crate) key: SigningKey,
    pub(crate) number: u32,
    pub(crate) directive: u32,
}

pub(crate) fn yen(minor: u64) -> Amount {
    Amount::new(currency("JPY"), minor).unwrap()
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::new(code).unwrap()
}

pub(crate) fn id(number: u8) -> CardId {
    CardId([number; 8])
}

pub(crate) fn limits() -> Limits {
    Limits { currency: currency("JPY"), balance: 50_000, payment: 20_000, unsettled: 30_000 }
}

impl Originator {
    pub(crate) fn new() -> Self {
        let seed = Seed::new([77; 32]);
        let key = SigningKey::from_seed(&seed);
        Self { masters: Masters::from_seed(seed), key, number: 0, directive: 0 }
    }

    /// A card of this class and number, in use.
    pub(crate) fn make(&self, class: Class, number: u8) -> Held {
        let mut held = Held::new(class, number);
        self.personalise(&mut held, number).unwrap();
        held
    }

    pub(crate) fn personalise(&self, held: &mut Held, number: u8) -> Result<(), Status> {
        let birth = held.run(&BeBorn {})?;
        let birth = birth.open(&birth.claim.key.clone()).unwrap().clone();
        let certificate = certify(&birth, id(number), None, Day(30_000), &self.key);
        let pockets = Pockets::new([limits(), Limits { currency: currency("USD"), ..limits() }]);
        let entropy = Entropy::new([number; 32]);
        let sealed = self
            .masters
            .personalise(&birth, certificate, pockets.unwrap(), &self.key, entropy)
            .unwrap();
        held.run(&Personalise(sealed)).map(drop)
    }

    /// The originator's value for what the card asks.
    pub(crate) fn answer(&mut self, request: &Message<Request>) -> Message<Value> {
        let asked = &request.content;
        let key = self.masters.load(asked.payee.card);
        let Proof::Keyed(tag, None, None) = &request.proof else { panic!("not a tag") };
        key.verify(asked, tag).unwrap();
        self.number += 1;
        let payer = Party { card: ORIGINATOR, number: self.number };
        let content = Value(asked.answered_by(payer).unwrap());
        Message { content, proof: Proof::Keyed(key.tag(&content), None, None) }
    }

    pub(crate) fn load(&mut self, held: &mut Held, amount: Amount) -> Result<(), Status> {
        let asked = held.run(&Ask { link: Link::Originator, payer: None, amount })?;
        let value = self.answer(&asked);
        let taken = held.run(&Take(value))?;
        self.check(&taken);
        Ok(())
    }

    fn check(&self, taken: &Message<Acknowledgement>) {
        let Proof::Keyed(tag, Some(_), None) = &taken.proof else { panic!("no evidence") };
        self.masters.load(taken.content.0.payee.card).verify(&taken.content, tag).unwrap();
    }

    /// Asks a card to give value back.
    pub(crate) fn ask(&mut self, held: &mut Held, amount: Amount) -> Message<Request> {
        let hello = held.hello();
        let card = hello.certificate.unwrap().claim.card;
        self.number += 1;
        let content = Request {
            link: Link::Originator,
            payee: Party { card: ORIGINATOR, number: self.number },
            payer: Some(Party { card, number: hello.number }),
            amount,
        };
        let tag = self.masters.load(card).tag(&content);
        Message { content, proof: Proof::Keyed(tag, None, None) }
    }

    pub(crate) fn unload(&mut self, held: &mut Held, amount: Amount) -> Result<(), Status> {
        let request = self.ask(held, amount);
        let value = held.run(&Pay(request))?;
        let transfer = value.content.0;
        let key = self.masters.load(transfer.payer.card);
        let Proof::Keyed(tag, Some(_), None) = &value.proof else { panic!("no evidence") };
        key.verify(&value.content, tag).unwrap();
        let content = Acknowledgement(transfer);
        let proof = Proof::Keyed(key.tag(&content), None, None);
        held.run(&Finish(Message { content, proof })).map(drop)
    }

    pub(crate) fn order(&mut self, held: &mut Held, order: Order) -> Result<(), Status> {
        let card = held.hello().certificate.unwrap().claim.card;
        self.directive += 1;
        let directive = Directive { card, number: self.directive, order };
        let tag = self.masters.load(card).tag(&directive);
        held.run(&Obey(Directed { directive, tag })).map(drop)
    }
}

/// The next party of a card.
pub(crate) fn party(held: &mut Held) -> Party {
    let hello = held.hello();
    Party { card: hello.certificate.unwrap().claim.card, number: hello.number }
}

/// The link by which these two exchange.
pub(crate) fn link(a: &mut Held, b: &mut Held) -> Link {
    let mut held = [a, b];
    let terminal = held.iter_mut().find_map(|held| {
        let is_terminal = held.machine().class == Class::Terminal;
        is_terminal.then(|| held.hello())
    });
    match terminal {
        Some(hello) => Link::Terminal(Segment::of(hello.certificate.unwrap().claim.card)),
        None => Link::Peer,
    }
}

/// The whole exchange.
pub(crate) fn exchange(payer: &mut Held, payee: &mut Held, amount: Amount) -> Result<(), Status> {
    let link = link(payer, payee);
    let named = Some(party(payer));
    let asked = payee.run(&Ask { link, payer: named, amount })?;
    let value = payer.run(&Pay(asked))?;
    let taken = payee.run(&Take(value))?;
    payer.run(&Finish(taken)).map(drop)
}
