//! What goes wrong, and when: all of it drawn from one seed, numbered, and open to be left out, so
//! that of a run that fails the faults which matter can be told from the others.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

use crate::world::Millis;

macro_rules! kinds {
    ($($variant:ident $words:literal;)*) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $(#[doc = $words] $variant,)* }

        impl Kind {
            /// Its name in plain words.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

kinds! {
    RequestRefused "request refused";
    RequestLost "request lost";
    AnswerRefused "connection broken before the answer";
    AnswerLost "answer lost";
    Doubled "request doubled";
    Delayed "message delayed";
    RequestFlipped "bit of a request turned over";
    AnswerFlipped "bit of an answer turned over";
    Partitioned "two roles partitioned";
    CutBefore "power cut before writes are durable";
    CutAfter "power cut before anything is said of them";
    RoleStopped "role stopped";
    ClockJumped "clock jumped";
    WalletCutBefore "wallet closed before a write";
    WalletCutAfter "wallet closed after a write";
    TabClosed "tab closed";
    CardPulledBefore "card pulled out before a command";
    CardPulledAfter "card pulled out before its answer";
    DoubleSpent "coins spent twice in parallel";
    Cheated "payee that cheats";
}

/// A fault that struck.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its number among the faults that might have struck.
    pub number: u64,
    /// Its kind.
    pub kind: Kind,
    /// When.
    pub at: Millis,
    /// Whom or what.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, kind, at, what } = self;
        let seconds = (at % 100_000_000) / 1_000;
        write!(f, "{number:>5}  {seconds:>6}.{:03} s  {}: {what}", at % 1_000, kind.words())
    }
}

struct Inner {
    draw: ChaCha8Rng,
    calm: bool,
    next: u64,
    without: BTreeSet<u64>,
    struck: Vec<Fault>,
}

/// The one source of chance in a storm.
#[derive(Clone)]
pub struct Chance(Rc<RefCell<Inner>>);

impl Chance {
    pub(super) fn new(seed: u64, without: BTreeSet<u64>) -> Self {
        let draw = ChaCha8Rng::seed_from_u64(seed);
        Self(Rc::new(RefCell::new(Inner { draw, calm: false, next: 0, without, struck: vec![] })))
    }

    /// The storm is over.
    pub(super) fn calm(&self) {
        self.0.borrow_mut().calm = true;
    }

    /// Whether the storm is over: nobody begins anything, and no fault strikes.
    pub(super) fn is_calm(&self) -> bool {
        self.0.borrow().calm
    }

    /// A number below `end`.
    pub(super) fn below(&self, end: u64) -> u64 {
        self.0.borrow_mut().draw.next_u64() % end.max(1)
    }

    /// Whether a fault of this kind strikes here, which it does once in `one_in` times.
    pub(super) fn strikes(&self, kind: Kind, one_in: u64, at: Millis, what: &str) -> bool {
        if self.is_calm() || self.below(one_in) != 0 {
            return false;
        }
        let mut inner = self.0.borrow_mut();
        let number = inner.next;
        inner.next += 1;
        let strikes = !inner.without.contains(&number);
        if strikes {
            inner.struck.push(Fault { number, kind, at, what: what.to_owned() });
        }
        strikes
    }

    /// All that struck.
    pub(super) fn struck(&self) -> Vec<Fault> {
        self.0.borrow().struck.clone()
    }
}

/// How often each kind struck.
pub fn counted<'a>(faults: impl IntoIterator<Item = &'a Fault>) -> BTreeMap<Kind, u64> {
    let mut counts = BTreeMap::new();
    faults.into_iter().for_each(|fault| *counts.entry(fault.kind).or_insert(0) += 1);
    counts
}
