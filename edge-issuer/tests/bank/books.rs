//! A bank with its peers, and statements as its customers and its issuer make them.

use http::Method;
use koban_edge_issuer::answer::cbor;
use koban_edge_issuer::host::{Host as _, HttpResponse, Object as _, ObjectHost as _, Unreachable};
use koban_edge_issuer::role::bank::Bank;
use koban_edge_issuer::sql::{Sql as _, Value};
use koban_edge_issuer::sqlite::Sqlite;
use koban_protocol::amount::{Amount, Currency};
use koban_protocol::id::OperationId;
use koban_protocol::key::SigningKey;
use koban_protocol::signed::{Signed, Statement};
use koban_protocol::statement::{
    AccountAttestation, AccountRef, BalanceInquiry, BankKeys, Collection, DebitAuthorisation, Name,
    OpenAccount, Settlement, Short, Transfer, Url,
};
use koban_protocol::time::Time;
use koban_protocol::wire::{self, Wire};
use serde_json::Value as Json;

use crate::common::{NOON, TestHost, ask, issuer_keys, key, post};

/// Seeds of the parties' keys.
pub(super) const ISSUER: u8 = 1;
pub(super) const BANK_A: u8 = 10;
pub(super) const BANK_B: u8 = 11;

/// A bank and the machine it runs on.
pub(super) struct Books {
    pub(super) host: TestHost,
    pub(super) bank: Bank<TestHost>,
}

pub(super) fn yen(minor: u64) -> Amount {
    Amount::new(Currency::new("JPY").unwrap(), minor).unwrap()
}

pub(super) fn short(text: &str) -> Short {
    Short::new(text).unwrap()
}

/// A statement under a key, as bytes.
pub(super) fn signed<T: Statement>(statement: &T, signer: &SigningKey) -> Vec<u8> {
    wire::encode(&Signed::sign(statement, signer))
}

/// The statement of an answer, which is under a bank's key.
pub(super) fn word<T: Statement>(response: &HttpResponse, bank: u8) -> T {
    assert_eq!(response.status(), 200, "{}", String::from_utf8_lossy(response.body()));
    decoded::<Signed<T>>(response.body()).open(&key(bank).verifying_key()).unwrap()
}

pub(super) fn decoded<T: Wire>(bytes: &[u8]) -> T {
    wire::decode_exact(bytes).unwrap()
}

/// An authorisation of `amount` for an operation, good until an hour after noon.
pub(super) fn authorisation(
    operation: OperationId,
    account: &AccountRef,
    amount: Amount,
) -> DebitAuthorisation {
    let issuer = key(ISSUER).verifying_key().id();
    let expires = NOON.plus(3600);
    DebitAuthorisation { operation, account: account.clone(), issuer, amount, expires }
}

/// The issuer's collection of an authorisation that `owner` signed.
pub(super) fn collection(authorisation: &DebitAuthorisation, owner: &SigningKey) -> Vec<u8> {
    let authorisation = Signed::sign(authorisation, owner);
    signed(&Collection { authorisation }, &key(ISSUER))
}

pub(super) fn transfer(operation: OperationId, account: &AccountRef, amount: Amount) -> Vec<u8> {
    signed(&Transfer { operation, account: account.clone(), amount }, &key(ISSUER))
}

/// The issuer's order to settle from bank-a to bank-b.
pub(super) fn settlement(operation: OperationId, amount: Amount) -> Vec<u8> {
    let (from, to) = (short("bank-a"), short("bank-b"));
    signed(&Settlement { operation, from, to, amount }, &key(ISSUER))
}

pub(super) fn order(bank: &str, owner: u8, at: Time) -> OpenAccount {
    let key = key(owner).verifying_key();
    OpenAccount { bank: short(bank), owner: Name::new("Murasaki").unwrap(), key, at }
}

impl Books {
    /// `bank-a`, with its peers reachable.
    pub(super) fn a() -> Self {
        Self::new("bank-a", BANK_A)
    }

    /// `bank-b`, with its peers reachable.
    pub(super) fn b() -> Self {
        Self::new("bank-b", BANK_B)
    }

    fn new(role: &str, seed: u8) -> Self {
        let host = TestHost::new(role, seed, Sqlite::in_memory().unwrap());
        host.reach(|peer, path| match (peer, path) {
            ("issuer", "/keys") => Ok(issuer_keys(&key(ISSUER), &key(ISSUER))),
            ("bank-a", "/keys") => Ok(bank_keys("bank-a", BANK_A)),
            ("bank-b", "/keys") => Ok(bank_keys("bank-b", BANK_B)),
            _ => Err(Unreachable),
        });
        let bank = Bank::open(host.clone()).unwrap();
        Self { host, bank }
    }

    /// Starts the bank again on its database.
    pub(super) fn reopen(&mut self) {
        self.bank = Bank::open(self.host.clone()).unwrap();
    }

    pub(super) fn post(&self, path: &str, body: Vec<u8>) -> HttpResponse {
        post(&self.bank, path, body)
    }

    /// Opens the account of a key.
    pub(super) fn open(&self, owner: u8) -> AccountRef {
        let id = self.id();
        let opened = self.post("/accounts", signed(&order(&id, owner, NOON), &key(owner)));
        let bank = if id == "bank-a" { BANK_A } else { BANK_B };
        word::<AccountAttestation>(&opened, bank).account
    }

    fn id(&self) -> String {
        self.host.setting("ROLE").unwrap()
    }

    /// Opens the account of a key and has the issuer take `minor` yen from it.
    pub(super) fn with_reserve(&self, owner: u8, minor: u64) -> AccountRef {
        let account = self.open(owner);
        let operation = OperationId([owner; 16]);
        let authorisation = authorisation(operation, &account, yen(minor));
        let debited = self.post("/debits", collection(&authorisation, &key(owner)));
        assert_eq!(debited.status(), 200);
        account
    }

    /// What an account's owner is told.
    pub(super) fn statement(&self, account: &AccountRef, owner: u8) -> Json {
        let inquiry = BalanceInquiry { account: account.clone(), at: NOON };
        let told = self.post("/balance", signed(&inquiry, &key(owner)));
        assert_eq!(told.status(), 200);
        serde_json::from_slice(told.body()).unwrap()
    }

    /// Yen in an account, by its number.
    pub(super) fn yen(&self, account: &str) -> i64 {
        let query = "SELECT minor FROM balance WHERE account = ? AND currency = 'JPY'";
        let row = self.host.sql().row(query, &[account.into()]).unwrap();
        row.map_or(0, |row| row.i64("minor").unwrap())
    }

    pub(super) fn reserves(&self) -> Json {
        let told = ask(&self.bank, Method::GET, "/reserves", Vec::new());
        assert_eq!(told.status(), 200);
        serde_json::from_slice(told.body()).unwrap()
    }

    /// Everything in the database that a refusal must leave as it is.
    pub(super) fn books(&self) -> Vec<Vec<(String, Value)>> {
        self.check();
        let tables = ["account", "journal", "entry", "balance"];
        let rows = tables.map(|table| {
            self.host.sql().run(&format!("SELECT * FROM {table} ORDER BY 1, 2"), &[]).unwrap()
        });
        rows.into_iter().flatten().map(|row| row.0).collect()
    }

    /// The books hold together: money is neither made nor lost, and balances are the sums of their
    /// entries.
    pub(super) fn check(&self) {
        let wrong = [
            "SELECT currency FROM balance GROUP BY currency HAVING SUM(minor) <> 0",
            "SELECT journal FROM entry GROUP BY journal HAVING SUM(minor) <> 0 OR COUNT(*) <> 2",
            "SELECT account FROM balance WHERE minor <> (SELECT SUM(minor) FROM entry
                WHERE entry.account = balance.account AND entry.currency = balance.currency)",
            "SELECT entry.account FROM entry LEFT JOIN balance ON entry.account = balance.account
                AND entry.currency = balance.currency WHERE balance.minor IS NULL",
            "SELECT number FROM account JOIN balance ON account = number
                WHERE minor < 0 AND kind IN ('customer', 'reserve')",
        ];
        for query in wrong {
            assert!(self.host.sql().run(query, &[]).unwrap().is_empty(), "{query}");
        }
    }
}

fn bank_keys(id: &str, seed: u8) -> HttpResponse {
    let (id, name) = (short(id), Name::new(id).unwrap());
    let url = Url::new("http://bank").unwrap();
    let keys = BankKeys { id, name, url, key: key(seed).verifying_key() };
    cbor(&Signed::sign(&keys, &key(seed)))
}
