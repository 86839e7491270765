//! Cards in memory, whose store can fail at a chosen write, in several ways.

use koban_card::apdu::{self, AnswerError, Apdu};
use koban_card::command::{self, Command, Hello};
use koban_card::memory::Memory;
use koban_card::platform::{Button, Features, Prompt, Slot, Store, StoreFailed};
use koban_card::purse::wire::Class;
use koban_card::{Card, Platform, Status};
use koban_protocol::entropy::Entropy;

/// What a write that fails leaves in its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Torn {
    /// What was there.
    Nothing,
    /// The first half of the new bytes.
    Half,
    /// Ones, as flash that was erased and not written.
    Erased,
    /// All of the new bytes: power went just after.
    All,
}

pub(crate) const TORN: [Torn; 4] = [Torn::Nothing, Torn::Half, Torn::Erased, Torn::All];

/// A store that fails at its `at`th write from now, and at every later one.
#[derive(Clone, Debug)]
pub(crate) struct Flash {
    pub(crate) memory: Memory,
    pub(crate) cut: Option<(u32, Torn)>,
    pub(crate) writes: u32,
}

impl Store for Flash {
    fn read(&mut self, slot: Slot, into: &mut [u8]) -> Result<(), StoreFailed> {
        self.memory.read(slot, into)
    }

    fn write(&mut self, slot: Slot, bytes: &[u8]) -> Result<(), StoreFailed> {
        let Some((left, torn)) = &mut self.cut else {
            self.writes += 1;
            return self.memory.write(slot, bytes);
        };
        if *left > 0 {
            *left -= 1;
            self.writes += 1;
            return self.memory.write(slot, bytes);
        }
        let what = std::mem::replace(torn, Torn::Nothing);
        match what {
            Torn::Nothing => {}
            Torn::Half => self.memory.write(slot, &bytes[..bytes.len() / 2])?,
            Torn::Erased => self.memory.write(slot, &vec![0xff; bytes.len()])?,
            Torn::All => self.memory.write(slot, bytes)?,
        }
        Err(StoreFailed)
    }
}

/// A device.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) class: Class,
    pub(crate) features: Features,
    pub(crate) flash: Flash,
    pub(crate) counter: u32,
    pub(crate) entropy: [u8; 32],
}

impl Platform for Machine {
    type Store = Flash;

    fn class(&self) -> Class {
        self.class
    }

    fn features(&self) -> Features {
        self.features
    }

    fn store(&mut self) -> &mut Flash {
        &mut self.flash
    }

    fn entropy(&mut self) -> Entropy {
        Entropy::new(self.entropy)
    }

    fn counter(&mut self) -> u32 {
        self.counter
    }

    fn raise_counter(&mut self) -> Result<(), StoreFailed> {
        if self.features.counter {
            self.counter += 1;
        }
        Ok(())
    }
}

/// A card and whoever holds it: presses the button unless told otherwise.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) card: Card<Machine>,
    pub(crate) button: Button,
    pub(crate) prompts: Vec<Prompt>,
    pub(crate) traffic: Traffic,
    pub(crate) twin: Option<Box<dyn Twin>>,
}

/// Another machine that carries out the same commands.
pub(crate) trait Twin: std::fmt::Debug {
    /// Carries out a command, of which the holder was `asked` if they did anything; the answer must
    /// be this one.
    fn follow(&mut self, command: &[u8], asked: Option<Button>, answer: &[u8]);
}

/// What went over the cable.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) commands: usize,
    pub(crate) sent: usize,
    pub(crate) received: usize,
}

impl Held {
    pub(crate) fn new(class: Class, number: u8) -> Self {
        let features = Features { display: false, button: true, counter: true };
        let features = if class == Class::Virtual { Features::default() } else { features };
        let flash = Flash { memory: Memory::new(), cut: None, writes: 0 };
        let entropy = [number; 32];
        Self::of(Machine { class, features, flash, counter: 0, entropy })
    }

    pub(crate) fn of(machine: Machine) -> Self {
        let card = Card::power_up(machine);
        let traffic = Traffic::default();
        Self { card, button: Button::Pressed, prompts: Vec::new(), traffic, twin: None }
    }

    /// Power goes and comes; the store works again.
    pub(crate) fn power_cycle(&mut self) {
        let mut machine = self.card.platform().clone();
        machine.flash.cut = None;
        self.card = Card::power_up(machine);
    }

    pub(crate) fn machine(&mut self) -> &mut Machine {
        self.card.platform()
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Apdu {
        let mut answer = Apdu::new();
        let mut asked = None;
        if let Some(prompt) = self.card.handle(bytes, Button::Unasked, &mut answer) {
            asked = Some(self.button);
            assert!(answer.is_empty());
            self.prompts.push(prompt);
            let again = self.card.handle(bytes, self.button, &mut answer);
            assert_eq!(again, None, "the holder is asked once");
        }
        self.traffic.commands += 1;
        self.traffic.sent += bytes.len();
        self.traffic.received += answer.len();
        if let Some(twin) = &mut self.twin {
            twin.follow(bytes, asked, &answer);
        }
        answer
    }

    pub(crate) fn run<C: Command>(&mut self, command: &C) -> Result<C::Answer, Status> {
        let bytes = apdu::encode(command);
        match apdu::answer(&self.raw(&bytes)) {
            Ok(answer) => Ok(answer),
            Err(AnswerError::Refused(status)) => Err(status),
            Err(AnswerError::NotAnAnswer) => panic!("not an answer"),
        }
    }

    pub(crate) fn hello(&mut self) -> Hello {
        apdu::answer(&self.raw(&apdu::select())).unwrap()
    }

    /// What is in the first pocket.
    pub(crate) fn balance(&mut self) -> u64 {
        self.run(&command::ReadBalances {}).unwrap().pockets[0].balance.minor()
    }

    pub(crate) fn cut(&mut self, at: u32, torn: Torn) {
        self.machine().flash.cut = Some((at, torn));
    }
}
