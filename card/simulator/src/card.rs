//! A card under power: frames in, frames out.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{fmt, io};

use koban_card::apdu::Apdu;
use koban_card::frame::{Channels, Event, Frame, Interface, KEEPALIVE_MS, Waiting};
use koban_card::platform::{Button, Prompt};
use koban_card::purse::wire::Class;
use koban_card::{Card, Status};

use crate::Disk;
use crate::trick::{Trick, Tricks};

/// How long the holder has for the button.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a card does, told to whoever watches.
#[derive(Clone, Debug)]
pub enum Said {
    /// It sends a frame.
    Frame(Interface, Frame),
    /// A command has come, with this instruction byte: it is to [`work`](SimulatedCard::work).
    Received(u8),
    /// It asks its holder.
    Asked(Prompt),
    /// It has carried out a command: its instruction byte, and the status it ended with.
    Answered(u8, Option<Status>),
}

/// A card under power.
pub struct SimulatedCard {
    card: Card<Disk>,
    channels: Channels,
    since: Instant,
    asking: Option<Asking>,
    tricks: Tricks,
}

/// The holder has been asked.
struct Asking {
    since: Instant,
    next_sign: Instant,
}

impl SimulatedCard {
    /// Gives power to the card in a directory, or to a new one.
    ///
    /// # Errors
    /// The directory cannot be read or written.
    pub fn power_up(directory: &Path, class: Class) -> io::Result<Self> {
        Ok(Self {
            card: Card::power_up(Disk::open(directory, class)?),
            channels: Channels::default(),
            since: Instant::now(),
            asking: None,
            tricks: Tricks::default(),
        })
    }

    /// Has it play a trick from now on, or none.
    pub fn play(&mut self, trick: Option<Trick>) {
        self.tricks.play(trick);
    }

    /// Takes a frame from a host.
    pub fn receive(&mut self, interface: Interface, frame: &Frame) -> Vec<Said> {
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        match self.channels.receive(interface, frame, now) {
            Some(Event::Send(answer)) => vec![Said::Frame(interface, answer)],
            Some(Event::Message) => vec![Said::Received(self.instruction())],
            Some(Event::Cancelled) => self.decide(Button::Refused),
            None => vec![],
        }
    }

    /// Carries out the command that has come.
    pub fn work(&mut self) -> Vec<Said> {
        self.carry_out(Button::Unasked)
    }

    fn instruction(&self) -> u8 {
        self.channels.message().and_then(|message| message.get(1)).copied().unwrap_or(0)
    }

    /// The holder decides, if they were asked.
    pub fn decide(&mut self, button: Button) -> Vec<Said> {
        match self.asking.take() {
            Some(_) => self.carry_out(button),
            None => vec![],
        }
    }

    /// Whether the holder has been asked and has not decided.
    pub const fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// What time brings: signs that the card still waits, until it waits no longer.
    pub fn tick(&mut self, now: Instant) -> Vec<Said> {
        let Some(asking) = &mut self.asking else {
            return vec![];
        };
        if now.saturating_duration_since(asking.since) > PATIENCE {
            return self.decide(Button::Refused);
        }
        if now < asking.next_sign {
            return vec![];
        }
        asking.next_sign = now + Duration::from_millis(KEEPALIVE_MS);
        let sign = self.channels.keep_alive(Waiting::Button);
        sign.into_iter().map(|(interface, frame)| Said::Frame(interface, frame)).collect()
    }

    fn carry_out(&mut self, button: Button) -> Vec<Said> {
        let instruction = self.instruction();
        let Some(message) = self.channels.message() else {
            return vec![];
        };
        let mut answer = Apdu::new();
        if let Some(earlier) = self.tricks.earlier(instruction) {
            answer.clone_from(earlier);
        } else if let Some(prompt) = self.card.handle(message, button, &mut answer) {
            let now = Instant::now();
            self.asking = Some(Asking { since: now, next_sign: now });
            return vec![Said::Asked(prompt)];
        }
        let word = answer.last_chunk().and_then(|word| Status::of_word(u16::from_be_bytes(*word)));
        let mut said = vec![Said::Answered(instruction, word)];
        self.tricks.spoil(instruction, &mut answer);
        if let Some((interface, frames)) = self.channels.answer(&answer) {
            let frames = self.tricks.frames(frames);
            said.extend(frames.map(|frame| Said::Frame(interface, frame)));
        }
        said
    }
}

impl fmt::Debug for SimulatedCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimulatedCard({:?})", self.channels)
    }
}
