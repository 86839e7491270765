//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, bail};

use crate::kills::KILLS;

const DEFAULT_PORT_BASE: u16 = 8700;

/// What to do, with its settings.
pub(crate) enum Verb {
    Help,
    SetUp,
    Run { port_base: u16, state: PathBuf },
    Test { only: Option<String> },
    Check,
    Demo { payments: Option<u32> },
    Bench,
    Kills { kills: u32 },
    Defects { only: Option<String> },
    World { storms: Vec<String> },
    CardKernel,
}

impl Verb {
    /// Reads the arguments behind the program's name.
    ///
    /// # Errors
    /// An unknown verb or option, or a value that does not parse.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let verb = words.next().unwrap_or_else(|| "help".into());
        let mut options = Options { given: Vec::new() };
        while let Some(name) = words.next() {
            let value = words.next().with_context(|| format!("{name} needs a value"))?;
            options.given.push((name, value));
        }
        let verb = match verb.as_str() {
            "help" | "--help" | "-h" => Verb::Help,
            "set-up" => Verb::SetUp,
            "run" => Verb::Run {
                port_base: options.take("--port-base")?.unwrap_or(DEFAULT_PORT_BASE),
                state: options.take("--state")?.unwrap_or_else(|| PathBuf::from("state")),
            },
            "test" => Verb::Test { only: options.take("--only")? },
            "check" => Verb::Check,
            "bench" => Verb::Bench,
            "kills" => Verb::Kills { kills: options.take("--kills")?.unwrap_or(KILLS) },
            "defects" => Verb::Defects { only: options.take("--only")? },
            "world" => Verb::World { storms: options.all() },
            "card-kernel" => Verb::CardKernel,
            "demo" => Verb::Demo { payments: options.take("--payments")? },
            other => bail!("unknown verb {other}; try: cargo xtask help"),
        };
        options.finish()?;
        Ok(verb)
    }
}

struct Options {
    given: Vec<(String, String)>,
}

impl Options {
    fn take<T: FromStr>(&mut self, name: &str) -> Result<Option<T>>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let Some(at) = self.given.iter().position(|(given, _)| given == name) else {
            return Ok(None);
        };
        let (_, value) = self.given.remove(at);
        let parsed = value.parse().with_context(|| format!("{name} {value}"))?;
        Ok(Some(parsed))
    }

    /// All that is left, as it was given.
    fn all(&mut self) -> Vec<String> {
        self.given.drain(..).flat_map(|(name, value)| [name, value]).collect()
    }

    fn finish(self) -> Result<()> {
        match self.given.first() {
            Some((name, _)) => bail!("unknown option {name}; try: cargo xtask help"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Verb> {
        Verb::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn run_takes_its_ports_and_folder() {
        let Verb::Run { port_base, state } = parse("run --port-base 9000 --state x").unwrap()
        else {
            panic!("not run");
        };
        assert_eq!((port_base, state), (9000, PathBuf::from("x")));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in ["fly", "test --fast yes", "run --port-base", "run --port-base many"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
