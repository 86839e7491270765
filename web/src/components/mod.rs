//! What several pages share.

mod account;
mod activity;
mod amount;
mod balance;
mod card;
mod coins;
mod fields;
mod first_steps;
mod frame;
mod icon;
mod notice;
mod outcome;
mod page;
mod qr;
mod receipt;

pub use account::AccountLine;
pub use activity::{ActivityList, StateBadge, kind_key};
pub use amount::{Amount, AmountField, CurrencyChoice};
pub use balance::Balances;
pub use card::{
    Card, CardHead, CardMoney, Connect, Fold, Interrupted, Limits, Log, Lost, NeededPin, PinFold,
    PinForm, Pockets, card_in, find_cards, is, part, wants_pin,
};
pub use coins::{CoinPicker, Coins};
pub use fields::{Choice, Submit, TextField, element_id};
pub use first_steps::FirstSteps;
pub use frame::Frame;
pub use icon::{Icon, Mark, Shape};
pub use notice::{Notice, ProblemNotice, Tone, problem_of};
pub use outcome::Outcome;
pub use page::{Opened, Page};
pub use qr::Qr;
pub use receipt::Receipt;
