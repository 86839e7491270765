//! The vectors of cards: what they, their originator and the issuer say.

use koban_protocol::amount::Amount;
use koban_protocol::id::Digest;
use koban_protocol::key::{Seed, SigningKey};
use koban_protocol::offline::purse::issuer::{Masters, certify};
use koban_protocol::offline::purse::service::{
    Directives, LoadCall, NewCard, RefundCall, Report, ReturnCall, UnloadCall, Unloaded,
};
use koban_protocol::offline::purse::wire::{
    Acknowledgement, CardCertificate, CardId, Challenge, Class, Directed, Directive, End, Entry,
    Label, Limits, Link, LogHead, Message, ORIGINATOR, Order, Party, Pockets, Presence, Proof,
    Request, Segment, Side, Tag, Transfer, Value,
};
use koban_protocol::offline::purse::{Born, Keys, Personalisation, PurchaseKeys, PurseKey};
use koban_protocol::process::load::Loaded;
use koban_protocol::refusal::Answer;
use koban_protocol::signed::{Attested, Signed, Statement};
use koban_protocol::statement::{Funded, OriginatorKeys};
use koban_protocol::wire::{List, encode};

use super::make::{Valid, Vector};
use super::wrong::changed;
use crate::fixture::cbor::Item;
use crate::fixture::{
    NOW, World, bytes, claim_secret, clearing, coins_of, currency, entropy, list, seed, signing,
    text, yen,
};

/// A device made a card by the originator of the fixture.
struct Card {
    id: CardId,
    class: Class,
    born: Born,
    certificate: Attested<CardCertificate>,
}

impl Card {
    fn new(class: Class, name: &str) -> Self {
        let (id, born) = (CardId(Digest(bytes(name)).prefix()), Born::new(seed(name)));
        let label = (class == Class::Terminal).then(|| Label::new("Inkstone, till 1").unwrap());
        let birth = born.birth(class).claim;
        let expires = NOW.day().plus(366);
        let certificate = certify(&birth, id, label, expires, &signing("originator"));
        Self { id, class, born, certificate }
    }

    fn party(&self, number: u32) -> Party {
        Party { card: self.id, number }
    }

    fn signature<T: Statement>(&self, said: &T) -> koban_protocol::key::Signature {
        self.born.signing().sign(&Digest::of_value(T::DOMAIN, said))
    }
}

/// The master key of loads, as `Masters` derives it.
fn load_master() -> Seed {
    seed("originator").derive(&[b"load"])
}

/// The master key of a segment.
fn purchase_master(segment: Segment) -> Seed {
    seed("originator").derive(&[b"purchase", &[segment.number()]])
}

fn tagged<T: Statement>(content: T, key: &PurseKey, card: Option<&Card>) -> Message<T> {
    let signature = card.map(|card| card.signature(&content));
    let proof = Proof::Keyed(key.tag(&content), signature, None);
    Message { content, proof }
}

fn limits() -> Limits {
    Limits { currency: currency("JPY"), balance: 50_000, payment: 20_000, unsettled: 30_000 }
}

impl Valid {
    /// A message of an exchange, with what its tag and its signature are checked with.
    fn say<T: Statement>(&mut self, name: &str, said: &Message<T>, by: Said<'_>) {
        let kind = format!("purse-message<{}>", T::DOMAIN.trim_start_matches("koban/v1/"));
        let mut vector = Vector::new(name, &kind, &encode(said), "valid");
        if let Some((master, card)) = &by.tagged {
            vector = vector.with("master", master.expose()).with("card", &card.0);
        }
        if let Some(card) = by.signed {
            vector = vector.with("key", &card.born.signing().verifying_key().0);
        }
        self.vectors.push(vector);
    }

    /// A statement that travels in the clear, and the same signed.
    fn attest<T: Statement + Clone>(&mut self, name: &str, claim: &T, key: &SigningKey) {
        let kind = T::DOMAIN.trim_start_matches("koban/v1/");
        self.named(kind, name, claim);
        let (attested, kind) = (Attested::sign(claim.clone(), key), format!("attested<{kind}>"));
        let vector = Vector::new(&format!("attested_{name}"), &kind, &encode(&attested), "valid");
        self.vectors.push(vector.with("key", &key.verifying_key().0));
    }

    /// Everything about cards.
    pub(super) fn cards(&mut self) {
        self.clearing();
        self.parts_of_cards();
        let purse = Card::new(Class::Purse, "purse");
        let terminal = Card::new(Class::Terminal, "terminal");
        self.made(&purse, &terminal);
        self.exchanges(&purse, &terminal);
        self.logs(&purse);
        self.calls(&purse);
    }

    /// Between issuer and originator.
    fn clearing(&mut self) {
        let world = World::new();
        let originator = signing("originator");
        let (name, url) = (text("Koban cards"), text("http://localhost:8707"));
        let keys = OriginatorKeys { name, url, key: originator.verifying_key() };
        self.state("originator-keys", &keys, &originator);
        let mut order = world.load(500);
        self.add("load-order", &order);
        order.amount = yen(370);
        order.change = Some(coins_of(130));
        self.named("load-order", "load_order_with_change", &order);
        let (operation, request, claim) = (clearing("load"), order.request, order.claim);
        let funded = Funded { operation, request, amount: yen(370), claim };
        let funded = self.state("funded", &funded, &world.signing);
        let loaded = Loaded { funded, change: list(world.coins(130, "change")) };
        self.add("loaded", &loaded);
        self.add("answer<loaded>", &Answer::Done(loaded));
        let released = world.released(500);
        self.state("released", &released, &originator);
        self.add("claim-secret", &claim_secret("unload"));
        self.add("unload-order", &world.unload(&released));
    }

    fn parts_of_cards(&mut self) {
        let segment = Segment::new(7).unwrap();
        self.add("card-id", &ORIGINATOR);
        self.add("purse-tag", &Tag(Digest(bytes("tag")).prefix()));
        self.add("purse-challenge", &Challenge(bytes("challenge")));
        self.add("purse-class", &Class::Terminal);
        self.add("purse-segment", &segment);
        self.named("purse-link", "purse_link_originator", &Link::Originator);
        self.named("purse-link", "purse_link_terminal", &Link::Terminal(segment));
        self.named("purse-link", "purse_link_peer", &Link::Peer);
        self.add("purse-party", &Party { card: ORIGINATOR, number: u32::MAX });
        self.add("purse-label", &Label::new("文具店").unwrap());
        self.add("purse-limits", &limits());
        self.add("purse-side", &Side::Payee);
        self.add("purse-end", &End::Broken);
        let orders = [
            ("settle", Order::Settle(12)),
            ("limit", Order::Limit(limits())),
            ("close", Order::Close),
            ("reopen", Order::Reopen),
            ("reset_pin", Order::ResetPin),
        ];
        for (name, order) in &orders {
            self.named("purse-order", &format!("purse_order_{name}"), order);
        }
    }

    /// How a device becomes a card.
    fn made(&mut self, purse: &Card, terminal: &Card) {
        let originator = signing("originator");
        let masters = Masters::from_seed(seed("originator"));
        let key = || masters.load(purse.id);
        self.add("purse-key", &key());
        self.add("purse-keys", &Keys(core::array::from_fn(|_| key())));
        let segment = Segment::of(terminal.id);
        let whole = PurseKey::new(purchase_master(segment));
        self.named("purse-purchase-keys", "purse_purchase_keys_none", &PurchaseKeys::None);
        let keys = PurchaseKeys::Derived(Keys(core::array::from_fn(|_| key())));
        self.named("purse-purchase-keys", "purse_purchase_keys_derived", &keys);
        let keys = PurchaseKeys::Segment(segment, whole);
        self.named("purse-purchase-keys", "purse_purchase_keys_segment", &keys);
        for (name, card) in [("purse", purse), ("terminal", terminal)] {
            let birth = card.born.birth(card.class);
            self.attest(&format!("card_birth_{name}"), &birth.claim, card.born.signing());
            let certificate = &card.certificate.claim;
            self.attest(&format!("card_certificate_{name}"), certificate, &originator);
            let limits = Pockets::new([limits()]).unwrap();
            let certificate = card.certificate.clone();
            let content = masters.personalise(
                &birth.claim,
                certificate,
                limits,
                &originator,
                entropy("personalise"),
            );
            let content = content.unwrap();
            let name = format!("purse_sealed_personalisation_{name}");
            self.named("purse-sealed-personalisation", &name, &content);
            let opened: Personalisation = card.born.open(content).unwrap();
            self.named("purse-personalisation", &name.replace("_sealed", ""), &opened);
        }
        let birth = purse.born.birth(Class::Purse);
        self.add("purse-new-card", &NewCard { birth, label: None });
        let birth = terminal.born.birth(Class::Terminal);
        let label = Label::new("Inkstone, till 1");
        self.named("purse-new-card", "purse_new_card_terminal", &NewCard { birth, label });
    }

    /// The three steps, over each link.
    fn exchanges(&mut self, purse: &Card, terminal: &Card) {
        let load = PurseKey::new(load_master()).of_card(purse.id);
        let by = |signed| Said { tagged: Some((load_master(), purse.id)), signed };
        let originator = Party { card: ORIGINATOR, number: 1 };
        let request = Request {
            link: Link::Originator,
            payee: purse.party(1),
            payer: None,
            amount: yen(500),
        };
        let transfer = request.answered_by(originator).unwrap();
        self.add("purse-request", &request);
        self.add("purse-transfer", &transfer);
        self.add("purse-value", &Value(transfer));
        self.add("purse-acknowledgement", &Acknowledgement(transfer));
        self.say("load_request", &tagged(request, &load, None), by(None));
        self.say("load_value", &tagged(Value(transfer), &load, None), by(None));
        let taken = tagged(Acknowledgement(transfer), &load, Some(purse));
        self.say("load_acknowledgement", &taken, by(Some(purse)));
        let segment = Segment::of(terminal.id);
        let key = PurseKey::new(purchase_master(segment)).of_card(purse.id);
        let by = |signed| Said { tagged: Some((purchase_master(segment), purse.id)), signed };
        let (payee, payer) = (terminal.party(1), Some(purse.party(2)));
        let request = Request { link: Link::Terminal(segment), payee, payer, amount: yen(370) };
        self.say("purchase_request", &tagged(request, &key, None), by(None));
        let transfer = request.answered_by(purse.party(2)).unwrap();
        let mut value = tagged(Value(transfer), &key, Some(purse));
        if let Proof::Keyed(_, _, certificate) = &mut value.proof {
            *certificate = Some(purse.certificate.clone());
        }
        self.named("purse-proof", "purse_proof_with_certificate", &value.proof);
        self.say("purchase_value", &value, by(Some(purse)));
        let taken = tagged(Acknowledgement(transfer), &key, Some(terminal));
        self.named("purse-proof", "purse_proof_with_signature", &taken.proof);
        self.say("purchase_acknowledgement", &taken, by(Some(terminal)));
        let friend = Card::new(Class::Purse, "friend");
        let (payee, payer) = (friend.party(1), None);
        let request = Request { link: Link::Peer, payee, payer, amount: yen(100) };
        let signed = |card: &Card, content: Value| {
            let proof = Proof::Signed(card.signature(&content), card.certificate.clone());
            Message { content, proof }
        };
        let gift = signed(purse, Value(request.answered_by(purse.party(3)).unwrap()));
        self.say("gift_value", &gift, Said { tagged: None, signed: Some(purse) });
    }

    fn logs(&mut self, purse: &Card) {
        let (link, amount) = (Link::Originator, yen(500));
        let payer = Party { card: ORIGINATOR, number: 1 };
        let transfer = Transfer { link, payee: purse.party(1), payer, amount };
        let (side, signature) = (Side::Payee, None);
        let entry = Entry { transfer, side, end: End::Done, signature };
        self.add("purse-entry", &entry);
        let signature = Some(purse.signature(&Value(transfer)));
        let proven = Entry { end: End::Broken, signature, ..entry.clone() };
        self.named("purse-entry", "purse_entry_with_signature", &proven);
        let head = LogHead {
            card: purse.id,
            entries: 1,
            head: entry.chained(&Digest([0; 32])),
            settled: 0,
            balances: Pockets::new([yen(500), dollars(0)]).unwrap(),
            challenge: Challenge(bytes("challenge")),
        };
        self.attest("card_log_head", &head, purse.born.signing());
        let presence = Presence { card: purse.id, challenge: Challenge(bytes("challenge")) };
        self.attest("card_presence", &presence, purse.born.signing());
        let head = Attested::sign(head, purse.born.signing());
        self.add("purse-report", &Report { head, entries: List::new(vec![entry]).unwrap() });
        let directive = Directive { card: purse.id, number: 1, order: Order::Settle(1) };
        self.add("card-directive", &directive);
        let tag = PurseKey::new(load_master()).of_card(purse.id).tag(&directive);
        let directed = Directed { directive, tag };
        let vector = Vector::new("purse_directed", "purse-directed", &encode(&directed), "valid");
        let vector = vector.with("master", load_master().expose());
        self.vectors.push(vector.with("card", &purse.id.0));
        let orders = List::new(vec![directed]).unwrap();
        self.add("purse-directives", &Directives { orders });
    }

    fn calls(&mut self, purse: &Card) {
        let world = World::new();
        let load = PurseKey::new(load_master()).of_card(purse.id);
        let (link, amount) = (Link::Originator, yen(500));
        let content = Request { link, payee: purse.party(1), payer: None, amount };
        let claim = claim_secret("load").claim();
        let funded =
            Funded { operation: clearing("load"), request: content.digest(), amount, claim };
        let funded = Signed::sign(&funded, &world.signing);
        let request = tagged(content, &load, None);
        self.add("purse-load-call", &LoadCall { request: request.clone(), funded: funded.clone() });
        let operation = clearing("return");
        self.add("purse-return-call", &ReturnCall { funded, operation });
        let (payer, operation) = (purse.party(4), clearing("unload"));
        let claim = claim_secret("unload").claim();
        self.add("purse-unload-call", &UnloadCall { payer, amount, operation, claim });
        let payee = Party { card: ORIGINATOR, number: 2 };
        let unloaded = Transfer { link, payee, payer, amount };
        let acknowledgement = tagged(Acknowledgement(unloaded), &load, None);
        let released = Signed::sign(&world.released(500), &signing("originator"));
        self.add("purse-unloaded", &Unloaded { acknowledgement, released });
        let lost = Transfer { link: Link::Peer, ..unloaded };
        self.add("purse-refund-call", &RefundCall { request, lost });
    }
}

/// With what a message of an exchange is checked.
struct Said<'a> {
    /// The master of its tag, and the card whose key is derived.
    tagged: Option<(Seed, CardId)>,
    /// The card whose signature is its evidence.
    signed: Option<&'a Card>,
}

fn dollars(cents: u64) -> Amount {
    Amount::new(currency("USD"), cents).unwrap()
}

/// Cards' messages with one thing changed.
pub(super) fn wrong() -> Vec<Vector> {
    let purse = Card::new(Class::Purse, "purse");
    let transfer = Transfer {
        link: Link::Originator,
        payee: Party { card: ORIGINATOR, number: 2 },
        payer: purse.party(4),
        amount: yen(500),
    };
    let key = PurseKey::new(load_master()).of_card(purse.id);
    let value = encode(&tagged(Value(transfer), &key, Some(&purse)));
    let public = purse.born.signing().verifying_key().0;
    let said = |name: &str, path: &[usize], change: &dyn Fn(&mut Item), outcome| {
        let value = changed(&value, path, change);
        let vector = Vector::new(name, "purse-message<purse-value>", &value, outcome);
        vector.with("master", load_master().expose()).with("card", &purse.id.0).with("key", &public)
    };
    // The two say the same fields, and are told apart by their domains.
    let kind = "purse-message<purse-acknowledgement>";
    let other = Vector::new("purse_value_as_acknowledgement", kind, &value, "wrong-tag")
        .with("master", load_master().expose())
        .with("card", &purse.id.0);
    let flip = |item: &mut Item| item.string[0] ^= 1;
    let certificate = encode(&purse.certificate);
    let attested = |name: &str, path: &[usize], change: &dyn Fn(&mut Item)| {
        let bytes = changed(&certificate, path, change);
        let kind = "attested<card-certificate>";
        Vector::new(name, kind, &bytes, "bad-signature")
            .with("key", &signing("originator").verifying_key().0)
    };
    let plain = |name, kind: &str, item: Item| Vector::new(name, kind, &item.write(), "malformed");
    let release = World::new().unload(&World::new().released(500));
    let short = changed(&encode(&release), &[1], |secret| secret.string.truncate(31));
    vec![
        said("purse_amount_raised", &[0, 3, 1], &|minor| *minor = Item::uint(501), "wrong-tag"),
        said("purse_number_used_again", &[0, 2, 1], &|n| *n = Item::uint(5), "wrong-tag"),
        said("purse_payee_swapped", &[0, 1, 0], &flip, "wrong-tag"),
        said("purse_tag_flipped", &[1, 1, 0], &flip, "wrong-tag"),
        said("purse_evidence_flipped", &[1, 1, 1], &flip, "bad-signature"),
        said("purse_number_above_32_bits", &[0, 2, 1], &|n| *n = Item::uint(1 << 32), "malformed"),
        other,
        attested("card_class_changed", &[0, 1], &|class| *class = Item::uint(2)),
        attested("card_key_swapped", &[0, 2], &flip),
        attested("card_signature_flipped", &[1], &flip),
        plain("segment_above_limit", "purse-segment", Item::uint(8)),
        plain("class_unknown", "purse-class", Item::uint(3)),
        plain("card_id_of_7_bytes", "card-id", Item::bytes(&[0; 7])),
        plain("label_above_limit", "purse-label", Item::text(&"x".repeat(33))),
        plain("label_with_line_break", "purse-label", Item::text("till\n1")),
        Vector::new("claim_secret_of_31_bytes", "unload-order", &short, "malformed"),
    ]
}
