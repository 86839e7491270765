//! Flows through the World: shipped roles, shipped wallet engine, native SQLite.

mod issuing;
mod losses;
mod paying;
mod secrets;
mod whole;

use koban_protocol::process::AnswerError;
use koban_protocol::refusal::Code;
use koban_tests::audit::figures;
use koban_tests::raw::ISSUER;
use koban_tests::world::World;

/// The code of a sealed refusal.
fn refused<T: std::fmt::Debug>(answer: Result<T, AnswerError>) -> Code {
    match answer.unwrap_err() {
        AnswerError::Refused(refusal) => refusal.code,
        AnswerError::NotAnAnswer => panic!("not an answer"),
    }
}

/// Lets everything in flight arrive; then what circulates equals the reserves and is `expected` yen.
fn circulates(world: &World, expected: u64) {
    world.run(600);
    let figures = figures(world, ISSUER, "JPY").unwrap();
    assert!(figures.consistent && figures.is_even(), "{figures:?}\n{:#?}", world.log());
    assert_eq!(figures.coins + figures.held, expected);
}
