//! Customers: they open accounts and look at them, known by the key they sign with.

use http::StatusCode;
use koban_protocol::amount::{Amount, Currency};
use koban_protocol::entropy::Entropy;
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{
    AccountAttestation, AccountRef, BalanceInquiry, OpenAccount, Short,
};
use koban_protocol::time::Time;
use serde::Serialize;

use super::Bank;
use super::journal::{EQUITY, Posting, What};
use crate::answer::{Fault, cbor, json};
use crate::host::{HttpResponse, ObjectHost};
use crate::role::peer;
use crate::sql::{Sql as _, StoreError};

/// What a new account holds where everything is for show: currency and minor units.
const DEMO_GIFT: [(&str, u64); 2] = [("JPY", 50_000), ("USD", 50_000)];
/// Account numbers have seven digits.
const NUMBERS: u32 = 10_000_000;
/// How often a number is drawn before giving up; at half of all numbers taken, it fails once in
/// 2^64.
const NUMBER_TRIES: usize = 64;
/// How many entries of an account are shown.
const ENTRIES_SHOWN_MAX: u32 = 50;

#[derive(Serialize)]
struct Statement {
    account: String,
    balances: Vec<Balance>,
    entries: Vec<Entry>,
}

#[derive(Serialize)]
pub(super) struct Balance {
    currency: String,
    minor: i64,
}

#[derive(Serialize)]
struct Entry {
    at: u64,
    what: String,
    currency: String,
    minor: i64,
}

impl<H: ObjectHost> Bank<H> {
    /// Opens an account for a key; a key that has one is told of it again.
    pub(super) fn open_account(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let signed: Signed<OpenAccount> = peer::decode(body)?;
        let claim = signed.claim().map_err(|_| Code::Malformed)?;
        let asked = peer::open(&signed, &claim.key)?;
        if asked.bank != self.keys.id {
            return Err(Code::AccountForeign.into());
        }
        let at = self.host.now();
        let number = self.host.sql().transaction(|| {
            if let Some(number) = self.journal().customer(&asked.key)? {
                return Ok(number);
            }
            if !asked.at.is_near(at) {
                return Err(Fault::from(Code::ClockSkew));
            }
            let number = self.new_customer(&asked)?;
            if peer::is_demo(&self.host) {
                self.give(&number, at)?;
            }
            Ok(number)
        })?;
        let account = AccountRef { bank: asked.bank, number, key: asked.key };
        Ok(cbor(&self.sign(&AccountAttestation { account, at })))
    }

    fn new_customer(&self, asked: &OpenAccount) -> Result<Short, Fault> {
        for _ in 0..NUMBER_TRIES {
            let number = draw_number(self.host.entropy()).ok_or(Code::Internal)?;
            if self.journal().open_customer(&number, &asked.owner, &asked.key)? {
                return Ok(number);
            }
        }
        Err(StoreError::Invariant("a free account number is found").into())
    }

    fn give(&self, number: &Short, at: Time) -> Result<(), StoreError> {
        for (code, minor) in DEMO_GIFT {
            let currency = Currency::new(code).ok_or(StoreError::Invariant("a gift's currency"))?;
            let amount = Amount::new(currency, minor);
            let amount = amount.map_err(|_| StoreError::Invariant("a gift's amount"))?;
            let (what, to) = (What::Opening, number.as_str());
            self.journal().post(&Posting { at, what, from: EQUITY, to, amount })?;
        }
        Ok(())
    }

    /// Shows an account to its owner.
    pub(super) fn balance(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let signed: Signed<BalanceInquiry> = peer::decode(body)?;
        let claim = signed.claim().map_err(|_| Code::Malformed)?;
        if !claim.at.is_near(self.host.now()) {
            return Err(Code::ClockSkew.into());
        }
        let BalanceInquiry { account, .. } = peer::open(&signed, &claim.account.key)?;
        if !self.is_ours(&account)? {
            return Err(Code::AccountForeign.into());
        }
        let number = account.number.as_str();
        let entries = self.journal().newest(number, ENTRIES_SHOWN_MAX)?;
        let entries = entries.iter().map(|row| {
            Ok::<_, StoreError>(Entry {
                at: row.u64("at")?,
                what: row.text("what")?.to_owned(),
                currency: row.text("currency")?.to_owned(),
                minor: row.i64("minor")?,
            })
        });
        let statement = Statement {
            account: number.to_owned(),
            balances: self.balances_of(number)?,
            entries: entries.collect::<Result<_, _>>()?,
        };
        Ok(json(StatusCode::OK, &statement))
    }

    pub(super) fn balances_of(&self, account: &str) -> Result<Vec<Balance>, StoreError> {
        let balances = self.journal().balances(account)?;
        Ok(balances.into_iter().map(|(currency, minor)| Balance { currency, minor }).collect())
    }
}

fn draw_number(entropy: Entropy) -> Option<Short> {
    let drawn = u32::from_be_bytes(entropy.bytes()).checked_rem(NUMBERS)?;
    Short::new(&format!("{drawn:07}"))
}
