//! The virtual card: the applet of `koban-card` in a worker of the wallet's origin.

fn main() {
    koban_wallet_wasm::drivers::card::machine::serve();
}
