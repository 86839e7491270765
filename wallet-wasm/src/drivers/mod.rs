//! The drivers: they perform effects in a browser and decide nothing.

pub mod card;
pub mod database;
pub mod network;
pub mod platform;
pub mod tabs;

use js_sys::{Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// A method of a JavaScript object, for what `web-sys` has only behind its unstable flag.
fn method(object: &JsValue, name: &str) -> Option<Function> {
    Reflect::get(object, &name.into()).ok()?.dyn_into().ok()
}

/// What a JavaScript exception says.
fn fact(exception: &JsValue) -> String {
    let name = Reflect::get(exception, &"name".into()).ok().and_then(|name| name.as_string());
    name.or_else(|| exception.as_string()).unwrap_or_else(|| "unknown".to_owned())
}
