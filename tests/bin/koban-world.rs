//! `koban-world [--seeds N] [--first S] [--steps K] [--without A,B,..] [--tries T]`: lives through
//! storms, one a seed, and tells what struck and how fast. A seed that fails is told with the
//! command that repeats it, and with the fewest faults that still make it fail.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use koban_tests::storm::{Fault, Outcome, Plan, counted, live};

/// Storms to live through while looking for the faults that matter, unless `--tries` says.
const TRIES: usize = 60;

struct Asked {
    seeds: u64,
    first: u64,
    steps: u64,
    without: BTreeSet<u64>,
    tries: usize,
}

fn asked() -> Option<Asked> {
    let without = BTreeSet::new();
    let mut asked = Asked { seeds: 20, first: 0, steps: 1_500, without, tries: TRIES };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--seeds" => asked.seeds = value.parse().ok()?,
            "--first" => asked.first = value.parse().ok()?,
            "--steps" => asked.steps = value.parse().ok()?,
            "--tries" => asked.tries = value.parse().ok()?,
            "--without" => {
                let numbers = value.split(',').map(str::parse);
                asked.without = numbers.collect::<Result<_, _>>().ok()?;
            }
            _ => return None,
        }
    }
    Some(asked)
}

fn main() -> ExitCode {
    let Some(Asked { seeds, first, steps, without, tries }) = asked() else {
        eprintln!("koban-world [--seeds N] [--first S] [--steps K] [--without A,B,..]");
        return ExitCode::FAILURE;
    };
    let start = Instant::now();
    let last = first.saturating_add(seeds);
    let all = all(first..last, |seed| live(&Plan { seed, steps, without: without.clone() }));
    let (mut faults, mut operations, mut taken) = (Vec::new(), 0, 0);
    for (seed, outcome) in all {
        if let Some(broken) = outcome.broken {
            let plan = Plan { seed, steps, without };
            tell(&plan, &broken, outcome.steps, outcome.faults, tries);
            return ExitCode::FAILURE;
        }
        faults.extend(outcome.faults);
        operations += outcome.operations;
        taken += outcome.steps;
    }
    let seconds = start.elapsed().as_secs_f64();
    for (kind, count) in counted(&faults) {
        println!("{count:>9}  {}", kind.words());
    }
    println!("{:>9}  faults, {operations} operations, {taken} steps, {seeds} seeds", faults.len());
    let per_second = |count: f64| count / seconds;
    #[allow(clippy::cast_precision_loss)]
    let (steps, operations) = (per_second(taken as f64), per_second(operations as f64));
    println!("{seconds:.1} s: {steps:.0} steps/s, {operations:.0} operations/s");
    ExitCode::SUCCESS
}

/// The outcomes in order of seed, as many at a time as the machine has cores; none after the first
/// that broke something.
fn all(seeds: Range<u64>, live: impl Fn(u64) -> Outcome + Sync) -> BTreeMap<u64, Outcome> {
    let (next, end) = (AtomicU64::new(seeds.start), AtomicU64::new(seeds.end));
    let outcomes = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= end.load(Ordering::SeqCst) {
                        break;
                    }
                    let outcome = live(seed);
                    if outcome.broken.is_some() {
                        end.fetch_min(seed + 1, Ordering::SeqCst);
                    }
                    outcomes.lock().expect("no thread stops with it").insert(seed, outcome);
                }
            });
        }
    });
    outcomes.into_inner().expect("no thread stops with it")
}

fn tell(plan: &Plan, broken: &str, step: u64, faults: Vec<Fault>, tries: usize) {
    let Plan { seed, steps, .. } = plan;
    println!("seed {seed} broke at step {step}: {broken}");
    println!("cargo xtask world --first {seed} --seeds 1 --steps {steps}");
    println!("looking for the faults that matter among {} ...", faults.len());
    let (plan, faults) = fewest(plan.clone(), faults, tries);
    for fault in faults {
        println!("{fault}");
    }
    let without: Vec<String> = plan.without.iter().map(u64::to_string).collect();
    let (seed, steps, without) = (plan.seed, plan.steps, without.join(","));
    println!("cargo xtask world --first {seed} --seeds 1 --steps {steps} --without {without}");
}

/// Leaves out ever smaller parts of the faults as long as it still breaks.
fn fewest(mut plan: Plan, mut faults: Vec<Fault>, most: usize) -> (Plan, Vec<Fault>) {
    let mut part = faults.len().div_ceil(2);
    let mut tries = 0;
    while part > 0 && tries < most {
        let mut at = 0;
        while at < faults.len() && tries < most {
            tries += 1;
            let mut less = plan.clone();
            less.without.extend(faults.iter().skip(at).take(part).map(|fault| fault.number));
            let outcome = live(&less);
            if outcome.broken.is_some() {
                (plan, faults) = (less, outcome.faults);
            } else {
                at += part;
            }
        }
        part = if part == 1 { 0 } else { part.div_ceil(2) };
    }
    (plan, faults)
}
