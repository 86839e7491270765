//! Koban's daily commands, run as `cargo xtask <verb>`.
//!
//! Every verb first installs what it misses into `.tools/` (see [`setup`]), by pinned version.

mod args;
mod bundle;
mod card_kernel;
mod check;
mod command;
mod config;
mod defects;
mod demo;
mod edge;
mod firmware;
mod kills;
mod run;
mod setup;
mod steps;
mod test;

use std::process::ExitCode;

use anyhow::Result;

use args::Verb;
use command::{cargo, complete};

const USAGE: &str = "\
cargo xtask <verb>

  run [--port-base 8700] [--state state]   build and serve everything on loopback
  test [--only WORD]                       every check and test, or steps with WORD in their name
  check                                    format, lints, tidiness, documentation, dependencies
  demo [--payments N]                      the whole story without a browser, on a fresh edge
  bench                                    what exchanges cost their cards
  world [--seeds N] [--first S] [--steps K] [--without A,B,..]
                                           storms: everything goes wrong, the money is counted
  defects [--only WORD]                    whether storms find mistakes put in on purpose
  kills [--kills N]                        an edge under load that is killed again and again
  card-kernel                              cards before a real kernel, in a virtual machine
  set-up                                   only install what the other verbs need

What is missing is installed into .tools/ first.";

fn main() -> ExitCode {
    match Verb::parse(std::env::args().skip(1)).and_then(perform) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(verb: Verb) -> Result<()> {
    match verb {
        Verb::Help => println!("{USAGE}"),
        Verb::SetUp => setup::everything()?,
        Verb::Run { port_base, state } => run::run(port_base, &state)?,
        Verb::Test { only } => test::test(only)?,
        Verb::Check => check::check()?,
        Verb::Bench => bench()?,
        Verb::Kills { kills } => {
            setup::for_building()?;
            bundle::build()?;
            kills::kills(kills, "dev", &command::root().join("target/edge-states/kills"))?;
        }
        Verb::Defects { only } => defects::defects(only.as_deref())?,
        Verb::World { storms } => world(&storms)?,
        Verb::CardKernel => card_kernel::card_kernel()?,
        Verb::Demo { payments } => demo::demo(payments)?,
    }
    Ok(())
}

/// What exchanges cost, natively and in V8, small as the virtual card is built.
fn bench() -> Result<()> {
    let exchange = "bench --quiet --package koban-card --bench exchange --profile";
    println!("native");
    complete(&mut cargo(&format!("{exchange} demo")))?;
    println!("\nwasm, by node");
    let runner =
        format!("node --no-warnings {}", command::root().join("xtask/npm/wasi.mjs").display());
    let mut wasm = cargo(&format!("{exchange} worker --target wasm32-wasip1"));
    complete(wasm.env("CARGO_TARGET_WASM32_WASIP1_RUNNER", runner))
}

/// Lives through storms, with overflow and assertions checked.
fn world(storms: &[String]) -> Result<()> {
    let run = "run --quiet --package koban-tests --bin koban-world --";
    complete(cargo(run).args(storms))
}
