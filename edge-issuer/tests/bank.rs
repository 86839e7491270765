//! The bank, asked as its peers ask it: accounts, debits, credits, settlements, and everything it
//! must refuse.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

mod bank {
    mod accounts;
    mod books;
    mod credits;
    mod debits;
    mod input;
    mod journal;
    mod settlements;
}
