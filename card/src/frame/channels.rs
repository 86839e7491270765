//! The card's end.

use super::{
    Assembler, CANCEL, ERROR, Fault, Frame, Frames, KEEPALIVE, MESSAGE, NONCE_BYTES, Nonce, OPEN,
    OPENING, Parts, Waiting,
};

/// Channels that are remembered.
pub const CHANNELS_MAX: usize = 16;
/// How long a message may stop between two frames before another channel's takes its place,
/// milliseconds.
pub const PAUSE_MS_MAX: u64 = 500;

/// A card's interfaces; [`usb`](super::usb) describes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interface {
    /// Interrupt transfers: WebHID.
    Hid,
    /// Bulk transfers: WebUSB.
    Vendor,
}

/// What a frame leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The host's machine sends this frame on the interface that the received one came by.
    Send(Frame),
    /// A message is whole, in [`Channels::message`]: it is to be carried out and answered.
    Message,
    /// Nobody waits for the holder's decision any more: taken as a refusal.
    Cancelled,
}

/// What a card's channels are at. The host of a card owes it this: when [`Event::Message`] comes,
/// the message is carried out and [`answer`](Self::answer)ed, once; until then
/// [`keep_alive`](Self::keep_alive) is sent every [`KEEPALIVE_MS`](super::KEEPALIVE_MS), and frames
/// that come meanwhile are received here as ever.
#[derive(Debug, Default)]
pub struct Channels {
    opened: heapless::Deque<Channel, CHANNELS_MAX>,
    last: u16,
    work: Option<Work>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Channel {
    number: u16,
    interface: Interface,
}

/// A transaction.
#[derive(Debug)]
struct Work {
    channel: Channel,
    message: Assembler,
    /// When its last frame came.
    at: u64,
}

impl Work {
    /// Whether it stopped before it was whole.
    fn is_stale(&self, now: u64) -> bool {
        !self.message.is_whole() && now.saturating_sub(self.at) > PAUSE_MS_MAX
    }
}

impl Channels {
    /// Receives a frame at a time in milliseconds, of a clock that does not go back.
    pub fn receive(&mut self, interface: Interface, frame: &Frame, now: u64) -> Option<Event> {
        let parts = frame.parts();
        if parts.channel == OPENING && parts.tag == OPEN {
            let nonce = parts.data()?.try_into().ok()?;
            return Some(Event::Send(self.open(interface, nonce)));
        }
        let channel = Channel { number: parts.channel, interface };
        let received = match parts.tag {
            _ if !self.opened.iter().any(|known| *known == channel) => Err(Fault::Channel),
            MESSAGE => self.add(channel, parts, now),
            CANCEL => Ok(self.cancel(channel)),
            _ => Err(Fault::Tag),
        };
        received.unwrap_or_else(|fault| {
            Some(Event::Send(Frame::single(parts.channel, ERROR, &[fault.code()])))
        })
    }

    fn open(&mut self, interface: Interface, nonce: Nonce) -> Frame {
        // 65,535 channels later a number comes again; the channel it named is long forgotten.
        self.last = self.last.checked_add(1).unwrap_or(1);
        if self.opened.is_full() {
            self.opened.pop_front();
        }
        let pushed = self.opened.push_back(Channel { number: self.last, interface });
        debug_assert!(pushed.is_ok());
        let mut answer = [0; NONCE_BYTES + 2];
        if let Some((echo, number)) = answer.split_first_chunk_mut() {
            *echo = nonce;
            number.copy_from_slice(&self.last.to_be_bytes());
        }
        Frame::single(OPENING, OPEN, &answer)
    }

    fn add(
        &mut self,
        channel: Channel,
        frame: Parts<'_>,
        now: u64,
    ) -> Result<Option<Event>, Fault> {
        let work = self.work.take_if(|work| work.channel == channel && !work.message.is_whole());
        let mut work = match work {
            Some(work) => work,
            // the rest of a message that was refused
            None if frame.sequence != 0 => return Ok(None),
            None if self.work.as_ref().is_some_and(|work| !work.is_stale(now)) => {
                return Err(Fault::Busy);
            }
            None => return Ok(self.work_on(channel, Assembler::begin(frame)?, now)),
        };
        work.message.add(frame)?;
        Ok(self.work_on(channel, work.message, now))
    }

    fn work_on(&mut self, channel: Channel, message: Assembler, at: u64) -> Option<Event> {
        let work = self.work.insert(Work { channel, message, at });
        work.message.is_whole().then_some(Event::Message)
    }

    fn cancel(&mut self, channel: Channel) -> Option<Event> {
        let whole = self.work.as_ref().filter(|work| work.channel == channel)?.message.is_whole();
        if !whole {
            self.work = None;
        }
        whole.then_some(Event::Cancelled)
    }

    /// The message to carry out, while there is one.
    pub fn message(&self) -> Option<&[u8]> {
        let work = self.work.as_ref().filter(|work| work.message.is_whole())?;
        Some(&work.message.bytes)
    }

    /// Says why the answer takes its time, and by which interface to say it.
    pub fn keep_alive(&self, why: Waiting) -> Option<(Interface, Frame)> {
        let work = self.work.as_ref().filter(|work| work.message.is_whole())?;
        let Channel { number, interface } = work.channel;
        Some((interface, Frame::single(number, KEEPALIVE, &[why.code()])))
    }

    /// Ends the transaction: the answer's frames, and by which interface to send them. They are
    /// sent before the next frame is received.
    pub fn answer<'a>(&mut self, answer: &'a [u8]) -> Option<(Interface, Frames<'a>)> {
        let work = self.work.take_if(|work| work.message.is_whole())?;
        let Channel { number, interface } = work.channel;
        Some((interface, Frames::new(number, MESSAGE, answer)))
    }
}
