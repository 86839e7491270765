//! The vectors of the protocol and of the standards it uses, in wasm.

use wasm_bindgen_test::wasm_bindgen_test;

#[path = "../../../tests/vectors/check.rs"]
#[allow(dead_code, reason = "the native test makes vectors with the rest")]
mod check;

#[wasm_bindgen_test]
fn rfc_6979() {
    check::rfc_6979();
}

#[wasm_bindgen_test]
fn rfc_8949() {
    check::rfc_8949();
}

#[wasm_bindgen_test]
fn rfc_9180() {
    check::rfc_9180();
}

#[wasm_bindgen_test]
fn messages() {
    check::messages();
}

#[wasm_bindgen_test]
fn keys() {
    check::keys();
}
