//! Cards as a page uses them: connect one, have it say what it is, move money to and from it.

use koban_card::command::{Last, Pin};
use koban_protocol::offline::purse::wire::Link;
use koban_protocol::refusal::Code;
use koban_protocol::wire;

use super::{Wallet, amount, view};
use crate::drivers::card::{CardProblem, PROGRAM, Reader, Way, is_supported};
use crate::engine::{CardCommand, Cause, Command, Fault, Problem, ReaderId};
use crate::view::{CardClass, CardMessage, ProblemView, TransactionState, TransactionView};

/// What a holder does with a card itself.
#[derive(Clone)]
pub enum CardWish {
    /// Ask it again what it is.
    Look,
    /// Make a virtual card.
    Make,
    /// Show it this PIN.
    VerifyPin(String),
    /// Set a PIN: the one so far, if there is one, and the new one.
    ChangePin(Option<String>, String),
    /// Lock it.
    Lock,
    /// Unlock it with this PIN.
    Unlock(String),
    /// Give its open exchange up.
    Abort,
}

impl std::fmt::Debug for CardWish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CardWish(..)")
    }
}

impl Wallet {
    /// Whether this browser reaches real cards: by WebHID or WebUSB.
    pub fn reaches_cards() -> bool {
        is_supported(Way::Hid) || is_supported(Way::Usb)
    }

    /// Fetches the originator's keys, and connects the cards that are plugged in and granted, now
    /// and whenever one comes or goes; and the virtual card, if the wallet knows one.
    pub async fn find_cards(&self) {
        self.actor.meet_originator();
        if self.view().known_cards.iter().any(|it| it.class == CardClass::Virtual) {
            self.use_virtual_card();
        }
        self.actor.find_cards().await;
    }

    /// Has the holder choose a card, by WebHID where the browser has it, else by WebUSB; gives
    /// whether one was chosen. To be called when something was clicked.
    ///
    /// # Errors
    /// `card-unreachable`: the browser knows neither, or refused.
    pub async fn choose_card(&self) -> Result<bool, ProblemView> {
        let chosen =
            Reader::choose(Way::usual()).await.map_err(|problem| view(unreachable(&problem)))?;
        let is_chosen = chosen.is_some();
        if let Some(reader) = chosen {
            self.actor.connect(reader);
        }
        Ok(is_chosen)
    }

    /// Connects the virtual card of this browser.
    pub fn use_virtual_card(&self) {
        self.actor.connect(Reader::virtual_card(PROGRAM));
    }

    /// Takes a card out of use.
    pub fn leave_card(&self, reader: u32) {
        self.actor.disconnect(ReaderId(reader));
    }

    /// Gives up what is being asked on the card.
    pub fn refuse_on_card(&self, reader: u32) {
        self.actor.refuse_on_card(ReaderId(reader));
    }

    /// Does something with the card itself.
    ///
    /// # Errors
    /// `card-pin-invalid`, `card-pin-wrong`, `card-pin-blocked`, and why else the card refuses.
    pub async fn card(&self, reader: u32, wish: CardWish) -> Result<(), ProblemView> {
        let command = match wish {
            CardWish::Look => CardCommand::Look,
            CardWish::Make => CardCommand::Make,
            CardWish::VerifyPin(it) => CardCommand::VerifyPin(pin(&it)?),
            CardWish::ChangePin(old, new) => {
                let old = old.as_deref().map(pin).transpose()?;
                CardCommand::ChangePin { old, new: pin(&new)? }
            }
            CardWish::Lock => CardCommand::Lock,
            CardWish::Unlock(it) => CardCommand::Unlock(pin(&it)?),
            CardWish::Abort => CardCommand::Abort,
        };
        self.with_card(reader, command).await?;
        Ok(())
    }

    /// Tells the originator the card's log, and the card the originator's orders.
    ///
    /// # Errors
    /// `card-not-genuine`, `card-interrupted`, `network`.
    pub async fn report_card(&self, reader: u32) -> Result<(), ProblemView> {
        self.to_the_end(Command::Report(ReaderId(reader))).await
    }

    /// Puts coins worth `minor` onto a card (VC-14). Gives the transaction's id once it is done, or
    /// cannot go on for now.
    ///
    /// # Errors
    /// `too-little-money`, `card-over-limit`, `card-not-genuine`, `card-interrupted`.
    pub async fn load_card(
        &self,
        reader: u32,
        currency: &str,
        minor: u64,
    ) -> Result<String, ProblemView> {
        let amount = amount(currency, minor).map_err(view)?;
        let load = || Command::Load(ReaderId(reader), amount);
        let id = self.spend(amount.currency(), load).await.map_err(view)?;
        self.unless_refused(id)?;
        Ok(id.to_string())
    }

    /// Turns value on a card into coins (VC-14). Gives the transaction's id.
    ///
    /// # Errors
    /// `card-too-little`, `card-not-genuine`, `card-interrupted`.
    pub async fn unload_card(
        &self,
        reader: u32,
        currency: &str,
        minor: u64,
    ) -> Result<String, ProblemView> {
        let amount = amount(currency, minor).map_err(view)?;
        self.started(Command::Unload(ReaderId(reader), amount, None)).await
    }

    /// Asks the originator to load again what a broken exchange took from a card, by the id that
    /// the card's entry has for its refund. Gives the transaction's id, which is the same.
    ///
    /// # Errors
    /// `not-lost` until the logs of both cards were reported; `card-not-genuine`,
    /// `card-interrupted`.
    pub async fn refund_card(&self, reader: u32, refund: &str) -> Result<String, ProblemView> {
        let unknown = || view(Problem::with(Fault::UnknownTransaction, refund));
        let id = refund.parse().map_err(|_| unknown())?;
        self.started(Command::RefundCard(ReaderId(reader), id)).await
    }

    /// Pays an invoice that was read or fetched with value on a card (VC-14): exactly its amount
    /// becomes coins, and these pay. Gives the payment, or the unload if that does not go on.
    ///
    /// # Errors
    /// `unknown-transaction`, `card-too-little`, and those of [`pay`](Self::pay).
    pub async fn pay_with_card(
        &self,
        reader: u32,
        invoice_id: &str,
    ) -> Result<TransactionView, ProblemView> {
        let unknown = || Problem::with(Fault::UnknownTransaction, invoice_id);
        let invoice = self.invoices.borrow().get(invoice_id).cloned();
        let invoice = invoice.ok_or_else(unknown).map_err(view)?;
        let amount = invoice.claim().map_err(|_| view(Fault::InvoiceUnreadable))?.amount;
        let unload = Command::Unload(ReaderId(reader), amount, Some(invoice));
        let (id, _) = self.actor.command(unload).await.map_err(view)?;
        self.unless_refused(id)?;
        let unload = self.actor.transaction(id).ok_or_else(unknown).map_err(view)?;
        match unload.state {
            // The engine has begun to pay; the same invoice again is the same payment.
            TransactionState::Done => self.pay(invoice_id).await,
            _ => Ok(unload),
        }
    }

    /// Has a customer's card pay the terminal in another reader, with nobody online (VC-13). Gives
    /// what was paid.
    ///
    /// # Errors
    /// `card-pin-needed`, `card-too-little`, `card-over-limit`, `card-interrupted`.
    pub async fn take_payment(
        &self,
        terminal: u32,
        customer: u32,
        currency: &str,
        minor: u64,
    ) -> Result<CardMessage, ProblemView> {
        let amount = amount(currency, minor).map_err(view)?;
        let (terminal, customer) = (ReaderId(terminal), ReaderId(customer));
        let command = Command::TakePayment { terminal, customer, amount };
        let taken = self.actor.card(terminal, command).await.map_err(view)?;
        let taken = taken.ok_or(Fault::CardMisbehaved).map_err(view)?;
        Ok(self.actor.card_message(&taken))
    }

    /// Has a card ask whoever gets the message for a gift. Gives the message.
    ///
    /// # Errors
    /// `card-over-limit`, `card-interrupted`.
    pub async fn ask_gift(
        &self,
        reader: u32,
        currency: &str,
        minor: u64,
    ) -> Result<Vec<u8>, ProblemView> {
        let amount = amount(currency, minor).map_err(view)?;
        if amount.is_zero() {
            return Err(view(Code::AmountInvalid));
        }
        let message = self.with_card(reader, CardCommand::Ask(amount)).await?;
        message.ok_or_else(|| view(Fault::CardMisbehaved))
    }

    /// What a message from another card is about. Whether it holds is for the card to say.
    ///
    /// # Errors
    /// `card-message-unreadable`.
    pub fn read_card_message(&self, message: &[u8]) -> Result<CardMessage, ProblemView> {
        Ok(self.actor.card_message(&read(message)?))
    }

    /// Gives a card the message of another: it pays what is asked, takes what is paid, or hears
    /// that its value has arrived. Gives the message to send back, if there is one.
    ///
    /// # Errors
    /// `card-message-unreadable`, `card-pin-needed`, `card-too-little`, `card-refused`.
    pub async fn answer_card_message(
        &self,
        reader: u32,
        message: &[u8],
    ) -> Result<Option<Vec<u8>>, ProblemView> {
        let message = Box::new(read(message)?);
        self.with_card(reader, CardCommand::Answer(message)).await
    }

    /// The last message of a card's exchange again.
    ///
    /// # Errors
    /// `card-no-message` if there is none for another card.
    pub async fn repeat_card_message(&self, reader: u32) -> Result<Vec<u8>, ProblemView> {
        let reader = ReaderId(reader);
        let repeat = Command::Card(reader, CardCommand::Repeat);
        match self.actor.card(reader, repeat).await {
            Ok(Some(message)) if link(&message) == Link::Peer => Ok(wire::encode(&*message)),
            // What the originator or a terminal said is not for others; or nothing was said.
            Ok(_) => Err(view(Fault::CardNoMessage)),
            Err(problem) if problem.cause == Cause::Wallet(Fault::CardNotInUse) => {
                Err(view(Fault::CardNoMessage))
            }
            Err(problem) => Err(view(problem)),
        }
    }

    async fn with_card(
        &self,
        reader: u32,
        command: CardCommand,
    ) -> Result<Option<Vec<u8>>, ProblemView> {
        let reader = ReaderId(reader);
        let done = self.actor.card(reader, Command::Card(reader, command)).await;
        done.map(|message| message.map(|it| wire::encode(&*it))).map_err(view)
    }
}

/// Between whom a message goes.
const fn link(message: &Last) -> Link {
    match message {
        Last::Request(it) => it.content.link,
        Last::Value(it) => it.content.0.link,
        Last::Acknowledgement(it) => it.content.0.link,
    }
}

fn read(message: &[u8]) -> Result<Last, ProblemView> {
    wire::decode_exact(message).map_err(|_| view(Fault::CardMessageUnreadable))
}

fn pin(digits: &str) -> Result<Pin, ProblemView> {
    Pin::new(digits).ok_or_else(|| view(Fault::CardPinInvalid))
}

fn unreachable(problem: &CardProblem) -> Problem {
    Problem::with(Fault::CardUnreachable, format!("{problem:?}"))
}
