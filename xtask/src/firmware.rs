//! The programs of `card/firmware`: checked, built, and one of them run in an emulator.

use anyhow::Result;

use crate::command::{cargo, complete, complete_quietly, program, root};
use crate::setup::CARGO_DENY;
use crate::steps::Steps;

/// A workspace of its own.
const MANIFEST: &str = "--manifest-path card/firmware/Cargo.toml";
/// The emulated machine's.
const M33: (&str, &str) = ("koban-firmware-m33", "thumbv8m.main-none-eabihf");
/// Those for chips.
const IMAGES: [(&str, &str); 2] = [
    ("koban-firmware-rp2350", "thumbv8m.main-none-eabihf"),
    ("koban-firmware-nrf52840", "thumbv7em-none-eabihf"),
];

/// The checks and tests as steps of a longer row.
pub(crate) fn steps(steps: &mut Steps) {
    steps.step("firmware: format, lints, dependencies", lints);
    steps.step("firmware: emulated card", emulated);
    steps.step("firmware: images", || IMAGES.into_iter().try_for_each(build));
}

fn lints() -> Result<()> {
    complete(&mut cargo(&format!("fmt --all --check {MANIFEST}")))?;
    for (package, target) in [M33].into_iter().chain(IMAGES) {
        let clippy = format!("clippy --quiet {MANIFEST} --release --locked");
        complete(&mut cargo(&format!(
            "{clippy} --package {package} --target {target} -- -D warnings"
        )))?;
    }
    let mut deny = program(CARGO_DENY.path());
    // drivers of chips come with several versions of the same
    deny.args(MANIFEST.split_whitespace()).args(["check", "licenses", "sources"]);
    complete_quietly(&mut deny)
}

fn build((package, target): (&str, &str)) -> Result<()> {
    let build = format!("build --quiet {MANIFEST} --release --locked");
    complete(&mut cargo(&format!("{build} --package {package} --target {target}")))
}

/// The card's tests that need the program; they start the emulator themselves, and print what each
/// command takes.
fn emulated() -> Result<()> {
    build(M33)?;
    let (package, target) = M33;
    let program = root().join("target").join(target).join("release").join(package);
    let tests = "test --quiet --package koban-card --test suite emulated";
    let mut command = cargo(&format!("{tests} -- --ignored --nocapture"));
    complete(command.env("KOBAN_FIRMWARE", program))
}
