//! VC-10, VC-11: a few storms; `cargo xtask world` lives through more.

use std::collections::BTreeSet;

use koban_tests::storm::{Plan, live};

const STEPS: u64 = 1_500;

#[test]
fn vc_10_vc_11_no_storm_loses_money_or_leaves_anything_open() {
    for seed in 0..6 {
        let outcome = live(&Plan { seed, steps: STEPS, without: BTreeSet::new() });
        let again = format!("cargo xtask world --first {seed} --seeds 1 --steps {STEPS}");
        assert_eq!(outcome.broken, None, "{again}");
        assert!(outcome.operations > 0, "seed {seed} did nothing");
    }
}

#[test]
fn a_storm_repeats_itself_exactly() {
    let plan = Plan { seed: 5, steps: 800, without: BTreeSet::new() };
    let told = |plan| format!("{:?}", live(plan));
    assert_eq!(told(&plan), told(&plan));
}
