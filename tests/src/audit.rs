//! The issuer's audit as a reader sees it.

use serde::Deserialize;

use crate::merchant::{Refused, get};
use crate::network::Net;

/// The audit.
#[derive(Debug, Deserialize)]
pub struct Audit {
    /// Whether two collections in a row were equal.
    pub steady: bool,
    /// One entry a currency.
    pub currencies: Vec<Figures>,
}

/// The figures of one currency, minor units.
#[derive(Debug, Deserialize)]
pub struct Figures {
    /// Its code.
    pub code: String,
    /// Value of live coins.
    pub coins: u64,
    /// Value kept for payees.
    pub held: u64,
    /// Value owed to the originator for cards.
    pub cards: u64,
    /// Value counted twice until another shard has erased it.
    pub settling: u64,
    /// Value on its way to accounts.
    pub owed: u64,
    /// Value banks have been asked for.
    pub debiting: u64,
    /// Reserve on its way from bank to bank.
    pub transit: u64,
    /// What the banks hold.
    pub reserves: Vec<Reserve>,
    /// Whether the issuer finds its rule kept.
    pub consistent: bool,
}

/// The reserve at one bank.
#[derive(Debug, Deserialize)]
pub struct Reserve {
    /// The bank's short name.
    pub bank: String,
    /// How much.
    pub minor: u64,
}

impl Figures {
    /// All reserves.
    pub fn reserved(&self) -> u64 {
        self.reserves.iter().map(|reserve| reserve.minor).sum()
    }

    /// What holders, payees and cards have.
    pub fn issued(&self) -> u64 {
        self.coins + self.held + self.cards
    }

    /// Whether nothing is in flight and everything issued equals the reserves.
    pub fn is_even(&self) -> bool {
        let flight = self.settling + self.owed + self.debiting + self.transit;
        flight == 0 && self.issued() == self.reserved()
    }
}

/// Fetches the audit and gives one currency's figures.
pub fn figures(net: &Net, code: &str) -> Result<Figures, Refused> {
    let audit: Audit = get(net, &format!("{}/audit", net.origin("issuer")))?;
    let found = audit.currencies.into_iter().find(|figures| figures.code == code);
    found.ok_or_else(|| Refused(200, format!("no figures for {code}")))
}
