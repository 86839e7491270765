//! The simulator's process as a host has it: over its sockets, through the frames.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use koban_card::Status;
use koban_card::apdu::{self, AnswerError};
use koban_card::command::{
    self, Ask, BeBorn, ChangePin, Hello, Open, Pay, Personalise, Pin, ReadBalances, Resume, Take,
};
use koban_card::frame::{Dialogue, Frame, Interface, Opening, Reply, Waiting};
use koban_card::purse::issuer::{Masters, certify};
use koban_card::purse::wire::{
    CardId, Class, Limits, Link, Message, ORIGINATOR, Party, Pockets, Proof, Request, Value,
};
use koban_protocol::amount::{Amount, Currency};
use koban_protocol::entropy::Entropy;
use koban_protocol::key::{Seed, SigningKey};
use koban_protocol::time::Day;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use serde_json::{Value as Json, json};

/// A silence longer than this is a failure.
const PATIENCE: Duration = Duration::from_secs(10);

/// A table with the card `alice` on it, in a folder of its own.
struct Table {
    folder: PathBuf,
    simulator: Child,
    told: BufReader<ChildStdout>,
}

impl Table {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("koban-{}-{test}", std::process::id()));
        let (simulator, told) = Self::start(&folder);
        Self { folder, simulator, told }
    }

    fn start(folder: &Path) -> (Child, BufReader<ChildStdout>) {
        let mut simulator = Command::new(env!("CARGO_BIN_EXE_koban-card-simulator"))
            .arg("--devices")
            .arg(folder.join("d"))
            .arg("--cards")
            .arg(folder.join("cards"))
            .args(["--button", "stdin", "alice:purse"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(simulator.stdout.take().unwrap());
        (simulator, told)
    }

    /// Ends the process and starts another over the same folder.
    fn restart(&mut self) {
        self.simulator.kill().unwrap();
        self.simulator.wait().unwrap();
        fs::remove_dir_all(self.folder.join("d")).unwrap();
        (self.simulator, self.told) = Self::start(&self.folder);
    }

    fn say(&mut self, line: &str) {
        writeln!(self.simulator.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Reads on to this event.
    fn told(&mut self, event: &str) -> Json {
        loop {
            let mut line = String::new();
            assert!(self.told.read_line(&mut line).unwrap() > 0, "it has ended");
            let told: Json = serde_json::from_str(&line).unwrap();
            assert_ne!(told["event"], "wrong", "{told}");
            if told["event"] == event {
                return told;
            }
        }
    }

    /// Plugs the card in and opens a channel.
    fn plug(&mut self, interface: Interface) -> Host {
        self.say("plug alice");
        self.told("plugged");
        Host::open(&self.folder.join("d"), interface)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let _ = self.simulator.kill();
        let _ = self.simulator.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A host with a channel.
struct Host {
    interface: Interface,
    stream: UnixStream,
    dialogue: Dialogue,
}

/// The cable was pulled.
#[derive(Debug)]
struct Gone;

impl Host {
    fn open(devices: &Path, interface: Interface) -> Self {
        let ending = if interface == Interface::Hid { "-hid" } else { "-usb" };
        let mut names = fs::read_dir(devices).unwrap().map(|entry| entry.unwrap().path());
        let shown = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("alice.") && name.ends_with(ending)
        };
        let device = names.find(shown).expect("the device is shown");
        let below = if interface == Interface::Hid { "hidraw0/sock" } else { "sock" };
        let flags = SockFlag::empty();
        let card = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
        connect(card.as_raw_fd(), &UnixAddr::new(&device.join(below)).unwrap()).unwrap();
        let mut stream = UnixStream::from(card);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let opening = Opening::new([7; 8]);
        send(&mut stream, interface, &opening.frame());
        let dialogue = opening.receive(&receive(&mut stream).unwrap()).unwrap();
        Self { interface, stream, dialogue }
    }

    fn start<C: command::Command>(&mut self, command: &C) {
        let bytes = apdu::encode(command);
        for frame in self.dialogue.send(&bytes) {
            send(&mut self.stream, self.interface, &frame);
        }
    }

    fn reply(&mut self) -> Result<Reply, Gone> {
        loop {
            let frame = receive(&mut self.stream)?;
            if let Some(reply) = self.dialogue.receive(&frame) {
                return Ok(reply);
            }
        }
    }

    fn answer<C: command::Command>(&mut self) -> Result<C::Answer, Status> {
        while self.reply().expect("plugged in") != Reply::Answer {}
        match apdu::answer(self.dialogue.answer().unwrap()) {
            Ok(answer) => Ok(answer),
            Err(AnswerError::Refused(status)) => Err(status),
            Err(AnswerError::NotAnAnswer) => panic!("not an answer"),
        }
    }

    fn run<C: command::Command>(&mut self, command: &C) -> Result<C::Answer, Status> {
        self.start(command);
        self.answer::<C>()
    }

    fn hello(&mut self) -> Hello {
        for frame in self.dialogue.send(&apdu::select()) {
            send(&mut self.stream, self.interface, &frame);
        }
        assert_eq!(self.reply().unwrap(), Reply::Answer);
        apdu::answer(self.dialogue.answer().unwrap()).unwrap()
    }
}

fn send(stream: &mut UnixStream, interface: Interface, frame: &Frame) {
    let number: &[u8] = if interface == Interface::Hid { &[0] } else { &[] };
    let packet = [number, frame.bytes()].concat();
    assert_eq!(stream.write(&packet).unwrap(), packet.len());
}

fn receive(stream: &mut UnixStream) -> Result<Frame, Gone> {
    let mut packet = [0; 65];
    match stream.read(&mut packet) {
        Ok(0) => Err(Gone),
        length => Ok(Frame::of_bytes(&packet[..length.unwrap()]).expect("a frame")),
    }
}

fn yen(minor: u64) -> Amount {
    Amount::new(Currency::new("JPY").unwrap(), minor).unwrap()
}

/// The originator of a card.
struct Originator {
    masters: Masters,
    key: SigningKey,
}

const ALICE: CardId = CardId([1; 8]);

impl Originator {
    fn new() -> Self {
        let seed = Seed::new([77; 32]);
        Self { key: SigningKey::from_seed(&seed), masters: Masters::from_seed(seed) }
    }

    /// Brings the card to life and puts so much on it.
    fn load(&self, host: &mut Host, amount: Amount) {
        let birth = host.run(&BeBorn {}).unwrap();
        let birth = birth.open(&birth.claim.key.clone()).unwrap().clone();
        assert_eq!(birth.class, Class::Purse);
        let certificate = certify(&birth, ALICE, None, Day(30_000), &self.key);
        let limits =
            Limits { currency: amount.currency(), balance: 9000, payment: 5000, unsettled: 9000 };
        let limits = Pockets::new([limits]).unwrap();
        let entropy = Entropy::new([1; 32]);
        let sealed = self.masters.personalise(&birth, certificate, limits, &self.key, entropy);
        host.run(&Personalise(sealed.unwrap())).unwrap();
        let asked = host.run(&Ask { link: Link::Originator, payer: None, amount }).unwrap();
        let payer = Party { card: ORIGINATOR, number: 1 };
        let content = Value(asked.content.answered_by(payer).unwrap());
        let proof = Proof::Keyed(self.masters.load(ALICE).tag(&content), None, None);
        host.run(&Take(Message { content, proof })).unwrap();
    }

    fn ask(&self, amount: Amount, number: u32) -> Pay {
        let content = Request {
            link: Link::Originator,
            payee: Party { card: ORIGINATOR, number: 2 },
            payer: Some(Party { card: ALICE, number }),
            amount,
        };
        let tag = self.masters.load(ALICE).tag(&content);
        Pay(Message { content, proof: Proof::Keyed(tag, None, None) })
    }
}

fn balance(host: &mut Host) -> u64 {
    let balances = host.run(&ReadBalances {}).unwrap();
    balances.pockets.iter().next().unwrap().balance.minor()
}

#[test]
fn mondex_1_a_cable_cut_before_the_value_left_debits_once_and_resumes() {
    for interface in [Interface::Hid, Interface::Vendor] {
        let mut table = Table::new(&format!("cut-{interface:?}"));
        let originator = Originator::new();
        let mut host = table.plug(interface);
        originator.load(&mut host, yen(1000));
        let number = host.hello().number;
        host.start(&originator.ask(yen(300), number));
        assert_eq!(
            table.told("asked")["prompt"],
            json!({
                "kind": "pay", "payee": format!("{ORIGINATOR:?}"), "minor": 300, "currency": "JPY",
            })
        );
        table.say("cut alice after 0");
        table.say("press alice");
        table.told("cut");

        let mut host = table.plug(interface);
        assert_eq!(host.hello().open, Some(Open::Paid));
        assert_eq!(balance(&mut host), 700);
        let last = host.run(&Resume {}).unwrap();
        assert_eq!(host.run(&Resume {}), Ok(last), "byte for byte");

        // and once more, from the disk alone
        table.restart();
        let mut host = table.plug(interface);
        assert_eq!((host.hello().open, balance(&mut host)), (Some(Open::Paid), 700));
    }
}

#[test]
fn mondex_2_a_card_says_that_it_waits_for_its_button_and_does_nothing_before() {
    let mut table = Table::new("button");
    let mut host = table.plug(Interface::Hid);
    Originator::new().load(&mut host, yen(1000));
    let new = Pin::new("123456").unwrap();
    let first_pin = ChangePin { old: None, new };

    host.start(&first_pin);
    for _ in 0..3 {
        assert_eq!(host.reply().unwrap(), Reply::Waiting(Waiting::Button));
    }
    assert_eq!(table.told("asked")["prompt"]["kind"], "pin");
    table.say("refuse");
    assert_eq!(host.answer::<ChangePin>(), Err(Status::Refused));
    assert_eq!(host.hello().pin_tries, None);

    host.start(&first_pin);
    assert_eq!(host.reply().unwrap(), Reply::Waiting(Waiting::Button));
    let cancel = host.dialogue.cancel();
    send(&mut host.stream, host.interface, &cancel);
    assert_eq!(host.answer::<ChangePin>(), Err(Status::Refused), "the host gave up");

    host.start(&first_pin);
    table.told("asked");
    table.told("asked");
    table.say("press");
    assert!(host.answer::<ChangePin>().is_ok());
    assert!(host.hello().verified);

    table.say("unplug alice");
    table.told("unplugged");
    let mut host = table.plug(Interface::Hid);
    let hello = host.hello();
    assert_eq!((hello.pin_tries.is_some(), hello.verified), (true, false));
}

#[test]
fn mondex_1_a_cable_cut_at_a_command_leaves_it_undone_or_done() {
    for (moment, open) in [("before", None), ("answering", Some(Open::Asked))] {
        let mut table = Table::new(&format!("cut-{moment}"));
        let mut host = table.plug(Interface::Hid);
        Originator::new().load(&mut host, yen(100));
        table.say(&format!("cut alice {moment} 2"));
        assert_eq!(host.hello().open, None);
        host.start(&Ask { link: Link::Originator, payer: None, amount: yen(1) });
        assert_eq!(table.told("cut")["instruction"], <Ask as command::Command>::INS);
        assert_eq!(table.plug(Interface::Hid).hello().open, open, "{moment}");
    }
}

#[test]
fn a_card_plays_tricks_as_it_is_told_and_is_a_card_again() {
    let mut table = Table::new("tricks");
    let mut host = table.plug(Interface::Hid);
    let blank = host.hello();
    Originator::new().load(&mut host, yen(100));
    table.say("trick alice replay a4");
    assert_eq!(host.hello(), blank);
    table.say("trick alice halve");
    host.start(&ReadBalances {});
    assert_eq!(host.reply().unwrap(), Reply::Answer);
    let half = host.dialogue.answer().unwrap();
    assert_eq!(
        apdu::answer::<<ReadBalances as command::Command>::Answer>(half),
        Err(AnswerError::NotAnAnswer)
    );
    table.say("trick alice");
    assert_eq!(balance(&mut host), 100);
}
