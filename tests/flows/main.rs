//! Flows through the World: shipped roles, shipped wallet engine, native SQLite.

mod card;
mod card_frauds;
mod card_wallet;
mod conservation;
mod losses;
mod secrets;
mod storm;
mod time;
mod whole;

use std::rc::Rc;

use koban_tests::network::Net;
use koban_tests::suite;
use koban_tests::world::World;

koban_tests::suite_tests!({
    let net: Net = Rc::new(World::new(9));
    net
});

/// The World as a way to the roles.
fn net(world: &World) -> Net {
    Rc::new(world.clone())
}

/// Lets everything in flight arrive; then what circulates equals the reserves and is `expected`
/// yen.
fn circulates(world: &World, expected: u64) {
    world.run(600);
    suite::circulates(&net(world), expected);
}
