//! IndexedDB: durable, all or nothing, there again after reopening.

use js_sys::{Object, Reflect};
use koban_wallet_wasm::drivers::database::Database;
use koban_wallet_wasm::engine::{Edit, Row, Store};
use koban_wallet_wasm::view::{Stage, TransactionState};
use koban_wallet_wasm::{Wallet, WalletConfig};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

use super::edge::Shop;
use super::network;

fn row(store: Store, key: &str, value: &[u8]) -> Row {
    Row { store, key: key.to_owned(), value: value.to_vec() }
}

async fn open(issuer_url: &str) -> Wallet {
    Wallet::open(WalletConfig { issuer_url: issuer_url.to_owned(), originator_url: None })
        .await
        .unwrap()
}

#[wasm_bindgen_test]
async fn rows_are_there_after_reopening() {
    let name = format!("rows {}", js_sys::Date::now());
    let database = Database::open(&name).await.unwrap();
    assert_eq!(database.rows().await.unwrap(), []);
    let seed = row(Store::Identity, "seed", &[1, 2, 3]);
    let coin = row(Store::Coin, "aa", &[4]);
    let edits = [Edit::Put(seed.clone()), Edit::Put(coin), Edit::Put(row(Store::Coin, "bb", &[]))];
    database.write(&edits).await.unwrap();
    let spent = Edit::Delete(Store::Coin, "aa".to_owned());
    database.write(&[spent, Edit::Put(row(Store::Saga, "cc", &[5]))]).await.unwrap();
    database.close();
    let again = Database::open(&name).await.unwrap();
    let expected = [seed, row(Store::Coin, "bb", &[]), row(Store::Saga, "cc", &[5])];
    assert_eq!(again.rows().await.unwrap(), expected);
}

#[wasm_bindgen_test]
async fn a_closed_database_takes_no_write_and_says_so() {
    let name = format!("closed {}", js_sys::Date::now());
    let database = Database::open(&name).await.unwrap();
    database.close();
    let refused = database.write(&[Edit::Put(row(Store::Coin, "aa", &[1]))]).await.unwrap_err();
    assert_eq!(refused.name(), "storage-not-durable");
}

#[wasm_bindgen_test]
async fn without_a_durable_database_the_wallet_stays_closed() {
    let issuer_url = network::install("none");
    let global = js_sys::global();
    let name = JsValue::from("indexedDB");
    let own = Object::get_own_property_descriptor(&global, &name);
    let descriptor = Object::new();
    Reflect::set(&descriptor, &"value".into(), &JsValue::UNDEFINED).unwrap();
    Reflect::set(&descriptor, &"configurable".into(), &true.into()).unwrap();
    Reflect::define_property(&global, &name, &descriptor).unwrap();
    let refused =
        Wallet::open(WalletConfig { issuer_url: issuer_url.clone(), originator_url: None }).await;
    Reflect::define_property(&global, &name, own.unchecked_ref()).unwrap();
    assert_eq!(refused.unwrap_err().code, "storage-not-durable");
    open(&issuer_url).await.close().await;
}

#[wasm_bindgen_test]
async fn without_an_issuer_a_new_wallet_stays_closed_and_can_be_tried_again() {
    let issuer_url = network::install("nobody");
    network::down(true);
    let config = WalletConfig { issuer_url: issuer_url.clone(), originator_url: None };
    assert_eq!(Wallet::open(config).await.unwrap_err().code, "network");
    network::down(false);
    open(&issuer_url).await.close().await;
}

#[wasm_bindgen_test]
async fn the_wallet_is_whole_after_reopening_and_resumes() {
    let issuer_url = network::install("whole");
    let wallet = open(&issuer_url).await;
    wallet.register("taro").await.unwrap();
    wallet.enrol("bank-a", "Taro Yamada").await.unwrap();
    wallet.withdraw("JPY", 1000, None, true).await.unwrap();
    network::shop(Shop::Silent);
    let invoice = wallet.read_invoice(&network::invoice(370)).await.unwrap();
    let open_payment = wallet.pay(&invoice.id).await.unwrap();
    assert_eq!(open_payment.state, TransactionState::Open);
    let before = wallet.view();
    assert_eq!((before.balances[0].available.minor, before.balances[0].pending.minor), (630, 370));
    wallet.close().await;
    assert_eq!(wallet.register("jiro").await.unwrap_err().code, "other-tab");

    network::shop(Shop::Honest);
    let wallet = open(&issuer_url).await;
    assert_eq!(wallet.view().stage, Stage::Enrolled);
    for _ in 0..50 {
        if wallet.view().balances[0].pending.minor == 0 {
            break;
        }
        koban_wallet_wasm::drivers::platform::sleep(1).await;
    }
    let view = wallet.view();
    assert_eq!((view.balances[0].available.minor, view.balances[0].pending.minor), (630, 0));
    let payment = view.transactions.iter().find(|it| it.id == open_payment.id).unwrap();
    assert_eq!(payment.state, TransactionState::Done);
    assert!(payment.receipt.is_some());
    wallet.close().await;
}
