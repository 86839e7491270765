//! Builds what the edge serves: the worker's bundle and the wallet's page.
//!
//! Cargo decides whether the code is up to date; the steps behind it are performed only if its
//! output, or anything else they read, is newer than what they wrote.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::command::{alone, cargo, complete, program, root, tools};
use crate::setup::{TRUNK, WASM_BINDGEN, WORKER_BUILD};
use crate::steps::timed;

const WASM_OUTPUT: &str = "target/wasm32-unknown-unknown";

/// Folder of the worker's bundle: `index.js` and `index_bg.wasm`.
pub(crate) fn worker_folder() -> PathBuf {
    root().join("edge-issuer/build")
}

/// Folder of the wallet's page.
pub(crate) fn wallet_folder() -> PathBuf {
    root().join("web/dist")
}

/// Both.
pub(crate) fn build() -> Result<()> {
    alone(|| {
        timed("build worker", worker)?;
        timed("build wallet", wallet)
    })
}

fn worker() -> Result<()> {
    // worker-build sets the same, or else its compilation would differ from this one
    complete(compilation("koban-edge-issuer", "release").env("WASM_BINDGEN_USE_JS_SYS", "1"))?;
    let source = root().join(WASM_OUTPUT).join("release/koban_edge_issuer.wasm");
    let output = worker_folder().join("index.js");
    if is_newer(&output, &[source, WORKER_BUILD.path(), tools("node_modules")])? {
        return Ok(());
    }
    let mut command = program(WORKER_BUILD.path());
    command
        .arg("--release")
        .current_dir(root().join("edge-issuer"))
        .env("WASM_BINDGEN_BIN", WASM_BINDGEN.path())
        .env("ESBUILD_BIN", tools("node_modules/esbuild/bin/esbuild"))
        .env("WASM_OPT_BIN", tools("node_modules/.bin/wasm-opt"));
    complete(&mut command)
}

fn wallet() -> Result<()> {
    complete(&mut compilation("koban-web", "web"))?;
    let mut virtual_card = compilation("koban-wallet-wasm", "worker");
    complete(virtual_card.args(["--bin", "koban-virtual-card", "--no-default-features"]))?;
    let web = root().join("web");
    let output = wallet_folder().join("index.html");
    let mut sources = vec![
        root().join(WASM_OUTPUT).join("web/koban-web.wasm"),
        root().join(WASM_OUTPUT).join("worker/koban-virtual-card.wasm"),
        root().join("Trunk.toml"),
        TRUNK.path(),
        tools("node_modules"),
    ];
    files_below(&web, &mut sources).with_context(|| web.display().to_string())?;
    if is_newer(&output, &sources)? {
        return Ok(());
    }
    complete(program(TRUNK.path()).args(["build", "--release", "--skip-version-check"]))
}

/// Compiles a package for the web, exactly as its bundler will, so that the bundler finds it done.
fn compilation(package: &str, profile: &str) -> Command {
    let mut command = cargo("build --quiet --target wasm32-unknown-unknown");
    command.args(["--package", package, "--profile", profile]);
    command
}

/// All files below a folder except build output.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if !path.ends_with("dist") {
                files_below(&path, found)?;
            }
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether `output` exists and is younger than every source.
fn is_newer(output: &Path, sources: &[PathBuf]) -> Result<bool> {
    if !output.exists() {
        return Ok(false);
    }
    let written = changed(output)?;
    for source in sources {
        if changed(source)? > written {
            return Ok(false);
        }
    }
    Ok(true)
}

fn changed(path: &Path) -> Result<SystemTime> {
    fs::metadata(path).and_then(|m| m.modified()).with_context(|| path.display().to_string())
}
