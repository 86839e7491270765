//! Clock, entropy, timers, and the browser's promise to keep the database.

use js_sys::{Array, Function, Promise, Reflect};
use koban_protocol::entropy::Entropy;
use koban_protocol::time::Time;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::StorageManager;

use super::method;

/// The time.
pub fn now() -> Time {
    let seconds = js_sys::Date::now() / 1000.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole seconds are wanted, and the cast saturates"
    )]
    Time(seconds as u64)
}

/// Fresh entropy; none if the browser has no generator.
pub fn entropy() -> Option<Entropy> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(Entropy::new(bytes))
}

/// Waits for so many seconds.
pub async fn sleep(seconds: u64) {
    // Longer than a timer can be set is as good as never: the wallet wakes when it is looked at.
    pause(u32::try_from(seconds.saturating_mul(1000)).unwrap_or(u32::MAX)).await;
}

/// Waits for so many milliseconds.
pub async fn pause(milliseconds: u32) {
    let global = js_sys::global();
    let Some(set_timeout) = method(&global, "setTimeout") else { return };
    let milliseconds = f64::from(milliseconds.min(i32::MAX.unsigned_abs()));
    let promise = Promise::new(&mut |resolve: Function, _: Function| {
        // If it throws, the promise is rejected.
        let _ = set_timeout.call2(&global, &resolve, &milliseconds.into());
    });
    // A rejected wait is no wait.
    let _ = JsFuture::from(promise).await;
}

fn storage() -> Option<StorageManager> {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).ok()?;
    Reflect::get(&navigator, &"storage".into()).ok()?.dyn_into().ok()
}

/// Whether the browser promised to keep the database.
pub async fn is_persistent() -> bool {
    let Some(Ok(promise)) = storage().map(|storage| storage.persisted()) else { return false };
    JsFuture::from(promise).await.is_ok_and(|kept| kept.as_bool() == Some(true))
}

/// Asks the browser to promise to keep the database.
pub async fn persist() -> bool {
    let Some(Ok(promise)) = storage().map(|storage| storage.persist()) else { return false };
    JsFuture::from(promise).await.is_ok_and(|kept| kept.as_bool() == Some(true))
}

/// Calls `listener` for an event of the window or the document; never, if there is none.
pub fn listen(target: &str, event: &str, listener: &JsValue) {
    let global: JsValue = js_sys::global().into();
    let target = match target {
        "window" => Some(global),
        name => Reflect::get(&global, &name.into()).ok().filter(|it| !it.is_undefined()),
    };
    if let Some(target) = target
        && let Some(add) = method(&target, "addEventListener")
    {
        // Without the event the wallet goes on by its timers.
        let _ = add.apply(&target, &Array::of2(&event.into(), listener));
    }
}

/// Whether the page is being looked at.
pub fn is_visible() -> bool {
    let document = Reflect::get(&js_sys::global(), &"document".into());
    let state = document.and_then(|it| Reflect::get(&it, &"visibilityState".into()));
    state.is_ok_and(|state| state.as_string().as_deref() != Some("hidden"))
}
