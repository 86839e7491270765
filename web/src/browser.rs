//! What the pages ask of the browser itself.

use js_sys::{Array, ArrayBuffer, Function, Promise, Reflect, Uint8Array};
use leptos::prelude::{document, request_animation_frame, window};
use leptos::task::spawn_local;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, HtmlElement, Response};

/// The scheme of payment links.
pub const LINK_SCHEME: &str = "web+koban";

/// The JSON at `address`.
///
/// # Errors
/// What failed, as a fact for support.
pub async fn fetch_json<T: DeserializeOwned>(address: &str) -> Result<T, String> {
    let named = |fault: JsValue| format!("{address}: {}", describe(&fault));
    let answer = JsFuture::from(window().fetch_with_str(address)).await.map_err(named)?;
    let answer: Response = answer.dyn_into().map_err(named)?;
    if !answer.ok() {
        return Err(format!("{address}: HTTP {}", answer.status()));
    }
    let json = JsFuture::from(answer.json().map_err(named)?).await.map_err(named)?;
    serde_wasm_bindgen::from_value(json).map_err(|fault| format!("{address}: {fault}"))
}

fn describe(fault: &JsValue) -> String {
    let message = Reflect::get(fault, &"message".into()).ok();
    message.and_then(|text| text.as_string()).unwrap_or_else(|| format!("{fault:?}"))
}

/// Takes away what the page showed before the pages were there.
pub fn remove_splash() {
    if let Some(splash) = document().get_element_by_id("splash") {
        splash.remove();
    }
}

/// Undoes percent-encoding; `None` if it is malformed.
pub fn decode(text: &str) -> Option<String> {
    js_sys::decode_uri_component(text).ok()?.as_string()
}

/// Percent-encodes text so that it is one query value.
pub fn encode(text: &str) -> String {
    js_sys::encode_uri_component(text).into()
}

/// The host, with port, of an address.
pub fn host_of(address: &str) -> Option<String> {
    web_sys::Url::new(address).ok().map(|url| url.host())
}

/// Whether the holder can see the page.
pub fn is_visible() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Visible
}

/// Whether the browser believes it has a network.
pub fn is_online() -> bool {
    window().navigator().on_line()
}

/// Loads the page anew.
pub fn reload() {
    // Fails only where navigation is forbidden, as in a sandboxed frame.
    let _ = window().location().reload();
}

/// Moves the focus to the element with this `data-testid`, once the page has been drawn anew.
pub fn focus_later(test_id: String) {
    request_animation_frame(move || {
        let found = document().query_selector(&format!("[data-testid={test_id}]")).ok().flatten();
        if let Some(element) = found.and_then(|it| it.dyn_into::<HtmlElement>().ok()) {
            // Fails only for what is not in the document; this was just found there.
            let _ = element.focus();
        }
    });
}

/// Gives this page another address of this origin, without loading it: back and reload lead there.
pub fn rename_page(path: &str) {
    if let Ok(history) = window().history() {
        // Fails only for other origins, or when a page does it without end.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(path));
    }
}

/// Asks the browser to open payment links here. `false` if it knows no such links.
pub fn register_links() -> bool {
    let Ok(origin) = window().location().origin() else {
        return false;
    };
    let page = format!("{origin}/pay?u=%s");
    window().navigator().register_protocol_handler(LINK_SCHEME, &page, "Koban").is_ok()
}

/// The bytes of a file the holder chose.
///
/// # Errors
/// What failed, as a fact for support.
pub async fn read_file(file: &File) -> Result<Vec<u8>, String> {
    let bytes = JsFuture::from(file.array_buffer()).await.map_err(|fault| describe(&fault))?;
    let bytes: ArrayBuffer = bytes.dyn_into().map_err(|fault| describe(&fault))?;
    Ok(Uint8Array::new(&bytes).to_vec())
}

/// Hands the first file the installed wallet was launched with to `then`. `false` if the browser
/// launches no files (File Handling API, Chromium only).
pub fn on_launched_file(then: impl Fn(Result<Vec<u8>, String>) + Clone + 'static) -> bool {
    let Some((queue, set_consumer)) = method(&window(), "launchQueue", "setConsumer") else {
        return false;
    };
    let consumer = Closure::<dyn Fn(JsValue)>::new(move |launch: JsValue| {
        let then = then.clone();
        spawn_local(async move {
            if let Some(read) = launched_file(&launch).await {
                then(read);
            }
        });
    });
    // The queue keeps its consumer for the page's life, and so does the closure.
    set_consumer.call1(&queue, &consumer.into_js_value()).is_ok()
}

/// `launch.files[0].getFile()`, read.
async fn launched_file(launch: &JsValue) -> Option<Result<Vec<u8>, String>> {
    let files: Array = Reflect::get(launch, &"files".into()).ok()?.dyn_into().ok()?;
    let handle = files.iter().next()?;
    let get_file: Function = Reflect::get(&handle, &"getFile".into()).ok()?.dyn_into().ok()?;
    let promise: Promise = get_file.call0(&handle).ok()?.dyn_into().ok()?;
    let file: File = JsFuture::from(promise).await.ok()?.dyn_into().ok()?;
    Some(read_file(&file).await)
}

/// `object.name` and its function `method`, if both are there.
fn method(object: &JsValue, name: &str, method: &str) -> Option<(JsValue, Function)> {
    let target = Reflect::get(object, &name.into()).ok().filter(JsValue::is_object)?;
    let function = Reflect::get(&target, &method.into()).ok()?.dyn_into().ok()?;
    Some((target, function))
}
