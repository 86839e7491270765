//! The wallet's pages: what a holder sees and does.
//!
//! Everything of value happens in `koban-wallet-wasm`; this crate shows its [`WalletView`] and
//! passes the holder's wishes on. Reading order: `app` (routes), `session` (the wallet behind the
//! pages), `routes` (a file a page), `components` (what several pages share), `live` (what changes
//! while it is shown), then the pure helpers.
//!
//! [`WalletView`]: koban_wallet_wasm::view::WalletView

#![allow(unreachable_pub, reason = "the component macro makes what it generates public")]

mod app;
mod audit;
mod browser;
mod components;
mod door;
mod i18n;
mod live;
mod money;
mod prefs;
mod problem;
mod routes;
mod session;

fn main() {
    prefs::apply_saved();
    browser::remove_splash();
    leptos::mount::mount_to_body(app::App);
}
