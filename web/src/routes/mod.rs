//! A file a page.

mod activity;
mod audit;
mod card;
mod change;
mod home;
mod invoice;
mod not_found;
mod pay;
mod payment;
mod redeem;
mod settings;
mod terminal;
mod transaction;
mod way_back;
mod withdraw;

pub use activity::Activity;
pub use audit::Audit;
pub use card::CardPage;
pub use change::Change;
pub use home::{Home, Welcome};
pub use not_found::NotFound;
pub use pay::{OpenFile, Pay};
pub use redeem::Redeem;
pub use settings::Settings;
pub use terminal::Terminal;
pub use transaction::Transaction;
pub use withdraw::Withdraw;
