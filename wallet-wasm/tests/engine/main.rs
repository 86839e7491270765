//! The engine against the shipped issuer core: every process, dishonest sides, crashes, lost
//! answers.

#![allow(unreachable_pub, reason = "modules of one test")]

mod edge;
mod chance;
mod faults;
mod holder;
mod identity;
mod money;
mod payment;
