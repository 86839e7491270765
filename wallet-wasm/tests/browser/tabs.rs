//! Two wallets of one issuer, as two tabs have them: one writes, the other follows, and the right
//! to write goes to whichever is asked for something.

use koban_wallet_wasm::drivers::platform::sleep;
use koban_wallet_wasm::view::Stage;
use koban_wallet_wasm::{Wallet, WalletConfig};
use wasm_bindgen_test::wasm_bindgen_test;

use super::network;

async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..20 {
        if holds() {
            return;
        }
        sleep(1).await;
    }
    panic!("{what}");
}

#[wasm_bindgen_test]
async fn one_tab_writes_the_other_follows_and_takes_over() {
    let issuer_url = network::install("tabs");
    let config = WalletConfig { issuer_url, originator_url: None };
    let first = Wallet::open(config.clone()).await.unwrap();
    let second = Wallet::open(config).await.unwrap();

    first.register("taro").await.unwrap();
    first.enrol("bank-a", "Taro").await.unwrap();
    first.withdraw("JPY", 100, None, false).await.unwrap();
    let shows = |wallet: &Wallet, minor: u64| {
        wallet.view().balances.first().is_some_and(|it| it.available.minor == minor)
    };
    until("the second tab shows what the first does", || shows(&second, 100)).await;
    assert_eq!(second.view().stage, Stage::Enrolled);

    second.redeem("JPY", 40).await.unwrap();
    assert!(shows(&second, 60));
    until("the first tab shows what the second does", || shows(&first, 60)).await;
    first.redeem("JPY", 10).await.unwrap();
    assert!(shows(&first, 50));

    first.close().await;
    until("the second tab sees the last of it", || shows(&second, 50)).await;
    second.redeem("JPY", 20).await.unwrap();
    assert!(shows(&second, 30));
    assert_eq!(network::with(|edge| edge.outstanding()), 30);
    second.close().await;
}

#[wasm_bindgen_test]
async fn two_tabs_asked_at_once_take_turns() {
    let issuer_url = network::install("turns");
    let config = WalletConfig { issuer_url, originator_url: None };
    let first = Wallet::open(config.clone()).await.unwrap();
    first.register("hanako").await.unwrap();
    first.enrol("bank-a", "Hanako").await.unwrap();
    first.withdraw("JPY", 100, None, false).await.unwrap();
    let second = Wallet::open(config.clone()).await.unwrap();
    let third = Wallet::open(config).await.unwrap();
    let (one, two, three) = futures_util::future::join3(
        first.redeem("JPY", 10),
        second.redeem("JPY", 20),
        third.redeem("JPY", 30),
    )
    .await;
    for done in [one, two, three] {
        done.unwrap();
    }
    assert_eq!(network::with(|edge| edge.outstanding()), 40);
    for wallet in [first, second, third] {
        until("every tab shows the same", || wallet.view().balances[0].available.minor == 40).await;
        wallet.close().await;
    }
}
