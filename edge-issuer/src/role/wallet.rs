//! The wallet's origin: the files of its page, and which issuer it belongs to. It keeps nothing.

use std::ops::RangeInclusive;

use http::header::{self, HeaderMap, HeaderName};
use http::{Method, Request, StatusCode, Uri};
use koban_protocol::refusal::Code;
use serde::Serialize;

use crate::answer;
use crate::front;
use crate::host::{Address, Host, HttpRequest, HttpResponse};

const PAGE: &str = "/index.html";

/// The page may run its own scripts and wasm, talk to any party, and be shown in no other page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self' http: https:; manifest-src 'self'; worker-src 'self'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

const SECURITY: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Names with a digest in them: what they name never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Everything else is asked for again each time.
const EACH_TIME: &str = "no-cache";

/// Digits of the digest in a built file's name: 64 bits in hexadecimal, without leading zeros.
const DIGEST_DIGITS: RangeInclusive<usize> = 12..=16;

/// What the page has to know before it can ask anyone.
#[derive(Serialize)]
struct Config {
    /// The issuer's origin.
    issuer: String,
    /// The origin of the originator of cards, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    originator: Option<String>,
}

/// Answers with a file of the built page.
///
/// `/config.json` is `Config`; a path that names no file gives the page if a person opens it
/// (VC-12: links and files lead into the page), else [`Code::NotFound`].
pub async fn front<H: Host>(host: &H, request: HttpRequest) -> HttpResponse {
    let mut response = match (request.method(), request.uri().path()) {
        (&Method::GET, "/config.json") => config(host),
        (&Method::GET, "/") => file(host, PAGE).await,
        (&Method::GET, path) => {
            let response = file(host, path).await;
            let is_missing = response.status() == StatusCode::NOT_FOUND;
            if is_missing && is_navigation(request.headers()) {
                file(host, PAGE).await
            } else {
                response
            }
        }
        _ => answer::problem(Code::NotFound),
    };
    front::set(response.headers_mut(), &SECURITY);
    response
}

fn config<H: Host>(host: &H) -> HttpResponse {
    match front::origin(host, "issuer") {
        Some(issuer) => {
            let originator = front::origin(host, "originator");
            answer::json(StatusCode::OK, &Config { issuer, originator })
        }
        None => {
            host.log("the setting PEERS does not name the issuer");
            answer::problem(Code::Internal)
        }
    }
}

async fn file<H: Host>(host: &H, path: &str) -> HttpResponse {
    let (Some(kind), Ok(uri)) = (content_type(path), path.parse::<Uri>()) else {
        return answer::problem(Code::NotFound);
    };
    let mut request = Request::new(Vec::new());
    *request.uri_mut() = uri;
    match host.call(&Address::Files, request).await {
        Ok(found) if found.status() == StatusCode::OK => {
            let mut response = answer::body(StatusCode::OK, kind, found.into_body());
            let caching = if has_digest(path) { FOR_EVER } else { EACH_TIME };
            front::set(response.headers_mut(), &[(header::CACHE_CONTROL, caching)]);
            response
        }
        Ok(_) => answer::problem(Code::NotFound),
        Err(_) => answer::problem(Code::PeerUnreachable),
    }
}

/// The type of the files that the page is made of; a path that cannot be one of them has none.
fn content_type(path: &str) -> Option<&'static str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
    if path.contains("..") || !path.chars().all(is_plain) {
        return None;
    }
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/vnd.microsoft.icon",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

/// Whether the name holds a digest: `koban-web-0123456789abcdef.js`.
fn has_digest(path: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    path.split(['-', '_', '.', '/'])
        .any(|part| DIGEST_DIGITS.contains(&part.len()) && part.chars().all(is_digit))
}

/// Whether a person opens the address, rather than a script or an element of a page.
fn is_navigation(headers: &HeaderMap) -> bool {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match value("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => value("accept").is_some_and(|accepted| accepted.contains("text/html")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::tests::Machine;

    fn wallet() -> Machine {
        let mut wallet = Machine::of("wallet");
        wallet.settings.insert("PEERS", r#"{"issuer": "http://localhost:8702"}"#);
        wallet.files.insert("/index.html", "page");
        wallet.files.insert("/sw.js", "service worker");
        wallet.files.insert("/koban-web-0123456789abcdef.js", "script");
        wallet.files.insert("/koban-web-0123456789abcdef_bg.wasm", "wasm");
        wallet.files.insert("/manifest.webmanifest", "manifest");
        wallet
    }

    /// A request as a browser sends it: `navigate` if a person opens the address.
    fn get(wallet: &Machine, path: &str, mode: &str) -> HttpResponse {
        let request = Request::get(path).header("sec-fetch-mode", mode);
        wallet.answer(request.body(Vec::new()).unwrap())
    }

    #[test]
    fn files_have_their_types_and_live_as_long_as_their_names_allow() {
        let wallet = wallet();
        for (path, kind, caching, text) in [
            ("/", "text/html; charset=utf-8", EACH_TIME, "page"),
            ("/sw.js", "text/javascript; charset=utf-8", EACH_TIME, "service worker"),
            ("/manifest.webmanifest", "application/manifest+json", EACH_TIME, "manifest"),
            (
                "/koban-web-0123456789abcdef.js",
                "text/javascript; charset=utf-8",
                FOR_EVER,
                "script",
            ),
            ("/koban-web-0123456789abcdef_bg.wasm", "application/wasm", FOR_EVER, "wasm"),
        ] {
            let answer = get(&wallet, path, "cors");
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(answer.headers()[header::CONTENT_TYPE], kind, "{path}");
            assert_eq!(answer.headers()[header::CACHE_CONTROL], caching, "{path}");
            assert_eq!(answer.body(), text.as_bytes(), "{path}");
        }
    }

    #[test]
    fn a_link_into_the_page_opens_it_and_a_missing_file_does_not() {
        let wallet = wallet();
        for path in ["/pay?invoice=aGVsbG8", "/activity/0123", "/missing.html", "/a/b.c/"] {
            let opened = get(&wallet, path, "navigate");
            assert_eq!((opened.status(), opened.body().as_slice()), (StatusCode::OK, &b"page"[..]));
            let fetched = get(&wallet, path, "cors");
            assert_eq!(fetched.status(), StatusCode::NOT_FOUND, "{path}");
        }
        let typed = Request::get("/pay").header(header::ACCEPT, "text/html,*/*;q=0.8");
        assert_eq!(wallet.answer(typed.body(Vec::new()).unwrap()).body(), b"page");
    }

    #[test]
    fn only_plain_names_of_files_are_looked_up() {
        let wallet = wallet();
        for path in
            ["/../seeds.json", "/%2e%2e/seeds.json", "/a//..//b.js", "/state.sqlite", "/dir"]
        {
            assert_eq!(get(&wallet, path, "cors").status(), StatusCode::NOT_FOUND, "{path}");
        }
        assert!(wallet.asked.borrow().is_empty());
    }

    #[test]
    fn every_answer_carries_the_policy() {
        let wallet = wallet();
        let posted = wallet.answer(Request::post("/").body(Vec::new()).unwrap());
        assert_eq!(posted.status(), StatusCode::NOT_FOUND);
        let missing = get(&wallet, "/missing.js", "cors");
        for answer in
            [get(&wallet, "/", "navigate"), get(&wallet, "/config.json", "cors"), missing, posted]
        {
            let headers = answer.headers();
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(
                policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';")
            );
            for absent in ["unsafe-inline", "'unsafe-eval'", "script-src *"] {
                assert!(!policy.contains(absent), "{policy}");
            }
            assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
            assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
    }

    #[test]
    fn the_page_learns_its_issuer() {
        let mut wallet = wallet();
        let told = get(&wallet, "/config.json", "cors");
        assert_eq!(told.body(), br#"{"issuer":"http://localhost:8702"}"#);
        assert_eq!(told.headers()[header::CONTENT_TYPE], "application/json");
        for broken in ["{}", "not json"] {
            wallet.settings.insert("PEERS", broken);
            let untold = get(&wallet, "/config.json", "cors");
            assert_eq!(untold.status(), StatusCode::INTERNAL_SERVER_ERROR, "{broken}");
        }
    }

    #[test]
    fn files_out_of_reach_are_a_passing_trouble() {
        let answer = get(&Machine::of("wallet"), "/", "navigate");
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.body(), answer::problem(Code::PeerUnreachable).body());
    }
}
