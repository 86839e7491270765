//! The house style as a test: size of files and functions, banned calls, layering, leftovers.
//!
//! What the compiler and clippy can say is left to them (`[workspace.lints]`); this says the rest.
//! Every finding is one line `path:line: what`, and all of them are shown together.

mod tidy {
    pub(crate) mod code;
    pub(crate) mod layers;
    pub(crate) mod text;
}

use std::fs;
use std::path::Path;
use std::process::Command;

use tidy::{code, layers, text};

/// A file of the repository: its path from the root, with `/`, and its text.
pub(crate) struct File {
    /// The path.
    pub(crate) path: String,
    /// The text.
    pub(crate) text: String,
}

impl File {
    fn finding(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Every text file that is in the repository or about to be: what git does not ignore.
fn files() -> Vec<File> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    assert!(output.status.success(), "git ls-files failed");
    let paths = String::from_utf8(output.stdout).unwrap();
    let read = |path: &str| {
        let text = fs::read_to_string(root().join(path)).ok()?;
        Some(File { path: path.to_owned(), text })
    };
    paths.split('\0').filter(|path| !path.is_empty()).filter_map(read).collect()
}

fn assert_none(findings: Vec<String>) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn files_are_small_and_lines_short() {
    assert_none(files().iter().flat_map(text::sizes).collect());
}

#[test]
fn nothing_is_left_over() {
    assert_none(files().iter().flat_map(text::leftovers).collect());
}

#[test]
fn documents_name_paths_that_exist() {
    assert_none(files().iter().flat_map(|file| text::dead_paths(file, root())).collect());
}

#[test]
fn functions_are_short_and_code_keeps_the_rules_of_its_layer() {
    let files = files();
    let rust: Vec<&File> = files.iter().filter(|file| file.path.ends_with(".rs")).collect();
    assert!(rust.len() > 10, "the repository's code was not found");
    assert_none(rust.into_iter().flat_map(code::findings).collect());
}

#[test]
fn dependencies_point_downward() {
    assert_none(files().iter().flat_map(layers::manifest).collect());
}

#[test]
fn protocol_is_deaf_blind_and_timeless() {
    assert_none(layers::protocol_tree(root()));
}
