//! A card on USB, whatever its chip: what the programs for chips have in common.
//!
//! A chip brings its USB driver, its flash, its entropy, and two pins: a button towards ground and
//! a light that is on while the holder is asked. No program that uses this has run on a board.
//!
//! What such a card has not got, and does not claim:
//!
//! - a counter that cannot be put back: the RP2350's fuses could be one, but each time of power
//!   would burn one for good;
//! - a display: the holder presses the button for an amount that only the host shows;
//! - protection of its flash: whoever opens the chip, or holds its debug port, reads the keys.

#![no_std]

mod board;
mod store;
mod usb;

use embassy_futures::join::join;
use embassy_futures::select::{Either, select};
use embassy_time::{Instant, Timer};
use embassy_usb::driver::Driver;
use embedded_hal::digital::{InputPin, OutputPin};
use koban_card::apdu::Apdu;
use koban_card::frame::{Channels, Event, Frame, Interface, KEEPALIVE_MS, Waiting};
use koban_card::platform::Button;
use koban_card::{Card, Platform};

pub use board::Board;
pub use embedded_hal::digital::PinState;
pub use store::{FLASH_BYTES, FlashStore};
pub use usb::Memory;

use usb::Cable;

/// How long the holder is asked, milliseconds.
const ASKED_MS_MAX: u64 = 30_000;
/// How often the button is looked at, and for how long it must stay down: contacts bounce.
const LOOK_MS: u64 = 10;
const DOWN_MS_MIN: u64 = 30;

/// What the holder sees and feels: a light, and a button between its pin and ground.
#[derive(Debug)]
pub struct Panel<B, L> {
    /// Low while it is pressed.
    pub button: B,
    /// Shines while the holder is asked.
    pub light: L,
    /// The level at which it shines.
    pub lit: PinState,
}

/// A card and its cable.
struct Device<'d, D: Driver<'d>, P: Platform, B, L> {
    card: Card<P>,
    channels: Channels,
    cable: Cable<'d, D>,
    panel: Panel<B, L>,
}

/// Is a card for as long as there is power.
pub async fn run<'d, D, P, B, L>(
    driver: D,
    memory: &'d mut Memory<'d>,
    platform: P,
    panel: Panel<B, L>,
) -> !
where
    D: Driver<'d>,
    P: Platform,
    B: InputPin,
    L: OutputPin,
{
    let (mut bus, cable) = usb::build(driver, memory);
    let card = Card::power_up(platform);
    let mut device = Device { card, channels: Channels::default(), cable, panel };
    join(bus.run(), device.serve()).await.0
}

impl<'d, D: Driver<'d>, P: Platform, B: InputPin, L: OutputPin> Device<'d, D, P, B, L> {
    async fn serve(&mut self) {
        let mut answer = Apdu::new();
        loop {
            let (interface, frame) = self.cable.receive().await;
            if let Some(Event::Message) = self.take_in(interface, &frame).await {
                self.carry_out(&mut answer).await;
            }
        }
    }

    /// What a frame leads to, if that is more than an answer to it.
    async fn take_in(&mut self, interface: Interface, frame: &Frame) -> Option<Event> {
        match self.channels.receive(interface, frame, Instant::now().as_millis())? {
            Event::Send(frame) => {
                self.cable.send(interface, &frame).await;
                None
            }
            event => Some(event),
        }
    }

    /// Carries out the message of the channels and answers it. While the card computes, frames wait
    /// in the bus's hardware; the host is told so once, before.
    async fn carry_out(&mut self, answer: &mut Apdu) {
        self.keep_alive(Waiting::Working).await;
        if self.handle(Button::Unasked, answer) {
            // a light that cannot be lit is no reason not to ask
            let lit = self.panel.lit;
            let _shines = self.panel.light.set_state(lit);
            let button = self.ask().await;
            let _dark = self.panel.light.set_state(!lit);
            self.handle(button, answer);
        }
        if let Some((interface, frames)) = self.channels.answer(answer) {
            for frame in frames {
                self.cable.send(interface, &frame).await;
            }
        }
    }

    /// Whether the holder must be asked first.
    fn handle(&mut self, button: Button, answer: &mut Apdu) -> bool {
        let Some(message) = self.channels.message() else { return false };
        self.card.handle(message, button, answer).is_some()
    }

    async fn keep_alive(&mut self, why: Waiting) {
        if let Some((interface, frame)) = self.channels.keep_alive(why) {
            self.cable.send(interface, &frame).await;
        }
    }

    /// Asks the holder, who must let the button go first and then hold it down for a moment.
    async fn ask(&mut self) -> Button {
        let begun = Instant::now();
        let (mut next_sign, mut was_up, mut down_since) = (0, false, None);
        loop {
            let waited = begun.elapsed().as_millis();
            if waited > ASKED_MS_MAX {
                return Button::Refused;
            }
            if waited >= next_sign {
                next_sign = waited.saturating_add(KEEPALIVE_MS);
                self.keep_alive(Waiting::Button).await;
            }
            if self.panel.button.is_low().unwrap_or(false) {
                let since = *down_since.get_or_insert(waited);
                if was_up && waited.saturating_sub(since) >= DOWN_MS_MIN {
                    return Button::Pressed;
                }
            } else {
                (was_up, down_since) = (true, None);
            }
            let next = select(self.cable.receive(), Timer::after_millis(LOOK_MS)).await;
            if let Either::First((interface, frame)) = next
                && self.take_in(interface, &frame).await == Some(Event::Cancelled)
            {
                return Button::Refused;
            }
        }
    }
}
