//! Getting to know a card: what it says of itself, whether it is genuine, what is in it, its log.
//! And the originator, whose certificates say which cards are.

use koban_card::command::{Balances, Hello, Phase, Prove, ReadBalances, ReadEntry};
use koban_protocol::offline::purse::wire::{Challenge, Class, Entry, Presence};
use koban_protocol::signed::{Attested, Signed};
use koban_protocol::statement::OriginatorKeys;
use koban_protocol::wire;

use super::super::Engine;
use super::super::event::{Call, CallId, HttpAnswer, Report};
use super::super::problem::{Cause, Fault, Problem, unsealed};
use super::super::record::Store;
use super::super::step::Step;
use super::{Heard, KnownCard, ReaderId, Slot, Standing, Talk, Unsaid, Wish, hear};
use koban_card::{Status, apdu};

/// Entries of the log that are shown.
const ENTRIES_SHOWN: u32 = 12;

impl Engine {
    /// The originator's keys.
    pub(in crate::engine) fn originator(&self) -> Result<OriginatorKeys, Problem> {
        self.originator.clone().ok_or_else(|| Problem::with(Fault::Network, "originator's keys"))
    }

    /// Fetches the originator's keys at an address.
    pub(in crate::engine) fn meet_originator(&self, step: &mut Step, url: &str) {
        let url = format!("{}/keys", url.trim_end_matches('/'));
        step.send(Call::get(CallId::Originator, url));
    }

    pub(in crate::engine) fn originator_answered(
        &mut self,
        step: &mut Step,
        answer: Option<&HttpAnswer>,
    ) {
        let result = answer.map_or(Err(Problem::from(Fault::Network)), |answer| {
            let signed = wire::decode_exact::<Signed<OriginatorKeys>>(&answer.body);
            signed
                .map_err(|_| unsealed(answer))
                .and_then(|signed| self.accept_originator(step, &signed))
        });
        if let Err(problem) = &result
            && problem.cause == Cause::Wallet(Fault::OriginatorKeyChanged)
        {
            self.problem = Some(problem.clone());
        }
        step.report(Report::Originator(result));
        // Cards that could not be checked before can be now.
        let unchecked = |slot: &Slot| slot.standing == Standing::Unchecked && slot.is_idle();
        let readers = self.cards.slots.iter().filter(|(_, slot)| unchecked(slot));
        let readers: Vec<_> = readers.map(|(reader, _)| *reader).collect();
        readers.into_iter().for_each(|reader| self.look(step, reader));
    }

    /// Keys are accepted under the pinned key; the first ones pin it.
    fn accept_originator(
        &mut self,
        step: &mut Step,
        signed: &Signed<OriginatorKeys>,
    ) -> Result<(), Problem> {
        let wrong = || Problem::with(Fault::OriginatorMisbehaved, "keys");
        let claimed = signed.claim().map_err(|_| wrong())?;
        let pinned = self.originator.as_ref().map_or(claimed.key, |known| known.key);
        if claimed.key != pinned {
            let detail = claimed.key.id().to_string();
            return Err(Problem::with(Fault::OriginatorKeyChanged, detail));
        }
        let keys = signed.open(&pinned).map_err(|_| wrong())?;
        if self.originator.as_ref() != Some(&keys) {
            step.put(Store::Keys, "originator", signed);
            self.originator = Some(keys);
        }
        Ok(())
    }

    /// Has a card say what it is now.
    pub(super) fn look(&mut self, step: &mut Step, reader: ReaderId) {
        if self.cards.slots.get(&reader).is_some_and(|slot| slot.talk.is_some()) {
            // Its answer comes first, and has it looked at.
            return;
        }
        self.say_bytes(step, reader, Talk::Hello, apdu::select().to_vec());
    }

    /// A card said something of itself.
    pub(super) fn looked(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
        talk: &Talk,
        heard: Heard<'_>,
    ) {
        let done = match talk {
            Talk::Hello => self.said_hello(step, reader, heard),
            Talk::Presence(challenge) => {
                self.proved(reader, challenge, heard);
                self.read_balances(step, reader);
                return;
            }
            Talk::Balances => self.said_balances(step, reader, heard),
            Talk::Entry(number) => self.said_entry(step, reader, *number, heard),
            _ => return,
        };
        let has_keys = self.originator.is_some();
        let Some(slot) = self.cards.slots.get_mut(&reader) else { return };
        match done {
            // The originator's keys came while the card was asked for other things.
            Ok(true) if has_keys && !slot.challenged && is_unchecked(slot) => {
                self.look(step, reader);
                return;
            }
            Ok(true) => slot.problem = None,
            Ok(false) => return,
            Err(problem) => slot.problem = Some(problem),
        }
        self.known_again(step, reader);
    }

    /// Ends the look at a card; gives whoever wanted something of it the answer.
    fn known_again(&mut self, step: &mut Step, reader: ReaderId) {
        let Some(slot) = self.cards.slots.get_mut(&reader) else { return };
        let first = slot.read.is_none();
        slot.read = Some(slot.hello.as_ref().map_or(0, |hello| hello.entries));
        let known = known_card(slot, step.now);
        let eager = match std::mem::replace(&mut slot.wish, Wish::None) {
            Wish::Done(result) => {
                let well = result.is_ok();
                step.report(Report::Card(reader, result));
                well
            }
            wish => {
                slot.wish = wish;
                first
            }
        };
        if let Some(known) = known
            && self.cards.known.get(&known.card).is_none_or(|old| old.balances != known.balances)
        {
            step.put(Store::Card, known.card, &known);
            self.cards.remember(known);
        }
        self.card_ready(step, reader, eager);
    }

    /// `true`: nothing more is to be asked.
    fn said_hello(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
        heard: Heard<'_>,
    ) -> Result<bool, Problem> {
        let hello: Hello = hear(heard)?;
        let originator = self.originator.as_ref().map(|keys| keys.key);
        let Some(slot) = self.cards.slots.get_mut(&reader) else { return Ok(true) };
        let certificate = hello.certificate.clone();
        let same = slot.hello.as_ref().is_some_and(|old| old.certificate == certificate);
        slot.hello = Some(hello);
        slot.challenged = false;
        if !same {
            slot.standing = Standing::Unchecked;
        }
        let (Some(certificate), true) = (certificate, speaks(slot)) else {
            slot.pockets.clear();
            slot.entries.clear();
            return Ok(true);
        };
        match (slot.standing, originator) {
            (Standing::Unchecked, Some(key)) if certificate.open(&key).is_err() => {
                slot.standing = Standing::NotGenuine;
                self.read_balances(step, reader);
            }
            (Standing::Unchecked, Some(_)) => {
                slot.challenged = true;
                let challenge = Challenge(step.draw().bytes());
                self.say(step, reader, Talk::Presence(challenge), &Prove { challenge });
            }
            _ => self.read_balances(step, reader),
        }
        Ok(false)
    }

    /// Whether the card signed the challenge under its certificate, which was checked before.
    fn proved(&mut self, reader: ReaderId, challenge: &Challenge, heard: Heard<'_>) {
        let Some(slot) = self.cards.slots.get_mut(&reader) else { return };
        let certificate = slot.hello.as_ref().and_then(|hello| hello.certificate.as_ref());
        let presence: Result<Attested<Presence>, Unsaid> = hear(heard);
        let Some(certificate) = certificate else { return };
        let presence = match presence {
            // It may still do so.
            Err(Unsaid::Silent | Unsaid::Refused(Status::StoreFailed)) => return,
            presence => presence,
        };
        let expected = Presence { card: certificate.claim.card, challenge: *challenge };
        let proved = presence.is_ok_and(|presence| {
            presence.open(&certificate.claim.key).is_ok_and(|it| *it == expected)
        });
        slot.standing = if proved { Standing::Genuine } else { Standing::NotGenuine };
    }

    /// Another tab speaks to the cards from now on: what is known here is which there are.
    pub(crate) fn leave_cards(&mut self) {
        for slot in self.cards.slots.values_mut() {
            let problem = Some(Fault::OtherTab.into());
            let (hello, standing) = (slot.hello.take(), slot.standing);
            *slot = Slot { hello, standing, problem, ..Slot::new() };
        }
    }

    /// Goes on showing the cards of an engine that this one takes the place of.
    pub(crate) fn keep_cards(&mut self, former: &mut Self) {
        self.cards.slots = std::mem::take(&mut former.cards.slots);
        self.leave_cards();
    }

    /// A card that another tab speaks to is gone.
    pub(crate) fn forget_card(&mut self, reader: ReaderId) {
        self.cards.slots.remove(&reader);
    }

    fn read_balances(&mut self, step: &mut Step, reader: ReaderId) {
        self.say(step, reader, Talk::Balances, &ReadBalances {});
    }

    fn said_balances(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
        heard: Heard<'_>,
    ) -> Result<bool, Problem> {
        let balances: Balances = hear(heard)?;
        let Some(slot) = self.cards.slots.get_mut(&reader) else { return Ok(true) };
        slot.pockets = balances.pockets.to_vec();
        let entries = slot.hello.as_ref().map_or(0, |hello| hello.entries);
        if slot.read.is_none() {
            slot.entries.clear();
        }
        let newest = entries.saturating_sub(ENTRIES_SHOWN);
        let from = slot.read.map_or(newest, |read| read.max(newest));
        if from >= entries {
            return Ok(true);
        }
        self.say(step, reader, Talk::Entry(from), &ReadEntry { entry: from });
        Ok(false)
    }

    fn said_entry(
        &mut self,
        step: &mut Step,
        reader: ReaderId,
        number: u32,
        heard: Heard<'_>,
    ) -> Result<bool, Problem> {
        let entry: Entry = hear(heard)?;
        let Some(slot) = self.cards.slots.get_mut(&reader) else { return Ok(true) };
        slot.entries.insert(0, entry);
        slot.entries.truncate(ENTRIES_SHOWN as usize);
        let next = number.saturating_add(1);
        if next >= slot.hello.as_ref().map_or(0, |hello| hello.entries) {
            return Ok(true);
        }
        self.say(step, reader, Talk::Entry(next), &ReadEntry { entry: next });
        Ok(false)
    }
}

/// Whether a card has been made one, and was not put back.
fn speaks(slot: &Slot) -> bool {
    let hello = slot.hello.as_ref().filter(|hello| hello.certificate.is_some());
    hello.is_some_and(|hello| matches!(hello.phase, Phase::Ready | Phase::Closed))
}

fn is_unchecked(slot: &Slot) -> bool {
    slot.standing == Standing::Unchecked && speaks(slot)
}

/// What the wallet remembers of a genuine card; nothing of terminals, whose money is not the
/// holder's.
fn known_card(slot: &Slot, now: koban_protocol::time::Time) -> Option<KnownCard> {
    let card = slot.card()?;
    let class = slot.hello.as_ref()?.certificate.as_ref()?.claim.class;
    let balances = slot.pockets.iter().map(|pocket| pocket.balance).collect();
    (class != Class::Terminal).then_some(KnownCard { card, class, balances, at: now })
}
