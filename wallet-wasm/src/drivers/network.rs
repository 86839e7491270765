//! Requests by `fetch`: without cookies or referrer, within a time, and no answer longer than a
//! message may be.

use js_sys::{Reflect, Uint8Array};
use koban_protocol::limits::MESSAGE_BYTES_MAX;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, ReferrerPolicy, RequestCredentials, RequestInit, Response};

use super::method;
use crate::engine::{Call, HttpAnswer, Method};

/// How long an answer may take, milliseconds.
const TIME_OUT_MS: u32 = 15_000;

/// Sends a call of the engine. `None`: nobody answered, or not in time, or at too great length.
pub async fn send(call: &Call) -> Option<HttpAnswer> {
    let body = (call.method == Method::Post).then_some(call.body.as_slice());
    fetch(call.method, &call.url, call.content_type, None, body).await.ok()
}

/// Fetches a document of a media type.
pub async fn get(url: &str, accept: &str) -> Option<HttpAnswer> {
    fetch(Method::Get, url, None, Some(accept), None).await.ok()
}

async fn fetch(
    method_: Method,
    url: &str,
    content_type: Option<&str>,
    accept: Option<&str>,
    body: Option<&[u8]>,
) -> Result<HttpAnswer, JsValue> {
    let headers = Headers::new()?;
    content_type.map_or(Ok(()), |kind| headers.set("content-type", kind))?;
    accept.map_or(Ok(()), |kind| headers.set("accept", kind))?;
    let init = RequestInit::new();
    init.set_method(method_.name());
    init.set_headers(&headers);
    init.set_credentials(RequestCredentials::Omit);
    init.set_referrer_policy(ReferrerPolicy::NoReferrer);
    init.set_signal(Some(&AbortSignal::timeout_with_u32(TIME_OUT_MS)));
    if let Some(body) = body {
        init.set_body(&Uint8Array::from(body));
    }
    let global = js_sys::global();
    // A page's window and a service worker share no type that has `fetch`.
    let fetch = method(&global, "fetch").ok_or(JsValue::NULL)?;
    let promise = fetch.call2(&global, &url.into(), &init)?;
    let response: Response = JsFuture::from(js_sys::Promise::from(promise)).await?.dyn_into()?;
    let too_long = |length: usize| length > MESSAGE_BYTES_MAX;
    let announced = response.headers().get("content-length")?;
    if announced.and_then(|text| text.parse().ok()).is_some_and(too_long) {
        return Err(JsValue::NULL);
    }
    let body = Uint8Array::new(&JsFuture::from(response.array_buffer()?).await?).to_vec();
    if too_long(body.len()) {
        return Err(JsValue::NULL);
    }
    Ok(HttpAnswer { status: response.status(), body })
}

/// Whether an address is one to fetch from: `http` or `https`.
pub fn is_web_address(url: &str) -> bool {
    let of = |scheme: &str| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    of("http://") || of("https://")
}

/// Whether the browser says that there is no network at all.
pub fn is_offline() -> bool {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into());
    let online = navigator.and_then(|it| Reflect::get(&it, &"onLine".into()));
    online.is_ok_and(|online| online.as_bool() == Some(false))
}
