//! What the tests share: the [`world`] in which every role runs natively, a [`holder`] with the shipped wallet
//! engine, a [`merchant`], and the [`story`] they live through.

pub mod audit;
pub mod holder;
pub mod merchant;
pub mod network;
pub mod raw;
pub mod story;
pub mod world;
