//! Named, timed steps, and the table of them that closes `check` and `test`.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

#[derive(Default)]
pub(crate) struct Steps {
    only: Option<String>,
    done: Vec<Step>,
}

struct Step {
    name: String,
    took: Duration,
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

impl Steps {
    /// Of the steps that may be left out, only those whose name holds this word.
    pub(crate) fn only(word: Option<String>) -> Self {
        Self { only: word, done: Vec::new() }
    }

    /// Performs a step that others do not build on, unless only others are wanted.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<()>) {
        if self.only.as_ref().is_none_or(|word| name.contains(word.as_str())) {
            self.must(name, work);
        }
    }

    /// Performs a step and notes how it went; whether it passed is returned, so that what builds
    /// on it can be left out.
    pub(crate) fn must(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> bool {
        println!("── {name}");
        let start = Instant::now();
        let result = work();
        let took = start.elapsed();
        let outcome = match &result {
            Ok(()) => Outcome::Passed,
            Err(error) => {
                eprintln!("error: {name}: {error:#}");
                Outcome::Failed
            }
        };
        self.done.push(Step { name: name.to_owned(), took, outcome });
        result.is_ok()
    }

    /// Notes a step that was not performed, because one it builds on failed.
    pub(crate) fn skip(&mut self, name: &str) {
        let outcome = Outcome::Skipped;
        self.done.push(Step { name: name.to_owned(), took: Duration::ZERO, outcome });
    }

    /// Prints the table.
    ///
    /// # Errors
    /// Any step failed.
    pub(crate) fn finish(self) -> Result<()> {
        let width = self.done.iter().map(|step| step.name.chars().count()).max().unwrap_or(0);
        println!();
        for Step { name, took, outcome } in &self.done {
            let word = match outcome {
                Outcome::Passed => "ok",
                Outcome::Failed => "FAILED",
                Outcome::Skipped => "skipped",
            };
            println!("{name:width$}  {:>8}  {word}", seconds(*took));
        }
        let total: Duration = self.done.iter().map(|step| step.took).sum();
        println!("{:width$}  {:>8}", "total", seconds(total));
        let failed = self.done.iter().filter(|s| s.outcome == Outcome::Failed).count();
        match failed {
            0 => Ok(()),
            1 => bail!("one step failed"),
            many => bail!("{many} steps failed"),
        }
    }
}

/// One plain line when a piece of work is done, with its time.
///
/// # Errors
/// Those of the work.
pub(crate) fn timed<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let value = work()?;
    println!("{what}: {}", seconds(start.elapsed()));
    Ok(value)
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
