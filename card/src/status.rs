//! Status words: how a command ended (ISO 7816-4, section 5.6).

use core::fmt;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Done.
    Done,
    /// The PIN is wrong; so many tries are left.
    WrongPin(u8),
    /// The store failed; the card is as it was before the command, or has carried it out whole.
    /// Resume.
    StoreFailed,
    /// The command is too long or too short.
    WrongLength,
    /// The PIN is needed first, or the card's class may not do this.
    NotAllowed,
    /// No tries are left for the PIN; the originator can reset it.
    PinBlocked,
    /// Not in this state: fresh, locked or closed.
    WrongState,
    /// The message does not hold: its proof, its parties or its amount are not right.
    BadData,
    /// The log is full of entries the originator has not booked: report it first.
    LogFull,
    /// The balance is too small.
    TooLittle,
    /// A risk limit would be passed.
    OverLimit,
    /// No such entry or currency.
    NotFound,
    /// No such command.
    Unknown,
    /// An exchange is open: resume or abort it first.
    Interrupted,
    /// The holder refused on the card, or did not answer.
    Refused,
    /// The state is older than the card's counter: put back by somebody. Closed for good.
    RolledBack,
}

impl Status {
    /// The status word.
    pub const fn word(self) -> u16 {
        match self {
            Self::Done => 0x9000,
            Self::WrongPin(left) => 0x63c0 | (left as u16 & 0x0f),
            Self::StoreFailed => 0x6581,
            Self::WrongLength => 0x6700,
            Self::NotAllowed => 0x6982,
            Self::PinBlocked => 0x6983,
            Self::WrongState => 0x6985,
            Self::BadData => 0x6a80,
            Self::LogFull => 0x6a84,
            Self::TooLittle => 0x6a89,
            Self::OverLimit => 0x6a8a,
            Self::NotFound => 0x6a88,
            Self::Unknown => 0x6d00,
            Self::Interrupted => 0x6f10,
            Self::Refused => 0x6f21,
            Self::RolledBack => 0x6f30,
        }
    }

    /// The status of a word; none if no card of ours says it.
    pub fn of_word(word: u16) -> Option<Self> {
        let left = u8::try_from(word & 0x0f).unwrap_or(0);
        let all = [
            Self::Done,
            Self::WrongPin(left),
            Self::StoreFailed,
            Self::WrongLength,
            Self::NotAllowed,
            Self::PinBlocked,
            Self::WrongState,
            Self::BadData,
            Self::LogFull,
            Self::TooLittle,
            Self::OverLimit,
            Self::NotFound,
            Self::Unknown,
            Self::Interrupted,
            Self::Refused,
            Self::RolledBack,
        ];
        all.into_iter().find(|status| status.word() == word)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?} ({:04x})", self.word())
    }
}
