//! Cards: APDUs in, answers out, by WebHID, by WebUSB, or in a worker.
//!
//! ```text
//! Reader ── frames ── Port ── hid, usb ─────────── a card
//!        └─ APDUs ── virtual_card ── machine ───── the same applet, in a worker
//! ```
//!
//! A device is opened for one command and closed again, under a lock between the wallet's tabs, so
//! that several tabs take turns. A card that was pulled out is gone: plugged in again it is another
//! [`Reader`], as its power was away, and with it the PIN.

mod device;
mod hid;
pub mod machine;
mod usb;
mod virtual_card;

use std::cell::Cell;
use std::rc::Rc;

use futures_util::future::{Either, select};
use koban_card::frame::{Dialogue, Fault, Frame, Nonce, Opening, Reply};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

pub use koban_card::frame::Waiting;
pub use virtual_card::PROGRAM;

use self::device::{Device, Devices};
use self::hid::HidPort;
use self::usb::UsbPort;
use self::virtual_card::VirtualCard;
use super::tabs::{self, Lease};
use super::{fact, platform};

/// How often it is looked whether a silent card is still there, milliseconds.
const LOOK_MS: u32 = 200;
/// Looks until a card that says nothing is given up: 2 s.
const LOOKS_MAX: u32 = 10;
/// How long the browser may take to open, close or write to a device, milliseconds. Chromium does
/// not answer at all if a HID device is pulled out meanwhile.
const BROWSER_MS_MAX: u32 = 2_000;
/// Until a command is given up whatever the card says, milliseconds.
const COMMAND_MS_MAX: f64 = 120_000.0;
/// Until a channel that does not open is asked for again, milliseconds.
const OPENING_MS_MAX: f64 = 1_000.0;
/// Between two attempts at a card that is in use, milliseconds.
const BUSY_PAUSE_MS: u32 = 100;
/// Attempts at a card that is in use: 5 s.
const ATTEMPTS_MAX: u32 = 50;

/// How a card is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `navigator.hid`.
    Hid,
    /// `navigator.usb`.
    Usb,
    /// A worker: no card at all, but a program that says so.
    Virtual,
}

impl Way {
    /// How this browser reaches real cards: by WebUSB only without WebHID, as a card that is
    /// granted both ways would be there twice.
    pub fn usual() -> Self {
        if is_supported(Self::Hid) { Self::Hid } else { Self::Usb }
    }
}

/// Why a card gave no answer.
///
/// Only after [`Unsupported`](Self::Unsupported) and [`InUse`](Self::InUse) is it certain that the
/// command was not carried out; after anything else the card is asked to resume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardProblem {
    /// This browser cannot reach cards this way.
    Unsupported,
    /// Another tab or program is using the card.
    InUse,
    /// The card was pulled out.
    Unplugged,
    /// The card does not answer.
    Silent,
    /// What it answers is not what a card says.
    NotACard,
    /// The browser refuses, and says this.
    Browser(String),
    /// The virtual card's storage failed: the name of the wallet's fault.
    Storage(String),
}

impl CardProblem {
    fn browser(exception: &JsValue) -> Self {
        Self::Browser(fact(exception))
    }
}

/// A card within reach. Two are equal if they are the same device, plugged in once.
#[derive(Clone, Debug)]
pub struct Reader {
    place: Place,
    refused: Rc<Cell<bool>>,
}

#[derive(Clone, Debug)]
enum Place {
    Hid(Device),
    Usb(Device),
    Virtual(Rc<VirtualCard>),
}

impl PartialEq for Reader {
    fn eq(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Place::Hid(one), Place::Hid(two)) | (Place::Usb(one), Place::Usb(two)) => one == two,
            (Place::Virtual(_), Place::Virtual(_)) => true,
            _ => false,
        }
    }
}

impl Reader {
    /// The cards that the holder has granted to this origin, to be reached in this way, and that
    /// are plugged in.
    pub async fn granted(way: Way) -> Vec<Self> {
        let Some(devices) = Devices::of(way) else { return Vec::new() };
        let found = devices.granted().await.unwrap_or_default();
        found.into_iter().filter_map(|device| Self::of(way, device)).collect()
    }

    /// Has the holder choose a card; none if nothing is chosen. To be called when something was
    /// clicked, or else the browser refuses. The virtual card is there without choosing.
    ///
    /// # Errors
    /// [`CardProblem::Unsupported`], [`CardProblem::Browser`].
    pub async fn choose(way: Way) -> Result<Option<Self>, CardProblem> {
        if way == Way::Virtual {
            return Ok(Some(Self::virtual_card(PROGRAM)));
        }
        let devices = Devices::of(way).ok_or(CardProblem::Unsupported)?;
        let chosen = match way {
            Way::Usb => devices.choose(&usb::filter()).await,
            _ => devices.choose(&hid::filter()).await,
        };
        let chosen = chosen.map_err(|exception| CardProblem::browser(&exception))?;
        Ok(chosen.and_then(|device| Self::of(way, device)))
    }

    /// The virtual card of this origin, run by the program at `address`. It is powered up by the
    /// first command; one `Reader` and its clones have one worker.
    pub fn virtual_card(address: &str) -> Self {
        let card = VirtualCard::new(address);
        Self { place: Place::Virtual(Rc::new(card)), refused: Rc::default() }
    }

    fn of(way: Way, device: Device) -> Option<Self> {
        let place = match way {
            Way::Hid => Place::Hid(device),
            Way::Usb => Place::Usb(device),
            Way::Virtual => return None,
        };
        Some(Self { place, refused: Rc::default() })
    }

    /// How it is reached.
    pub const fn way(&self) -> Way {
        match self.place {
            Place::Hid(_) => Way::Hid,
            Place::Usb(_) => Way::Usb,
            Place::Virtual(_) => Way::Virtual,
        }
    }

    /// What the device calls itself; empty for the virtual card.
    pub fn name(&self) -> String {
        match &self.place {
            Place::Hid(device) | Place::Usb(device) => device.name().unwrap_or_default(),
            Place::Virtual(_) => String::new(),
        }
    }

    /// Gives the card a command and returns its answer. While that takes its time, `on_waiting` is
    /// told why, ten times a second: [`Waiting::Button`] when the holder is to press it.
    ///
    /// # Errors
    /// [`CardProblem`].
    pub async fn exchange(
        &self,
        apdu: &[u8],
        mut on_waiting: impl FnMut(Waiting),
    ) -> Result<Vec<u8>, CardProblem> {
        self.refused.set(false);
        let (way, device) = match &self.place {
            Place::Virtual(card) => return card.exchange(apdu).await,
            Place::Hid(device) => ("hid", device),
            Place::Usb(device) => ("usb", device),
        };
        let _turn = turn(&format!("koban-card {way} {}", device.identity())).await?;
        match self.command(apdu, &mut on_waiting).await {
            Err(CardProblem::Browser(_) | CardProblem::Silent) if !self.is_there().await => {
                Err(CardProblem::Unplugged)
            }
            answer => answer,
        }
    }

    /// Whether the device is still plugged in. The browser's list says it; neither exceptions nor
    /// what the device says of itself do.
    async fn is_there(&self) -> bool {
        Self::granted(self.way()).await.contains(self)
    }

    /// The holder does not want what is being asked on the card any more. The command still ends
    /// with the card's answer.
    pub fn refuse(&self) {
        self.refused.set(true);
    }

    /// Takes a virtual card's power, and with it the PIN, and lets other tabs have it. A real card
    /// keeps its power.
    pub fn power_off(&self) {
        if let Place::Virtual(card) = &self.place {
            card.power_off();
        }
    }

    async fn command(
        &self,
        apdu: &[u8],
        on_waiting: &mut impl FnMut(Waiting),
    ) -> Result<Vec<u8>, CardProblem> {
        let mut port = match &self.place {
            Place::Hid(device) => Port::Hid(HidPort::open(device).await?),
            Place::Usb(device) => Port::Usb(UsbPort::open(device).await?),
            Place::Virtual(_) => return Err(CardProblem::Unsupported),
        };
        let answer = self.attempts(&mut port, apdu, on_waiting).await;
        port.close().await;
        answer
    }

    async fn attempts(
        &self,
        port: &mut Port,
        apdu: &[u8],
        on_waiting: &mut impl FnMut(Waiting),
    ) -> Result<Vec<u8>, CardProblem> {
        for _ in 0..ATTEMPTS_MAX {
            match self.attempt(port, apdu, on_waiting).await? {
                Ok(answer) => return Ok(answer),
                // Neither was carried out.
                Err(Fault::Busy | Fault::Channel) => platform::pause(BUSY_PAUSE_MS).await,
                Err(Fault::Sequence | Fault::Length | Fault::Tag) => {
                    return Err(CardProblem::NotACard);
                }
            }
        }
        Err(CardProblem::InUse)
    }

    async fn attempt(
        &self,
        port: &mut Port,
        apdu: &[u8],
        on_waiting: &mut impl FnMut(Waiting),
    ) -> Result<Result<Vec<u8>, Fault>, CardProblem> {
        let mut dialogue = open_channel(port).await?;
        for frame in dialogue.send(apdu) {
            port.send(&frame).await?;
        }
        let give_up = js_sys::Date::now() + COMMAND_MS_MAX;
        let mut silent = 0_u32;
        while silent < LOOKS_MAX && js_sys::Date::now() < give_up {
            silent = silent.saturating_add(1);
            let Some(frame) = port.receive().await? else {
                if !self.is_there().await {
                    return Err(CardProblem::Unplugged);
                }
                continue;
            };
            match dialogue.receive(&frame) {
                Some(Reply::Answer) => {
                    return Ok(Ok(dialogue.answer().unwrap_or_default().to_vec()));
                }
                Some(Reply::Fault(fault)) => return Ok(Err(fault)),
                Some(Reply::Waiting(why)) => {
                    silent = 0;
                    on_waiting(why);
                    if self.refused.take() {
                        port.send(&dialogue.cancel()).await?;
                    }
                }
                // A frame more of a long answer, or another program's.
                None => silent = 0,
            }
        }
        port.send(&dialogue.cancel()).await?;
        Err(CardProblem::Silent)
    }
}

async fn open_channel(port: &mut Port) -> Result<Dialogue, CardProblem> {
    let mut nonce = Nonce::default();
    getrandom::fill(&mut nonce).map_err(|_| CardProblem::Unsupported)?;
    let opening = Opening::new(nonce);
    for _ in 0..2 {
        port.send(&opening.frame()).await?;
        let give_up = js_sys::Date::now() + OPENING_MS_MAX;
        while js_sys::Date::now() < give_up {
            let Some(frame) = port.receive().await? else { continue };
            if let Some(dialogue) = opening.receive(&frame) {
                return Ok(dialogue);
            }
        }
    }
    Err(CardProblem::Silent)
}

/// The right to use a device, once no other tab has it.
async fn turn(name: &str) -> Result<Lease, CardProblem> {
    for _ in 0..ATTEMPTS_MAX {
        match tabs::lease(name, false).await {
            Ok(Some(lease)) => return Ok(lease),
            Ok(None) => platform::pause(BUSY_PAUSE_MS).await,
            Err(_) => return Err(CardProblem::Unsupported),
        }
    }
    Err(CardProblem::InUse)
}

/// A device that was opened, as a way for frames.
enum Port {
    Hid(HidPort),
    Usb(UsbPort),
}

impl Port {
    async fn send(&self, frame: &Frame) -> Result<(), CardProblem> {
        match self {
            Self::Hid(port) => asked(port.send(frame)).await,
            Self::Usb(port) => asked(port.send(frame)).await,
        }
    }

    async fn close(self) {
        match self {
            Self::Hid(port) => port.close().await,
            Self::Usb(port) => port.close().await,
        }
    }

    /// The next frame; none if none comes within [`LOOK_MS`].
    async fn receive(&mut self) -> Result<Option<Frame>, CardProblem> {
        match self {
            Self::Hid(port) => Ok(port.receive().await),
            Self::Usb(port) => {
                port.receive().await.map_err(|exception| CardProblem::browser(&exception))
            }
        }
    }
}

/// What `work` gives, unless it takes longer.
async fn within<T>(milliseconds: u32, work: impl Future<Output = T>) -> Option<T> {
    let limit = core::pin::pin!(platform::pause(milliseconds));
    match select(core::pin::pin!(work), limit).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

/// What the browser was asked to do with a device, done.
async fn asked<T>(work: impl Future<Output = Result<T, JsValue>>) -> Result<T, CardProblem> {
    let done = within(BROWSER_MS_MAX, work).await.ok_or(CardProblem::Silent)?;
    done.map_err(|exception| CardProblem::browser(&exception))
}

/// Tells when a card is plugged in or pulled out, until it is dropped.
#[derive(Debug)]
pub struct Watch(Closure<dyn Fn()>);

/// Calls `changed` when a granted card is plugged in or pulled out.
pub fn watch(changed: impl Fn() + 'static) -> Watch {
    let watch = Watch(Closure::new(changed));
    for devices in [Way::Hid, Way::Usb].into_iter().filter_map(Devices::of) {
        for event in ["connect", "disconnect"] {
            devices.listen(event, watch.0.as_ref().unchecked_ref());
        }
    }
    watch
}

impl Drop for Watch {
    fn drop(&mut self) {
        for devices in [Way::Hid, Way::Usb].into_iter().filter_map(Devices::of) {
            for event in ["connect", "disconnect"] {
                devices.unlisten(event, self.0.as_ref().unchecked_ref());
            }
        }
    }
}

/// Whether this browser can reach cards this way.
pub fn is_supported(way: Way) -> bool {
    way == Way::Virtual || Devices::of(way).is_some()
}
