//! The payment server as the shop sees it: its public JSON interface, and nothing else of it.

use http::{Request, header};
use koban_protocol::refusal::Code;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Shop;
use crate::answer::Fault;
use crate::host::{Address, HttpResponse, ObjectHost};
use crate::role::payment::model::{NewShop, OpenedShop, Taking};
use crate::role::peer;
use crate::sql::{Sql, StoreError};

/// The shop's name, as the issuer certifies it.
const NAME: &str = "Inkstone";
/// The owner of its account, as the bank knows it.
const OWNER: &str = "Inkstone Shop Ltd";
/// The operator's token that opens a shop; where everything is for show, `demo` does.
const OPERATOR_TOKEN: &str = "PAYMENT_TOKEN";

/// The shop's access to the payment server.
pub(super) struct Account {
    pub(super) shop: String,
    pub(super) token: String,
}

/// The number in a problem document.
#[derive(Deserialize)]
struct Problem {
    code: u16,
}

impl<H: ObjectHost> Shop<H> {
    /// The shop's access, made on first use.
    pub(super) async fn account(&self) -> Result<Account, Fault> {
        if let Some(account) = self.known_account()? {
            return Ok(account);
        }
        let own = peer::own_url(&self.host)?;
        let mut banks = peer::names(&self.host).into_iter();
        let asked = NewShop {
            name: NAME.into(),
            webhook: Some(format!("{own}/webhook")),
            bank: banks.find(|name| name.starts_with("bank-")).ok_or(Code::Internal)?,
            owner_name: OWNER.into(),
            take: Taking::Refresh,
        };
        let operator = if peer::is_demo(&self.host) {
            "demo".into()
        } else {
            self.host.setting(OPERATOR_TOKEN).ok_or(Code::NotAllowed)?
        };
        let request = Request::post("http://payment/shops")
            .header("idempotency-key", self.secret(b"opening"))
            .header(header::AUTHORIZATION, format!("Bearer {operator}"));
        let opened: OpenedShop = self.call(request, Some(&asked)).await?;
        let token = self.vault.seal(b"token", opened.token.as_bytes(), self.host.entropy())?;
        self.host.sql().run(
            "INSERT INTO account(one, shop, token) VALUES(1, ?, ?) ON CONFLICT DO NOTHING",
            &[opened.shop.into(), token.into()],
        )?;
        Ok(self
            .known_account()?
            .ok_or(StoreError::Invariant("an account that was kept is there"))?)
    }

    /// The shop's access, if it has one.
    pub(super) fn known_account(&self) -> Result<Option<Account>, StoreError> {
        let Some(row) = self.host.sql().row("SELECT * FROM account", &[])? else { return Ok(None) };
        let token = self.vault.open(b"token", row.blob("token")?)?;
        let token = String::from_utf8(token.to_vec()).map_err(|_| StoreError::Column("token"))?;
        Ok(Some(Account { shop: row.text("shop")?.into(), token }))
    }

    /// Gets something of the shop's.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        self.ask("GET", path, None::<&()>).await
    }

    /// Sends something of the shop's.
    pub(super) async fn ask<T: DeserializeOwned, B: Serialize>(
        &self,
        method: &str,
        path: &str,
        body: Option<&B>,
    ) -> Result<T, Fault> {
        let Account { shop, token } = self.account().await?;
        let request = Request::builder()
            .method(method)
            .uri(format!("http://payment/shops/{shop}{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.call(request, body).await
    }

    async fn call<T: DeserializeOwned, B: Serialize>(
        &self,
        request: http::request::Builder,
        body: Option<&B>,
    ) -> Result<T, Fault> {
        let bytes = body.map(serde_json::to_vec).transpose().map_err(|_| Code::Internal)?;
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let request = request.body(bytes.unwrap_or_default()).map_err(|_| Code::Internal)?;
        let answer = self.host.call(&Address::Peer("payment".into()), request).await;
        let answer = answer.map_err(|_| Code::PeerUnreachable)?;
        if answer.status().is_success() {
            return Ok(serde_json::from_slice(answer.body()).map_err(|_| Code::PeerUnreachable)?);
        }
        Err(refusal(&answer).into())
    }

    /// A secret of the shop's own for one purpose, in hexadecimal.
    pub(super) fn secret(&self, purpose: &[u8]) -> String {
        let derived = self.seed.derive(&[purpose]);
        derived.expose().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Why the payment server refused.
fn refusal(answer: &HttpResponse) -> Code {
    let problem: Option<Problem> = serde_json::from_slice(answer.body()).ok();
    let code =
        problem.and_then(|problem| Code::ALL.iter().find(|code| code.number() == problem.code));
    code.copied().unwrap_or(Code::PeerUnreachable)
}
