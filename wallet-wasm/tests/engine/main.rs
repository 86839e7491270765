//! The engine against the shipped issuer core: every process, dishonest sides, crashes, lost answers.

mod edge;
mod faults;
mod holder;
mod identity;
mod money;
mod payment;
