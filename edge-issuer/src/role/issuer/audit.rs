//! The audit (VC-10): what circulates against what the banks hold, of one moment, for anyone to
//! read.
//!
//! Every total carries a version that grows with each change. All are collected twice; two equal
//! collections are a picture of one moment (a double collect), in which `issued - settling -
//! transit <= reserves <= issued + owed + debiting`, where `issued = coins + held + cards`.

use std::collections::BTreeMap;

use http::{Request, StatusCode};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::IssuerKeys;
use koban_protocol::wire;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::shard::{Reserves, Totals};
use crate::answer::{Fault, json, problem};
use crate::host::{Address, Class, Host, HttpResponse};

/// How often a moving picture is taken again before the last one is shown as it is.
const TRIES: usize = 5;

/// The audit as JSON.
#[derive(Debug, Serialize)]
struct Audit {
    at: u64,
    steady: bool,
    currencies: Vec<CurrencyAudit>,
}

#[derive(Debug, Serialize)]
struct CurrencyAudit {
    code: String,
    exponent: u8,
    coins: u64,
    held: u64,
    cards: u64,
    settling: u64,
    owed: u64,
    debiting: u64,
    transit: u64,
    reserves: Vec<BankReserve>,
    consistent: bool,
}

#[derive(Debug, Serialize)]
struct BankReserve {
    bank: String,
    name: String,
    minor: u64,
}

#[derive(PartialEq)]
struct Picture {
    shards: Vec<Vec<Totals>>,
    banks: Vec<(u64, BTreeMap<String, u64>)>,
}

pub(super) async fn audit<H: Host>(host: &H) -> HttpResponse {
    match try_audit(host).await {
        Ok(audit) => json(StatusCode::OK, &audit),
        Err(Fault::Refused(code)) => problem(code),
        Err(Fault::Store(_)) => problem(Code::Internal),
    }
}

async fn try_audit<H: Host>(host: &H) -> Result<Audit, Fault> {
    let keys = keys(host).await?;
    let mut picture = collect(host, &keys).await?;
    let mut steady = false;
    for _ in 0..TRIES {
        let again = collect(host, &keys).await?;
        steady = again == picture;
        picture = again;
        if steady {
            break;
        }
    }
    let currencies = keys.currencies.iter().map(|info| {
        let code = info.currency.code();
        let sum = |figure: fn(&Totals) -> u64| -> u64 {
            let totals = picture.shards.iter().flatten().filter(|t| t.currency == code);
            totals.map(figure).fold(0, u64::saturating_add)
        };
        let reserve = |(bank, (_, held)): (
            &koban_protocol::statement::BankInfo,
            &(u64, BTreeMap<String, u64>),
        )| {
            BankReserve {
                bank: bank.id.to_string(),
                name: bank.name.to_string(),
                minor: held.get(code).copied().unwrap_or(0),
            }
        };
        let mut audit = CurrencyAudit {
            code: code.to_owned(),
            exponent: info.exponent,
            coins: sum(|t| t.coins),
            held: sum(|t| t.held),
            cards: sum(|t| t.cards),
            settling: sum(|t| t.settling),
            owed: sum(|t| t.owed),
            debiting: sum(|t| t.debiting),
            transit: sum(|t| t.transit),
            reserves: keys.banks.iter().zip(&picture.banks).map(reserve).collect(),
            consistent: false,
        };
        audit.consistent = audit.holds();
        audit
    });
    let currencies = currencies.collect();
    Ok(Audit { at: host.now().0, steady, currencies })
}

impl CurrencyAudit {
    fn holds(&self) -> bool {
        let reserves = self.reserves.iter().map(|r| r.minor).fold(0, u64::saturating_add);
        let issued = self.coins.saturating_add(self.held).saturating_add(self.cards);
        let least = issued.saturating_sub(self.settling).saturating_sub(self.transit);
        let most = issued.saturating_add(self.owed).saturating_add(self.debiting);
        (least..=most).contains(&reserves)
    }
}

async fn collect<H: Host>(host: &H, keys: &IssuerKeys) -> Result<Picture, Fault> {
    let mut picture = Picture { shards: Vec::new(), banks: Vec::new() };
    for shard in 0..keys.shards {
        let to = Address::Object(Class::Shard, shard.to_string());
        picture.shards.push(get(host, &to, "http://shard/totals").await?);
    }
    for bank in keys.banks.iter() {
        let to = Address::Peer(bank.id.to_string());
        let told: Reserves = get(host, &to, &format!("{}/reserves", bank.url)).await?;
        let held = told.reserves.iter().map(|r| (r.currency.clone(), r.minor)).collect();
        picture.banks.push((told.version, held));
    }
    Ok(picture)
}

async fn get<H: Host, T: DeserializeOwned>(host: &H, to: &Address, url: &str) -> Result<T, Fault> {
    let request = Request::get(url).body(Vec::new()).map_err(|_| Code::Internal)?;
    let response = host.call(to, request).await.map_err(|_| Code::PeerUnreachable)?;
    if response.status() != StatusCode::OK {
        return Err(Code::PeerUnreachable.into());
    }
    serde_json::from_slice(response.body()).map_err(|_| Code::PeerUnreachable.into())
}

async fn keys<H: Host>(host: &H) -> Result<IssuerKeys, Fault> {
    let request = Request::get("http://participants/keys").body(Vec::new());
    let request = request.map_err(|_| Code::Internal)?;
    let response = host.call(&super::participants(), request).await;
    let response = response.map_err(|_| Code::PeerUnreachable)?;
    let keys: Signed<IssuerKeys> =
        wire::decode_exact(response.body()).map_err(|_| Code::PeerUnreachable)?;
    Ok(keys.claim().map_err(|_| Code::PeerUnreachable)?)
}
