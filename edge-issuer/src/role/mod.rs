//! The roles. Each has a front and, where it keeps anything, objects.

pub mod bank;
pub mod issuer;
pub mod originator;
pub mod payment;
pub mod peer;
pub mod register;
pub mod shop;
pub(crate) mod vault;
pub mod wallet;
