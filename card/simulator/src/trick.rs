//! What a device does that only passes for a card, in real frames.

use std::collections::BTreeMap;

use koban_card::apdu::Apdu;
use koban_card::frame::{FRAME_BYTES, Frame};

/// A trick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trick {
    /// Commands of this instruction are not carried out, but answered with what the first of them
    /// was answered.
    Replay(u8),
    /// Answers are half as long as they should be.
    Halve,
    /// Of an answer's frames only the first is sent.
    Stop,
    /// The frames after the first say that they have another place in the answer.
    Shuffle,
}

/// Where a frame has its sequence number (`koban_card::frame`).
const SEQUENCE: std::ops::Range<usize> = 3..5;

/// The trick that is played, and what it needs.
#[derive(Debug, Default)]
pub(crate) struct Tricks {
    played: Option<Trick>,
    /// The first answer to each instruction since power came.
    first: BTreeMap<u8, Apdu>,
}

impl Tricks {
    pub(crate) fn play(&mut self, trick: Option<Trick>) {
        self.played = trick;
    }

    /// The answer to give in the place of the card's.
    pub(crate) fn earlier(&self, instruction: u8) -> Option<&Apdu> {
        let is_played = self.played == Some(Trick::Replay(instruction));
        self.first.get(&instruction).filter(|_| is_played)
    }

    /// Makes of an answer what is sent.
    pub(crate) fn spoil(&mut self, instruction: u8, answer: &mut Apdu) {
        self.first.entry(instruction).or_insert_with(|| answer.clone());
        if self.played == Some(Trick::Halve) {
            answer.truncate(answer.len().div_ceil(2));
        }
    }

    /// Makes of an answer's frames what is sent.
    pub(crate) fn frames(
        &self,
        frames: impl Iterator<Item = Frame>,
    ) -> impl Iterator<Item = Frame> {
        let sent = if self.played == Some(Trick::Stop) { 1 } else { usize::MAX };
        let shuffles = self.played == Some(Trick::Shuffle);
        frames.take(sent).enumerate().map(move |(place, frame)| {
            let goes_astray = shuffles && place > 0;
            if goes_astray { misplaced(&frame) } else { frame }
        })
    }
}

fn misplaced(frame: &Frame) -> Frame {
    let mut bytes: [u8; FRAME_BYTES] = *frame.bytes();
    if let Some(sequence) = bytes.get_mut(SEQUENCE) {
        sequence.fill(7);
    }
    Frame::of_bytes(&bytes).unwrap_or_else(|| frame.clone())
}
