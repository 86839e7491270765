//! Requests and answers between the runtime's types and HTTP's own.

use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use worker::js_sys::Uint8Array;

use crate::answer;
use crate::host::{HttpRequest, HttpResponse};
use koban_protocol::refusal::Code;

/// A request that came in. Of a body longer than `limit` bytes only so much is read that the
/// excess shows: whoever gets it refuses it.
pub(super) async fn request(
    mut asked: worker::Request,
    limit: usize,
) -> worker::Result<HttpRequest> {
    let mut bytes = Vec::new();
    if asked.inner().body().is_some() {
        let mut chunks = asked.stream()?;
        while bytes.len() <= limit
            && let Some(chunk) = chunks.next().await
        {
            bytes.extend(chunk?);
        }
        bytes.truncate(limit.saturating_add(1));
    }
    let mut request = Request::new(bytes);
    *request.method_mut() = asked.inner().method().parse::<Method>().map_err(foreign)?;
    *request.uri_mut() = asked.inner().url().parse::<Uri>().map_err(foreign)?;
    *request.headers_mut() = headers(asked.headers());
    Ok(request)
}

/// A request to `origin`, with the path and query of `asked`.
pub(super) fn request_to(origin: &str, asked: &HttpRequest) -> worker::Result<worker::Request> {
    let path = asked.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut init = worker::RequestInit::new();
    init.with_method(worker::Method::from(asked.method().to_string()))
        .with_headers(headers_of(asked.headers()))
        .with_redirect(worker::RequestRedirect::Manual);
    if !asked.body().is_empty() {
        init.with_body(Some(Uint8Array::from(asked.body().as_slice()).into()));
    }
    worker::Request::new_with_init(&format!("{}{path}", origin.trim_end_matches('/')), &init)
}

/// An answer that came in.
pub(super) async fn response(mut given: worker::Response) -> worker::Result<HttpResponse> {
    let bytes = given.bytes().await?;
    let mut response = Response::new(bytes);
    *response.status_mut() = StatusCode::from_u16(given.status_code()).map_err(foreign)?;
    *response.headers_mut() = headers(given.headers());
    Ok(response)
}

/// An answer on its way out.
pub(super) fn response_of(mut given: HttpResponse) -> worker::Response {
    // the runtime has no answers outside this range
    if !(200..600).contains(&given.status().as_u16()) {
        given = answer::problem(Code::Internal);
    }
    let builder = worker::Response::builder()
        .with_status(given.status().as_u16())
        .with_headers(headers_of(given.headers()));
    // nor a body, not even an empty one, for these
    let bodiless = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED];
    if given.body().is_empty() || bodiless.contains(&given.status()) {
        return builder.empty();
    }
    builder.fixed(given.into_body())
}

fn foreign<E: std::fmt::Display>(error: E) -> worker::Error {
    worker::Error::RustError(error.to_string())
}

/// What HTTP allows of the headers; the rest is left out.
fn headers(given: &worker::Headers) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
    headers
}

fn headers_of(given: &HeaderMap) -> worker::Headers {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.to_string(), value.to_str().ok()?.to_owned()))
    };
    given.iter().filter_map(text).collect()
}
