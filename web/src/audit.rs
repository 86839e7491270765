//! The issuer's published totals and the rule they obey (VC-10).

use serde::Deserialize;

use crate::browser;

/// The totals of one moment, as the issuer publishes them at `/audit`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AuditView {
    /// The moment, seconds since 1970.
    pub at: u64,
    /// Totals, one entry a currency.
    pub currencies: Vec<CurrencyAudit>,
}

/// One currency's totals, in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CurrencyAudit {
    /// ISO 4217 code.
    pub code: String,
    /// Digits after the decimal point.
    pub exponent: u8,
    /// Coins in circulation.
    pub coins: u64,
    /// Claims held for payees.
    pub held: u64,
    /// Inputs of decided operations that other shards have yet to erase.
    pub settling: u64,
    /// Money that left the coins and has yet to reach a bank account.
    pub owed: u64,
    /// Money that banks were asked to debit and that has yet to become coins.
    pub debiting: u64,
    /// The issuer's money at each bank.
    pub reserves: Vec<Reserve>,
    /// Whether the issuer itself finds the rule kept.
    pub consistent: bool,
}

/// The issuer's account at one bank.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Reserve {
    /// The bank's short name.
    pub bank: String,
    /// The bank's name for people.
    pub name: String,
    /// What the account holds, in minor units.
    pub minor: u64,
}

/// What the totals say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is in flight, and both sides are equal.
    Equal,
    /// The rule holds; this many minor units are between the two sides.
    InFlight(u64),
    /// The rule is broken, or the issuer says so.
    Inconsistent,
}

impl CurrencyAudit {
    /// The sum over the banks; saturating, so that absurd figures are found inconsistent.
    pub fn reserves_total(&self) -> u64 {
        self.reserves.iter().fold(0, |sum, reserve| sum.saturating_add(reserve.minor))
    }

    /// `coins + held - settling <= reserves <= coins + held + owed + debiting`, checked here and
    /// not believed.
    pub fn verdict(&self) -> Verdict {
        let reserves = u128::from(self.reserves_total());
        let issued = u128::from(self.coins) + u128::from(self.held);
        let upper = issued + u128::from(self.owed) + u128::from(self.debiting);
        let kept = issued <= reserves + u128::from(self.settling) && reserves <= upper;
        if !kept || !self.consistent {
            return Verdict::Inconsistent;
        }
        match self.settling.saturating_add(self.owed).saturating_add(self.debiting) {
            0 => Verdict::Equal,
            moving => Verdict::InFlight(moving),
        }
    }
}

/// Asks an issuer for its totals.
///
/// # Errors
/// What failed, as a fact for support.
pub async fn fetch(issuer: &str) -> Result<AuditView, String> {
    browser::fetch_json(&format!("{}/audit", issuer.trim_end_matches('/'))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(coins: u64, held: u64, flows: [u64; 3], banks: &[u64]) -> CurrencyAudit {
        let [settling, owed, debiting] = flows;
        let reserve =
            |minor: &u64| Reserve { bank: String::new(), name: String::new(), minor: *minor };
        CurrencyAudit {
            code: "JPY".to_owned(),
            exponent: 0,
            coins,
            held,
            settling,
            owed,
            debiting,
            reserves: banks.iter().map(reserve).collect(),
            consistent: true,
        }
    }

    #[test]
    fn vc_10_equal_when_nothing_is_in_flight() {
        assert_eq!(totals(4000, 630, [0; 3], &[3000, 1630]).verdict(), Verdict::Equal);
    }

    #[test]
    fn vc_10_in_flight_within_the_bounds() {
        assert_eq!(totals(4000, 0, [0, 0, 500], &[4500]).verdict(), Verdict::InFlight(500));
        assert_eq!(totals(4000, 0, [0, 0, 500], &[4000]).verdict(), Verdict::InFlight(500));
        assert_eq!(totals(4370, 0, [370, 0, 0], &[4000]).verdict(), Verdict::InFlight(370));
    }

    #[test]
    fn vc_10_one_unit_off_is_inconsistent() {
        assert_eq!(totals(4001, 0, [0; 3], &[4000]).verdict(), Verdict::Inconsistent);
        assert_eq!(totals(4000, 0, [0; 3], &[4001]).verdict(), Verdict::Inconsistent);
        assert_eq!(totals(4000, 0, [0, 0, 500], &[4501]).verdict(), Verdict::Inconsistent);
        assert_eq!(totals(4371, 0, [370, 0, 0], &[4000]).verdict(), Verdict::Inconsistent);
        assert_eq!(totals(u64::MAX, 1, [0; 3], &[u64::MAX, 1]).verdict(), Verdict::Inconsistent);
    }

    #[test]
    fn vc_10_the_issuers_own_no_counts() {
        let own = CurrencyAudit { consistent: false, ..totals(10, 0, [0; 3], &[10]) };
        assert_eq!(own.verdict(), Verdict::Inconsistent);
    }
}
