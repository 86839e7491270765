//! Installs what a verb needs and the machine does not have, by pinned version, into `.tools/`.
//!
//! Cargo's tools are built from source; all of them share one build folder, which is removed when
//! they are done. npm's come by the lock file beside this crate, without running install scripts.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{alone, answer, cargo, complete_quietly, program, root, tools};
use crate::steps::timed;

const OLDEST_NODE: u32 = 20;

/// A tool that `cargo install` builds.
pub(crate) struct Tool {
    package: &'static str,
    program: &'static str,
    version: &'static str,
    options: &'static [&'static str],
}

/// Binds wasm to JavaScript; must equal the version of `wasm-bindgen` in Cargo.lock. Its own lock
/// file names a withdrawn package, so it is installed without.
pub(crate) const WASM_BINDGEN: Tool =
    Tool { package: "wasm-bindgen-cli", program: "wasm-bindgen", version: "0.2.130", options: &[] };
/// Bundles the worker.
pub(crate) const WORKER_BUILD: Tool = Tool {
    package: "worker-build",
    program: "worker-build",
    version: "0.8.7",
    options: &["--locked"],
};
/// Runs tests in a browser.
pub(crate) const WASM_PACK: Tool =
    Tool { package: "wasm-pack", program: "wasm-pack", version: "0.15.1", options: &["--locked"] };
/// Bundles the wallet's page.
pub(crate) const TRUNK: Tool = Tool {
    package: "trunk",
    program: "trunk",
    version: "0.21.14",
    options: &["--locked", "--no-default-features", "--features", "rustls"],
};
/// Checks licences, sources and duplicates of dependencies.
pub(crate) const CARGO_DENY: Tool = Tool {
    package: "cargo-deny",
    program: "cargo-deny",
    version: "0.20.2",
    options: &["--locked"],
};

/// Debian's packages, and a program or file that shows each is there.
const DEBIAN: &[(&str, &str)] = &[
    ("chromium", "/usr/bin/chromium"),
    ("chromium-driver", "/usr/bin/chromedriver"),
    ("fonts-ipafont-gothic", "/usr/share/fonts/opentype/ipafont-gothic"),
    ("xvfb", "/usr/bin/Xvfb"),
    ("xdotool", "/usr/bin/xdotool"),
    ("qemu-system-arm", "/usr/bin/qemu-system-arm"),
];

/// The same for a virtual machine: its emulator, its first shell, what packs its first files, and
/// what tells Chromium of devices in it.
const MACHINE: &[(&str, &str)] = &[
    ("qemu-system-x86", "/usr/bin/qemu-system-x86_64"),
    ("busybox-static", "/bin/busybox"),
    ("cpio", "/usr/bin/cpio"),
    ("kmod", "/usr/sbin/modprobe"),
    ("udev", "/usr/lib/systemd/systemd-udevd"),
];

/// Everything that any verb needs by day.
pub(crate) fn everything() -> Result<()> {
    alone(|| {
        toolchain()?;
        node_modules()?;
        cargo_tools(&[WASM_BINDGEN, WORKER_BUILD, TRUNK, CARGO_DENY, WASM_PACK])?;
        debian(DEBIAN)
    })
}

/// What building and serving needs.
pub(crate) fn for_building() -> Result<()> {
    alone(|| {
        toolchain()?;
        node_modules()?;
        cargo_tools(&[WASM_BINDGEN, WORKER_BUILD, TRUNK])
    })
}

/// What a virtual machine with cards needs.
pub(crate) fn for_card_kernel() -> Result<()> {
    alone(|| {
        toolchain()?;
        node_modules()?;
        debian(DEBIAN)?;
        debian(MACHINE)
    })
}

/// What checking needs.
pub(crate) fn for_checking() -> Result<()> {
    alone(|| {
        toolchain()?;
        cargo_tools(&[CARGO_DENY])
    })
}

/// The pinned Rust toolchain with the targets and components of `rust-toolchain.toml`.
fn toolchain() -> Result<()> {
    let text = fs::read_to_string(root().join("rust-toolchain.toml"))?;
    let wanted: toml::Table = text.parse().context("rust-toolchain.toml")?;
    for (kind, key) in [("target", "targets"), ("component", "components")] {
        let names = wanted.get("toolchain").and_then(|t| t.get(key)).and_then(|t| t.as_array());
        let Some(installed) = answer(program("rustup").args([kind, "list", "--installed"])) else {
            // a toolchain that rustup does not keep: cargo will say what it misses
            return Ok(());
        };
        for name in names.into_iter().flatten().filter_map(|name| name.as_str()) {
            let is_there = |line: &str| line == name || line.starts_with(&format!("{name}-"));
            if !installed.lines().any(is_there) {
                timed(&format!("rustup {kind} add {name}"), || {
                    complete_quietly(program("rustup").args([kind, "add", name]))
                })?;
            }
        }
    }
    Ok(())
}

/// The given tools of cargo.
fn cargo_tools(wanted: &[Tool]) -> Result<()> {
    let missing: Vec<&Tool> = wanted.iter().filter(|tool| !tool.is_installed()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let build = tools("build");
    for tool in missing {
        timed(&format!("install {} {}", tool.package, tool.version), || tool.install(&build))?;
    }
    fs::remove_dir_all(&build).with_context(|| format!("removing {}", build.display()))
}

impl Tool {
    fn is_installed(&self) -> bool {
        let path = self.path();
        let printed = path.exists().then(|| answer(program(path).arg("--version"))).flatten();
        printed.is_some_and(|line| line.split_whitespace().next_back() == Some(self.version))
    }

    /// Where the installed program lies.
    pub(crate) fn path(&self) -> PathBuf {
        tools("bin").join(self.program)
    }

    fn install(&self, build: &Path) -> Result<()> {
        let mut command = cargo("install --quiet --force --root .tools");
        command.args(self.options).arg(format!("{}@{}", self.package, self.version));
        // built once and run for seconds: the time to build them is what counts
        command
            .env("CARGO_TARGET_DIR", build)
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
        complete_quietly(&mut command)
    }
}

/// The tools of npm: the edge's runtime, bundlers, the browser's driver, the deployer.
fn node_modules() -> Result<()> {
    let version = answer(program("node").arg("--version")).context("Node is not installed")?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|n| n.parse().ok());
    if major.is_none_or(|major: u32| major < OLDEST_NODE) {
        bail!("Node {OLDEST_NODE} or newer is needed, found {version}");
    }
    let source = root().join("xtask/npm");
    let wanted = fs::read_to_string(source.join("package-lock.json"))?;
    // written last, so that it tells of a complete installation
    let mark = tools("node_modules/.installed-lock.json");
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    timed("install npm packages", || {
        fs::create_dir_all(tools(""))?;
        for name in ["package.json", "package-lock.json"] {
            fs::copy(source.join(name), tools(name)).with_context(|| name.to_owned())?;
        }
        // `npm ci` would insist on packages for machines that these are not published for
        let mut command = program("npm");
        command.args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]);
        complete_quietly(command.current_dir(tools("")))?;
        Ok(fs::write(&mark, &wanted)?)
    })
}

/// The edge's runtime, as npm's package for this machine holds it.
pub(crate) fn workerd() -> Result<PathBuf> {
    let machine = match ARCH {
        "x86_64" => "linux-64",
        "aarch64" => "linux-arm64",
        other => bail!("the edge's runtime is not available for {other}"),
    };
    Ok(tools(&format!("node_modules/@cloudflare/workerd-{machine}/bin/workerd")))
}

/// Chromium, its driver, a font with Japanese letters, a display for what Chromium shows outside of
/// pages, and the emulator of a card's processor, from Debian.
fn debian(wanted: &[(&'static str, &str)]) -> Result<()> {
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|(_, path)| !Path::new(path).exists())
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    timed(&format!("apt-get install {}", missing.join(" ")), || {
        let mut install = apt_get();
        install.args(["install", "--yes", "--no-install-recommends"]).args(&missing);
        if answer(&mut install).is_some() {
            return Ok(());
        }
        // the lists of a fresh machine are empty
        complete_quietly(apt_get().arg("update"))?;
        complete_quietly(&mut install)
    })
}

pub(crate) fn apt_get() -> Command {
    let mut command = if nix::unistd::Uid::effective().is_root() {
        program("apt-get")
    } else {
        let mut sudo = program("sudo");
        sudo.arg("apt-get");
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
