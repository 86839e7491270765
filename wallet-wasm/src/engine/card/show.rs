//! Cards as they are shown.

use koban_card::command::{Hello, Last, Open, Phase};
use koban_protocol::amount::Amount;
use koban_protocol::offline::purse::wire::{CardId, Class, End, Entry, Link, Side, Transfer};

use super::super::Engine;
use super::super::problem::Problem;
use super::refund::refundable;
use super::{KnownCard, ReaderId, Slot, Standing};
use crate::view::{
    CardClass, CardMessage, CardOpen, CardPhase, CardStanding, CardView, EntryKind, EntryView,
    KnownCardView, MessageKind, MoneyView, PocketView,
};

impl Engine {
    /// The cards that are here.
    pub(in crate::engine) fn card_views(&self) -> Vec<CardView> {
        let mut views: Vec<CardView> = Vec::new();
        for (reader, slot) in &self.cards.slots {
            let view = self.card_view(*reader, slot);
            // One card may be reached in two ways.
            let same =
                |it: &CardView| it.standing == CardStanding::Genuine && it.number == view.number;
            if view.standing != CardStanding::Genuine || !views.iter().any(same) {
                views.push(view);
            }
        }
        views
    }

    /// What is on the holder's cards, as last seen.
    pub(in crate::engine) fn known_card_views(&self) -> Vec<KnownCardView> {
        let view = |it: &KnownCard| KnownCardView {
            number: printed(it.card),
            class: class_view(it.class),
            balances: it.balances.iter().map(|amount| self.money(*amount)).collect(),
            at: it.at.0,
        };
        self.cards.known.values().map(view).collect()
    }

    /// What a message from another card is about.
    pub fn card_message(&self, message: &Last) -> CardMessage {
        let (kind, amount, from) = match message {
            Last::Request(it) => (MessageKind::Request, it.content.amount, it.content.payee.card),
            Last::Value(it) => (MessageKind::Value, it.content.0.amount, it.content.0.payer.card),
            Last::Acknowledgement(it) => {
                (MessageKind::Acknowledgement, it.content.0.amount, it.content.0.payee.card)
            }
        };
        CardMessage { kind, amount: self.money(amount), from: printed(from) }
    }

    fn card_view(&self, reader: ReaderId, slot: &Slot) -> CardView {
        let hello = slot.hello.as_ref();
        let certificate = hello.and_then(|hello| hello.certificate.as_ref()).map(|it| &it.claim);
        let card = certificate.map(|it| it.card);
        let class = certificate.map(|it| it.class).or(hello.map(|hello| hello.class));
        let flag = |get: fn(&Hello) -> bool| hello.is_some_and(get);
        CardView {
            reader: reader.0,
            number: card.map(printed),
            class: class.map_or(CardClass::Virtual, class_view),
            phase: hello.map_or(CardPhase::Unknown, |hello| phase_view(hello.phase)),
            standing: match slot.standing {
                Standing::Unchecked => CardStanding::Unchecked,
                Standing::Genuine => CardStanding::Genuine,
                Standing::NotGenuine => CardStanding::NotGenuine,
            },
            label: certificate
                .and_then(|it| it.label.as_ref())
                .map(|label| label.as_str().to_owned()),
            expires_at: certificate.map(|it| u64::from(it.expires.0).saturating_mul(86_400)),
            open: hello.and_then(|hello| hello.open).map(|open| match open {
                Open::Asked => CardOpen::Asked,
                Open::Paid => CardOpen::Paid,
            }),
            goes_on: card.is_some_and(|card| self.goes_on(card)),
            pin_tries: hello.and_then(|hello| hello.pin_tries),
            verified: flag(|hello| hello.verified),
            locked: flag(|hello| hello.locked),
            has_button: flag(|hello| hello.features.button),
            has_display: flag(|hello| hello.features.display),
            unreported: hello.map_or(0, |it| it.entries.saturating_sub(it.settled)),
            pockets: slot.pockets.iter().map(|pocket| self.pocket_view(pocket)).collect(),
            entries: slot.entries.iter().map(|entry| self.entry_view(entry)).collect(),
            busy: !slot.is_idle(),
            prompt: slot.prompt,
            problem: slot.problem.as_ref().map(Problem::view),
        }
    }

    fn pocket_view(&self, pocket: &koban_card::command::Pocket) -> PocketView {
        let currency = pocket.balance.currency();
        let money = |minor: u64| -> MoneyView {
            self.money(Amount::new(currency, minor).unwrap_or(Amount::zero(currency)))
        };
        PocketView {
            balance: self.money(pocket.balance),
            most: money(pocket.limits.balance),
            payment: money(pocket.limits.payment),
            unsettled: money(pocket.unsettled),
            unsettled_most: money(pocket.limits.unsettled),
        }
    }

    fn entry_view(&self, entry: &Entry) -> EntryView {
        let Transfer { link, payee, payer, amount } = entry.transfer;
        let other = if entry.side == Side::Payer { payee.card } else { payer.card };
        EntryView {
            kind: match (link, entry.side) {
                (Link::Originator, Side::Payee) => EntryKind::Load,
                (Link::Originator, Side::Payer) => EntryKind::Unload,
                (Link::Terminal(_), Side::Payer) => EntryKind::Purchase,
                (Link::Terminal(_), Side::Payee) => EntryKind::Taken,
                (Link::Peer, Side::Payer) => EntryKind::Given,
                (Link::Peer, Side::Payee) => EntryKind::Received,
            },
            amount: self.money(amount),
            other: (link != Link::Originator).then(|| printed(other)),
            broken: entry.end == End::Broken,
            refund: refundable(entry).map(|(refund, _)| refund.to_string()),
        }
    }
}

/// A card's number in groups of four digits, as it is printed.
pub(super) fn printed(card: CardId) -> String {
    let groups: Vec<String> = card
        .0
        .chunks(2)
        .map(|pair| pair.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    groups.join(" ")
}

const fn class_view(class: Class) -> CardClass {
    match class {
        Class::Virtual => CardClass::Virtual,
        Class::Purse => CardClass::Purse,
        Class::Terminal => CardClass::Terminal,
    }
}

const fn phase_view(phase: Phase) -> CardPhase {
    match phase {
        Phase::Fresh | Phase::Born => CardPhase::Fresh,
        Phase::Ready => CardPhase::Ready,
        Phase::Closed => CardPhase::Closed,
        Phase::Dead => CardPhase::Dead,
    }
}
