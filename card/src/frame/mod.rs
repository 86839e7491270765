//! Messages in frames of 64 bytes, over HID reports or bulk transfers, for both ends.
//!
//! ```text
//! frame      channel u16 | tag u8 | sequence u16 | payload, zero padded to 64 bytes; big endian
//! payload    sequence 0: length u16 | data       sequence 1, 2, ..: data
//!
//! OPEN       0x06, channel 0    host: nonce [8]; card: nonce [8] | channel u16
//! MESSAGE    0x05               an APDU and its answer, in as many frames as it takes
//! KEEPALIVE  0x07               card: status [1], while the answer takes its time
//! CANCEL     0x08               host: no data; the holder need not be asked any more
//! ERROR      0x3f               card: code [1]; there will be no answer
//! ```
//!
//! The form is that of Ledger's frames (`hid-framing.ts`), the opening that of CTAPHID_INIT (CTAP
//! 2.1, section 11.2.9.1.3). The rules of the card's end, [`Channels`]:
//!
//! - One transaction at a time, from a message's first frame to its answer's last; a message that
//!   begins on another channel meanwhile gets [`Fault::Busy`].
//! - Sequence 0 begins a message on an idle channel. Within a message, any other frame than the
//!   next drops it with [`Fault::Sequence`]; what is left of it is ignored.
//! - A message that stops for [`PAUSE_MS_MAX`] makes way for the next.
//! - A channel works on the interface that opened it, and is forgotten when [`CHANNELS_MAX`] later
//!   ones have been opened.
//!
//! Channels keep order, not secrets: on Linux every opener of a HID device sees every input report,
//! so a host's end, [`Dialogue`], ignores what is on other channels.

mod channels;
mod dialogue;
pub mod usb;

use core::fmt;

use zeroize::Zeroize as _;

use crate::apdu::{APDU_BYTES_MAX, Apdu};

pub use channels::{CHANNELS_MAX, Channels, Event, Interface, PAUSE_MS_MAX};
pub use dialogue::{Dialogue, Opening, Reply};

/// Bytes of a frame: of an interrupt transfer at full speed (USB 2.0, section 5.7.3).
pub const FRAME_BYTES: usize = 64;
/// Between two keep-alives, milliseconds.
pub const KEEPALIVE_MS: u64 = 100;
/// Bytes of the nonce that tells an opener its own answer.
pub const NONCE_BYTES: usize = 8;

const HEADER_BYTES: usize = 5;
/// The channel on which others are opened.
const OPENING: u16 = 0;

const MESSAGE: u8 = 0x05;
const OPEN: u8 = 0x06;
const KEEPALIVE: u8 = 0x07;
const CANCEL: u8 = 0x08;
const ERROR: u8 = 0x3f;

/// What tells an opener its own answer: fresh for each opening.
pub type Nonce = [u8; NONCE_BYTES];

/// A frame. A message may hold a PIN, so a frame is forgotten by whoever sends it, and not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame([u8; FRAME_BYTES]);

impl Frame {
    /// The frame of these bytes; none unless there are [`FRAME_BYTES`].
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    pub const fn bytes(&self) -> &[u8; FRAME_BYTES] {
        &self.0
    }

    /// A frame that is a whole message of its own; data are much shorter than a frame.
    fn single(channel: u16, tag: u8, data: &[u8]) -> Self {
        Frames::new(channel, tag, data).next().unwrap_or(Self([0; FRAME_BYTES]))
    }

    fn parts(&self) -> Parts<'_> {
        let [channel0, channel1, tag, sequence0, sequence1, payload @ ..] = &self.0;
        Parts {
            channel: u16::from_be_bytes([*channel0, *channel1]),
            tag: *tag,
            sequence: u16::from_be_bytes([*sequence0, *sequence1]),
            payload,
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { channel, tag, sequence, .. } = self.parts();
        write!(f, "Frame(channel {channel}, tag {tag:#04x}, sequence {sequence}, ..)")
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[derive(Clone, Copy)]
struct Parts<'a> {
    channel: u16,
    tag: u8,
    sequence: u16,
    payload: &'a [u8],
}

impl<'a> Parts<'a> {
    /// The data of a frame that is a whole message of its own.
    fn data(&self) -> Option<&'a [u8]> {
        let (length, rest) = self.payload.split_first_chunk()?;
        let whole = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
        (self.sequence == 0).then_some(whole)
    }
}

/// The frames of a message.
#[derive(Clone)]
pub struct Frames<'a> {
    channel: u16,
    tag: u8,
    sequence: u16,
    /// Before the first frame.
    length: Option<u16>,
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// No message is longer than 65,535 bytes: those of [`APDU_BYTES_MAX`] are the longest.
    fn new(channel: u16, tag: u8, message: &'a [u8]) -> Self {
        let length = u16::try_from(message.len()).ok();
        debug_assert!(length.is_some());
        Self { channel, tag, sequence: 0, length, rest: message }
    }
}

impl fmt::Debug for Frames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frames(channel {}, {} bytes left)", self.channel, self.rest.len())
    }
}

impl Iterator for Frames<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let length = self.length.take();
        if length.is_none() && self.rest.is_empty() {
            return None;
        }
        let mut bytes = [0; FRAME_BYTES];
        let (header, mut payload) = bytes.split_first_chunk_mut::<HEADER_BYTES>()?;
        let [channel0, channel1] = self.channel.to_be_bytes();
        let [sequence0, sequence1] = self.sequence.to_be_bytes();
        *header = [channel0, channel1, self.tag, sequence0, sequence1];
        if let Some(length) = length {
            let (first, others) = payload.split_first_chunk_mut::<2>()?;
            *first = length.to_be_bytes();
            payload = others;
        }
        let (now, later) = self.rest.split_at(self.rest.len().min(payload.len()));
        payload.get_mut(..now.len())?.copy_from_slice(now);
        self.rest = later;
        self.sequence = self.sequence.checked_add(1)?;
        Some(Frame(bytes))
    }
}

/// A message as its frames come in.
struct Assembler {
    bytes: Apdu,
    length: usize,
    next: u16,
}

impl Assembler {
    /// Of a message's first frame.
    fn begin(first: Parts<'_>) -> Result<Self, Fault> {
        let (length, data) = first.payload.split_first_chunk().ok_or(Fault::Length)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if first.sequence != 0 {
            return Err(Fault::Sequence);
        }
        if length == 0 || length > APDU_BYTES_MAX {
            return Err(Fault::Length);
        }
        let mut message = Self { bytes: Apdu::new(), length, next: 1 };
        message.fill(data)?;
        Ok(message)
    }

    /// Of any later frame.
    fn add(&mut self, frame: Parts<'_>) -> Result<(), Fault> {
        if frame.sequence != self.next || self.is_whole() {
            return Err(Fault::Sequence);
        }
        self.next = self.next.checked_add(1).ok_or(Fault::Length)?;
        self.fill(frame.payload)
    }

    /// Takes what is still missing; the rest is padding.
    fn fill(&mut self, data: &[u8]) -> Result<(), Fault> {
        let missing = self.length.saturating_sub(self.bytes.len());
        let (data, _padding) = data.split_at(missing.min(data.len()));
        self.bytes.extend_from_slice(data).map_err(|_| Fault::Length)
    }

    fn is_whole(&self) -> bool {
        self.bytes.len() == self.length
    }
}

impl fmt::Debug for Assembler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Assembler({} of {} bytes)", self.bytes.len(), self.length)
    }
}

impl Drop for Assembler {
    fn drop(&mut self) {
        self.bytes.as_mut_slice().zeroize();
    }
}

/// Why a message gets no answer; its number is the ERROR frame's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// 1: a frame is missing, or came twice or out of order. The message may be sent again.
    Sequence,
    /// 2: a message of another channel, or an earlier one, is at work. The message may be sent
    /// again, a little later.
    Busy,
    /// 3: the message is empty or longer than [`APDU_BYTES_MAX`].
    Length,
    /// 4: no such channel, or none any more: another must be opened.
    Channel,
    /// 5: no such kind of frame.
    Tag,
}

impl Fault {
    const ALL: [Self; 5] = [Self::Sequence, Self::Busy, Self::Length, Self::Channel, Self::Tag];

    /// Its number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Sequence => 1,
            Self::Busy => 2,
            Self::Length => 3,
            Self::Channel => 4,
            Self::Tag => 5,
        }
    }

    fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.code() == code)
    }
}

/// Why an answer takes its time; its number is the KEEPALIVE frame's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Waiting {
    /// 1: the card is computing.
    Working,
    /// 2: the holder is asked to press the button.
    Button,
}

impl Waiting {
    /// Its number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Working => 1,
            Self::Button => 2,
        }
    }

    fn of_code(code: u8) -> Option<Self> {
        [Self::Working, Self::Button].into_iter().find(|waiting| waiting.code() == code)
    }
}
