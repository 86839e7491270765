//! The originator's side of the wallet's calls: the protocol's own keys and messages over the
//! simplest books.

use std::collections::{BTreeMap, HashMap};

use koban_card::purse::SealedPersonalisation;
use koban_card::purse::issuer::{Masters, certify};
use koban_card::purse::service::{
    Directives, LoadCall, NewCard, RefundCall, Report, ReturnCall, UnloadCall, Unloaded,
};
use koban_card::purse::wire::{
    Acknowledgement, CardId, Directed, Directive, End, Label, Limits, Link, Message, ORIGINATOR,
    Order, Party, Pockets, Proof, Request, Side, Transfer, Value,
};
use koban_protocol::amount::Currency;
use koban_protocol::entropy::Entropy;
use koban_protocol::id::OperationId;
use koban_protocol::key::{Seed, SigningKey, VerifyingKey};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Name, OriginatorKeys, Released, Url};
use koban_protocol::time::Day;
use koban_protocol::wire::{self, Wire};
use koban_wallet_wasm::engine::HttpAnswer;

use super::edge::{cbor, problem};

pub const ORIGINATOR_URL: &str = "http://originator";

pub struct Originator {
    pub key: SigningKey,
    masters: Masters,
    issuer: VerifyingKey,
    /// Refuses every load and refund.
    pub refuses: bool,
    /// Minor units that are on cards, as far as it knows.
    pub on_cards: u64,
    /// Reports that came.
    pub reports: u32,
    /// Loads that the cards have acknowledged.
    pub ended: u32,
    cards: u8,
    number: u32,
    answers: BTreeMap<Vec<u8>, HttpAnswer>,
    unloads: HashMap<Party, UnloadCall>,
    directives: BTreeMap<CardId, u32>,
    /// The last number of each card's booked log.
    booked: HashMap<CardId, u32>,
    /// What it gave to cards.
    given: HashMap<Party, Transfer>,
    /// Exchanges whose value did not arrive as far as their payers know, or that were given up.
    broken: Vec<Transfer>,
}

fn body<T: Wire>(bytes: &[u8]) -> T {
    wire::decode_exact(bytes).unwrap()
}

impl Originator {
    pub fn new(issuer: VerifyingKey) -> Self {
        Self {
            key: SigningKey::from_seed(&Seed::new([40; 32])),
            masters: Masters::from_seed(Seed::new([41; 32])),
            issuer,
            refuses: false,
            on_cards: 0,
            reports: 0,
            ended: 0,
            cards: 0,
            number: 0,
            answers: BTreeMap::new(),
            unloads: HashMap::new(),
            directives: BTreeMap::new(),
            booked: HashMap::new(),
            given: HashMap::new(),
            broken: Vec::new(),
        }
    }

    /// Answers a call; the same one with the same bytes.
    pub fn answer(&mut self, path: &[&str], bytes: &[u8]) -> HttpAnswer {
        let known = [path.join("/").as_bytes(), b" ", bytes].concat();
        if let Some(answer) = self.answers.get(&known) {
            return answer.clone();
        }
        let answer = match path {
            ["keys"] => cbor(&Signed::sign(&self.keys(), &self.key)),
            ["cards"] => cbor(&self.make(&body(bytes))),
            ["reports"] => cbor(&self.book(&body(bytes))),
            ["loads"] | ["refunds"] if self.refuses => problem(Code::CardClosed),
            ["loads"] => cbor(&self.load(&body(bytes))),
            ["loads", "end"] => {
                let _: Message<Acknowledgement> = body(bytes);
                self.ended += 1;
                HttpAnswer { status: 204, body: Vec::new() }
            }
            ["refunds"] => {
                let call: RefundCall = body(bytes);
                match self.refund(&call) {
                    Some(value) => cbor(&value),
                    None => problem(Code::NotLost),
                }
            }
            ["loads", "return"] => cbor(&self.give_back(&body(bytes))),
            ["unloads"] => cbor(&self.unload(body(bytes))),
            ["unloads", "value"] => cbor(&self.take(&body(bytes))),
            other => panic!("no such place: {other:?}"),
        };
        if answer.status < 400 {
            self.answers.insert(known, answer.clone());
        }
        answer
    }

    fn keys(&self) -> OriginatorKeys {
        let (name, url) = (Name::new("Originator").unwrap(), Url::new(ORIGINATOR_URL).unwrap());
        OriginatorKeys { name, url, key: self.key.verifying_key() }
    }

    pub fn make(&mut self, asked: &NewCard) -> SealedPersonalisation {
        let birth = asked.birth.open(&asked.birth.claim.key).unwrap();
        self.cards += 1;
        let card = CardId([self.cards; 8]);
        let certificate = certify(birth, card, asked.label.clone(), Day(30_000), &self.key);
        let currency = Currency::new("JPY").unwrap();
        let limits = Limits { currency, balance: 10_000, payment: 5_000, unsettled: 8_000 };
        let limits = Pockets::new([limits]).unwrap();
        let entropy = Entropy::new([self.cards; 32]);
        self.masters.personalise(birth, certificate, limits, &self.key, entropy).unwrap()
    }

    pub fn label() -> Label {
        Label::new("Kiosk").unwrap()
    }

    fn book(&mut self, report: &Report) -> Directives {
        self.reports += 1;
        let head = &report.head.claim;
        let entries = usize::try_from(head.entries - head.settled).unwrap();
        assert_eq!(report.entries.len(), entries);
        for entry in report.entries.iter() {
            let Transfer { payer, payee, .. } = entry.transfer;
            let own = if entry.side == Side::Payer { payer } else { payee };
            let last = self.booked.insert(own.card, own.number);
            if last.is_some_and(|last| last >= own.number) {
                continue;
            }
            match (entry.side, entry.end) {
                (Side::Payer, End::Broken) => self.broken.push(entry.transfer),
                (Side::Payee, End::Broken) => self.broken.extend(self.given.get(&payee)),
                (Side::Payee, End::Done) => self.broken.retain(|it| *it != entry.transfer),
                (Side::Payer, End::Done) => (),
            }
        }
        let number = self.directives.entry(head.card).or_default();
        *number += 1;
        let (card, order) = (head.card, Order::Settle(head.entries));
        let directive = Directive { card, number: *number, order };
        let tag = self.masters.load(card).tag(&directive);
        let orders = vec![Directed { directive, tag }];
        Directives { orders: wire::List::new(orders).unwrap() }
    }

    fn party(&mut self) -> Party {
        self.number += 1;
        Party { card: ORIGINATOR, number: self.number }
    }

    fn load(&mut self, call: &LoadCall) -> Message<Value> {
        let funded = call.funded.open(&self.issuer).unwrap();
        let asked = call.request.content;
        assert_eq!((funded.request, funded.amount), (asked.digest(), asked.amount));
        assert_eq!(asked.link, Link::Originator);
        self.on_cards += asked.amount.minor();
        self.give(asked)
    }

    fn give(&mut self, asked: Request) -> Message<Value> {
        let value = Value(asked.answered_by(self.party()).unwrap());
        self.given.insert(asked.payee, value.0);
        let tag = self.masters.load(asked.payee.card).tag(&value);
        Message { content: value, proof: Proof::Keyed(tag, None, None) }
    }

    /// Gives value again that both ends reported as never arrived.
    fn refund(&mut self, call: &RefundCall) -> Option<Message<Value>> {
        let Transfer { payee, amount, .. } = call.lost;
        assert_eq!(call.request.content.amount, amount);
        let past = self.booked.get(&payee.card).is_some_and(|last| *last >= payee.number);
        let at = self.broken.iter().position(|it| *it == call.lost).filter(|_| past)?;
        self.broken.remove(at);
        Some(self.give(call.request.content))
    }

    fn release(&self, operation: OperationId, call: &UnloadCall) -> Signed<Released> {
        let (amount, claim) = (call.amount, call.claim);
        Signed::sign(&Released { operation, amount, claim }, &self.key)
    }

    fn give_back(&mut self, call: &ReturnCall) -> Signed<Released> {
        let funded = call.funded.open(&self.issuer).unwrap();
        let (operation, amount, claim) = (call.operation, funded.amount, funded.claim);
        Signed::sign(&Released { operation, amount, claim }, &self.key)
    }

    fn unload(&mut self, call: UnloadCall) -> Message<Request> {
        let (payee, payer) = (self.party(), Some(call.payer));
        let request = Request { link: Link::Originator, payee, payer, amount: call.amount };
        let tag = self.masters.load(call.payer.card).tag(&request);
        self.unloads.insert(call.payer, call);
        Message { content: request, proof: Proof::Keyed(tag, None, None) }
    }

    fn take(&mut self, value: &Message<Value>) -> Unloaded {
        let transfer = value.content.0;
        let key = self.masters.load(transfer.payer.card);
        let Proof::Keyed(tag, Some(_), _) = &value.proof else { panic!("no signature") };
        key.verify(&value.content, tag).unwrap();
        let call = self.unloads.get(&transfer.payer).unwrap();
        let released = self.release(call.operation, call);
        self.on_cards -= transfer.amount.minor();
        let content = Acknowledgement(transfer);
        let proof = Proof::Keyed(key.tag(&content), None, None);
        Unloaded { acknowledgement: Message { content, proof }, released }
    }
}
