//! Card money for JavaScript (VC-14, MONDEX-1).
//!
//! ```js
//! const wallet = await KobanWallet.open("https://issuer.example", "https://cards.example");
//! const ready = (card) => card.standing === "genuine" && !card.busy;
//! const { reader } = await new Promise((found) => {
//!   wallet.onChange(({ cards }) => cards.some(ready) && found(cards.find(ready)));
//!   wallet.findCards();                             // those that are plugged in and granted
//!   button.onclick = () => wallet.chooseCard();     // by WebHID or WebUSB
//! });
//! await wallet.loadCard(reader, "JPY", 2000);
//! const request = await wallet.askGift(reader, "JPY", 300);
//! // ... the other side's wallet, its card in `theirs`:
//! const value = await other.answerCardMessage(theirs, request);
//! ```
//!
//! A card is named by its `reader`, a number in the view's `cards`. Messages between cards are
//! bytes; who carries them learns amount and cards, and can do nothing with them.

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::{KobanWallet, shown, thrown, whole};
use crate::wallet::{CardWish, Wallet};

#[wasm_bindgen]
impl KobanWallet {
    /// Whether this browser reaches real cards: by WebHID or WebUSB.
    #[wasm_bindgen(js_name = "reachesCards")]
    pub fn reaches_cards() -> bool {
        Wallet::reaches_cards()
    }

    /// Connects the cards that are plugged in and granted, now and whenever one comes or goes, and
    /// the virtual card, if the wallet knows one. The view's `cards` has each of them when the
    /// wallet has spoken to it, which is told to the listeners of `onChange`.
    #[wasm_bindgen(js_name = "findCards")]
    pub async fn find_cards(&self) {
        self.0.clone().find_cards().await;
    }

    /// Has the holder choose a card, and gives whether one was chosen. To be called when something
    /// was clicked.
    ///
    /// # Errors
    /// `card-unreachable`.
    #[wasm_bindgen(js_name = "chooseCard")]
    pub async fn choose_card(&self) -> Result<bool, JsValue> {
        self.0.clone().choose_card().await.map_err(thrown)
    }

    /// Connects the virtual card of this origin, which serves its program.
    #[wasm_bindgen(js_name = "useVirtualCard")]
    pub fn use_virtual_card(&self) {
        self.0.use_virtual_card();
    }

    /// Takes a card out of use.
    #[wasm_bindgen(js_name = "leaveCard")]
    pub fn leave_card(&self, reader: u32) {
        self.0.leave_card(reader);
    }

    /// Gives up what is being asked on a card's button.
    #[wasm_bindgen(js_name = "refuseOnCard")]
    pub fn refuse_on_card(&self, reader: u32) {
        self.0.refuse_on_card(reader);
    }

    /// Asks a card again what it is.
    ///
    /// # Errors
    /// `card-missing`, `card-silent`.
    #[wasm_bindgen(js_name = "lookAtCard")]
    pub async fn look_at_card(&self, reader: u32) -> Result<(), JsValue> {
        self.wish(reader, CardWish::Look).await
    }

    /// Makes a virtual card of the new one in a reader.
    ///
    /// # Errors
    /// `network`, `card-not-in-use`.
    #[wasm_bindgen(js_name = "makeCard")]
    pub async fn make_card(&self, reader: u32) -> Result<(), JsValue> {
        self.wish(reader, CardWish::Make).await
    }

    /// Shows a card its PIN.
    ///
    /// # Errors
    /// `card-pin-invalid`, `card-pin-wrong`, `card-pin-blocked`.
    #[wasm_bindgen(js_name = "verifyPin")]
    pub async fn verify_pin(&self, reader: u32, pin: String) -> Result<(), JsValue> {
        self.wish(reader, CardWish::VerifyPin(pin)).await
    }

    /// Sets a card's PIN; `old` is the one so far, if there is one.
    ///
    /// # Errors
    /// `card-pin-invalid`, `card-pin-wrong`, `card-pin-blocked`.
    #[wasm_bindgen(js_name = "changePin")]
    pub async fn change_pin(
        &self,
        reader: u32,
        old: Option<String>,
        new: String,
    ) -> Result<(), JsValue> {
        self.wish(reader, CardWish::ChangePin(old, new)).await
    }

    /// Locks a card that has a PIN.
    ///
    /// # Errors
    /// `card-pin-needed`.
    #[wasm_bindgen(js_name = "lockCard")]
    pub async fn lock_card(&self, reader: u32) -> Result<(), JsValue> {
        self.wish(reader, CardWish::Lock).await
    }

    /// Unlocks a card.
    ///
    /// # Errors
    /// `card-pin-invalid`, `card-pin-wrong`, `card-pin-blocked`.
    #[wasm_bindgen(js_name = "unlockCard")]
    pub async fn unlock_card(&self, reader: u32, pin: String) -> Result<(), JsValue> {
        self.wish(reader, CardWish::Unlock(pin)).await
    }

    /// Gives up a card's open exchange.
    ///
    /// # Errors
    /// `busy` while an operation of this wallet goes on with it; `card-not-in-use` if none is open.
    #[wasm_bindgen(js_name = "abortOnCard")]
    pub async fn abort_on_card(&self, reader: u32) -> Result<(), JsValue> {
        self.wish(reader, CardWish::Abort).await
    }

    /// Tells the originator a card's log, and the card the originator's orders.
    ///
    /// # Errors
    /// `card-not-genuine`, `card-interrupted`, `network`.
    #[wasm_bindgen(js_name = "reportCard")]
    pub async fn report_card(&self, reader: u32) -> Result<(), JsValue> {
        self.0.clone().report_card(reader).await.map_err(thrown)
    }

    /// Puts coins onto a card. Gives the transaction's id.
    ///
    /// # Errors
    /// `too-little-money`, `card-over-limit`, `card-not-genuine`, `card-interrupted`.
    #[wasm_bindgen(js_name = "loadCard")]
    pub async fn load_card(
        &self,
        reader: u32,
        currency: String,
        minor: f64,
    ) -> Result<String, JsValue> {
        self.0.clone().load_card(reader, &currency, whole(minor)?).await.map_err(thrown)
    }

    /// Turns value on a card into coins. Gives the transaction's id.
    ///
    /// # Errors
    /// `card-too-little`, `card-not-genuine`, `card-interrupted`.
    #[wasm_bindgen(js_name = "unloadCard")]
    pub async fn unload_card(
        &self,
        reader: u32,
        currency: String,
        minor: f64,
    ) -> Result<String, JsValue> {
        self.0.clone().unload_card(reader, &currency, whole(minor)?).await.map_err(thrown)
    }

    /// Asks for what a broken exchange took from a card, by the `refund` of an entry in the view.
    /// Gives the transaction's id.
    ///
    /// # Errors
    /// `not-lost` until the logs of both cards were reported.
    #[wasm_bindgen(js_name = "refundCard")]
    pub async fn refund_card(&self, reader: u32, refund: String) -> Result<String, JsValue> {
        self.0.clone().refund_card(reader, &refund).await.map_err(thrown)
    }

    /// Pays an invoice that was fetched or read with a card. Gives the payment, or the unload if
    /// that does not go on.
    ///
    /// # Errors
    /// `unknown-transaction`, `card-too-little`, and those of `pay`.
    #[wasm_bindgen(js_name = "payWithCard", unchecked_return_type = "TransactionView")]
    pub async fn pay_with_card(
        &self,
        reader: u32,
        #[wasm_bindgen(js_name = "invoiceId")] invoice_id: String,
    ) -> Result<JsValue, JsValue> {
        shown(&self.0.clone().pay_with_card(reader, &invoice_id).await.map_err(thrown)?)
    }

    /// Has a customer's card pay the terminal in another reader, with nobody online. Gives what was
    /// paid.
    ///
    /// # Errors
    /// `card-pin-needed`, `card-too-little`, `card-over-limit`, `card-interrupted`.
    #[wasm_bindgen(js_name = "takePayment", unchecked_return_type = "CardMessage")]
    pub async fn take_payment(
        &self,
        terminal: u32,
        customer: u32,
        currency: String,
        minor: f64,
    ) -> Result<JsValue, JsValue> {
        let minor = whole(minor)?;
        let taken = self.0.clone().take_payment(terminal, customer, &currency, minor).await;
        shown(&taken.map_err(thrown)?)
    }

    /// Has a card ask whoever gets the message for a gift.
    ///
    /// # Errors
    /// `amount-invalid`, `card-over-limit`, `card-interrupted`.
    #[wasm_bindgen(js_name = "askGift")]
    pub async fn ask_gift(
        &self,
        reader: u32,
        currency: String,
        minor: f64,
    ) -> Result<Uint8Array, JsValue> {
        let message = self.0.clone().ask_gift(reader, &currency, whole(minor)?).await;
        Ok(bytes(message.map_err(thrown)?))
    }

    /// What a message from another card is about. Whether it holds is for the card to say.
    ///
    /// # Errors
    /// `card-message-unreadable`.
    #[wasm_bindgen(js_name = "readCardMessage", unchecked_return_type = "CardMessage")]
    pub fn read_card_message(&self, message: &[u8]) -> Result<JsValue, JsValue> {
        shown(&self.0.read_card_message(message).map_err(thrown)?)
    }

    /// Gives a card the message of another: it pays what is asked, takes what is paid, or hears
    /// that its value has arrived. Gives the message to send back, if there is one.
    ///
    /// # Errors
    /// `card-message-unreadable`, `card-pin-needed`, `card-too-little`, `card-refused`.
    #[wasm_bindgen(js_name = "answerCardMessage")]
    pub async fn answer_card_message(
        &self,
        reader: u32,
        message: Vec<u8>,
    ) -> Result<Option<Uint8Array>, JsValue> {
        let answer = self.0.clone().answer_card_message(reader, &message).await;
        Ok(answer.map_err(thrown)?.map(bytes))
    }

    /// The last message of a card's exchange again.
    ///
    /// # Errors
    /// `card-no-message` if there is none for another card.
    #[wasm_bindgen(js_name = "repeatCardMessage")]
    pub async fn repeat_card_message(&self, reader: u32) -> Result<Uint8Array, JsValue> {
        Ok(bytes(self.0.clone().repeat_card_message(reader).await.map_err(thrown)?))
    }

    async fn wish(&self, reader: u32, wish: CardWish) -> Result<(), JsValue> {
        self.0.clone().card(reader, wish).await.map_err(thrown)
    }
}

fn bytes(message: Vec<u8>) -> Uint8Array {
    Uint8Array::from(message.as_slice())
}
