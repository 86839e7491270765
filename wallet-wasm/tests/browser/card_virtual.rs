//! The virtual card in its worker: what it answered is on the disk, one page at a time has it, and
//! it does not notice when its disk is put back.

use koban_card::Status;
use koban_card::apdu::AnswerError;
use koban_card::command::{BeBorn, PIN_TRIES, Phase, VerifyPin};
use koban_card::platform::Features;
use koban_protocol::offline::purse::wire::Class;
use koban_wallet_wasm::drivers::card::{CardProblem, Reader, machine};
use koban_wallet_wasm::drivers::tabs;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_test::wasm_bindgen_test;

use super::card::{exchange, guess, hello, make, pin, run};

#[wasm_bindgen(module = "/tests/browser/card_virtual.js")]
extern "C" {
    fn program(first: &str) -> String;

    #[wasm_bindgen(catch)]
    async fn forget(name: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    async fn rows(name: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = putBack)]
    async fn put_back(name: &str, rows: &JsValue) -> Result<JsValue, JsValue>;
}

/// What the shipped program of the worker does.
#[wasm_bindgen(js_name = serveVirtualCard)]
pub fn serve_virtual_card() {
    machine::serve();
}

/// A page's reader.
fn page() -> Reader {
    Reader::virtual_card(&program(""))
}

/// A page's reader, of a browser without a virtual card.
async fn first_page() -> Reader {
    forget(machine::NAME).await.unwrap();
    page()
}

#[wasm_bindgen_test]
async fn a_virtual_card_says_what_it_is_and_is_there_again() {
    let reader = first_page().await;
    let fresh = hello(&reader).await;
    assert_eq!((fresh.class, fresh.phase), (Class::Virtual, Phase::Fresh));
    assert_eq!(fresh.features, Features::default());
    let birth = run(&reader, &BeBorn {}).await.unwrap();
    reader.power_off();
    assert_eq!(hello(&reader).await.phase, Phase::Born);
    assert_eq!(run(&page(), &BeBorn {}).await.unwrap(), birth);
}

#[wasm_bindgen_test]
async fn mondex_2_a_wrong_pin_is_counted_though_power_goes() {
    let reader = first_page().await;
    make(&reader).await;
    assert!(hello(&reader).await.verified);
    let left = PIN_TRIES - 1;
    assert_eq!(guess(&reader).await, AnswerError::Refused(Status::WrongPin(left)));
    reader.power_off();
    let again = hello(&reader).await;
    assert_eq!((again.verified, again.pin_tries), (false, Some(left)));
    run(&reader, &VerifyPin { pin: pin("1234") }).await.unwrap();
    assert_eq!(hello(&reader).await.pin_tries, Some(PIN_TRIES));
}

#[wasm_bindgen_test]
async fn two_pages_take_turns_and_neither_overwrites_the_other() {
    let one = first_page().await;
    make(&one).await;
    let two = page();
    // The second page's first command makes the first page's worker give way.
    assert_eq!(hello(&two).await.pin_tries, Some(PIN_TRIES));
    assert!(!hello(&one).await.verified, "power was away");
    let (here, there) = futures_util::future::join(guess(&one), guess(&two)).await;
    let mut left = [here, there].map(|it| match it {
        AnswerError::Refused(Status::WrongPin(left)) => left,
        other => panic!("{other:?}"),
    });
    left.sort_unstable();
    assert_eq!(left, [PIN_TRIES - 2, PIN_TRIES - 1]);
    assert_eq!(hello(&one).await.pin_tries, Some(PIN_TRIES - 2));
}

#[wasm_bindgen_test]
async fn a_page_that_does_not_give_way_keeps_the_card() {
    let reader = first_page().await;
    let lease = tabs::lease(machine::NAME, false).await.unwrap().unwrap();
    let refused = exchange(&reader, &koban_card::apdu::select()).await;
    assert_eq!(refused.unwrap_err(), CardProblem::InUse);
    drop(lease);
    assert_eq!(hello(&reader).await.phase, Phase::Fresh);
}

#[wasm_bindgen_test]
async fn nothing_is_answered_that_is_not_on_the_disk() {
    let sound = first_page().await;
    assert_eq!(hello(&sound).await.phase, Phase::Fresh);
    sound.power_off();
    let full = "IDBObjectStore.prototype.put = () => {
        throw new DOMException('no room', 'QuotaExceededError');
    }";
    let reader = Reader::virtual_card(&program(full));
    assert_eq!(hello(&reader).await.phase, Phase::Fresh);
    let born = exchange(&reader, &koban_card::apdu::encode(&BeBorn {})).await;
    assert_eq!(born.unwrap_err(), CardProblem::Storage("storage-full".to_owned()));
    // The card that ran on without its disk is gone with its worker.
    assert_eq!(hello(&reader).await.phase, Phase::Fresh);
    assert_eq!(hello(&sound).await.phase, Phase::Fresh);
}

/// What [`Class::Virtual`] means: no counter tells an old state from the newest. Hence its limits,
/// its label, and that no terminal takes it.
#[wasm_bindgen_test]
async fn mondex_3_a_virtual_card_that_is_put_back_does_not_notice() {
    let reader = first_page().await;
    make(&reader).await;
    let kept = rows(machine::NAME).await.unwrap();
    assert_eq!(guess(&reader).await, AnswerError::Refused(Status::WrongPin(PIN_TRIES - 1)));
    reader.power_off();
    put_back(machine::NAME, &kept).await.unwrap();
    let again = hello(&reader).await;
    assert_eq!((again.phase, again.pin_tries), (Phase::Ready, Some(PIN_TRIES)));
}

#[wasm_bindgen_test]
async fn without_its_program_there_is_no_virtual_card() {
    let reader = Reader::virtual_card("/nothing-here.js");
    let refused = exchange(&reader, &koban_card::apdu::select()).await.unwrap_err();
    assert!(matches!(refused, CardProblem::Browser(_)), "{refused:?}");
}
