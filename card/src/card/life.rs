//! A card's life: birth, personalisation, what it says of itself, its log, the originator's orders.

use koban_protocol::key::Seed;
use koban_protocol::offline::purse::wire::{Entry, LogHead, Order, Pockets, Presence};
use koban_protocol::offline::purse::{Birth, Born};
use koban_protocol::signed::Attested;

use super::{Card, Halt, log_slot};
use crate::Status;
use crate::command::{BeBorn, Hello, Nothing, Obey, Personalise, Prove, ReadEntry, ReadHead};
use crate::platform::{LOG_ENTRIES, Platform, StoreFailed};
use crate::record;
use crate::state::{Identity, State, fits};

impl<P: Platform> Card<P> {
    pub(super) fn hello(&self) -> Result<Hello, Halt> {
        let state = self.state()?;
        let keys = self.keys().ok();
        Ok(Hello {
            class: self.class(),
            phase: self.phase()?,
            features: self.platform.features(),
            certificate: keys.map(|keys| keys.certificate.clone()),
            originator: keys.map(|keys| keys.originator),
            number: state.number,
            open: state.step.open(),
            pin_tries: state.pin.map(|pin| pin.tries),
            verified: self.verified,
            locked: state.locked,
            entries: state.entries,
            settled: state.settled,
            directive: state.directive,
        })
    }

    pub(super) fn be_born(&mut self, _: BeBorn) -> Result<Attested<Birth>, Halt> {
        let class = self.class();
        let identity = &self.memory()?.identity.1;
        if identity.as_ref().is_some_and(|it| it.personalisation.is_some()) {
            return Err(Status::WrongState.into());
        }
        if identity.is_none() {
            let born = Born::new(Seed::generate(self.platform.entropy()));
            self.identify(Identity { born, personalisation: None })?;
        }
        let born = self.memory()?.identity.1.as_ref().ok_or(Status::StoreFailed)?;
        Ok(born.born.birth(class))
    }

    pub(super) fn personalise(&mut self, it: Personalise) -> Result<Nothing, Halt> {
        let class = self.class();
        let identity = self.memory()?.identity.1.as_ref().ok_or(Status::WrongState)?;
        if identity.personalisation.is_some() {
            return Err(Status::WrongState.into());
        }
        let opened = identity.born.open(it.0).ok_or(Status::BadData)?;
        if opened.certificate.claim.class != class || !fits(class, &opened.purchase) {
            return Err(Status::BadData.into());
        }
        let state = State::initial(&opened.limits);
        let memory = self.memory.as_mut().ok_or(Status::StoreFailed)?;
        let Identity { born, .. } = memory.identity.1.take().ok_or(Status::WrongState)?;
        self.identify(Identity { born, personalisation: Some(opened) })?;
        self.commit(state, None)?;
        Ok(Nothing {})
    }

    fn identify(&mut self, identity: Identity) -> Result<(), Status> {
        let memory = self.memory.as_mut().ok_or(Status::StoreFailed)?;
        let written = memory.identity.0.write(self.platform.store(), &identity);
        written.map_err(|StoreFailed| Status::StoreFailed)?;
        memory.identity.1 = Some(identity);
        Ok(())
    }

    pub(super) fn be_present(&mut self, it: Prove) -> Result<Attested<Presence>, Halt> {
        let card = self.keys()?.certificate.claim.card;
        let presence = Presence { card, challenge: it.challenge };
        Ok(Attested::sign(presence, self.signing()?))
    }

    pub(super) fn read_entry(&mut self, it: ReadEntry) -> Result<Entry, Halt> {
        let entries = self.state()?.entries;
        let kept = entries.saturating_sub(LOG_ENTRIES)..entries;
        if !kept.contains(&it.entry) {
            return Err(Status::NotFound.into());
        }
        let found = record::read(self.platform.store(), log_slot(it.entry));
        match found.map_err(|StoreFailed| Status::StoreFailed)? {
            Some((number, entry)) if number == it.entry => Ok(entry),
            _ => Err(Status::NotFound.into()),
        }
    }

    pub(super) fn read_head(&mut self, it: ReadHead) -> Result<Attested<LogHead>, Halt> {
        let card = self.keys()?.certificate.claim.card;
        let state = self.state()?;
        let balances = state.pockets.iter().map(|pocket| pocket.balance);
        let head = LogHead {
            card,
            entries: state.entries,
            head: state.head,
            settled: state.settled,
            balances: Pockets::new(balances).unwrap_or_default(),
            challenge: it.challenge,
        };
        Ok(Attested::sign(head, self.signing()?))
    }

    pub(super) fn obey(&mut self, it: &Obey) -> Result<Nothing, Halt> {
        let keys = self.keys()?;
        let directive = it.0.directive;
        keys.load.verify(&directive, &it.0.tag).map_err(|_| Status::BadData)?;
        let mut next = self.state()?.clone();
        if directive.card != keys.certificate.claim.card || directive.number <= next.directive {
            return Err(Status::BadData.into());
        }
        next.directive = directive.number;
        match directive.order {
            Order::Settle(entries) => settle(&mut next, entries)?,
            Order::Limit(limits) => next.limit(limits)?,
            Order::Close => next.closed = true,
            Order::Reopen => (next.closed, next.faults) = (false, 0),
            Order::ResetPin => next.pin = None,
        }
        self.commit(next, None)?;
        Ok(Nothing {})
    }
}

/// Entries before `entries` are booked. What was paid counts from zero if that is all of them.
fn settle(state: &mut State, entries: u32) -> Result<(), Status> {
    if !(state.settled..=state.entries).contains(&entries) {
        return Err(Status::BadData);
    }
    state.settled = entries;
    if entries == state.entries {
        state.pockets.iter_mut().for_each(|pocket| pocket.unsettled = 0);
    }
    Ok(())
}
