//! A movement exists only balanced (VC-10).

use koban_protocol::amount::Amount;
use koban_protocol::limits::AMOUNT_MAX_MINOR;
use koban_protocol::online::tagged::issuer::Genuine;
use koban_protocol::process::{HeldClaim, Inputs, Movement, Outputs};
use koban_protocol::refusal::Code;
use proptest::prelude::*;

use crate::fixture::{World, coins_of, currency, operation, yen};

fn genuine(world: &World, minor: u64) -> Vec<Genuine> {
    let coins = world.coins(minor, "coins");
    coins.iter().map(|coin| world.mint.check(coin).unwrap()).collect()
}

fn held(name: &str, amount: Amount) -> HeldClaim {
    HeldClaim { payment: operation(name), amount }
}

fn fresh(minor: u64) -> Outputs {
    Outputs { fresh: Some(coins_of(minor)), ..Outputs::default() }
}

fn refused(inputs: Inputs, outputs: Outputs) -> bool {
    Movement::balanced(inputs, outputs).err() == Some(Code::AmountInvalid)
}

#[test]
fn vc_10_inputs_equal_outputs_or_nothing_moves() {
    let world = World::new();
    let coins = || Inputs { coins: genuine(&world, 500), ..Inputs::default() };
    let movement = Movement::balanced(coins(), fresh(500)).unwrap();
    assert_eq!(movement.amount(), yen(500));
    for wrong in [1, 499, 501, 1000] {
        assert!(refused(coins(), fresh(wrong)), "{wrong}");
    }
    assert!(refused(coins(), Outputs::default()));
    assert!(refused(Inputs::default(), fresh(1)));
    assert!(refused(Inputs::default(), Outputs::default()));
}

#[test]
fn every_kind_of_input_and_output_counts() {
    let world = World::new();
    let debit = world.payer.allows(&world.debit(operation("o"), yen(5)));
    let inputs = Inputs {
        coins: genuine(&world, 3),
        held: vec![held("a", yen(10)), held("b", yen(20))],
        debit: Some((debit, world.payer.account.clone(), yen(5))),
        card: Some(yen(40)),
        ..Inputs::default()
    };
    let outputs = Outputs {
        fresh: Some(coins_of(1)),
        change: Some(coins_of(2)),
        held: Some((world.payee.key.verifying_key().participant(), yen(4))),
        credit: Some((world.payee.account.clone(), yen(31))),
        card: Some(yen(40)),
        ..Outputs::default()
    };
    assert_eq!(Movement::balanced(inputs, outputs).unwrap().amount(), yen(78));
}

#[test]
fn no_input_counts_twice() {
    let world = World::new();
    let coins = genuine(&world, 256).repeat(2);
    assert!(refused(Inputs { coins, ..Inputs::default() }, fresh(512)));
    let held = vec![held("a", yen(8)), held("a", yen(8))];
    assert!(refused(Inputs { held, ..Inputs::default() }, fresh(16)));
}

#[test]
fn currencies_do_not_balance_each_other() {
    let world = World::new();
    let dollars = Amount::new(currency("USD"), 256).unwrap();
    let inputs = || Inputs { coins: genuine(&world, 256), ..Inputs::default() };
    let credit = Some((world.payee.account.clone(), dollars));
    assert!(refused(inputs(), Outputs { credit, ..Outputs::default() }));
    let mixed = Inputs { held: vec![held("a", dollars)], ..inputs() };
    assert!(refused(mixed, fresh(512)));
}

#[test]
fn nothing_moves_as_zero() {
    let world = World::new();
    let owner = world.payee.key.verifying_key().participant();
    let coins = || Inputs { coins: genuine(&world, 16), ..Inputs::default() };
    let credit = Some((world.payee.account.clone(), yen(0)));
    assert!(refused(coins(), Outputs { credit, ..fresh(16) }));
    assert!(refused(coins(), Outputs { held: Some((owner, yen(0))), ..fresh(16) }));
    assert!(refused(coins(), Outputs { card: Some(yen(0)), ..fresh(16) }));
    assert!(refused(Inputs { card: Some(yen(0)), ..coins() }, fresh(16)));
    assert!(refused(Inputs { held: vec![held("a", yen(0))], ..coins() }, fresh(16)));
    let zero = Inputs { held: vec![held("a", yen(0))], ..Inputs::default() };
    let held = Some((owner, yen(0)));
    assert!(refused(zero, Outputs { held, ..Outputs::default() }));
}

#[test]
fn sums_that_overflow_are_refused() {
    let most = yen(AMOUNT_MAX_MINOR);
    let held = vec![held("a", most), held("b", most)];
    assert!(refused(Inputs { held, ..Inputs::default() }, fresh(1)));
}

proptest! {
    #[test]
    fn random_movements_balance_or_are_refused(
        coins in 1_u64..8192, claims in proptest::collection::vec(1_u64..1000, 0..4),
        share in 0_u64..=100, off in -1_i64..=1,
    ) {
        let world = World::new();
        let claim = |(at, minor): (usize, &u64)| held(&at.to_string(), yen(*minor));
        let total = coins + claims.iter().sum::<u64>();
        let out = total * share / 100;
        let inputs = Inputs {
            coins: genuine(&world, coins),
            held: claims.iter().enumerate().map(claim).collect(),
            ..Inputs::default()
        };
        let outputs = Outputs {
            fresh: Some(coins_of(out)),
            change: Some(coins_of((total - out).saturating_add_signed(off))),
            ..Outputs::default()
        };
        let even = off == 0 || (off == -1 && total == out);
        prop_assert_eq!(Movement::balanced(inputs, outputs).is_ok(), even);
    }
}
