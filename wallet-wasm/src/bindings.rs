//! The wallet for JavaScript, with TypeScript types: everything our own page does, without our
//! page.
//!
//! ```js
//! import init, { KobanWallet } from "./koban_wallet_wasm.js";
//! await init();
//! const wallet = await KobanWallet.open("https://issuer.example");
//! wallet.onChange((view) => console.log(view.balances));
//! await wallet.register("taro");
//! await wallet.enrol("bank-a", "Taro Yamada");
//! await wallet.withdraw("JPY", 5000, null, true);
//! const invoice = await wallet.fetchInvoice("https://shop.example/invoice/1");
//! if (!invoice.obstacle) {
//!     const paid = await wallet.pay(invoice.id);
//!     if (paid.state === "done") location.href = paid.fulfilmentUrl;
//! }
//! ```
//!
//! Amounts are whole minor units (yen, cents). What fails throws a `KobanProblem`: an `Error` with
//! the stable `code`, the `culprit`, and facts in `detail`. Cards: `bindings/card.rs`.

mod card;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use js_sys::{Error, Function, Reflect};
use koban_protocol::limits::AMOUNT_MAX_MINOR;
use koban_protocol::process::payment::check_invoice;
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Invoice, IssuerKeys};
use koban_protocol::wire;
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::drivers::platform;
use crate::engine::{Fault, Problem, show_invoice};
use crate::view::ProblemView;
use crate::wallet::{Wallet, WalletConfig};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &'static str = r#"
/** What this wallet's functions throw. */
export interface KobanProblem extends Error, ProblemView {}
/** A denomination in minor units (a power of two), and how many coins of it. */
export type CoinCount = [minor: number, count: number];
"#;

/// An open wallet.
#[wasm_bindgen]
#[derive(Clone, Debug)]
pub struct KobanWallet(Wallet);

#[wasm_bindgen]
impl KobanWallet {
    /// Opens the wallet of the issuer at an address, with cards of the originator at another, if
    /// there are to be cards. What was open when it was last closed goes on
    /// by itself. Only one tab of an origin can use a wallet; in others it shows what that tab
    /// does.
    ///
    /// # Errors
    /// `storage-not-durable`, `storage-corrupt`; `network` if the issuer was never reached.
    pub async fn open(
        #[wasm_bindgen(js_name = "issuerUrl")] issuer_url: String,
        #[wasm_bindgen(js_name = "originatorUrl")] originator_url: Option<String>,
    ) -> Result<KobanWallet, JsValue> {
        let config = WalletConfig { issuer_url, originator_url };
        Wallet::open(config).await.map(Self).map_err(thrown)
    }

    /// Closes it, so that another tab may use it.
    pub async fn close(&self) {
        self.0.clone().close().await;
    }

    /// Everything there is to show, as it is now.
    ///
    /// # Errors
    /// None that is known of.
    #[wasm_bindgen(unchecked_return_type = "WalletView")]
    pub fn view(&self) -> Result<JsValue, JsValue> {
        shown(&self.0.view())
    }

    /// Has `listener` called with the new view after every change.
    #[wasm_bindgen(js_name = "onChange")]
    pub fn on_change(
        &self,
        #[wasm_bindgen(unchecked_param_type = "(view: WalletView) => void")] listener: Function,
    ) {
        self.0.on_change(Box::new(move |view| {
            if let Ok(view) = shown(&view) {
                // A listener that throws harms only itself.
                let _ = listener.call1(&JsValue::NULL, &view);
            }
        }));
    }

    /// Registers a pseudonym.
    ///
    /// # Errors
    /// `pseudonym-invalid`, `pseudonym-taken`, `already-registered`, `network`.
    pub async fn register(&self, pseudonym: String) -> Result<(), JsValue> {
        self.0.clone().register(&pseudonym).await.map_err(thrown)
    }

    /// Opens an account at one of the issuer's banks and enrols it.
    ///
    /// # Errors
    /// `not-registered`, `already-enrolled`, `account-foreign`, `network`.
    pub async fn enrol(
        &self,
        #[wasm_bindgen(js_name = "bankId")] bank_id: String,
        #[wasm_bindgen(js_name = "ownerName")] owner_name: String,
    ) -> Result<(), JsValue> {
        self.0.clone().enrol(&bank_id, &owner_name).await.map_err(thrown)
    }

    /// Asks the bank what is in the account; the view then has it.
    ///
    /// # Errors
    /// `not-enrolled`, `network`.
    #[wasm_bindgen(js_name = "refreshAccount")]
    pub async fn refresh_account(&self) -> Result<(), JsValue> {
        self.0.clone().refresh_account().await.map_err(thrown)
    }

    /// Buys coins from the account: those of `coins`, or a handy mix. `recoverable` lets the
    /// issuer give them again when they are lost. Gives the transaction's id.
    ///
    /// # Errors
    /// `currency-unknown`, `amount-invalid`, `too-many-coins`, `not-enrolled`, `debit-refused`.
    pub async fn withdraw(
        &self,
        currency: String,
        minor: f64,
        #[wasm_bindgen(unchecked_param_type = "CoinCount[] | null | undefined")] coins: JsValue,
        recoverable: bool,
    ) -> Result<String, JsValue> {
        let coins = if coins.is_falsy() { None } else { Some(counts(coins)?) };
        self.0.clone().withdraw(&currency, whole(minor)?, coins, recoverable).await.map_err(thrown)
    }

    /// Fetches the invoice at an address and checks it. Nothing is paid.
    ///
    /// # Errors
    /// `invoice-unreachable`, `invoice-unreadable`, `invoice-invalid`.
    #[wasm_bindgen(js_name = "fetchInvoice", unchecked_return_type = "InvoiceView")]
    pub async fn fetch_invoice(&self, url: String) -> Result<JsValue, JsValue> {
        shown(&self.0.clone().fetch_invoice(&url).await.map_err(thrown)?)
    }

    /// Checks the document of an invoice. Nothing is paid.
    ///
    /// # Errors
    /// `invoice-unreadable`, `invoice-invalid`.
    #[wasm_bindgen(js_name = "readInvoice", unchecked_return_type = "InvoiceView")]
    pub async fn read_invoice(&self, document: Vec<u8>) -> Result<JsValue, JsValue> {
        shown(&self.0.clone().read_invoice(&document).await.map_err(thrown)?)
    }

    /// Pays an invoice that was fetched or read. Gives the transaction, whose state says whether it
    /// is done, refused, or still open and going on by itself.
    ///
    /// # Errors
    /// `unknown-transaction`, `too-little-money`, `foreign-issuer`, `invoice-expired`.
    #[wasm_bindgen(unchecked_return_type = "TransactionView")]
    pub async fn pay(
        &self,
        #[wasm_bindgen(js_name = "invoiceId")] invoice_id: String,
    ) -> Result<JsValue, JsValue> {
        shown(&self.0.clone().pay(&invoice_id).await.map_err(thrown)?)
    }

    /// Calls an open payment back.
    ///
    /// # Errors
    /// `unknown-transaction`, `not-cancellable`.
    pub async fn cancel(&self, id: String) -> Result<(), JsValue> {
        self.0.clone().cancel(&id).await.map_err(thrown)
    }

    /// Turns coins into money in the account. Gives the transaction's id.
    ///
    /// # Errors
    /// `currency-unknown`, `amount-invalid`, `too-little-money`, `too-many-coins`, `not-enrolled`.
    pub async fn redeem(&self, currency: String, minor: f64) -> Result<String, JsValue> {
        self.0.clone().redeem(&currency, whole(minor)?).await.map_err(thrown)
    }

    /// Changes coins for those of a list. Gives the transaction's id.
    ///
    /// # Errors
    /// `currency-unknown`, `amount-invalid`, `too-little-money`, `too-many-coins`.
    pub async fn change(
        &self,
        currency: String,
        #[wasm_bindgen(unchecked_param_type = "CoinCount[]")] coins: JsValue,
    ) -> Result<String, JsValue> {
        self.0.clone().change(&currency, counts(coins)?).await.map_err(thrown)
    }

    /// Asks for coins that were withdrawn as recoverable and lost. Gives the transaction's id.
    ///
    /// # Errors
    /// `nothing-to-refund`, `not-registered`.
    pub async fn refund(&self) -> Result<String, JsValue> {
        self.0.clone().refund().await.map_err(thrown)
    }

    /// Asks the browser to promise to keep the wallet's database.
    #[wasm_bindgen(js_name = "persistStorage")]
    pub async fn persist_storage(&self) -> bool {
        self.0.clone().persist_storage().await
    }

    /// The issuer's published totals: coins in circulation against reserves at the banks.
    ///
    /// # Errors
    /// `network`.
    #[wasm_bindgen(unchecked_return_type = "AuditView")]
    pub async fn audit(&self) -> Result<JsValue, JsValue> {
        shown(&self.0.clone().audit().await.map_err(thrown)?)
    }
}

/// The document of an invoice as text for a link: base64url without padding (RFC 4648 section 5).
#[wasm_bindgen(js_name = "encodeInvoice")]
pub fn encode_invoice(document: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(document)
}

/// The document of an invoice from the text of a link.
///
/// # Errors
/// `invoice-unreadable`.
#[wasm_bindgen(js_name = "decodeInvoice")]
pub fn decode_invoice(text: &str) -> Result<Vec<u8>, JsValue> {
    let decoded = Base64UrlUnpadded::decode_vec(text);
    decoded.map_err(|error| problem(Problem::with(Fault::InvoiceUnreadable, error.to_string())))
}

/// Checks an invoice without a wallet: its document against the issuer's published keys (the answer
/// of `GET /keys`), now.
///
/// # Errors
/// `invoice-unreadable`, `issuer-misbehaved`, `invoice-invalid`, `invoice-expired`.
#[wasm_bindgen(js_name = "verifyInvoice", unchecked_return_type = "InvoiceView")]
pub fn verify_invoice(
    document: &[u8],
    #[wasm_bindgen(js_name = "issuerKeys")] issuer_keys: &[u8],
) -> Result<JsValue, JsValue> {
    let unreadable = |_| problem(Fault::InvoiceUnreadable);
    let misbehaved = || problem(Fault::IssuerMisbehaved);
    let invoice: Signed<Invoice> = wire::decode_exact(document).map_err(unreadable)?;
    let signed: Signed<IssuerKeys> = wire::decode_exact(issuer_keys).map_err(|_| misbehaved())?;
    let key = signed.claim().map_err(|_| misbehaved())?.key;
    let keys = signed.open(&key).map_err(|_| misbehaved())?;
    let checked = check_invoice(&invoice, &key, platform::now()).map_err(problem)?;
    shown(&show_invoice(&checked, &keys))
}

fn shown<T: Serialize>(view: &T) -> Result<JsValue, JsValue> {
    serde_wasm_bindgen::to_value(view).map_err(JsValue::from)
}

fn problem(problem: impl Into<Problem>) -> JsValue {
    thrown(problem.into().view())
}

/// A problem as JavaScript throws it.
fn thrown(problem: ProblemView) -> JsValue {
    let error = Error::new(&format!("{} {}", problem.code, problem.detail));
    error.set_name("KobanProblem");
    let facts = serde_wasm_bindgen::to_value(&problem).unwrap_or(JsValue::NULL);
    for name in ["code", "culprit", "detail"] {
        let name = JsValue::from(name);
        let fact = Reflect::get(&facts, &name).unwrap_or(JsValue::UNDEFINED);
        // A fresh error takes any property.
        let _ = Reflect::set(&error, &name, &fact);
    }
    error.into()
}

fn invalid() -> JsValue {
    problem(Code::AmountInvalid)
}

fn counts(coins: JsValue) -> Result<Vec<(u64, u16)>, JsValue> {
    serde_wasm_bindgen::from_value(coins).map_err(|_| invalid())
}

/// A number of JavaScript as whole minor units.
fn whole(minor: f64) -> Result<u64, JsValue> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "2^53 - 1 is the largest whole number that a double holds exactly"
    )]
    let most = AMOUNT_MAX_MINOR as f64;
    if minor.fract() != 0.0 || !(0.0..=most).contains(&minor) {
        return Err(invalid());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole and within bounds"
    )]
    Ok(minor as u64)
}
