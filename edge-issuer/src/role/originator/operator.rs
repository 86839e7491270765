//! What the operator does and anyone may see: orders to cards, and the audit.

use std::collections::BTreeMap;

use http::StatusCode;
use koban_protocol::id::from_hex;
use koban_protocol::offline::purse::service::DIRECTIVES_MAX;
use koban_protocol::offline::purse::wire::{CardId, Order};
use koban_protocol::refusal::Code;
use serde::Serialize;

use super::Originator;
use super::books::Books;
use super::cards::Cards;
use crate::answer::{Fault, json};
use crate::host::{HttpRequest, HttpResponse, ObjectHost};
use crate::role::peer;
use crate::sql::{Sql as _, StoreError};

/// Orders that may wait for a card: an answer has room for them, for closing and for settling.
const WAITING_MAX: usize = DIRECTIVES_MAX - 2;

/// What the originator says of itself (VC-14): in each currency, what the issuer owes it is what
/// cards may hold and what was lost.
#[derive(Serialize)]
struct Audit {
    at: u64,
    currencies: Vec<CurrencyAudit>,
    cards: Made,
    /// How many cards are closed.
    closed: u64,
    /// What was found out, and about how many cards.
    findings: BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct Made {
    r#virtual: u64,
    purses: u64,
    terminals: u64,
}

/// Minor units.
#[derive(Serialize)]
struct CurrencyAudit {
    code: String,
    /// Owed by the issuer.
    clearing: i64,
    /// All shadow accounts.
    cards: i64,
    /// On its way, given up by the payer.
    broken: i64,
    /// Lost, and not loaded again.
    lost: i64,
    /// What overdrawn shadow accounts are short of: paid by cards that never had it, or that got it
    /// in exchanges nobody reported yet.
    overdrawn: i64,
    consistent: bool,
}

impl<H: ObjectHost> Originator<H> {
    /// Lets the operator pass, or anybody who says `demo` where everything is for show.
    pub(super) fn check_operator(&self, request: &HttpRequest) -> Result<(), Code> {
        let demo = peer::is_demo(&self.host) && peer::bearer(request) == Some("demo");
        if demo { Ok(()) } else { peer::check_operator(&self.host, request) }
    }

    /// Has a card told something with its next report. Settling is not the operator's to order.
    pub(super) fn order(&self, request: &HttpRequest, card: &str) -> Result<HttpResponse, Fault> {
        self.check_operator(request)?;
        let card = CardId(from_hex(card).ok_or(Code::NotFound)?);
        let order: Order = peer::decode(request.body())?;
        let sql = self.host.sql();
        sql.transaction(|| {
            let cards = Cards(sql);
            cards.get(card)?;
            match order {
                Order::Settle(_) => return Err(Fault::from(Code::Malformed)),
                Order::Close => cards.set_closed(card, true)?,
                Order::Reopen => cards.set_closed(card, false)?,
                Order::Limit(_) | Order::ResetPin => {}
            }
            if cards.queued(card)? >= WAITING_MAX {
                return Err(Code::Pending.into());
            }
            Ok(cards.queue(card, &order)?)
        })?;
        let mut response = HttpResponse::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }

    /// Shows the books' totals, compared with the accounts one by one.
    pub(super) fn audit(&self) -> Result<HttpResponse, Fault> {
        let sql = self.host.sql();
        let audit = sql.transaction(|| {
            let (books, cards) = (Books(sql), Cards(sql));
            let mut currencies = Vec::new();
            for (currency, held, short) in books.summed()? {
                let totals = books.totals(currency)?;
                currencies.push(CurrencyAudit {
                    code: currency.code().to_owned(),
                    clearing: totals.clearing,
                    cards: totals.cards,
                    broken: totals.broken,
                    lost: totals.lost,
                    overdrawn: short,
                    consistent: totals.hold() && held == totals.cards,
                });
            }
            let ([r#virtual, purses, terminals], closed) = cards.count()?;
            Ok::<_, StoreError>(Audit {
                at: self.host.now().0,
                currencies,
                cards: Made { r#virtual, purses, terminals },
                closed,
                findings: cards.findings()?.into_iter().collect(),
            })
        })?;
        Ok(json(StatusCode::OK, &audit))
    }
}
