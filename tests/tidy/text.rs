//! Rules on text of any kind.

use std::path::Path;

use crate::File;

const MAX_FILE_LINES: usize = 500;
const MAX_LINE_CHARS: usize = 100;
/// Kinds of files that people write and read; data and lock files are not.
const WRITTEN: [&str; 7] = [".rs", ".mjs", ".js", ".ts", ".css", ".html", ".ftl"];
/// Folders whose paths documents name.
const FOLDERS: [&str; 7] =
    ["docs/", "edge-issuer/", "protocol/", "tests/", "wallet-wasm/", "web/", "xtask/"];

/// Files and lines that are too long.
pub(crate) fn sizes(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    if !WRITTEN.iter().any(|kind| file.path.ends_with(kind)) {
        return findings;
    }
    let lines = file.text.lines().count();
    if lines > MAX_FILE_LINES {
        findings.push(file.finding(lines, &format!("a file of more than {MAX_FILE_LINES} lines")));
    }
    if file.path.ends_with(".rs") {
        for (number, line) in (1..).zip(file.text.lines()) {
            if line.chars().count() > MAX_LINE_CHARS {
                findings.push(file.finding(number, &format!("more than {MAX_LINE_CHARS} chars")));
            }
        }
    }
    findings
}

/// Notes to do something later, and the marks of an unfinished merge.
pub(crate) fn leftovers(file: &File) -> Vec<String> {
    // put together here, so that this file does not find itself
    let words = [["TO", "DO"], ["FIX", "ME"], ["XX", "X:"], ["<<<<", "<<< "], [">>>>", ">>> "]];
    let words = words.map(|halves| halves.concat());
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        for word in words.iter().filter(|word| holds_word(line, word)) {
            findings.push(file.finding(number, &format!("left over: {word}")));
        }
    }
    findings
}

fn holds_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        ![before, after].iter().flatten().any(|c| c.is_alphanumeric() || *c == '_')
    })
}

/// Paths in back-quotes that a document gives for a file or folder that is not there.
pub(crate) fn dead_paths(file: &File, root: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    if !file.path.ends_with(".md") {
        return findings;
    }
    for (number, line) in (1..).zip(file.text.lines()) {
        for quoted in line.split('`').skip(1).step_by(2) {
            let is_path = FOLDERS.iter().any(|folder| quoted.starts_with(folder))
                && quoted.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
            let is_built =
                quoted.starts_with("web/dist") || quoted.starts_with("edge-issuer/build");
            if is_path && !is_built && !root.join(quoted).exists() {
                findings.push(file.finding(number, &format!("{quoted} does not exist")));
            }
        }
    }
    findings
}

#[test]
fn long_files_lines_and_leftovers_are_found() {
    let file = |text: String| File { path: "protocol/src/a.rs".into(), text };
    assert_eq!(sizes(&file("x\n".repeat(MAX_FILE_LINES))), [""; 0]);
    assert_eq!(sizes(&file("x\n".repeat(MAX_FILE_LINES + 1))).len(), 1);
    assert_eq!(sizes(&file("ü".repeat(MAX_LINE_CHARS))), [""; 0]);
    assert_eq!(sizes(&file("ü".repeat(MAX_LINE_CHARS + 1))).len(), 1);
    let note = ["// TO", "DO: later"].concat();
    assert_eq!(leftovers(&file(note)), [["protocol/src/a.rs:1: left over: TO", "DO"].concat()]);
    assert_eq!(leftovers(&file("MASTODONS".into())), [""; 0]);
}

#[test]
fn dead_paths_are_found() {
    let root = crate::root();
    let file = |text: &str| File { path: "docs/a.md".into(), text: text.into() };
    assert_eq!(dead_paths(&file("`tests/tidy.rs` and `cargo xtask`"), root), [""; 0]);
    assert_eq!(dead_paths(&file("see `tests/no-such.rs`"), root).len(), 1);
}
