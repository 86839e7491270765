//! Cards in memory, and what their holders do with them: the shipped applet against the shipped
//! originator and issuer.

use http::Request as HttpRequest;
use koban_card::apdu::{self, AnswerError, Apdu};
use koban_card::command::{
    Ask, BeBorn, ChangePin, Command, Finish, Hello, Obey, Pay, Personalise, Pin, ReadEntry,
    ReadHead, Take, VerifyPin,
};
use koban_card::memory::Memory;
use koban_card::platform::{Button, Features, StoreFailed};
use koban_card::{Card, Platform, Status};
use koban_edge_issuer::answer::code_of;
use koban_protocol::amount::{Amount, Bundle};
use koban_protocol::entropy::Entropy;
use koban_protocol::id::OperationId;
use koban_protocol::offline::purse::service::{
    Directives, LoadCall, NewCard, RefundCall, Report, UnloadCall, Unloaded,
};
use koban_protocol::offline::purse::wire::{
    Acknowledgement, CardId, Challenge, Class, Entry, Label, Link, LogHead, Message, Party,
    Request, Segment, Transfer, Value,
};
use koban_protocol::process::load::{Load, LoadOrder};
use koban_protocol::process::unload::{ClaimSecret, Unload, UnloadOrder};
use koban_protocol::refusal::Code;
use koban_protocol::signed::{Attested, Signed};
use koban_protocol::statement::Funded;
use koban_protocol::wire::{self, List, Wire};
use serde::Deserialize;

use crate::network::Net;
use crate::raw::{Raw, message};

/// A device whose memory is the test's.
#[derive(Clone, Debug)]
pub struct Ram {
    class: Class,
    memory: Memory,
    seed: [u8; 32],
}

impl Platform for Ram {
    type Store = Memory;

    fn class(&self) -> Class {
        self.class
    }

    fn features(&self) -> Features {
        Features::default()
    }

    fn store(&mut self) -> &mut Memory {
        &mut self.memory
    }

    fn entropy(&mut self) -> Entropy {
        Entropy::new(self.seed)
    }

    fn counter(&mut self) -> u32 {
        0
    }

    fn raise_counter(&mut self) -> Result<(), StoreFailed> {
        Ok(())
    }
}

/// A card and its holder's way to the originator.
pub struct Held {
    net: Net,
    card: Card<Ram>,
}

/// Posts a message to the originator.
pub fn tell<T: Wire>(net: &Net, path: &str, call: &T) -> Result<Vec<u8>, Code> {
    tell_as(net, path, call, "nobody")
}

/// Posts a message to the originator, with a token; again, if no answer comes.
pub fn tell_as<T: Wire>(net: &Net, path: &str, call: &T, token: &str) -> Result<Vec<u8>, Code> {
    let request = HttpRequest::post(format!("{}{path}", net.origin("originator")))
        .header("authorization", format!("Bearer {token}"));
    let request = request.body(wire::encode(call)).unwrap();
    let response = net.http(request.clone()).or_else(|_| net.http(request)).unwrap();
    match code_of(&response) {
        Some(code) => Err(code),
        None => Ok(response.into_body()),
    }
}

/// Posts a message to the originator; the message it answers with.
pub fn ask<T: Wire, A: Wire>(net: &Net, path: &str, call: &T) -> Result<A, Code> {
    Ok(wire::decode_exact(&tell(net, path, call)?).unwrap())
}

/// A terminal has a name; nobody else has.
pub fn label_of(class: Class) -> Option<Label> {
    (class == Class::Terminal).then(|| Label::new("Stall 3").unwrap())
}

impl Held {
    /// A new card of this class, made by the originator.
    pub fn made(net: &Net, class: Class) -> Self {
        let device = Ram { class, memory: Memory::new(), seed: net.entropy().bytes() };
        let mut held = Self { net: net.clone(), card: Card::power_up(device) };
        let birth = held.run(&BeBorn {}).unwrap();
        let call = NewCard { birth, label: label_of(class) };
        let sealed = tell_as(net, "/cards", &call, "demo").unwrap();
        held.run(&Personalise(wire::decode_exact(&sealed).unwrap())).unwrap();
        held
    }

    /// What is in its memory, in another device: a copy, or the card before it is used on.
    pub fn copied(&mut self) -> Self {
        let device = self.card.platform().clone();
        Self { net: self.net.clone(), card: Card::power_up(device) }
    }

    /// Carries out a command.
    pub fn run<C: Command>(&mut self, command: &C) -> Result<C::Answer, Status> {
        self.exchange(&apdu::encode(command))
    }

    /// Carries out the bytes of a command; the answer's.
    pub fn tell(&mut self, command: &[u8]) -> Apdu {
        let mut answer = Apdu::new();
        assert_eq!(self.card.handle(command, Button::Unasked, &mut answer), None);
        answer
    }

    fn exchange<A: Wire>(&mut self, command: &[u8]) -> Result<A, Status> {
        apdu::answer(&self.tell(command)).map_err(|error| match error {
            AnswerError::Refused(status) => status,
            AnswerError::NotAnAnswer => panic!("not an answer"),
        })
    }

    /// What it says of itself.
    pub fn hello(&mut self) -> Hello {
        self.exchange(&apdu::select()).unwrap()
    }

    /// Its number.
    pub fn id(&mut self) -> CardId {
        self.hello().certificate.unwrap().claim.card
    }

    /// Itself in its next exchange.
    pub fn party(&mut self) -> Party {
        Party { card: self.id(), number: self.hello().number }
    }

    /// Sets a PIN and shows it.
    pub fn set_pin(&mut self) {
        let new = Pin::new("2468").unwrap();
        self.run(&ChangePin { old: None, new: new.clone() }).unwrap();
        self.run(&VerifyPin { pin: new }).unwrap();
    }

    /// The signed head of its log.
    pub fn head(&mut self) -> Attested<LogHead> {
        let challenge = Challenge(self.net.entropy().bytes());
        self.run(&ReadHead { challenge }).unwrap()
    }

    /// What it holds in the amount's currency, and is exactly the amount.
    pub fn holds(&mut self, amount: Amount) {
        let balances = self.head().claim.balances;
        assert!(balances.contains(&amount), "{amount:?} in {balances:?}");
    }

    /// Its log since it was last settled.
    pub fn log(&mut self) -> Report {
        let head = self.head();
        let entries = head.claim.settled..head.claim.entries;
        let entries = entries.map(|entry| self.run(&ReadEntry { entry }).unwrap());
        let entries: Vec<Entry> = entries.collect();
        Report { head, entries: List::new(entries).unwrap() }
    }

    /// Reports its log, and has it obey.
    pub fn report(&mut self) -> Directives {
        let report = self.log();
        let told: Directives = ask(&self.net, "/reports", &report).unwrap();
        for directed in told.orders.iter() {
            self.run(&Obey(*directed)).unwrap();
        }
        told
    }

    /// Asks for a load.
    pub fn ask_load(&mut self, amount: Amount) -> Message<Request> {
        self.run(&Ask { link: Link::Originator, payer: None, amount }).unwrap()
    }

    /// Takes a value from the originator, which hears of it.
    pub fn take(&mut self, value: Message<Value>) {
        let acknowledgement = self.run(&Take(value)).unwrap();
        tell(&self.net, "/loads/end", &acknowledgement).unwrap();
    }

    /// Pays another card up to the step where the value is on its way.
    pub fn send(&mut self, payee: &mut Self, amount: Amount) -> Message<Value> {
        let link = match payee.hello().class {
            Class::Terminal => Link::Terminal(Segment::of(payee.id())),
            Class::Purse | Class::Virtual => Link::Peer,
        };
        let payer = Some(self.party());
        let request = payee.run(&Ask { link, payer, amount }).unwrap();
        self.run(&Pay(request)).unwrap()
    }

    /// Pays another card.
    pub fn pay(&mut self, payee: &mut Self, amount: Amount) -> Message<Acknowledgement> {
        let value = self.send(payee, amount);
        let acknowledgement = payee.run(&Take(value)).unwrap();
        self.run(&Finish(acknowledgement.clone())).unwrap();
        acknowledgement
    }

    /// Asks for a refund of lost value.
    pub fn ask_refund(&mut self, lost: Transfer) -> RefundCall {
        RefundCall { request: self.ask_load(lost.amount), lost }
    }
}

/// A holder of soft money and cards.
pub struct Owner(pub Raw);

impl Owner {
    /// Buys coins and gives them for a card's request.
    pub fn fund(&self, request: &Request) -> (Signed<Funded>, ClaimSecret) {
        let secret = ClaimSecret::generate(self.0.net.entropy());
        let coins = self.0.purchase(Bundle::fewest(request.amount).unwrap());
        let order = LoadOrder {
            coins: List::new(coins).unwrap(),
            amount: request.amount,
            change: None,
            request: request.digest(),
            claim: secret.claim(),
            at: self.0.net.now(),
        };
        let loaded = self.0.ask::<Load>(self.clearing(), &order).unwrap();
        (loaded.funded, secret)
    }

    /// A fresh operation for a load or an unload.
    pub fn clearing(&self) -> OperationId {
        OperationId::clearing(self.0.issuer.shards, self.0.net.entropy())
    }

    /// Has a card's request ready to be answered.
    pub fn order_load(&self, card: &mut Held, amount: Amount) -> LoadCall {
        let request = card.ask_load(amount);
        let (funded, _) = self.fund(&request.content);
        LoadCall { request, funded }
    }

    /// Loads a card.
    pub fn load(&self, card: &mut Held, amount: Amount) {
        let call = self.order_load(card, amount);
        card.take(ask(&self.0.net, "/loads", &call).unwrap());
    }

    /// Has a card pay the originator, up to the step where the value is on its way; and what owns
    /// the release.
    pub fn send_unload(
        &self,
        card: &mut Held,
        amount: Amount,
    ) -> Result<(Message<Value>, ClaimSecret), Code> {
        let secret = ClaimSecret::generate(self.0.net.entropy());
        let (operation, claim) = (self.clearing(), secret.claim());
        let call = UnloadCall { payer: card.party(), amount, operation, claim };
        let request = ask(&self.0.net, "/unloads", &call)?;
        Ok((card.run(&Pay(request)).unwrap(), secret))
    }

    /// Takes value off a card; the coins it became.
    pub fn unload(&self, card: &mut Held, amount: Amount) -> Result<u64, Code> {
        let (value, secret) = self.send_unload(card, amount)?;
        let Unloaded { acknowledgement, released } = ask(&self.0.net, "/unloads/value", &value)?;
        card.run(&Finish(acknowledgement)).unwrap();
        let operation = released.claim().unwrap().operation;
        let bundle = Bundle::fewest(amount).unwrap();
        let order = UnloadOrder { released, secret, bundle, at: self.0.net.now() };
        let coins = self.0.ask::<Unload>(operation, &order).unwrap();
        Ok(coins.iter().map(|coin| coin.body.denomination.minor()).sum())
    }
}

/// The originator's audit as a reader sees it.
#[derive(Debug, Deserialize)]
pub struct CardAudit {
    /// One entry a currency.
    pub currencies: Vec<CardFigures>,
    /// How many cards are closed.
    pub closed: u64,
    /// What was found out, and about how many cards.
    pub findings: std::collections::BTreeMap<String, u64>,
}

/// The figures of one currency, minor units.
#[derive(Debug, Deserialize)]
pub struct CardFigures {
    /// Its code.
    pub code: String,
    /// Owed by the issuer.
    pub clearing: i64,
    /// In cards.
    pub cards: i64,
    /// On its way, given up by the payer.
    pub broken: i64,
    /// Lost, and not loaded again.
    pub lost: i64,
    /// Missing in overdrawn shadow accounts.
    pub overdrawn: i64,
    /// Whether the originator finds its rule kept.
    pub consistent: bool,
}

impl CardAudit {
    /// The audit now.
    pub fn of(net: &Net) -> Self {
        let url = format!("{}/audit", net.origin("originator"));
        let response = net.http(HttpRequest::get(url).body(Vec::new()).unwrap()).unwrap();
        serde_json::from_slice(response.body()).unwrap()
    }

    /// A currency's figures, in which the clearing is even (VC-14).
    pub fn figures(&self, code: &str) -> &CardFigures {
        let found = self.currencies.iter().find(|figures| figures.code == code).unwrap();
        assert!(found.consistent, "{found:?}");
        assert_eq!(found.clearing, found.cards + found.broken + found.lost, "{found:?}");
        found
    }
}

/// What the originator publishes of itself.
pub fn published(net: &Net) -> koban_protocol::statement::OriginatorKeys {
    let url = format!("{}/keys", net.origin("originator"));
    let response = net.http(HttpRequest::get(url).body(Vec::new()).unwrap()).unwrap();
    let keys: Signed<koban_protocol::statement::OriginatorKeys> = message(&response);
    keys.open(&keys.claim().unwrap().key).unwrap()
}
