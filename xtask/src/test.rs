//! `test`: every check and every test.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command::{cargo, complete, complete_quietly, program, root, tools};
use crate::config::ROLES;
use crate::edge::Edge;
use crate::setup::WASM_PACK;
use crate::steps::Steps;
use crate::{bundle, check, demo, firmware, kills, setup};

/// How long one browser test may take.
const SCRIPT_LIMIT: Duration = Duration::from_secs(300);

/// Performs all, or only the steps whose name holds a word, and prints a table.
///
/// # Errors
/// Anything fails.
pub(crate) fn test(only: Option<String>) -> Result<()> {
    let mut steps = Steps::only(only);
    if !steps.must("set-up", setup::everything) {
        return steps.finish();
    }
    check::checks(&mut steps);
    steps.step("native tests", || complete(&mut cargo("test --quiet --workspace")));
    firmware::steps(&mut steps);
    steps.step("wasm tests", wasm_tests);
    let built = steps.must("build", bundle::build) && steps.must("build cards", cards);
    let scripts = scripts()?;
    if built {
        steps.step("size of the page", page_size);
        steps.step("deployment, dry run", deployment);
        steps.step("demo", || demo::tell(None, "dev", &states().join("demo")));
        steps.step("ledger suite on Durable Objects", || {
            demo::ledger_suite(&states().join("suite"))
        });
        steps.step("kills", || kills::kills(kills::KILLS, "dev", &states().join("kills")));
        for script in &scripts {
            steps.step(&format!("browser: {}", name_of(script)), || in_browser(script));
        }
    } else {
        steps.skip("size, deployment, demo, ledger suite, kills and browser tests");
    }
    steps.finish()
}

/// The simulated cards of browser tests, and what shows them to Chromium.
fn cards() -> Result<()> {
    complete(&mut cargo("build --package koban-card-simulator --package koban-card-shim"))
}

fn wasm_tests() -> Result<()> {
    let mut command = program(WASM_PACK.path());
    command.args(["test", "--headless", "--chrome", "--mode", "no-install"]).args([
        "--chromedriver",
        "/usr/bin/chromedriver",
        "wallet-wasm",
    ]);
    // workers start, and cards are waited for until they are given up
    complete(command.env("WASM_BINDGEN_TEST_TIMEOUT", "120"))
}

/// The limit on what a visitor loads, compressed as a server would.
fn page_size() -> Result<()> {
    complete(program("node").arg("xtask/npm/page-size.mjs").arg(bundle::wallet_folder()))
}

/// What a deployment would upload, for every party.
fn deployment() -> Result<()> {
    for role in ROLES {
        let mut command = program(tools("node_modules/.bin/wrangler"));
        command
            .args(["deploy", "--dry-run", "--env", role])
            .arg("--outdir")
            .arg(root().join("target/wrangler").join(role))
            .current_dir(root().join("edge-issuer"))
            .env("WRANGLER_SEND_METRICS", "false")
            .env("CI", "true");
        complete_quietly(&mut command)?;
    }
    Ok(())
}

/// The browser tests: every `*.test.mjs` of `tests/browser/`, in order of name.
fn scripts() -> Result<Vec<PathBuf>> {
    let folder = root().join("tests/browser");
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        bail!("no browser tests in {}", folder.display());
    }
    Ok(found)
}

/// Runs one script against a fresh edge of its own.
///
/// The script finds `KOBAN_ORIGINS` (JSON), `KOBAN_OUT` (a folder for screenshots),
/// `KOBAN_CHROMIUM`, `KOBAN_CARD_SIMULATOR` and `KOBAN_CARD_SHIM` (a program and a library), and it
/// may kill the edge ([`Edge::outlives`]).
fn in_browser(script: &Path) -> Result<()> {
    let state = states().join(name_of(script));
    let mut edge = Edge::fresh(&state)?;
    let out = root().join("out");
    fs::create_dir_all(&out)?;
    let mut node = program("node");
    node.arg("--test-reporter=spec")
        .arg(script)
        .env("KOBAN_ORIGINS", edge.origins())
        .env("KOBAN_OUT", &out)
        .env("KOBAN_CHROMIUM", "/usr/bin/chromium")
        .env("KOBAN_CARD_SIMULATOR", root().join("target/debug/koban-card-simulator"))
        .env("KOBAN_CARD_SHIM", root().join("target/debug/libkoban_card_shim.so"))
        .env("NODE_PATH", tools("node_modules"));
    edge.outlives(&mut node, SCRIPT_LIMIT)
}

fn states() -> PathBuf {
    root().join("target/edge-states")
}

fn name_of(script: &Path) -> String {
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    name.trim_end_matches(".test.mjs").to_owned()
}
