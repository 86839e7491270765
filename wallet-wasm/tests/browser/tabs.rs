//! Two wallets of one issuer, as two tabs have them: one writes, the other follows and takes over.

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
    let config = WalletConfig { issuer_url };
    let first = Wallet::open(config.clone()).await.unwrap();
    let second = Wallet::open(config).await.unwrap();
    assert_eq!(second.register("hanako").await.unwrap_err().code, "other-tab");
    assert_eq!(second.refresh_account().await.unwrap_err().code, "other-tab");

    first.register("taro").await.unwrap();
    first.enrol("bank-a", "Taro").await.unwrap();
    first.withdraw("JPY", 100, None, false).await.unwrap();
    let shows = || second.view().balances.first().is_some_and(|it| it.available.minor == 100);
    until("the second tab shows what the first does", shows).await;
    assert_eq!(second.view().stage, Stage::Enrolled);
    assert_eq!(second.withdraw("JPY", 1, None, false).await.unwrap_err().code, "other-tab");

    first.close().await;
    let mut taken = false;
    for _ in 0..20 {
        match second.redeem("JPY", 40).await {
            Ok(_) => {
                taken = true;
                break;
            }
            Err(problem) => assert_eq!(problem.code, "other-tab"),
        }
        sleep(1).await;
    }
    assert!(taken, "the second tab takes over");
    assert_eq!(second.view().balances[0].available.minor, 60);
    assert_eq!(network::with(|edge| edge.outstanding()), 60);
    second.close().await;
}
