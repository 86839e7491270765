//! The card on a Cortex-M33 that qemu emulates (`-M mps2-an505`): the instructions of a card's
//! processor without the card.
//!
//! What the machine lacks, its two serial lines stand for:
//!
//! - line 0 carries frames, as a cable would;
//! - line 1 carries, towards the card, 32 bytes each time it needs entropy and one byte each time
//!   its holder is asked: `y` agrees, all else refuses; and from the card, after each command, a
//!   [`Measure`].
//!
//! There is no source of entropy: a card made here is as secret as what its host writes on line 1.
//! There is no flash either: the store is in memory, and resetting the machine empties it.

#![no_std]
#![no_main]

mod machine;

use cortex_m_rt::entry;
use koban_card::apdu::Apdu;
use koban_card::frame::{Channels, Event, Frame, Interface, KEEPALIVE_MS, Waiting};
use koban_card::memory::Memory;
use koban_card::platform::{Button, Features, StoreFailed};
use koban_card::purse::wire::Class;
use koban_card::{Card, Platform};
use koban_protocol::entropy::Entropy;
use panic_reset as _;

use machine::{Clock, Line};

/// How long the holder is asked, milliseconds.
const ASKED_MS_MAX: u64 = 30_000;

/// A purse whose store is memory, and whose entropy and button are a line.
struct Emulated {
    store: &'static mut Memory,
    side: Line,
}

impl Platform for Emulated {
    type Store = Memory;

    fn class(&self) -> Class {
        Class::Purse
    }

    fn features(&self) -> Features {
        Features { display: false, button: true, counter: false }
    }

    fn store(&mut self) -> &mut Memory {
        self.store
    }

    fn entropy(&mut self) -> Entropy {
        Entropy::new(core::array::from_fn(|_| self.side.read()))
    }

    fn counter(&mut self) -> u32 {
        0
    }

    fn raise_counter(&mut self) -> Result<(), StoreFailed> {
        Ok(())
    }
}

/// What a command took: ticks of the machine's clock while it was carried out, and the most bytes
/// of stack in use since power came. Both big endian, in this order.
struct Measure {
    ticks: u32,
    stack: u32,
}

/// A card and its cable.
struct Device {
    card: Card<Emulated>,
    channels: Channels,
    cable: Line,
    clock: Clock,
}

#[entry]
fn main() -> ! {
    static mut STORE: Memory = Memory::new();
    let platform = Emulated { store: STORE, side: Line::SECOND.open() };
    let mut device = Device {
        card: Card::power_up(platform),
        channels: Channels::default(),
        cable: Line::FIRST.open(),
        clock: Clock::start(),
    };
    let mut answer = Apdu::new();
    loop {
        if let Some(Event::Message) = device.receive() {
            device.carry_out(&mut answer);
        }
    }
}

impl Device {
    /// Waits for a frame; what it leads to, if that is more than an answer to it.
    fn receive(&mut self) -> Option<Event> {
        let bytes: [u8; koban_card::frame::FRAME_BYTES] =
            core::array::from_fn(|_| self.cable.read());
        let frame = Frame::of_bytes(&bytes)?;
        match self.channels.receive(Interface::Hid, &frame, self.clock.now_ms())? {
            Event::Send(frame) => {
                self.send(&frame);
                None
            }
            event => Some(event),
        }
    }

    fn send(&self, frame: &Frame) {
        frame.bytes().iter().for_each(|byte| self.cable.write(*byte));
    }

    /// Carries out the message of the channels and answers it.
    fn carry_out(&mut self, answer: &mut Apdu) {
        let mut ticks = 0;
        if self.handle(Button::Unasked, answer, &mut ticks) {
            let button = self.ask();
            self.handle(button, answer, &mut ticks);
        }
        if let Some((_, frames)) = self.channels.answer(answer) {
            let cable = &self.cable;
            frames.for_each(|frame| frame.bytes().iter().for_each(|byte| cable.write(*byte)));
        }
        let Measure { ticks, stack } = Measure { ticks, stack: machine::stack_used() };
        let side = &self.card.platform().side;
        ticks
            .to_be_bytes()
            .into_iter()
            .chain(stack.to_be_bytes())
            .for_each(|byte| side.write(byte));
    }

    /// Whether the holder must be asked first.
    fn handle(&mut self, button: Button, answer: &mut Apdu, ticks: &mut u32) -> bool {
        let Some(message) = self.channels.message() else { return false };
        let begun = self.clock.ticks();
        let asks = self.card.handle(message, button, answer).is_some();
        *ticks = ticks.wrapping_add(self.clock.ticks().wrapping_sub(begun));
        asks
    }

    /// Asks the holder, and keeps the cable alive meanwhile.
    fn ask(&mut self) -> Button {
        let begun = self.clock.now_ms();
        let mut told = None;
        loop {
            let waited = self.clock.now_ms().saturating_sub(begun);
            if waited > ASKED_MS_MAX {
                return Button::Refused;
            }
            if told.is_none_or(|told| waited.saturating_sub(told) >= KEEPALIVE_MS) {
                told = Some(waited);
                if let Some((_, frame)) = self.channels.keep_alive(Waiting::Button) {
                    self.send(&frame);
                }
            }
            if self.cable.has_byte() && self.receive() == Some(Event::Cancelled) {
                return Button::Refused;
            }
            let side = &self.card.platform().side;
            if side.has_byte() {
                return if side.read() == b'y' { Button::Pressed } else { Button::Refused };
            }
        }
    }
}
