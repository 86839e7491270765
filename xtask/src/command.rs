//! Starting other programs: where they are found, and what they see of this one.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The repository's root folder.
pub(crate) fn root() -> &'static Path {
    // xtask lies in the repository, so its manifest's parent always exists
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// A path below the folder of installed tools.
pub(crate) fn tools(below: &str) -> PathBuf {
    root().join(".tools").join(below)
}

/// A program of `.tools/` or of the machine, started at the repository's root.
///
/// It sees the tools first on its `PATH`, and nothing of what cargo tells xtask about xtask:
/// those variables would make build scripts run again.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    // where the bundlers' inputs are looked for
    command.env("CARGO_TARGET_DIR", root().join("target"));
    for (key, _) in env::vars_os() {
        let shown = key.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|p| shown.starts_with(p)) {
            command.env_remove(&key);
        }
    }
    let mut path = vec![tools("bin"), tools("node_modules/.bin")];
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    if let Ok(path) = env::join_paths(path) {
        command.env("PATH", path);
    }
    command
}

/// Does work that writes what other runs of xtask read or write too; those wait meanwhile.
///
/// # Errors
/// Those of the work.
pub(crate) fn alone<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    fs::create_dir_all(tools(""))?;
    let lock = File::create(tools("lock"))?;
    lock.lock().context("waiting for another xtask")?;
    work()
}

/// `cargo` with the words of `line` as its arguments.
pub(crate) fn cargo(line: &str) -> Command {
    let mut command = program("cargo");
    command.args(line.split_whitespace());
    command
}

/// Runs to the end, its output shown.
///
/// # Errors
/// It does not start, or ends with failure.
pub(crate) fn complete(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs to the end with its output kept back; on failure the output is shown.
///
/// # Errors
/// As [`complete`].
pub(crate) fn complete_quietly(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", shown(command)))?;
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        bail!("{} ended with {}", shown(command), output.status);
    }
    Ok(())
}

/// What a program prints, or nothing if it cannot be run or fails.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = command.get_args().map(|word| word.to_string_lossy());
    std::iter::once(name.to_string_lossy()).chain(words).collect::<Vec<_>>().join(" ")
}
