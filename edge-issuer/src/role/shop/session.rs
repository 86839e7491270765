//! The owner's session: a random cookie whose digest is kept, and a token in every form that goes
//! with it.

use http::header;
use koban_protocol::id::{Digest, from_hex};
use koban_protocol::refusal::Code;

use super::Shop;
use super::lang::cookie;
use crate::answer::Fault;
use crate::host::{HttpRequest, ObjectHost};
use crate::role::peer;
use crate::sql::Sql;

const COOKIE: &str = "owner";
/// How long a session lasts, seconds.
const LIFETIME_S: u64 = 12 * 3600;
/// Wrong passwords taken in [`WINDOW_S`].
const FAILURES_MAX: u64 = 10;
/// Over how long wrong passwords are counted, seconds.
const WINDOW_S: u64 = 60;

/// A session that is open.
pub(super) struct Session {
    /// What a form must carry, so that no other site can post it.
    pub(super) form_token: String,
    digest: Digest,
}

impl Session {
    fn of(secret: &[u8; 16]) -> Self {
        Self {
            form_token: Digest::of("koban/v1/shop-form", secret).to_string(),
            digest: Digest::of("koban/v1/shop-session", secret),
        }
    }
}

/// Why nobody is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    WrongPassword,
    TooManyTries,
}

impl<H: ObjectHost> Shop<H> {
    /// The password: `owner` where everything is for show, else derived from the shop's seed.
    fn password(&self) -> String {
        if peer::is_demo(&self.host) { "owner".into() } else { self.secret(b"owner-password") }
    }

    /// Opens a session for the right password; gives the cookie to set.
    pub(super) fn log_in(&self, password: &str) -> Result<Result<String, Denied>, Fault> {
        let (sql, now) = (self.host.sql(), self.host.now());
        let since = now.0.saturating_sub(WINDOW_S);
        sql.run("DELETE FROM failure WHERE at < ?", &[since.into()])?;
        let failures = sql.row("SELECT COUNT(*) AS n FROM failure", &[])?;
        if failures.ok_or(Code::Internal)?.u64("n")? >= FAILURES_MAX {
            return Ok(Err(Denied::TooManyTries));
        }
        if !peer::same_token(password, &self.password()) {
            sql.run("INSERT INTO failure(at) VALUES(?)", &[now.0.into()])?;
            return Ok(Err(Denied::WrongPassword));
        }
        let secret: [u8; 16] = self.host.entropy().bytes();
        sql.run("DELETE FROM session WHERE expires < ?", &[now.0.into()])?;
        sql.run(
            "INSERT INTO session(digest, expires) VALUES(?, ?)",
            &[Session::of(&secret).digest.0.into(), now.plus(LIFETIME_S).0.into()],
        )?;
        let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Ok(self.cookie(&secret, LIFETIME_S)))
    }

    /// Ends a session; gives the cookie to set.
    pub(super) fn log_out(&self, session: &Session) -> Result<String, Fault> {
        let digest = session.digest.0.into();
        self.host.sql().run("DELETE FROM session WHERE digest = ?", &[digest])?;
        Ok(self.cookie("", 0))
    }

    fn cookie(&self, secret: &str, seconds: u64) -> String {
        let secure = peer::own_url(&self.host).is_ok_and(|url| url.starts_with("https:"));
        let secure = if secure { "; Secure" } else { "" };
        format!(
            "{COOKIE}={secret}; Path=/owner; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
        )
    }

    /// The session a request belongs to.
    pub(super) fn session(&self, request: &HttpRequest) -> Result<Option<Session>, Fault> {
        let Some(secret) = cookie(request, COOKIE).and_then(from_hex) else { return Ok(None) };
        let session = Session::of(&secret);
        let query = "SELECT 1 AS one FROM session WHERE digest = ? AND expires >= ?";
        let found =
            self.host.sql().row(query, &[session.digest.0.into(), self.host.now().0.into()])?;
        Ok(found.map(|_| session))
    }
}

/// The value of a form's field.
pub(super) fn field(request: &HttpRequest, name: &str) -> Option<String> {
    let kind = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let mut fields = form_urlencoded::parse(request.body());
    fields.find(|(given, _)| given == name).map(|(_, value)| value.into_owned())
}
