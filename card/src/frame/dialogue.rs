//! The host's end.

use super::{
    Assembler, CANCEL, ERROR, Fault, Frame, Frames, KEEPALIVE, MESSAGE, NONCE_BYTES, Nonce, OPEN,
    OPENING, Parts, Waiting,
};

/// A channel that was asked for.
#[derive(Debug)]
pub struct Opening {
    nonce: Nonce,
}

impl Opening {
    /// With a nonce that nobody else uses.
    pub const fn new(nonce: Nonce) -> Self {
        Self { nonce }
    }

    /// The frame that asks for it; sent again when no answer comes.
    pub fn frame(&self) -> Frame {
        Frame::single(OPENING, OPEN, &self.nonce)
    }

    /// The opened channel, if this frame is the answer; others are ignored.
    pub fn receive(&self, frame: &Frame) -> Option<Dialogue> {
        let parts = frame.parts();
        if parts.channel != OPENING || parts.tag != OPEN {
            return None;
        }
        let (echo, number) = parts.data()?.split_first_chunk::<NONCE_BYTES>()?;
        let channel = u16::from_be_bytes(number.try_into().ok()?);
        (*echo == self.nonce && channel != OPENING)
            .then_some(Dialogue { channel, state: State::Idle })
    }
}

/// What a frame says to a message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The answer is whole, in [`Dialogue::answer`].
    Answer,
    /// It takes its time.
    Waiting(Waiting),
    /// There will be none.
    Fault(Fault),
}

/// An open channel: one message, then its answer.
///
/// A message may be sent again, or another, after [`Reply::Answer`] or [`Reply::Fault`]. Whoever
/// stops waiting before that opens another channel: on this one the answer may still come, and
/// would be taken for the next message's.
#[derive(Debug)]
pub struct Dialogue {
    channel: u16,
    state: State,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is no heap to box it in")]
enum State {
    Idle,
    Sent,
    Answering(Assembler),
}

impl Dialogue {
    /// The frames of a message.
    pub fn send<'a>(&mut self, message: &'a [u8]) -> Frames<'a> {
        self.state = State::Sent;
        Frames::new(self.channel, MESSAGE, message)
    }

    /// The frame that lets the card stop asking its holder. The answer is still to be awaited.
    pub fn cancel(&self) -> Frame {
        Frame::single(self.channel, CANCEL, &[])
    }

    /// Receives a frame; those of others, and those nobody waits for, are ignored.
    pub fn receive(&mut self, frame: &Frame) -> Option<Reply> {
        let parts = frame.parts();
        let waiting = match &self.state {
            State::Idle => false,
            State::Sent => true,
            State::Answering(message) => !message.is_whole(),
        };
        if parts.channel != self.channel || !waiting {
            return None;
        }
        match parts.tag {
            MESSAGE => self.add(parts),
            KEEPALIVE => Some(Reply::Waiting(Waiting::of_code(*parts.data()?.first()?)?)),
            ERROR => {
                let fault = Fault::of_code(*parts.data()?.first()?)?;
                self.state = State::Idle;
                Some(Reply::Fault(fault))
            }
            _ => None,
        }
    }

    fn add(&mut self, frame: Parts<'_>) -> Option<Reply> {
        let added = match core::mem::replace(&mut self.state, State::Idle) {
            State::Answering(mut message) => message.add(frame).map(|()| message),
            // the rest of an answer that was given up
            state if frame.sequence != 0 => {
                self.state = state;
                return None;
            }
            _ => Assembler::begin(frame),
        };
        match added {
            Ok(message) => {
                let whole = message.is_whole();
                self.state = State::Answering(message);
                whole.then_some(Reply::Answer)
            }
            Err(fault) => Some(Reply::Fault(fault)),
        }
    }

    /// The last answer, until the next message is sent.
    pub fn answer(&self) -> Option<&[u8]> {
        match &self.state {
            State::Answering(message) if message.is_whole() => Some(&message.bytes),
            _ => None,
        }
    }
}
