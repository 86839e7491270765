//! VC-10, VC-11: storms that once broke something, and a few that never did.

use std::collections::BTreeSet;

use koban_tests::storm::{Plan, live};

fn storm(seed: u64, steps: u64) {
    let plan = Plan { seed, steps, without: BTreeSet::new() };
    let outcome = live(&plan);
    assert_eq!(outcome.broken, None, "seed {seed}: cargo xtask world --first {seed} --seeds 1");
    assert!(outcome.operations > 0, "seed {seed} did nothing");
}

/// Seed 3: one bank pays another while the audit looks.
#[test]
fn vc_10_vc_11_storms_that_broke_something_do_not_again() {
    storm(3, 2_000);
}

#[test]
fn vc_10_vc_11_no_storm_loses_money_or_leaves_anything_open() {
    (100..104).for_each(|seed| storm(seed, 1_500));
}

#[test]
fn a_storm_repeats_itself_exactly() {
    let plan = Plan { seed: 5, steps: 800, without: BTreeSet::new() };
    let told = |plan| format!("{:?}", live(plan));
    assert_eq!(told(&plan), told(&plan));
}
