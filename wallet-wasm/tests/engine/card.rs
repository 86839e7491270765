//! Card money: the shipped applet in memory, the issuer's desk, and an originator.

use koban_card::command::{BeBorn, Command as Spoken, Last, Nothing, Personalise, Pin};
use koban_card::memory::Memory;
use koban_card::platform::{Button, Features, StoreFailed};
use koban_card::purse::Birth;
use koban_card::purse::service::NewCard;
use koban_card::purse::wire::Class;
use koban_card::{Card, Platform, apdu};
use koban_protocol::entropy::Entropy;
use koban_protocol::signed::Attested;
use koban_wallet_wasm::engine::{
    CallId, CardCommand, Command, Event, HttpAnswer, Part, Problem, ReaderId, Report,
};
use koban_wallet_wasm::view::{
    CardClass, CardOpen, CardPhase, CardStanding, CardView, TransactionState,
};

use super::edge::amount;
use super::holder::Holder;
use super::originator::{ORIGINATOR_URL, Originator};

/// A device without button or counter.
#[derive(Clone, Debug)]
pub struct Device {
    class: Class,
    memory: Memory,
    drawn: u8,
}

impl Platform for Device {
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
        self.drawn += 1;
        Entropy::new([self.drawn; 32])
    }

    fn counter(&mut self) -> u32 {
        0
    }

    fn raise_counter(&mut self) -> Result<(), StoreFailed> {
        Ok(())
    }
}

fn device(class: Class, number: u8) -> Card<Device> {
    Card::power_up(Device { class, memory: Memory::new(), drawn: number })
}

/// The card after power was gone.
pub fn power_cycle(mut card: Card<Device>) -> Card<Device> {
    Card::power_up(card.platform().clone())
}

fn tell<C: Spoken>(card: &mut Card<Device>, command: &C) -> C::Answer {
    let mut answer = apdu::Apdu::new();
    assert_eq!(card.handle(&apdu::encode(command), Button::Unasked, &mut answer), None);
    apdu::answer(&answer).unwrap()
}

/// A card that the originator has made.
pub fn made(originator: &mut Originator, class: Class, number: u8) -> Card<Device> {
    let mut card = device(class, number);
    let birth: Attested<Birth> = tell(&mut card, &BeBorn {});
    let label = (class == Class::Terminal).then(Originator::label);
    let sealed = originator.make(&NewCard { birth, label });
    let Nothing {} = tell(&mut card, &Personalise(sealed));
    card
}

pub const PURSE: ReaderId = ReaderId(1);
pub const OTHER: ReaderId = ReaderId(2);

pub fn pin() -> Pin {
    Pin::new("4711").unwrap()
}

/// A holder of soft money with a purse in the reader.
pub fn holder(minor: u64) -> Holder {
    let mut holder = Holder::with(minor);
    holder.handle(Event::Command(Command::MeetOriginator(ORIGINATOR_URL.to_owned())));
    holder.run();
    let card = made(&mut holder.edge.originator, Class::Purse, 60);
    holder.insert(PURSE, card);
    holder
}

pub fn shown(holder: &Holder, reader: ReaderId) -> CardView {
    holder.view().cards.into_iter().find(|it| it.reader == reader.0).unwrap()
}

pub fn balance(holder: &Holder, reader: ReaderId) -> u64 {
    shown(holder, reader).pockets.first().unwrap().balance.minor
}

pub fn owner(
    holder: &mut Holder,
    reader: ReaderId,
    command: CardCommand,
) -> Result<Option<Box<Last>>, Problem> {
    card_done(holder, reader, Command::Card(reader, command))
}

pub fn card_done(
    holder: &mut Holder,
    reader: ReaderId,
    command: Command,
) -> Result<Option<Box<Last>>, Problem> {
    holder.reports.clear();
    holder.handle(Event::Command(command));
    holder.run();
    let told = holder.reports.iter().find_map(|report| match report {
        Report::Card(told, done) if *told == reader => Some(done.clone()),
        Report::Refused(problem) => Some(Err(problem.clone())),
        _ => None,
    });
    told.unwrap()
}

pub fn load(holder: &mut Holder, minor: u64) -> TransactionState {
    let id = holder.command(Command::Load(PURSE, amount(minor))).unwrap();
    holder.transaction(id).state
}

/// All money is somewhere: coins, what the issuer owes for cards, accounts.
pub fn assert_whole(holder: &Holder, minor: u64) {
    assert_eq!(holder.edge.outstanding() + holder.edge.for_cards, minor);
    holder.assert_sound();
}

#[test]
fn mondex_1_a_card_shows_what_it_is() {
    let mut holder = holder(100);
    let card = shown(&holder, PURSE);
    assert_eq!(card.standing, CardStanding::Genuine);
    assert_eq!((card.class, card.phase), (CardClass::Purse, CardPhase::Ready));
    assert_eq!(card.number.as_deref(), Some("0101 0101 0101 0101"));
    assert_eq!(card.pockets.first().unwrap().most.minor, 10_000);
    let mut other = Originator::new(holder.edge.desk.keys().key);
    other.key =
        koban_protocol::key::SigningKey::from_seed(&koban_protocol::key::Seed::new([90; 32]));
    let foreign = made(&mut other, Class::Purse, 70);
    holder.insert(OTHER, foreign);
    assert_eq!(shown(&holder, OTHER).standing, CardStanding::NotGenuine);
    let refused = holder.command(Command::Load(OTHER, amount(10))).unwrap_err();
    assert_eq!(refused.name(), "card-not-genuine");
}

#[test]
fn vc_14_coins_go_onto_a_card_and_come_back() {
    let mut holder = holder(1000);
    assert_eq!(load(&mut holder, 300), TransactionState::Done);
    assert_eq!(holder.money(), (700, 0));
    assert_eq!(balance(&holder, PURSE), 300);
    assert_eq!(holder.edge.originator.on_cards, 300);
    assert_eq!(holder.edge.originator.ended, 1);
    assert_eq!(holder.view().known_cards.first().unwrap().balances.first().unwrap().minor, 300);
    assert_whole(&holder, 1000);
    let id = holder.command(Command::Unload(PURSE, amount(120), None)).unwrap();
    assert_eq!(holder.transaction(id).state, TransactionState::Done);
    assert_eq!(holder.money(), (820, 0));
    assert_eq!(balance(&holder, PURSE), 180);
    assert_eq!(shown(&holder, PURSE).open, None, "the card knows that its value arrived");
    assert_eq!(holder.edge.originator.reports, 2, "the log comes before every load and unload");
    assert_whole(&holder, 1000);
}

#[test]
fn vc_14_an_invoice_is_paid_with_a_card() {
    let mut holder = holder(1000);
    load(&mut holder, 500);
    holder.invoice = holder.edge.invoice(70);
    let invoice = holder.invoice.clone();
    holder.command(Command::Unload(PURSE, amount(70), Some(invoice))).unwrap();
    let paid = &holder.view().transactions[0];
    assert_eq!((paid.state, paid.counterparty.as_deref()), (TransactionState::Done, Some("Shop")));
    assert_eq!(balance(&holder, PURSE), 430);
    assert_eq!(holder.money(), (500, 0));
    assert_whole(&holder, 1000);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_written() {
    let mut holder = holder(500);
    load(&mut holder, 100);
    let rows = holder.rows.clone();
    let mut refused = |command| holder.command(command).unwrap_err().name();
    assert_eq!(refused(Command::Load(PURSE, amount(9_901))), "card-over-limit");
    assert_eq!(refused(Command::Load(PURSE, amount(401))), "too-little-money");
    assert_eq!(refused(Command::Load(PURSE, amount(0))), "amount-invalid");
    assert_eq!(refused(Command::Unload(PURSE, amount(101), None)), "card-too-little");
    assert_eq!(refused(Command::Load(ReaderId(9), amount(1))), "card-missing");
    assert_eq!(rows, holder.rows);
}

#[test]
fn mondex_2_a_pin_is_asked_for_and_leaves_no_trace() {
    let mut holder = holder(500);
    load(&mut holder, 200);
    owner(&mut holder, PURSE, CardCommand::ChangePin { old: None, new: pin() }).unwrap();
    assert_eq!(shown(&holder, PURSE).pin_tries, Some(5));
    // Power goes, and with it the PIN.
    holder.pull(PURSE);
    holder.insert_again(PURSE);
    assert!(!shown(&holder, PURSE).verified);
    let id = holder.command(Command::Unload(PURSE, amount(50), None)).unwrap();
    let waits = holder.transaction(id);
    assert_eq!(waits.state, TransactionState::Open);
    assert_eq!(waits.problem.unwrap().code, "card-pin-needed");
    holder.wait(3600);
    let wrong = CardCommand::VerifyPin(Pin::new("0000").unwrap());
    let told = owner(&mut holder, PURSE, wrong).unwrap_err();
    assert_eq!((told.name(), told.detail.as_str()), ("card-pin-wrong", "4"));
    assert_eq!(holder.transaction(id).state, TransactionState::Open);
    owner(&mut holder, PURSE, CardCommand::VerifyPin(pin())).unwrap();
    assert_eq!(holder.transaction(id).state, TransactionState::Done, "it goes on by itself");
    let digits = |bytes: &[u8]| bytes.windows(4).any(|four| four == b"4711");
    assert!(!holder.rows.values().any(|row| digits(&row.value)));
    assert!(!format!("{:?}", holder.engine).contains("4711"));
    assert_whole(&holder, 500);
}

#[test]
fn an_owner_locks_and_unlocks() {
    let mut holder = holder(500);
    let refused = owner(&mut holder, PURSE, CardCommand::Lock).unwrap_err();
    assert_eq!(refused.name(), "card-pin-needed", "without a PIN it could not be unlocked");
    owner(&mut holder, PURSE, CardCommand::ChangePin { old: None, new: pin() }).unwrap();
    owner(&mut holder, PURSE, CardCommand::Lock).unwrap();
    assert!(shown(&holder, PURSE).locked);
    let id = holder.command(Command::Load(PURSE, amount(10))).unwrap();
    assert_eq!(holder.transaction(id).problem.unwrap().code, "card-not-in-use");
    owner(&mut holder, PURSE, CardCommand::Unlock(pin())).unwrap();
    assert_eq!(holder.transaction(id).state, TransactionState::Done);
    assert_whole(&holder, 500);
}

#[test]
fn mondex_4_a_virtual_card_is_made_and_says_what_it_is() {
    let mut holder = Holder::with(300);
    holder.handle(Event::Command(Command::MeetOriginator(ORIGINATOR_URL.to_owned())));
    holder.run();
    holder.insert(PURSE, device(Class::Virtual, 80));
    assert_eq!(shown(&holder, PURSE).phase, CardPhase::Fresh);
    owner(&mut holder, PURSE, CardCommand::Make).unwrap();
    let card = shown(&holder, PURSE);
    assert_eq!((card.class, card.standing), (CardClass::Virtual, CardStanding::Genuine));
    assert_eq!(load(&mut holder, 200), TransactionState::Done);
    assert_eq!(balance(&holder, PURSE), 200);
    assert_whole(&holder, 300);
}

/// Every write of a load, an unload and the report before it is the last before a crash once.
#[test]
fn p5_a_wallet_that_crashes_goes_on_with_the_card() {
    for (unload, crash) in (0..12).flat_map(|crash| [(false, crash), (true, crash)]) {
        let mut holder = holder(1000);
        load(&mut holder, 400);
        holder.crash_after = Some(crash);
        let command = if unload {
            Command::Unload(PURSE, amount(150), None)
        } else {
            Command::Load(PURSE, amount(150))
        };
        holder.handle(Event::Command(command));
        holder.run();
        holder.reopen();
        holder.insert_again(PURSE);
        holder.wait(1000);
        let (soft, hard) = if unload { (750, 250) } else { (450, 550) };
        assert_eq!((holder.money(), balance(&holder, PURSE)), ((soft, 0), hard), "{crash}");
        assert_eq!(shown(&holder, PURSE).open, None);
        assert_whole(&holder, 1000);
    }
}

/// The card is pulled out at every command, before and after it was carried out.
#[test]
fn mondex_4_a_card_that_is_pulled_out_goes_on_when_it_is_back() {
    for (unload, late, at) in (0..24)
        .flat_map(|at| [(false, false, at), (false, true, at), (true, false, at), (true, true, at)])
    {
        let mut holder = holder(1000);
        load(&mut holder, 400);
        holder.pull_at = Some((at, late));
        let command = if unload {
            Command::Unload(PURSE, amount(150), None)
        } else {
            Command::Load(PURSE, amount(150))
        };
        holder.handle(Event::Command(command));
        holder.run();
        holder.pull_at = None;
        holder.insert_again(PURSE);
        holder.wait(1000);
        let (soft, hard) = if unload { (750, 250) } else { (450, 550) };
        let case = format!("{unload} {late} {at}");
        assert_eq!((holder.money(), balance(&holder, PURSE)), ((soft, 0), hard), "{case}");
        assert_eq!(shown(&holder, PURSE).open, None, "{case}");
        assert_whole(&holder, 1000);
    }
}

#[test]
fn answers_that_are_lost_are_asked_for_again() {
    for lost in 0..6 {
        let mut holder = holder(1000);
        load(&mut holder, 400);
        holder.lose_answer = Some(lost);
        holder.handle(Event::Command(Command::Unload(PURSE, amount(150), None)));
        holder.run();
        holder.lose_answer = None;
        holder.wait(1000);
        assert_eq!((holder.money(), balance(&holder, PURSE)), ((750, 0), 250), "{lost}");
        assert_whole(&holder, 1000);
    }
}

#[test]
fn vc_14_a_load_that_the_originator_refuses_comes_back() {
    let mut holder = holder(1000);
    holder.edge.originator.refuses = true;
    let id = holder.command(Command::Load(PURSE, amount(250))).unwrap();
    holder.wait(1000);
    assert_eq!(holder.transaction(id).state, TransactionState::Cancelled);
    assert_eq!(holder.money(), (1000, 0));
    assert_eq!(shown(&holder, PURSE).open, Some(CardOpen::Asked));
    owner(&mut holder, PURSE, CardCommand::Abort).unwrap();
    assert_eq!(shown(&holder, PURSE).open, None);
    assert_whole(&holder, 1000);
}

#[test]
fn words_in_clear_take_no_value_from_a_card() {
    let mut holder = holder(1000);
    load(&mut holder, 400);
    let forged = HttpAnswer { status: 409, body: br#"{"code":31}"#.to_vec() };
    holder.forge = Some((Part::Originator, forged));
    let id = holder.command(Command::Unload(PURSE, amount(150), None)).unwrap();
    let refused = holder.transaction(id);
    assert_eq!(refused.state, TransactionState::Refused);
    assert_eq!(refused.problem.unwrap().code, "report-first");
    holder.forge = None;
    assert_eq!(balance(&holder, PURSE), 400);
    assert_whole(&holder, 1000);
}

#[test]
fn the_originators_key_is_pinned() {
    let mut holder = holder(100);
    let seed = koban_protocol::key::Seed::new([91; 32]);
    let issuer = holder.edge.desk.keys().key;
    holder.edge.originator = Originator::new(issuer);
    holder.edge.originator.key = koban_protocol::key::SigningKey::from_seed(&seed);
    holder.reports.clear();
    holder.handle(Event::Command(Command::MeetOriginator(ORIGINATOR_URL.to_owned())));
    holder.run();
    assert!(holder.sent.iter().any(|(id, _)| *id == CallId::Originator));
    let Some(Report::Originator(Err(problem))) = holder.reports.first() else { panic!() };
    assert_eq!(problem.name(), "originator-key-changed");
}

#[test]
fn mondex_1_one_card_gives_to_another() {
    let mut holder = holder(1000);
    load(&mut holder, 400);
    let other = made(&mut holder.edge.originator, Class::Purse, 100);
    holder.insert(OTHER, other);
    let asked = owner(&mut holder, OTHER, CardCommand::Ask(amount(90))).unwrap().unwrap();
    let told = holder.engine.card_message(&asked);
    assert_eq!((told.amount.minor, told.from.as_str()), (90, "0202 0202 0202 0202"));
    let value = owner(&mut holder, PURSE, CardCommand::Answer(asked)).unwrap().unwrap();
    assert_eq!(shown(&holder, PURSE).open, Some(CardOpen::Paid));
    let busy = holder.command(Command::Load(PURSE, amount(1))).unwrap_err();
    assert_eq!(busy.name(), "card-interrupted");
    let again = owner(&mut holder, PURSE, CardCommand::Repeat).unwrap().unwrap();
    assert_eq!(again, value, "the last message, byte for byte");
    let taken = owner(&mut holder, OTHER, CardCommand::Answer(value)).unwrap().unwrap();
    assert_eq!(owner(&mut holder, PURSE, CardCommand::Answer(taken)).unwrap(), None);
    assert_eq!((balance(&holder, PURSE), balance(&holder, OTHER)), (310, 90));
    assert_eq!(shown(&holder, PURSE).open, None);
}

#[test]
fn an_unload_is_called_back_until_the_card_has_paid() {
    let mut holder = holder(1000);
    load(&mut holder, 400);
    owner(&mut holder, PURSE, CardCommand::ChangePin { old: None, new: pin() }).unwrap();
    holder.pull(PURSE);
    holder.insert_again(PURSE);
    let id = holder.command(Command::Unload(PURSE, amount(50), None)).unwrap();
    assert_eq!(holder.transaction(id).state, TransactionState::Open);
    holder.command(Command::Cancel(id)).unwrap();
    assert_eq!(holder.transaction(id).state, TransactionState::Cancelled);
    assert_eq!(balance(&holder, PURSE), 400);
    assert_whole(&holder, 1000);
}
