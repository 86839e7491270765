//! The same commands on an emulated Cortex-M33 as here, answered with the same bytes; and what they
//! cost there. `cargo xtask test --only firmware` builds the program and runs these.
//!
//! The emulator counts instructions for time, a nanosecond each, so that the counts are the same
//! each time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command as Program, Stdio};
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fmt, iter};

use koban_card::Status;
use koban_card::apdu::{self, AnswerError};
use koban_card::command::{
    Abort, Ask, ChangePin, Finish, Last, Lock, Nothing, Pay, Pin, Prove, ReadEntry, ReadHead,
    Resume, Take, Unlock, VerifyPin,
};
use koban_card::frame::Dialogue;
use koban_card::frame::{FRAME_BYTES, Fault, Frame, Opening, Reply, Waiting};
use koban_card::platform::Button;
use koban_card::purse::wire::{Challenge, Class, Link, Order};

use crate::bench::{Originator, exchange, party, yen};
use crate::machine::{Held, Twin};

/// For anything the emulator does; seconds are the most it was seen to take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The machine's timer counts at 20 MHz.
const INSTRUCTIONS_A_TICK: u32 = 50;

/// How the emulator keeps time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Time {
    /// An instruction takes a nanosecond.
    Counted,
    /// As here.
    Real,
}

/// A card in an emulator.
struct Emulated {
    emulator: Child,
    /// Where frames go.
    cable: UnixStream,
    /// Its entropy and button; what its commands took.
    side: UnixStream,
    dialogue: Dialogue,
    costs: Vec<Cost>,
    /// Bytes, the most so far.
    stack: u32,
}

/// For its holder, and for whoever counts.
type Shared = Rc<RefCell<Emulated>>;

#[derive(Clone, Copy, Debug)]
struct Cost {
    instruction: u8,
    executed: u32,
}

impl Emulated {
    /// Starts an emulator whose entropy is `seed`, and opens a channel.
    fn start(seed: [u8; 32], time: Time) -> Self {
        let firmware = std::env::var("KOBAN_FIRMWARE").expect("KOBAN_FIRMWARE names the program");
        let folder = std::env::temp_dir();
        let name = format!("koban-m33-{}-{}", std::process::id(), seed[0]);
        let lines = ["cable", "side"].map(|line| folder.join(format!("{name}-{line}")));
        let mut program = Program::new("qemu-system-arm");
        program.args(["-M", "mps2-an505", "-display", "none", "-monitor", "none"]);
        program.args(["-kernel", &firmware]).stdin(Stdio::null());
        for line in &lines {
            program.arg("-serial").arg(format!("unix:{},server=on,wait=off", line.display()));
        }
        if time == Time::Counted {
            program.args(["-icount", "shift=0"]);
        }
        let mut emulator = program.spawn().expect("qemu-system-arm starts");
        let [cable, mut side] = lines.map(|line| connect(&line, &mut emulator));
        side.write_all(&seed).unwrap();
        let dialogue = open(&mut cable.try_clone().unwrap(), [seed[0]; 8]);
        Self { emulator, cable, side, dialogue, costs: Vec::new(), stack: 0 }
    }

    fn send(&mut self, command: &[u8]) {
        for frame in self.dialogue.send(command) {
            self.cable.write_all(frame.bytes()).unwrap();
        }
    }

    /// The next thing it says to what was sent.
    fn reply(&mut self) -> Reply {
        loop {
            if let Some(reply) = self.dialogue.receive(&read(&mut self.cable)) {
                return reply;
            }
        }
    }

    fn answer(&mut self) -> Vec<u8> {
        while self.reply() != Reply::Answer {}
        self.dialogue.answer().unwrap().to_vec()
    }

    /// Notes what the last command took.
    fn measure(&mut self, command: &[u8]) {
        let mut measure = [0; 8];
        self.side.read_exact(&mut measure).unwrap();
        let [ticks, stack] = [0, 4].map(|at| {
            let word = measure[at..at + 4].try_into().unwrap();
            u32::from_be_bytes(word)
        });
        let executed = ticks * INSTRUCTIONS_A_TICK;
        self.costs.push(Cost { instruction: command[1], executed });
        self.stack = stack;
    }
}

impl Emulated {
    fn follow(&mut self, command: &[u8], asked: Option<Button>, answer: &[u8]) {
        self.send(command);
        if let Some(button) = asked {
            assert_eq!(self.reply(), Reply::Waiting(Waiting::Button));
            let press = if button == Button::Pressed { b'y' } else { b'n' };
            self.side.write_all(&[press]).unwrap();
        }
        assert_eq!(self.answer(), answer, "command {command:02x?}");
        self.measure(command);
    }
}

impl Twin for Shared {
    fn follow(&mut self, command: &[u8], asked: Option<Button>, answer: &[u8]) {
        self.borrow_mut().follow(command, asked, answer);
    }
}

impl fmt::Debug for Emulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Emulated(..)")
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        // it may have ended already, which is as good
        let _ended = self.emulator.kill();
        let _status = self.emulator.wait();
    }
}

/// The emulator makes its lines before it starts.
fn connect(line: &Path, emulator: &mut Child) -> UnixStream {
    let begun = Instant::now();
    loop {
        if let Ok(stream) = UnixStream::connect(line) {
            std::fs::remove_file(line).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            return stream;
        }
        assert_eq!(emulator.try_wait().unwrap(), None, "qemu-system-arm ended");
        assert!(begun.elapsed() < PATIENCE, "no {}", line.display());
        sleep(Duration::from_millis(10));
    }
}

fn read(cable: &mut UnixStream) -> Frame {
    let mut bytes = [0; FRAME_BYTES];
    cable.read_exact(&mut bytes).expect("a frame in time");
    Frame::of_bytes(&bytes).unwrap()
}

fn open(cable: &mut UnixStream, nonce: [u8; 8]) -> Dialogue {
    let opening = Opening::new(nonce);
    cable.write_all(opening.frame().bytes()).unwrap();
    opening.receive(&read(cable)).expect("the channel opens")
}

/// A purse here and in an emulator.
fn purse(originator: &Originator, number: u8, time: Time) -> (Held, Shared) {
    let card = Rc::new(RefCell::new(Emulated::start([number; 32], time)));
    let mut held = Held::new(Class::Purse, number);
    held.machine().features.counter = false;
    held.twin = Some(Box::new(Rc::clone(&card)));
    held.hello();
    originator.personalise(&mut held, number).unwrap();
    (held, card)
}

#[test]
#[ignore = "needs the program for the emulated processor: cargo xtask test --only firmware"]
fn vc_13_an_emulated_processor_answers_with_the_same_bytes() {
    let mut originator = Originator::new();
    let (mut a, first) = purse(&originator, 1, Time::Counted);
    let (mut b, second) = purse(&originator, 2, Time::Counted);
    let mut till = originator.make(Class::Terminal, 8);
    originator.load(&mut a, yen(2000)).unwrap();
    exchange(&mut a, &mut till, yen(370)).unwrap();
    exchange(&mut a, &mut b, yen(400)).unwrap();
    set_and_use_a_pin(&mut a);
    interrupted(&mut a, &mut b);
    refused(&mut a, &mut b);
    originator.unload(&mut a, yen(1000)).unwrap();
    let challenge = Challenge([9; 32]);
    a.run(&Prove { challenge }).unwrap();
    assert_eq!(a.run(&ReadHead { challenge }).unwrap().claim.entries, 5);
    a.run(&ReadEntry { entry: 0 }).unwrap();
    originator.order(&mut a, Order::Settle(5)).unwrap();
    for nonsense in [&b"\x80\x50\0\0"[..], b"\x80\xfe\0\0\0\0\x01\xa0", b"\0\xa4\x04\0", &[7; 900]]
    {
        a.raw(nonsense);
    }
    assert_eq!((a.balance(), b.balance()), (130, 500));
    show([&first, &second]);
}

/// The first, a wrong one, another, and the lock.
fn set_and_use_a_pin(a: &mut Held) {
    let [old, new, wrong] = ["1234", "765432", "9999"].map(|digits| Pin::new(digits).unwrap());
    a.run(&ChangePin { old: None, new: old.clone() }).unwrap();
    assert_eq!(a.run(&VerifyPin { pin: wrong }), Err(Status::WrongPin(4)));
    a.run(&ChangePin { old: Some(old), new: new.clone() }).unwrap();
    a.run(&Lock {}).unwrap();
    a.run(&Unlock { pin: new.clone() }).unwrap();
    a.run(&VerifyPin { pin: new }).unwrap();
}

/// The value is lost on its way; the card says the same again.
fn interrupted(a: &mut Held, b: &mut Held) {
    let payer = Some(party(a));
    let asked = b.run(&Ask { link: Link::Peer, payer, amount: yen(100) }).unwrap();
    a.run(&Pay(asked)).unwrap();
    let Ok(Last::Value(value)) = a.run(&Resume {}) else { panic!("not a value") };
    let taken = b.run(&Take(value)).unwrap();
    a.run(&Finish(taken)).unwrap();
}

/// The holder does not agree to pay, so nothing has moved.
fn refused(a: &mut Held, b: &mut Held) {
    a.button = Button::Refused;
    assert_eq!(exchange(a, b, yen(5)), Err(Status::Refused));
    a.button = Button::Pressed;
    b.run(&Abort {}).unwrap();
}

/// Costs of both, an instruction a line, with those that failed: the least and the most.
fn show(cards: [&Shared; 2]) {
    let mut costs: BTreeMap<u8, Vec<u32>> = BTreeMap::new();
    for card in cards {
        for cost in &card.borrow().costs {
            costs.entry(cost.instruction).or_default().push(cost.executed);
        }
    }
    println!("command  times  instructions, least and most");
    for (instruction, mut executed) in costs {
        executed.sort_unstable();
        let (least, most) = (executed[0], executed[executed.len() - 1]);
        println!("     {instruction:02x}  {:5}  {least:12} {most:12}", executed.len());
    }
    let stack = cards.map(|card| card.borrow().stack);
    println!("deepest stack: {} bytes", stack[0].max(stack[1]));
}

#[test]
#[ignore = "needs the program for the emulated processor: cargo xtask test --only firmware"]
fn mondex_2_an_emulated_card_asks_until_it_is_told_not_to_and_serves_one_at_a_time() {
    let (_held, card) = purse(&Originator::new(), 3, Time::Real);
    let mut card = card.borrow_mut();
    let command = ChangePin { old: None, new: Pin::new("1234").unwrap() };
    let command = apdu::encode(&command);
    let mut other = open(&mut card.cable, [7; 8]);
    card.send(&command);
    for _ in 0..3 {
        assert_eq!(card.reply(), Reply::Waiting(Waiting::Button));
    }
    for frame in other.send(&apdu::select()) {
        card.cable.write_all(frame.bytes()).unwrap();
    }
    let busy = iter::repeat_with(|| other.receive(&read(&mut card.cable))).flatten().next();
    assert_eq!(busy, Some(Reply::Fault(Fault::Busy)));
    let cancel = card.dialogue.cancel();
    card.cable.write_all(cancel.bytes()).unwrap();
    assert_eq!(apdu::answer::<Nothing>(&card.answer()), Err(AnswerError::Refused(Status::Refused)));
    card.measure(&command);
    card.send(&command);
    card.side.write_all(b"y").unwrap();
    assert_eq!(apdu::answer(&card.answer()), Ok(Nothing {}));
}
