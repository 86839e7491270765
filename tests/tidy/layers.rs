//! Who may depend on whom.

use std::path::Path;
use std::process::Command;

use crate::File;

/// Each package's allowed siblings; whoever is not listed may use all.
const ALLOWED: &[(&str, &[&str])] = &[
    ("koban-protocol", &[]),
    ("koban-card", &["koban-protocol"]),
    ("koban-edge-issuer", &["koban-protocol"]),
    ("koban-wallet-wasm", &["koban-card", "koban-protocol"]),
    ("koban-web", &["koban-wallet-wasm", "koban-protocol"]),
    ("xtask", &[]),
];

/// Packages with lints of their own: tests may stop anywhere, and the shim is called by C.
const OWN_LINTS: &[&str] = &["koban-tests", "koban-card-shim"];

/// Packages that reach a clock, entropy, I/O or an executor, or that JSON comes with.
const BANNED_IN_PROTOCOL: &[&str] = &[
    "chrono",
    "futures-executor",
    "getrandom",
    "instant",
    "js-sys",
    "rand",
    "serde_json",
    "time",
    "tokio",
    "wasm-bindgen",
    "web-sys",
    "web-time",
    "worker",
];

/// Dependencies that point upward or sideways, and members without the workspace's lints.
pub(crate) fn manifest(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    if !file.path.ends_with("Cargo.toml") {
        return findings;
    }
    let table: toml::Table = file.text.parse().expect(&file.path);
    let Some(name) = table.get("package").and_then(|p| p.get("name")).and_then(|n| n.as_str())
    else {
        return findings;
    };
    let linted = table.get("lints").and_then(|l| l.get("workspace")).is_some();
    if !linted && !OWN_LINTS.contains(&name) {
        findings.push(file.finding(1, "without [lints] workspace = true"));
    }
    if let Some((_, allowed)) = ALLOWED.iter().find(|(package, _)| *package == name) {
        let used = dependencies(&table);
        for sibling in used.iter().filter(|d| d.starts_with("koban-") || *d == "xtask") {
            if !allowed.contains(&sibling.as_str()) {
                findings.push(file.finding(1, &format!("{name} may not depend on {sibling}")));
            }
        }
    }
    findings
}

/// Names of all dependencies but those for tests alone, of every target.
fn dependencies(table: &toml::Table) -> Vec<String> {
    let mut names = Vec::new();
    for key in ["dependencies", "build-dependencies"] {
        let found = table.get(key).and_then(|value| value.as_table());
        names.extend(found.into_iter().flat_map(|found| found.keys().cloned()));
    }
    let targets = table.get("target").and_then(|value| value.as_table());
    for target in targets.into_iter().flat_map(|targets| targets.values()) {
        names.extend(target.as_table().map(dependencies).unwrap_or_default());
    }
    names
}

/// What `protocol` must not reach through any dependency, in a browser or natively.
pub(crate) fn protocol_tree(root: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    for target in ["x86_64-unknown-linux-gnu", "wasm32-unknown-unknown"] {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--package", "koban-protocol", "--edges", "normal", "--prefix", "none"])
            .args(["--format", "{p}", "--target", target])
            .current_dir(root)
            .output()
            .expect("cargo starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tree = String::from_utf8(output.stdout).unwrap();
        assert!(tree.starts_with("koban-protocol "), "unexpected: {tree}");
        for package in tree.lines().filter_map(|line| line.split(' ').next()) {
            if BANNED_IN_PROTOCOL.contains(&package) {
                findings.push(format!("koban-protocol depends on {package} ({target})"));
            }
        }
    }
    findings
}

#[test]
fn upward_dependencies_are_found() {
    let file = |text: &str| File { path: "protocol/Cargo.toml".into(), text: text.into() };
    let sound = "[package]\nname = \"koban-protocol\"\n[lints]\nworkspace = true\n";
    assert_eq!(manifest(&file(sound)), [""; 0]);
    for wrong in [
        "[dependencies]\nkoban-web = { path = \"../web\" }\n",
        "[target.'cfg(unix)'.dependencies]\nkoban-card.workspace = true\n",
    ] {
        assert_eq!(manifest(&file(&format!("{sound}{wrong}"))).len(), 1, "{wrong}");
    }
    assert_eq!(manifest(&file("[package]\nname = \"koban-protocol\"\n")).len(), 1);
}
