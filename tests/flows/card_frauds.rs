//! Cards that are not as they were made: copied, put back, opened, invented. The shadow accounts
//! find them, and no more leaves the cards than was loaded (MONDEX-3, VC 4.4).

use koban_card::Status;
use koban_card::command::{Ask, Finish, Take};
use koban_protocol::amount::Amount;
use koban_protocol::id::Digest;
use koban_protocol::key::Seed;
use koban_protocol::offline::purse::service::{Directives, LoadCall, NewCard, Report};
use koban_protocol::offline::purse::wire::{
    Acknowledgement, CardId, Challenge, Class, End, Entry, Link, LogHead, Message, Order, Party,
    Pockets, Proof, Request, Segment, Side, Transfer, Value,
};
use koban_protocol::offline::purse::{Born, Personalisation, PurchaseKeys};
use koban_protocol::refusal::Code;
use koban_protocol::signed::{Attested, Statement};
use koban_protocol::wire::{self, List};
use koban_tests::card::{CardAudit, Held, ask, label_of, tell, tell_as};
use koban_tests::holder::yen;
use koban_tests::network::Net;

use crate::card::{even, scene};

/// A card that was opened: its keys sign whatever its owner likes.
struct Opened {
    born: Born,
    keys: Personalisation,
    /// The log it will show.
    entries: Vec<Entry>,
}

impl Opened {
    fn made(net: &Net, class: Class) -> Self {
        let born = Born::new(Seed::generate(net.entropy()));
        let call = NewCard { birth: born.birth(class), label: label_of(class) };
        let sealed = tell_as(net, "/cards", &call, "demo").unwrap();
        let keys = born.open(wire::decode_exact(&sealed).unwrap()).unwrap();
        Self { born, keys, entries: Vec::new() }
    }

    fn id(&self) -> CardId {
        self.keys.certificate.claim.card
    }

    fn sign<T: Statement>(&self, content: &T) -> koban_protocol::key::Signature {
        self.born.signing().sign(&Digest::of_value(T::DOMAIN, content))
    }

    /// A log of `entries`, signed.
    fn report(&self, balance: Amount) -> Report {
        let start = Digest([0; 32]);
        let head = self.entries.iter().fold(start, |head, entry| entry.chained(&head));
        let head = LogHead {
            card: self.id(),
            entries: u32::try_from(self.entries.len()).unwrap(),
            head,
            settled: 0,
            balances: Pockets::new([balance]).unwrap(),
            challenge: Challenge([5; 32]),
        };
        let entries = List::new(self.entries.clone()).unwrap();
        Report { head: Attested::sign(head, self.born.signing()), entries }
    }

    /// Pays a terminal out of nothing.
    fn pay(&mut self, terminal: &mut Held, amount: Amount) {
        let PurchaseKeys::Derived(derived) = &self.keys.purchase else { panic!("no purse") };
        let segment = Segment::of(terminal.id());
        let number = u32::try_from(self.entries.len()).unwrap() + 1;
        let payer = Party { card: self.id(), number };
        let link = Link::Terminal(segment);
        let request = terminal.run(&Ask { link, payer: Some(payer), amount }).unwrap();
        let transfer = request.content.answered_by(payer).unwrap();
        let content = Value(transfer);
        let tag = derived.0[usize::from(segment.number())].tag(&content);
        let certificate = Some(self.keys.certificate.clone());
        let proof = Proof::Keyed(tag, Some(self.sign(&content)), certificate);
        let acknowledgement = terminal.run(&Take(Message { content, proof })).unwrap();
        let signature = acknowledgement.proof.signature().copied();
        self.entries.push(Entry { transfer, side: Side::Payer, end: End::Done, signature });
    }
}

fn finding(net: &Net, kind: &str) -> u64 {
    CardAudit::of(net).findings.get(kind).copied().unwrap_or(0)
}

fn closes(told: &Directives) -> bool {
    told.orders.iter().any(|it| it.directive.order == Order::Close)
}

#[test]
fn mondex_3_the_shadow_account_finds_a_card_that_creates_money() {
    let (_, net, owner) = scene(50);
    let mut terminal = Held::made(&net, Class::Terminal);
    let mut honest = Held::made(&net, Class::Purse);
    owner.load(&mut honest, yen(1_000));
    let mut opened = Opened::made(&net, Class::Purse);
    opened.pay(&mut terminal, yen(700));
    terminal.report();
    // the terminal could not know, and has it; the payer may yet show where it got it from
    let audit = CardAudit::of(&net);
    assert_eq!((audit.figures("JPY").overdrawn, audit.closed), (700, 0));
    let told: Directives = ask(&net, "/reports", &opened.report(yen(0))).unwrap();
    assert!(closes(&told));
    assert_eq!(finding(&net, "created"), 1);
    assert_eq!(CardAudit::of(&net).figures("JPY").clearing, 1_000);

    // no more can leave the cards than was loaded
    terminal.set_pin();
    assert_eq!(owner.unload(&mut terminal, yen(700)), Ok(700));
    assert_eq!(owner.unload(&mut honest, yen(1_000)), Err(Code::ClearingUneven));
}

#[test]
fn mondex_3_a_card_that_says_it_holds_more_than_it_got_is_closed() {
    let (_, net, _) = scene(51);
    let opened = Opened::made(&net, Class::Virtual);
    let told: Directives = ask(&net, "/reports", &opened.report(yen(1))).unwrap();
    assert!(closes(&told));
    assert_eq!(finding(&net, "created"), 1);
}

#[test]
fn mondex_3_a_copied_card_is_found_by_its_number_used_twice() {
    let (_, net, owner) = scene(52);
    let mut stalls = [0; 2].map(|_| Held::made(&net, Class::Terminal));
    let mut purse = Held::made(&net, Class::Purse);
    owner.load(&mut purse, yen(2_000));
    let mut copy = purse.copied();
    purse.pay(&mut stalls[0], yen(2_000));
    copy.pay(&mut stalls[1], yen(1_900));
    stalls.iter_mut().for_each(|stall| {
        stall.report();
    });
    assert_eq!((finding(&net, "forked"), CardAudit::of(&net).closed), (1, 1));
    // its logs differ too; whichever comes closes it
    assert!(closes(&copy.report()));
    assert!(closes(&purse.report()));
    assert_eq!(
        purse.run(&Ask { link: Link::Peer, payer: None, amount: yen(1) }),
        Err(Status::WrongState)
    );
}

#[test]
fn mondex_3_a_copied_card_is_emptied_once() {
    let (_, net, owner) = scene(59);
    let mut purse = Held::made(&net, Class::Purse);
    owner.load(&mut purse, yen(1_000));
    let mut copy = purse.copied();
    let (second, _) = owner.send_unload(&mut copy, yen(400)).unwrap();
    assert_eq!(owner.unload(&mut purse, yen(500)), Ok(500));
    assert_eq!(tell(&net, "/unloads/value", &second), Err(Code::CardClosed));
    assert_eq!(finding(&net, "forked"), 1);
    even(&net, 500, 0);
}

#[test]
fn mondex_3_a_card_put_back_is_found_by_its_log() {
    let (_, net, owner) = scene(53);
    let (mut purse, mut other) = (Held::made(&net, Class::Purse), Held::made(&net, Class::Purse));
    owner.load(&mut purse, yen(500));
    let mut before = purse.copied();
    purse.pay(&mut other, yen(500));
    purse.report();
    // put back, it would hold its money again; but the originator knows how its log went on
    before.pay(&mut other, yen(400));
    assert!(closes(&before.report()));
    assert_eq!(finding(&net, "forked"), 1);
    assert_eq!(owner.unload(&mut before, yen(1)), Err(Code::CardClosed));
}

#[test]
fn mondex_3_a_copied_virtual_card_spends_its_money_once() {
    let (_, net, owner) = scene(54);
    let mut payees = [0; 2].map(|_| Held::made(&net, Class::Virtual));
    let mut payer = Held::made(&net, Class::Virtual);
    owner.load(&mut payer, yen(1_000));
    let mut copy = payer.copied();
    payer.pay(&mut payees[0], yen(1_000));
    copy.pay(&mut payees[1], yen(1_000));
    payees.iter_mut().for_each(|payee| {
        payee.report();
    });
    assert_eq!(finding(&net, "forked"), 1);
    assert_eq!(owner.unload(&mut payees[0], yen(1_000)), Ok(1_000));
    assert_eq!(owner.unload(&mut payees[1], yen(1_000)), Err(Code::ReportFirst));
    // whom it cheated is not closed
    assert!(!closes(&payees[1].report()));
    even(&net, 0, 0);
}

#[test]
fn vc_13_an_opened_terminal_cannot_be_emptied_of_what_it_invents() {
    let (_, net, owner) = scene(55);
    let mut purse = Held::made(&net, Class::Purse);
    owner.load(&mut purse, yen(1_000));
    let mut opened = Opened::made(&net, Class::Terminal);
    let link = Link::Terminal(Segment::of(opened.id()));
    // it can make every tag of its segment, and no purse's signature
    let transfer = Transfer {
        link,
        payee: Party { card: opened.id(), number: 1 },
        payer: Party { card: purse.id(), number: 2 },
        amount: yen(900),
    };
    let signature = Some(opened.sign(&Value(transfer)));
    opened.entries.push(Entry { transfer, side: Side::Payee, end: End::Done, signature });
    let told: Directives = ask(&net, "/reports", &opened.report(yen(900))).unwrap();
    assert!(closes(&told));
    assert_eq!(finding(&net, "forged"), 1);
    let call = koban_protocol::offline::purse::service::UnloadCall {
        payer: Party { card: opened.id(), number: 2 },
        amount: yen(900),
        operation: owner.clearing(),
        claim: Digest([1; 32]),
    };
    assert_eq!(tell(&net, "/unloads", &call), Err(Code::CardClosed));
    // the purse is not the poorer
    purse.report();
    assert_eq!(owner.unload(&mut purse, yen(1_000)), Ok(1_000));
    even(&net, 0, 0);
}

#[test]
fn vc_13_whoever_has_a_segments_key_gets_nothing_under_an_invented_number() {
    let (_, net, owner) = scene(56);
    let mut purse = Held::made(&net, Class::Purse);
    owner.load(&mut purse, yen(1_000));
    let opened = Opened::made(&net, Class::Terminal);
    let PurchaseKeys::Segment(segment, key) = &opened.keys.purchase else { panic!("no terminal") };
    // a terminal that was never made
    let payee = Party { card: CardId([0x77; 8]), number: 1 };
    let payer = Some(purse.party());
    let key = key.of_card(purse.id());
    let content = Request { link: Link::Terminal(*segment), payee, payer, amount: yen(300) };
    let proof = Proof::Keyed(key.tag(&content), None, None);
    let value = purse.run(&koban_card::command::Pay(Message { content, proof })).unwrap();
    let content = Acknowledgement(value.content.0);
    let signature = Some(opened.sign(&content));
    let proof = Proof::Keyed(key.tag(&content), signature, None);
    purse.run(&Finish(Message { content, proof })).unwrap();
    assert!(!closes(&purse.report()));
    assert_eq!(finding(&net, "unmade"), 1);
    let audit = CardAudit::of(&net);
    assert_eq!((audit.figures("JPY").cards, audit.figures("JPY").broken), (700, 300));
    assert_eq!(audit.closed, 0);
}

#[test]
fn vc_13_a_fake_card_is_not_believed() {
    let (_, net, owner) = scene(57);
    let mut card = Held::made(&net, Class::Purse);
    // no card of the originator's
    let mut fake = Opened::made(&net, Class::Virtual);
    fake.keys.certificate.claim.card = CardId([0x66; 8]);
    assert_eq!(tell(&net, "/reports", &fake.report(yen(0))), Err(Code::CardUnknown));
    // another's number
    fake.keys.certificate.claim.card = card.id();
    assert_eq!(tell(&net, "/reports", &fake.report(yen(0))), Err(Code::BadSignature));
    let mut call = owner.order_load(&mut card, yen(100));
    let tag = fake.keys.load.tag(&call.request.content);
    let honest = std::mem::replace(&mut call.request.proof, Proof::Keyed(tag, None, None));
    assert_eq!(tell(&net, "/loads", &call), Err(Code::BadSignature));
    let call = LoadCall { request: Message { proof: honest, ..call.request }, ..call };
    card.take(ask(&net, "/loads", &call).unwrap());
    // without the card's signature there is no evidence, and no release
    let (mut value, _) = owner.send_unload(&mut card, yen(100)).unwrap();
    if let Proof::Keyed(_, signature, _) = &mut value.proof {
        *signature = None;
    }
    assert_eq!(tell(&net, "/unloads/value", &value), Err(Code::BadSignature));
    even(&net, 100, 0);
}

#[test]
fn vc_13_entries_that_do_not_lead_to_the_head_are_not_booked() {
    let (_, net, owner) = scene(58);
    let mut card = Held::made(&net, Class::Purse);
    owner.load(&mut card, yen(100));
    owner.load(&mut card, yen(100));
    let sound = card.log();
    let entries = sound.entries.clone().into_vec();
    let shorter = entries[..1].to_vec();
    let swapped = vec![entries[1].clone(), entries[0].clone()];
    for wrong in [shorter, swapped, Vec::new()] {
        let entries = List::new(wrong).unwrap();
        let report = Report { head: sound.head.clone(), entries };
        assert_eq!(tell(&net, "/reports", &report), Err(Code::Malformed));
    }
    tell(&net, "/reports", &sound).unwrap();
    assert_eq!(CardAudit::of(&net).closed, 0);
}
