//! A shop's settings, and its money as its owner sees it.

use http::{Request, StatusCode, header};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{AccountRef, BalanceInquiry, Certificate};
use koban_protocol::wire;
use serde::Deserialize;

use super::Till;
use super::model::{Money, Settings, Shop, Taking, Takings, parse};
use super::store;
use crate::answer::{CBOR, Fault, json};
use crate::host::{Address, HttpResponse, ObjectHost};
use crate::sql::{Sql, StoreError};

/// What a bank says of an account, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Statement {
    balances: Vec<Money>,
}

impl<H: ObjectHost> Till<H> {
    /// The shop, with its takings.
    pub(super) async fn show_shop(&self) -> Result<HttpResponse, Fault> {
        let shop = self.shop_row()?.ok_or(Code::NotFound)?;
        let account = self.account(&shop).map_err(|_| Code::Pending)?;
        let balances = self.balances(&account).await;
        let (take, webhook) = self.settings()?;
        let mut takings = Vec::new();
        let sql = self.host.sql();
        for (currency, total) in store::totals(sql)? {
            let (coins, redeeming) = store::on_hand(sql, currency, &total)?;
            let balance = |money: &&Money| money.currency == currency.code();
            takings.push(Takings {
                currency: currency.code().into(),
                received: total.received,
                fresh: total.fresh,
                coins,
                held: total.held,
                redeeming,
                redeemed: total.redeemed,
                disputed: total.disputed,
                account: balances.iter().flatten().find(balance).map(|money| money.minor),
            });
        }
        Ok(json(
            StatusCode::OK,
            &Shop {
                shop: self.shop.to_string(),
                name: shop.text("name")?.into(),
                participant: self.keys.signing.verifying_key().participant().to_string(),
                bank: account.bank.to_string(),
                account: account.number.to_string(),
                take,
                webhook,
                takings,
            },
        ))
    }

    /// The account's balances, if the bank answers.
    async fn balances(&self, account: &AccountRef) -> Option<Vec<Money>> {
        let inquiry = BalanceInquiry { account: account.clone(), at: self.host.now() };
        let request = Request::post("http://bank/balance")
            .header(header::CONTENT_TYPE, CBOR)
            .body(wire::encode(&Signed::sign(&inquiry, &self.keys.account)))
            .ok()?;
        let bank = Address::Peer(account.bank.as_str().into());
        let answer = self.host.call(&bank, request).await.ok()?;
        let statement: Statement = serde_json::from_slice(answer.body()).ok()?;
        Some(statement.balances)
    }

    /// Changes the settings.
    pub(super) fn configure(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let settings: Settings = parse(body)?;
        self.check_webhook(settings.webhook.as_deref())?;
        self.shop_row()?.ok_or(Code::NotFound)?;
        self.host.sql().run(
            "UPDATE shop SET take = ?, webhook = ?",
            &[settings.take.number().into(), settings.webhook.as_deref().into()],
        )?;
        Ok(json(StatusCode::OK, &settings))
    }

    /// How payments are taken, and where events are posted.
    pub(super) fn settings(&self) -> Result<(Taking, Option<String>), Fault> {
        let shop = self.shop_row()?.ok_or(Code::NotFound)?;
        let take = Taking::of_number(shop.u64("take")?).ok_or(StoreError::Column("take"))?;
        let webhook = if shop.is_null("webhook")? { None } else { Some(shop.text("webhook")?) };
        Ok((take, webhook.map(str::to_owned)))
    }

    /// The shop's certificate, with its account.
    pub(super) fn certificate(&self) -> Result<Signed<Certificate>, Fault> {
        let shop = self.shop_row()?.ok_or(Code::NotFound)?;
        Ok(store::message_if(&shop, "enrolled")?.ok_or(Code::NotEnrolled)?)
    }
}
