//! Reports: a card's log since it was last settled becomes bookings in the shadow accounts, and the
//! card is told what to do (VC 4.4).
//!
//! What a card says of itself is believed under its signature: the head, and the entries that lead
//! to it. What it says of a payer is believed under the payer's signature in the entry.

use koban_protocol::amount::Amount;
use koban_protocol::id::Digest;
use koban_protocol::offline::purse::service::{Directives, Report};
use koban_protocol::offline::purse::wire::{
    CardId, Class, Directed, Directive, End, Entry, Link, LogHead, ORIGINATOR, Order, Party, Side,
    Transfer,
};
use koban_protocol::refusal::Code;
use koban_protocol::wire::{self, List};

use super::Originator;
use super::books::Books;
use super::cards::{Cards, Finding, Known};
use super::exchanges::{Place, Word, digest_of};
use super::once::{Act, Once, Outcome};
use crate::answer::Fault;
use crate::host::{HttpResponse, ObjectHost};
use crate::role::peer;
use crate::sql::StoreError;

/// An entry that is not booked before, and the log's head after it.
struct New {
    entry: Entry,
    entries: u32,
    head: Digest,
}

impl<H: ObjectHost> Originator<H> {
    /// Books a report, once.
    pub(super) fn report(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let Report { head, entries } = peer::decode(body)?;
        let sql = self.host.sql();
        let card = Cards(sql).get(head.claim.card)?;
        let head = head.open(&card.key).map_err(|_| Code::BadSignature)?;
        let digest = Digest::of("koban/v1/report", body);
        let once = Once { act: Act::Report, key: &digest.0, body: digest };
        once.run(sql, || {
            let findings = match self.continued(&card, head, &entries)? {
                Ok(new) => self.book_report(&card, head, new)?,
                Err(finding) => vec![finding],
            };
            for finding in &findings {
                Cards(sql).found(card.id, *finding, body, self.host.now())?;
            }
            self.direct(head, !findings.contains(&Finding::Forked))
        })
    }

    /// The entries that are new; or that the card has two logs.
    ///
    /// # Errors
    /// [`Code::Malformed`] if the entries do not lead to the head: they are not the card's.
    fn continued(
        &self,
        card: &Known,
        head: &LogHead,
        entries: &[Entry],
    ) -> Result<Result<Vec<New>, Finding>, Fault> {
        let cards = Cards(self.host.sql());
        if cards.head(card.id, head.entries)?.is_some_and(|known| known != head.head) {
            return Ok(Err(Finding::Forked));
        }
        if head.settled > card.entries || head.settled > head.entries {
            return Ok(Err(Finding::Impossible));
        }
        let mut at = cards.head(card.id, head.settled)?.ok_or(Code::Internal)?;
        let mut count = head.settled;
        let (mut new, mut forked) = (Vec::new(), false);
        for entry in entries {
            at = entry.chained(&at);
            count = count.checked_add(1).ok_or(Code::Malformed)?;
            forked |= cards.head(card.id, count)?.is_some_and(|known| known != at);
            if count > card.entries {
                new.push(New { entry: entry.clone(), entries: count, head: at });
            }
        }
        if count != head.entries || at != head.head {
            return Err(Code::Malformed.into());
        }
        Ok(if forked { Err(Finding::Forked) } else { Ok(new) })
    }

    /// Books new entries; gives what they tell of the card.
    fn book_report(
        &self,
        card: &Known,
        head: &LogHead,
        new: Vec<New>,
    ) -> Result<Vec<Finding>, Fault> {
        let cards = Cards(self.host.sql());
        let mut findings = Vec::new();
        let mut last = card.last;
        for New { entry, entries, head } in &new {
            let own = own_party(entry);
            let found = if own.card != card.id || own.number <= last {
                Some(Finding::Impossible)
            } else {
                last = own.number;
                self.book_entry(card, entry)?
            };
            findings.extend(found.filter(|finding| !findings.contains(finding)));
            cards.advance(card.id, *entries, head, last)?;
        }
        self.exchanges().settle(card.id)?;
        let is_newest = head.entries >= card.entries;
        if is_newest && self.holds_too_much(card.id, last, head)? {
            findings.push(Finding::Created);
        }
        Ok(findings)
    }

    fn book_entry(&self, card: &Known, entry: &Entry) -> Result<Option<Finding>, Fault> {
        let transfer = &entry.transfer;
        let (payer, payee) = (transfer.payer.card, transfer.payee.card);
        if (entry.side, entry.end) == (Side::Payee, End::Broken) {
            return self.book_unanswered(transfer);
        }
        let with_originator = payer == ORIGINATOR || payee == ORIGINATOR;
        if payer == payee || (transfer.link == Link::Originator) != with_originator {
            return Ok(Some(Finding::Impossible));
        }
        if transfer.link == Link::Originator {
            return self.book_with_originator(entry);
        }
        let exchanges = self.exchanges();
        let fits = match entry.side {
            // whom it paid, a purse knows by a key that an opened module has too
            Side::Payer => pays(card.class, transfer.link),
            Side::Payee => exchanges.has_parties(transfer)? && self.is_signed(entry)?,
        };
        if !fits {
            let payer = entry.side == Side::Payer;
            return Ok(Some(if payer { Finding::Impossible } else { Finding::Forged }));
        }
        if !exchanges.has_parties(transfer)? {
            self.note(Finding::Unmade, payee, transfer)?;
        }
        if exchanges.is_double(transfer)? {
            self.note(Finding::Forked, payer, transfer)?;
        }
        let word = if entry.end == End::Done { Word::Arrived } else { Word::Broken };
        exchanges.book(transfer, word)?;
        Ok(None)
    }

    /// A request of the card that nobody answered, as far as the card knows: if it was a load, that
    /// is lost.
    fn book_unanswered(&self, transfer: &Transfer) -> Result<Option<Finding>, Fault> {
        let exchanges = self.exchanges();
        let Some(load) = exchanges.loaded(transfer.payee)? else { return Ok(None) };
        if load.acknowledged {
            return Ok(Some(Finding::Impossible));
        }
        exchanges.lose_load(&load.transfer)?;
        Ok(None)
    }

    /// A load that came, or an unload: the originator has its own word for it. An unload that the
    /// card gave up, and whose value never came, is lost.
    fn book_with_originator(&self, entry: &Entry) -> Result<Option<Finding>, Fault> {
        let exchanges = self.exchanges();
        let transfer = &entry.transfer;
        let known = exchanges.find(transfer)?;
        Ok(match (entry.end, known.map(|booked| booked.place)) {
            (End::Broken, None) if self.asked(transfer)?.is_some() => {
                exchanges.book(transfer, Word::Broken)?;
                None
            }
            (End::Done | End::Broken, Some(Place::Arrived)) => None,
            (End::Done, None) if transfer.payer.card == ORIGINATOR => Some(Finding::Created),
            _ => Some(Finding::Impossible),
        })
    }

    /// Whether the payer signed the value that an entry is about.
    fn is_signed(&self, entry: &Entry) -> Result<bool, StoreError> {
        let payer = Cards(self.host.sql()).find(entry.transfer.payer.card)?;
        let digest = digest_of(&entry.transfer);
        Ok(match (payer, &entry.signature) {
            (Some(payer), Some(signature)) => payer.key.verify(&digest, signature).is_ok(),
            _ => false,
        })
    }

    /// Keeps an exchange as evidence about one of its parties.
    fn note(&self, finding: Finding, card: CardId, transfer: &Transfer) -> Result<(), StoreError> {
        let cards = Cards(self.host.sql());
        cards.found(card, finding, &wire::encode(transfer), self.host.now())
    }

    /// Whether a card whose log is booked up to the number `last` holds more than it ever got, or
    /// has paid more (MONDEX-3). It may hold less: value that it has sent and not yet written down,
    /// and loads it has not taken yet.
    fn holds_too_much(&self, card: CardId, last: u32, head: &LogHead) -> Result<bool, StoreError> {
        let (books, exchanges) = (Books(self.host.sql()), self.exchanges());
        let mut shadows = books.shadows(card)?;
        for held in head.balances.iter().map(Amount::currency) {
            if !shadows.iter().any(|(currency, _)| *currency == held) {
                shadows.push((held, 0));
            }
        }
        for (currency, shadow) in shadows {
            // what others reported of it since the head was signed is not missing in the card yet
            let ahead = exchanges.ahead(card, last, currency)?;
            let may_hold = i128::from(shadow).saturating_add(ahead.into());
            let coming = exchanges.uncovered(card, currency)?;
            let mut balances = head.balances.iter().filter(|held| held.currency() == currency);
            let most = may_hold.saturating_add(coming.into());
            if may_hold < 0 || balances.any(|held| i128::from(held.minor()) > most) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the card is to be told: the operator's orders, whether it is closed, and last how much
    /// of its log is booked.
    fn direct(&self, head: &LogHead, settled: bool) -> Result<Outcome, Fault> {
        let cards = Cards(self.host.sql());
        let card = cards.get(head.card)?;
        let mut orders = cards.take_queued(card.id)?;
        if card.closed && !orders.contains(&Order::Close) {
            orders.push(Order::Close);
        }
        if settled && head.entries > head.settled {
            orders.push(Order::Settle(head.entries));
        }
        let key = self.masters.load(card.id);
        let mut directed = Vec::new();
        for order in orders {
            let number = cards.next_directive(card.id)?;
            let directive = Directive { card: card.id, number, order };
            directed.push(Directed { directive, tag: key.tag(&directive) });
        }
        let orders = List::new(directed);
        let orders = orders.ok_or(StoreError::Invariant("orders fit an answer"))?;
        Ok(Ok(wire::encode(&Directives { orders })))
    }
}

/// The card's own side of an entry of its log.
const fn own_party(entry: &Entry) -> Party {
    match entry.side {
        Side::Payer => entry.transfer.payer,
        Side::Payee => entry.transfer.payee,
    }
}

/// Whether a card of this class pays others under a link.
const fn pays(payer: Class, link: Link) -> bool {
    match link {
        Link::Originator => false,
        Link::Terminal(_) => matches!(payer, Class::Purse | Class::Terminal),
        Link::Peer => matches!(payer, Class::Purse | Class::Virtual),
    }
}
