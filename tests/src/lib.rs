//! What the tests share: the [`world`] in which every role runs natively, a [`holder`] with the
//! shipped wallet engine, a [`merchant`], the [`story`] they live through, the [`storm`], and the
//! ledger's conformance [`suite`].

pub mod audit;
pub mod card;
pub mod holder;
pub mod http;
pub mod merchant;
pub mod network;
pub mod raw;
pub mod storm;
pub mod story;
pub mod suite;
pub mod world;
