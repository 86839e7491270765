//! The way into every role: which one answers, how long a request may be, which pages may ask.

use std::collections::BTreeMap;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use koban_protocol::limits::MESSAGE_BYTES_MAX;
use koban_protocol::refusal::Code;

use crate::answer;
use crate::host::{Host, HttpRequest, HttpResponse};
use crate::role;

/// What pages of other origins are told: anyone may ask anything, since no role knows its askers by
/// cookies but by what they sign or by a token.
const CORS: [(HeaderName, &str); 4] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT"),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, content-type, idempotency-key, last-event-id",
    ),
    (header::ACCESS_CONTROL_MAX_AGE, "86400"),
];

/// Answers a request to the role that the setting `ROLE` names.
///
/// A body over [`MESSAGE_BYTES_MAX`] is [`Code::TooLong`]. Answers are not stored by caches unless
/// a role says otherwise.
pub async fn answer<H: Host>(host: &H, mut request: HttpRequest) -> HttpResponse {
    let role = host.setting("ROLE").unwrap_or_default();
    let is_for_pages = !matches!(role.as_str(), "shop" | "wallet");
    let without_body = request.method() == Method::HEAD;
    if without_body {
        *request.method_mut() = Method::GET;
    }
    let mut response = if request.body().len() > MESSAGE_BYTES_MAX {
        answer::problem(Code::TooLong)
    } else if is_for_pages && request.method() == Method::OPTIONS {
        let mut allowed = HttpResponse::default();
        *allowed.status_mut() = StatusCode::NO_CONTENT;
        allowed
    } else {
        dispatch(host, &role, request).await
    };
    if without_body {
        response.body_mut().clear();
    }
    let headers = response.headers_mut();
    if is_for_pages {
        set(headers, &CORS);
    }
    set(headers, &[(header::X_CONTENT_TYPE_OPTIONS, "nosniff")]);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn dispatch<H: Host>(host: &H, role: &str, request: HttpRequest) -> HttpResponse {
    match role {
        "wallet" => role::wallet::front(host, request).await,
        "shop" => role::shop::front(host, request).await,
        "issuer" => role::issuer::front(host, request).await,
        "register" => role::register::front(host, request).await,
        "bank-a" | "bank-b" => role::bank::front(host, request).await,
        "payment" => role::payment::front(host, request).await,
        "originator" => role::originator::front(host, request).await,
        _ => {
            host.log("the setting ROLE names no role");
            answer::problem(Code::Internal)
        }
    }
}

/// Sets headers, over what they were.
pub(crate) fn set(headers: &mut HeaderMap, values: &[(HeaderName, &'static str)]) {
    for (name, value) in values {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The origin of a role, such as `https://issuer.example`, as the setting `PEERS` has it.
pub(crate) fn origin<H: Host>(host: &H, role: &str) -> Option<String> {
    let mut peers: BTreeMap<String, String> = serde_json::from_str(&host.setting("PEERS")?).ok()?;
    peers.remove(role)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use http::Request;
    use koban_protocol::entropy::Entropy;
    use koban_protocol::time::Time;

    use super::*;
    use crate::host::{Address, Unreachable};

    /// The machine of a role that has settings and files, and reaches nobody else.
    #[derive(Default)]
    pub(crate) struct Machine {
        pub(crate) settings: BTreeMap<&'static str, &'static str>,
        pub(crate) files: BTreeMap<&'static str, &'static str>,
        pub(crate) asked: RefCell<Vec<String>>,
        log: RefCell<Vec<String>>,
    }

    impl Machine {
        pub(crate) fn of(role: &'static str) -> Self {
            Self { settings: BTreeMap::from([("ROLE", role)]), ..Self::default() }
        }

        /// Answers, without waiting for anything.
        pub(crate) fn answer(&self, request: HttpRequest) -> HttpResponse {
            let answered = pin!(answer(self, request));
            match answered.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(response) => response,
                Poll::Pending => panic!("the answer waits for something"),
            }
        }
    }

    impl Host for Machine {
        fn now(&self) -> Time {
            Time(1_800_000_000)
        }

        fn entropy(&self) -> Entropy {
            Entropy::new([7; 32])
        }

        fn setting(&self, name: &str) -> Option<String> {
            self.settings.get(name).map(|value| (*value).to_owned())
        }

        async fn call(
            &self,
            to: &Address,
            request: HttpRequest,
        ) -> Result<HttpResponse, Unreachable> {
            if *to != Address::Files || self.files.is_empty() {
                return Err(Unreachable);
            }
            self.asked.borrow_mut().push(request.uri().to_string());
            Ok(match self.files.get(request.uri().path()) {
                Some(text) => HttpResponse::new(text.as_bytes().to_vec()),
                None => answer::body(StatusCode::NOT_FOUND, "text/plain", b"none".to_vec()),
            })
        }

        fn log(&self, line: &str) {
            self.log.borrow_mut().push(line.to_owned());
        }
    }

    fn request(method: Method, bytes: usize) -> HttpRequest {
        let mut request = Request::new(vec![0; bytes]);
        *request.method_mut() = method;
        request
    }

    #[test]
    fn a_body_may_be_as_long_as_a_message_and_no_longer() {
        let all =
            ["wallet", "shop", "issuer", "register", "bank-a", "bank-b", "payment", "originator"];
        for role in all {
            let machine = Machine::of(role);
            let allowed = machine.answer(request(Method::POST, MESSAGE_BYTES_MAX));
            assert_ne!(allowed.status(), StatusCode::PAYLOAD_TOO_LARGE, "{role}");
            let refused = machine.answer(request(Method::POST, MESSAGE_BYTES_MAX + 1));
            assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE, "{role}");
            assert_eq!(refused.body(), answer::problem(Code::TooLong).body(), "{role}");
        }
    }

    #[test]
    fn pages_of_other_origins_may_ask_all_roles_but_shop_and_wallet() {
        for role in ["issuer", "register", "bank-a", "bank-b", "payment", "originator"] {
            let machine = Machine::of(role);
            let before = machine.answer(request(Method::OPTIONS, 0));
            assert_eq!(before.status(), StatusCode::NO_CONTENT, "{role}");
            assert!(before.body().is_empty(), "{role}");
            let refused = machine.answer(request(Method::POST, MESSAGE_BYTES_MAX + 1));
            for answer in [before, refused] {
                assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{role}");
            }
        }
        for role in ["wallet", "shop"] {
            let answer = Machine::of(role).answer(request(Method::OPTIONS, 0));
            assert!(!answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{role}");
            assert_ne!(answer.status(), StatusCode::NO_CONTENT, "{role}");
        }
    }

    #[test]
    fn a_worker_without_a_role_says_so_to_its_operator_alone() {
        for machine in [Machine::default(), Machine::of("mint")] {
            let answer = machine.answer(request(Method::GET, 0));
            assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(answer.body(), answer::problem(Code::Internal).body());
            assert_eq!(*machine.log.borrow(), ["the setting ROLE names no role"]);
        }
    }

    #[test]
    fn head_is_get_without_its_body() {
        let mut machine = Machine::of("wallet");
        machine.files.insert("/index.html", "<p>page</p>");
        let head = machine.answer(request(Method::HEAD, 0));
        let get = machine.answer(request(Method::GET, 0));
        assert_eq!(head.headers(), get.headers());
        assert_eq!((head.status(), get.status()), (StatusCode::OK, StatusCode::OK));
        assert_eq!((head.body().as_slice(), get.body().as_slice()), (&[][..], &b"<p>page</p>"[..]));
    }

    #[test]
    fn answers_are_not_stored_and_not_sniffed() {
        let answer = Machine::of("payment").answer(request(Method::OPTIONS, 0));
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}
