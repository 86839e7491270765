//! What the issuer's published totals say by the rule they obey (VC-10).

use koban_wallet_wasm::view::CurrencyAudit;

/// What the totals say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is in flight, and both sides are equal.
    Equal,
    /// The rule holds; this many minor units are between the two sides.
    InFlight(u64),
    /// The totals are not of one moment.
    Moving,
    /// The rule is broken, or the issuer says so.
    Inconsistent,
}

/// The sum over the banks, in minor units; saturating, so that absurd figures are inconsistent.
pub fn reserves_total(audit: &CurrencyAudit) -> u64 {
    audit.reserves.iter().fold(0, |sum, reserve| sum.saturating_add(reserve.minor))
}

/// `issued - settling - transit <= reserves <= issued + owed + debiting`, where `issued = coins +
/// held + cards`, checked here and not believed. Totals that are not of one moment prove nothing,
/// so they are never inconsistent.
pub fn verdict(audit: &CurrencyAudit, steady: bool) -> Verdict {
    if !steady {
        return Verdict::Moving;
    }
    let reserves = u128::from(reserves_total(audit));
    let issued = [audit.coins, audit.held, audit.cards].map(u128::from).iter().sum::<u128>();
    let upper = issued + u128::from(audit.owed) + u128::from(audit.debiting);
    let lower = reserves + u128::from(audit.settling) + u128::from(audit.transit);
    let kept = issued <= lower && reserves <= upper;
    if !kept || !audit.consistent {
        return Verdict::Inconsistent;
    }
    let flows = [audit.settling, audit.owed, audit.debiting, audit.transit];
    match flows.into_iter().fold(0, u64::saturating_add) {
        0 => Verdict::Equal,
        moving => Verdict::InFlight(moving),
    }
}

#[cfg(test)]
mod tests {
    use koban_wallet_wasm::view::Reserve;

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
            cards: 0,
            settling,
            owed,
            debiting,
            transit: 0,
            reserves: banks.iter().map(reserve).collect(),
            consistent: true,
        }
    }

    #[test]
    fn vc_10_equal_when_nothing_is_in_flight() {
        assert_eq!(verdict(&totals(4000, 630, [0; 3], &[3000, 1630]), true), Verdict::Equal);
    }

    #[test]
    fn vc_10_in_flight_within_the_bounds() {
        assert_eq!(verdict(&totals(4000, 0, [0, 0, 500], &[4500]), true), Verdict::InFlight(500));
        assert_eq!(verdict(&totals(4000, 0, [0, 0, 500], &[4000]), true), Verdict::InFlight(500));
        assert_eq!(verdict(&totals(4370, 0, [370, 0, 0], &[4000]), true), Verdict::InFlight(370));
    }

    #[test]
    fn vc_10_one_unit_off_is_inconsistent() {
        assert_eq!(verdict(&totals(4001, 0, [0; 3], &[4000]), true), Verdict::Inconsistent);
        assert_eq!(verdict(&totals(4000, 0, [0; 3], &[4001]), true), Verdict::Inconsistent);
        assert_eq!(verdict(&totals(4000, 0, [0, 0, 500], &[4501]), true), Verdict::Inconsistent);
        assert_eq!(verdict(&totals(4371, 0, [370, 0, 0], &[4000]), true), Verdict::Inconsistent);
        assert_eq!(
            verdict(&totals(u64::MAX, 1, [0; 3], &[u64::MAX, 1]), true),
            Verdict::Inconsistent
        );
    }

    #[test]
    fn vc_10_reserve_between_banks_is_covered_too() {
        let sent = |banks| CurrencyAudit { transit: 500, ..totals(4000, 0, [0; 3], banks) };
        assert_eq!(verdict(&sent(&[3000, 500]), true), Verdict::InFlight(500));
        assert_eq!(verdict(&sent(&[3000, 1000]), true), Verdict::InFlight(500));
        assert_eq!(verdict(&sent(&[3000, 499]), true), Verdict::Inconsistent);
    }

    #[test]
    fn vc_10_value_in_cards_is_covered_too() {
        let loaded = |banks| CurrencyAudit { cards: 500, ..totals(3500, 0, [0; 3], banks) };
        assert_eq!(verdict(&loaded(&[4000]), true), Verdict::Equal);
        assert_eq!(verdict(&loaded(&[3500]), true), Verdict::Inconsistent);
    }

    #[test]
    fn vc_10_the_issuers_own_no_counts() {
        let own = CurrencyAudit { consistent: false, ..totals(10, 0, [0; 3], &[10]) };
        assert_eq!(verdict(&own, true), Verdict::Inconsistent);
    }

    #[test]
    fn vc_10_totals_of_several_moments_prove_nothing() {
        assert_eq!(verdict(&totals(4001, 0, [0; 3], &[4000]), false), Verdict::Moving);
    }
}
