//! Commands and answers as ISO 7816-4 APDUs.
//!
//! A command is `80 INS 00 00` with the typed command in CBOR as data, in extended length; the
//! answer is the typed answer and a [`Status`] word. Selecting the applet alone follows ISO 7816-4
//! to the letter.

use iso7816::command::class::Class;
use iso7816::command::{CommandBuilder, CommandView};
use koban_protocol::wire::{self, Wire};
use minicbor::encode::Write;

use crate::Status;
use crate::command::Command;

/// The applet's name: proprietary, `CASH`, version 1.
pub const AID: &[u8] = b"\xf0CASH\x01";
/// Longest command or answer, bytes: also the longest message of a frame channel.
pub const APDU_BYTES_MAX: usize = 2048;

pub(crate) const SELECT: u8 = 0xa4;
const CLASS: u8 = 0x80;

/// Bytes of a command or an answer.
pub type Apdu = heapless::Vec<u8, APDU_BYTES_MAX>;

/// The bytes of [`Select`](crate::command::Select).
pub fn select() -> Apdu {
    apdu(0x00, SELECT, 0x04, AID)
}

/// The bytes of a command.
pub fn encode<C: Command>(command: &C) -> Apdu {
    let mut data = Apdu::new();
    let written = minicbor::encode(command, Filling(&mut data));
    // Commands are shorter than an APDU.
    debug_assert!(written.is_ok());
    apdu(CLASS, C::INS, 0x00, &data)
}

fn apdu(class: u8, instruction: u8, p1: u8, data: &[u8]) -> Apdu {
    let mut bytes = Apdu::new();
    if let Ok(class) = Class::from_byte(class) {
        let command = CommandBuilder::new(class, instruction.into(), p1, 0, data, 0_u16);
        let written = command.force_extended().serialize_into(&mut bytes);
        debug_assert!(written.is_ok());
    }
    bytes
}

/// Why a card gave no answer to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// The card says why.
    Refused(Status),
    /// What came is no answer of a card of ours.
    NotAnAnswer,
}

/// The answer in a card's bytes.
///
/// # Errors
/// [`AnswerError`].
pub fn answer<T: Wire>(bytes: &[u8]) -> Result<T, AnswerError> {
    let (body, word) = bytes.split_last_chunk::<2>().ok_or(AnswerError::NotAnAnswer)?;
    match Status::of_word(u16::from_be_bytes(*word)) {
        Some(Status::Done) => wire::decode_exact(body).map_err(|_| AnswerError::NotAnAnswer),
        Some(status) => Err(AnswerError::Refused(status)),
        None => Err(AnswerError::NotAnAnswer),
    }
}

/// A command as the card's end sees it.
pub(crate) enum Received<'a> {
    /// [`Select`](crate::command::Select) with the applet's name.
    Select,
    /// An instruction of ours and its data.
    Ours(u8, &'a [u8]),
}

/// The command in `bytes`.
pub(crate) fn receive(bytes: &[u8]) -> Result<Received<'_>, Status> {
    let command = CommandView::try_from(bytes).map_err(|_| Status::WrongLength)?;
    let instruction: u8 = command.instruction().into();
    let class = command.class().into_inner();
    match (class, instruction) {
        (0x00, SELECT) if command.p1 == 0x04 && command.data() == AID => Ok(Received::Select),
        (0x00, SELECT) => Err(Status::NotFound),
        (CLASS, _) if command.p1 == 0 && command.p2 == 0 => {
            Ok(Received::Ours(instruction, command.data()))
        }
        _ => Err(Status::Unknown),
    }
}

/// Writes into a bounded list of bytes.
pub(crate) struct Filling<'a, const N: usize>(pub(crate) &'a mut heapless::Vec<u8, N>);

impl<const N: usize> Write for Filling<'_, N> {
    type Error = Full;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.0.extend_from_slice(bytes).map_err(|_| Full)
    }
}

/// More bytes than fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl core::fmt::Display for Full {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("more bytes than fit")
    }
}
