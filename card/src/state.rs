//! Everything a card keeps.

use core::fmt;

use koban_protocol::amount::{Amount, Currency};
use koban_protocol::id::Digest;
use koban_protocol::key::Seed;
use koban_protocol::offline::purse::wire::{
    Acknowledgement, Class, Entry, Limits, Message, Party, Pockets, Request, Segment, Value,
};
use koban_protocol::offline::purse::{Born, Personalisation, PurchaseKeys};
use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::Status;
use crate::command::{Open, PIN_TRIES, Pocket};
use crate::platform::LOG_ENTRIES;

/// Messages with wrong proofs, or payments over a limit, one after another, until the card closes
/// itself (MONDEX-3).
pub(crate) const FAULTS_MAX: u8 = 10;

/// Keys and certificate: written at birth and at personalisation.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) born: Born,
    pub(crate) personalisation: Option<Personalisation>,
}

impl<C> Encode<C> for Identity {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        c: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?.bytes(self.born.expose())?;
        self.personalisation.encode(e, c)
    }
}

impl<'b, C> Decode<'b, C> for Identity {
    fn decode(d: &mut Decoder<'b>, c: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(2) {
            return Err(decode::Error::message("an identity has two parts"));
        }
        let seed = d.bytes()?.try_into();
        let seed = seed.map_err(|_| decode::Error::message("wrong length"))?;
        let born = Born::new(Seed::new(seed));
        Ok(Self { born, personalisation: Option::decode(d, c)? })
    }
}

/// The step of the exchange.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Step {
    /// None is open.
    #[n(0)]
    Idle,
    /// As payee: the request went out.
    #[n(1)]
    Asked(#[n(0)] Message<Request>),
    /// As payer: debited, and the value went out.
    #[n(2)]
    Paid(#[n(0)] Message<Value>),
    /// None is open; the last was taken, with this acknowledgement.
    #[n(3)]
    Taken(#[n(0)] Message<Acknowledgement>),
}

impl Step {
    /// What an interruption left.
    pub(crate) const fn open(&self) -> Option<Open> {
        match self {
            Self::Idle | Self::Taken(_) => None,
            Self::Asked(_) => Some(Open::Asked),
            Self::Paid(_) => Some(Open::Paid),
        }
    }
}

/// A PIN and what is left of its tries.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct PinState {
    /// `HKDF(seed, "pin" || digits)`.
    #[n(0)]
    pub(crate) verifier: Digest,
    #[n(1)]
    pub(crate) tries: u8,
}

impl PinState {
    pub(crate) const fn new(verifier: Digest) -> Self {
        Self { verifier, tries: PIN_TRIES }
    }
}

impl fmt::Debug for PinState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinState({} tries)", self.tries)
    }
}

/// Everything that changes: one record, so that one write changes all of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct State {
    /// The platform's counter when this was written: a state below it was put back.
    #[n(0)]
    pub(crate) power: u32,
    /// The number of the next exchange.
    #[n(1)]
    pub(crate) number: u32,
    #[n(2)]
    pub(crate) pockets: Pockets<Pocket>,
    #[n(3)]
    pub(crate) step: Step,
    #[n(4)]
    pub(crate) pin: Option<PinState>,
    #[n(5)]
    pub(crate) locked: bool,
    #[n(6)]
    pub(crate) closed: bool,
    /// Entries of the log, ever; those booked by the originator; the head.
    #[n(7)]
    pub(crate) entries: u32,
    #[n(8)]
    pub(crate) settled: u32,
    #[n(9)]
    pub(crate) head: Digest,
    /// The last directive obeyed.
    #[n(10)]
    pub(crate) directive: u32,
    /// Faults one after another.
    #[n(11)]
    pub(crate) faults: u8,
}

impl State {
    /// A new card's: nothing in any pocket.
    pub(crate) fn initial(limits: &Pockets<Limits>) -> Self {
        let mut pockets = Pockets::default();
        for limits in limits.iter() {
            let _fits = pockets.push(empty(*limits));
        }
        Self {
            power: 0,
            number: 1,
            pockets,
            step: Step::Idle,
            pin: None,
            locked: false,
            closed: false,
            entries: 0,
            settled: 0,
            head: Digest([0; 32]),
            directive: 0,
            faults: 0,
        }
    }

    pub(crate) fn pocket(&mut self, currency: Currency) -> Result<&mut Pocket, Status> {
        let mut pockets = self.pockets.iter_mut();
        pockets.find(|pocket| pocket.limits.currency == currency).ok_or(Status::NotFound)
    }

    /// New limits for a pocket; a new pocket if there is none.
    pub(crate) fn limit(&mut self, limits: Limits) -> Result<(), Status> {
        if let Ok(pocket) = self.pocket(limits.currency) {
            pocket.limits = limits;
            return Ok(());
        }
        if self.pockets.push(empty(limits)) { Ok(()) } else { Err(Status::NotFound) }
    }

    /// The number for an exchange that begins now; it is never given again.
    pub(crate) fn next_number(&mut self) -> Result<u32, Status> {
        let number = self.number;
        self.number = number.checked_add(1).ok_or(Status::WrongState)?;
        Ok(number)
    }

    /// Whether there is room for one more entry that the originator has not booked.
    pub(crate) fn log_room(&self) -> Result<(), Status> {
        let unsettled = self.entries.saturating_sub(self.settled);
        if unsettled < LOG_ENTRIES { Ok(()) } else { Err(Status::LogFull) }
    }

    /// Counts an entry; the card writes it before this state.
    pub(crate) fn log(&mut self, entry: &Entry) -> Result<(), Status> {
        self.head = entry.chained(&self.head);
        self.entries = self.entries.checked_add(1).ok_or(Status::LogFull)?;
        Ok(())
    }

    /// One more fault: enough of them close the card.
    pub(crate) fn fault(&mut self) {
        self.faults = self.faults.saturating_add(1);
        self.closed |= self.faults >= FAULTS_MAX;
    }
}

fn empty(limits: Limits) -> Pocket {
    Pocket { balance: Amount::zero(limits.currency), limits, unsettled: 0 }
}

/// Whether the keys fit the class, and the segment a terminal has.
pub(crate) fn fits(class: Class, keys: &PurchaseKeys) -> bool {
    match keys {
        PurchaseKeys::None => class == Class::Virtual,
        PurchaseKeys::Derived(_) => class == Class::Purse,
        PurchaseKeys::Segment(..) => class == Class::Terminal,
    }
}

/// The segment of a terminal.
pub(crate) const fn segment(keys: &PurchaseKeys) -> Option<Segment> {
    match keys {
        PurchaseKeys::Segment(segment, _) => Some(*segment),
        PurchaseKeys::None | PurchaseKeys::Derived(_) => None,
    }
}

/// The payer to name in an entry for a request nobody answered.
pub(crate) fn nobody(request: &Request) -> Party {
    request.payer.unwrap_or(request.payee)
}
