//! `defects`: whether the World bites. Each patch in `tests/defects/` puts one mistake into a copy
//! of the tree, and a storm must find it within the number of seeds that its first line names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{answer, cargo, complete_quietly, program, root};

/// The patches, in order of name.
fn patches() -> Result<Vec<PathBuf>> {
    let folder = root().join("tests/defects");
    let files = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut found: Vec<_> = files.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    found.sort();
    ensure!(found.len() >= 15, "fewer than fifteen defects in {}", folder.display());
    Ok(found)
}

/// Whether every patch still fits the tree.
///
/// # Errors
/// One does not.
pub(crate) fn fit() -> Result<()> {
    patches()?.iter().try_for_each(|patch| {
        complete_quietly(git().arg("--check").arg(patch).current_dir(root()))
            .with_context(|| format!("{} does not fit", name(patch)))
    })
}

/// Lets storms look for every defect, or for those whose name holds `word`.
///
/// # Errors
/// A defect does not build, or is not found.
pub(crate) fn defects(word: Option<&str>) -> Result<()> {
    let tree = root().join("target/defects/tree");
    copy_to(&tree)?;
    let all = patches()?;
    let most = all.iter().map(|patch| seeds(patch)).collect::<Result<Vec<_>>>()?;
    let most = most.into_iter().max().unwrap_or_default();
    storms(&tree, most).context("the tree as it is")?;
    let mut missed = Vec::new();
    for patch in all {
        let named = name(&patch);
        if word.is_some_and(|word| !named.contains(word)) {
            continue;
        }
        let begun = Instant::now();
        complete_quietly(git().arg(&patch).current_dir(&tree))?;
        let lived = storms(&tree, seeds(&patch)?);
        complete_quietly(git().arg("--reverse").arg(&patch).current_dir(&tree))?;
        let found = match lived {
            Ok(()) => "NOT FOUND".to_owned(),
            Err(broken) => format!("{broken:#}"),
        };
        println!("{named} ({:.0} s)\n    {found}", begun.elapsed().as_secs_f64());
        if !found.starts_with("seed ") {
            missed.push(named);
        }
    }
    ensure!(missed.is_empty(), "not found: {}", missed.join(", "));
    Ok(())
}

/// Within how many seeds a defect must be found: the patch's first line says so.
fn seeds(patch: &Path) -> Result<u32> {
    let text = fs::read_to_string(patch)?;
    let first = text.lines().next().and_then(|line| line.strip_prefix("Seeds: "));
    let seeds = first.with_context(|| format!("{}: no \"Seeds: N\" in line 1", name(patch)))?;
    Ok(seeds.parse()?)
}

/// Copies what is under version control, if it differs, so that cargo builds only what does.
fn copy_to(tree: &Path) -> Result<()> {
    let files = answer(program("git").args(["ls-files"])).context("git ls-files")?;
    for file in files.lines() {
        let (from, to) = (root().join(file), tree.join(file));
        let Ok(content) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|there| there == content) {
            continue;
        }
        fs::create_dir_all(to.parent().context("a file in a folder")?)?;
        fs::write(&to, content)?;
    }
    Ok(())
}

/// Lives through storms with the tree's code.
///
/// # Errors
/// It does not build, or what broke.
fn storms(tree: &Path, seeds: u32) -> Result<()> {
    let target = root().join("target/defects/target");
    let in_tree = |line: &str| -> Command {
        let mut command = cargo(line);
        command.current_dir(tree).env("CARGO_TARGET_DIR", &target);
        command
    };
    let build = "build --quiet --package koban-tests --bin koban-world";
    complete_quietly(&mut in_tree(build))?;
    let mut world = program(target.join("debug/koban-world"));
    let output = world.args(["--tries", "0", "--seeds", &seeds.to_string()]).output()?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    match told.lines().next() {
        Some(line) => bail!("{line}"),
        None => bail!("koban-world: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// `git apply`, as if the folder were in no repository.
fn git() -> Command {
    let mut git = program("git");
    git.env("GIT_CEILING_DIRECTORIES", root().join("target")).arg("apply");
    git
}

fn name(patch: &Path) -> String {
    patch.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
