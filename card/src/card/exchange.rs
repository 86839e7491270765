//! The exchange (MONDEX-1): request, value, acknowledgement; and what an interruption leaves.

use koban_protocol::offline::purse::wire::{
    Acknowledgement, End, Entry, Link, Message, Party, Proof, Request, Side, Transfer, Value,
};

use super::{Card, Halt};
use crate::Status;
use crate::command::{Abort, Ask, Finish, Last, Nothing, Pay, Resume, Take};
use crate::platform::{Button, Platform, Prompt};
use crate::state::{Step, nobody};

impl<P: Platform> Card<P> {
    pub(super) fn ask(&mut self, it: Ask) -> Result<Message<Request>, Halt> {
        self.check_free()?;
        let settled_payer = match it.link {
            Link::Originator => it.payer.is_none(),
            Link::Terminal(_) => it.payer.is_some(),
            Link::Peer => true,
        };
        if !settled_payer || it.amount.is_zero() || it.payer.is_some_and(|it| self.is_self(it)) {
            return Err(Status::BadData.into());
        }
        self.check_link(it.link)?;
        let mut next = self.state()?.clone();
        let pocket = next.pocket(it.amount.currency())?;
        let after = pocket.balance.checked_add(it.amount).map_err(|_| Status::OverLimit)?;
        if after.minor() > pocket.limits.balance {
            return Err(Status::OverLimit.into());
        }
        let payee =
            Party { card: self.keys()?.certificate.claim.card, number: next.next_number()? };
        let Ask { link, payer, amount } = it;
        let request = Request { link, payee, payer, amount };
        let proof = self.prove_request(&request)?;
        let message = Message { content: request, proof };
        next.step = Step::Asked(message.clone());
        self.commit(next, None)?;
        Ok(message)
    }

    pub(super) fn pay(&mut self, it: &Pay, button: Button) -> Result<Message<Value>, Halt> {
        let request = &it.0.content;
        if let Step::Paid(value) = &self.state()?.step
            && request.answered_by(value.content.0.payer) == Some(value.content.0)
        {
            return Ok(value.clone());
        }
        self.check_free()?;
        self.check_pin()?;
        let mut next = self.state()?.clone();
        let me = Party { card: self.keys()?.certificate.claim.card, number: next.next_number()? };
        let transfer = request.answered_by(me).ok_or(Status::BadData)?;
        if self.is_self(transfer.payee) || transfer.amount.is_zero() {
            return Err(Status::BadData.into());
        }
        self.check_link(transfer.link)?;
        // Not a second time for a request that the holder was asked about meanwhile.
        if self.proven.take().as_ref() != Some(&it.0)
            && let Err(status) =
                self.check(transfer.link, transfer.payee.card, request, &it.0.proof)
        {
            return Err(self.fault(status)?);
        }
        let to_originator = transfer.link == Link::Originator;
        let pocket = next.pocket(transfer.amount.currency())?;
        let left = pocket.balance.checked_sub(transfer.amount).map_err(|_| Status::TooLittle)?;
        let paid = pocket.unsettled.saturating_add(transfer.amount.minor());
        let over =
            transfer.amount.minor() > pocket.limits.payment || paid > pocket.limits.unsettled;
        if over && !to_originator {
            return Err(self.fault(Status::OverLimit)?);
        }
        let confirmed = self.confirm(Prompt::Pay(transfer.payee, transfer.amount), button);
        if let Err(Halt::Ask(_)) = confirmed {
            self.proven = Some(it.0.clone());
        }
        confirmed?;
        pocket.balance = left;
        if !to_originator {
            pocket.unsettled = paid;
        }
        let value = Value(transfer);
        let mut proof = self.prove(transfer.link, transfer.payee.card, &value)?;
        if let (Link::Terminal(_), Proof::Keyed(_, _, certificate)) = (transfer.link, &mut proof) {
            *certificate = Some(self.keys()?.certificate.clone());
        }
        let message = Message { content: value, proof };
        next.faults = 0;
        next.step = Step::Paid(message.clone());
        self.commit(next, None)?;
        Ok(message)
    }

    pub(super) fn take(&mut self, it: &Take) -> Result<Message<Acknowledgement>, Halt> {
        let transfer = it.0.content.0;
        let asked = match &self.state()?.step {
            Step::Taken(last) if last.content.0 == transfer => return Ok(last.clone()),
            Step::Asked(asked) => asked.content,
            Step::Idle | Step::Taken(_) | Step::Paid(_) => return Err(Status::WrongState.into()),
        };
        if asked.answered_by(transfer.payer) != Some(transfer) || self.is_self(transfer.payer) {
            return Err(Status::BadData.into());
        }
        let (link, payer) = (transfer.link, transfer.payer.card);
        if let Err(status) = self.check(link, payer, &it.0.content, &it.0.proof) {
            return Err(self.fault(status)?);
        }
        let mut next = self.state()?.clone();
        let pocket = next.pocket(transfer.amount.currency())?;
        pocket.balance =
            pocket.balance.checked_add(transfer.amount).map_err(|_| Status::OverLimit)?;
        let signature = it.0.proof.signature().copied();
        let entry = Entry { transfer, side: Side::Payee, end: End::Done, signature };
        next.log(&entry)?;
        let acknowledgement = Acknowledgement(transfer);
        let proof = self.prove(link, payer, &acknowledgement)?;
        let message = Message { content: acknowledgement, proof };
        next.faults = 0;
        next.step = Step::Taken(message.clone());
        self.commit(next, Some(&entry))?;
        Ok(message)
    }

    pub(super) fn finish(&mut self, it: &Finish) -> Result<Nothing, Halt> {
        let transfer = it.0.content.0;
        match &self.state()?.step {
            Step::Paid(value) if value.content.0 == transfer => {}
            Step::Paid(_) => return Err(Status::BadData.into()),
            Step::Idle | Step::Taken(_) | Step::Asked(_) => return Err(Status::WrongState.into()),
        }
        let payee = transfer.payee.card;
        if let Err(status) = self.check(transfer.link, payee, &it.0.content, &it.0.proof) {
            return Err(self.fault(status)?);
        }
        let signature = it.0.proof.signature().copied();
        let entry = Entry { transfer, side: Side::Payer, end: End::Done, signature };
        self.end(&entry)
    }

    pub(super) fn resume(&mut self, _: Resume) -> Result<Last, Halt> {
        match &self.state()?.step {
            Step::Idle => Err(Status::WrongState.into()),
            Step::Asked(message) => Ok(Last::Request(message.clone())),
            Step::Paid(message) => Ok(Last::Value(message.clone())),
            Step::Taken(message) => Ok(Last::Acknowledgement(message.clone())),
        }
    }

    /// After the value left, the button is needed: a page must not give the holder's money up.
    pub(super) fn abort(&mut self, _: Abort, button: Button) -> Result<Nothing, Halt> {
        let (transfer, side) = match &self.state()?.step {
            Step::Asked(Message { content, .. }) => {
                let payer = nobody(content);
                let Request { link, payee, amount, .. } = *content;
                (Transfer { link, payee, payer, amount }, Side::Payee)
            }
            Step::Paid(Message { content, .. }) => (content.0, Side::Payer),
            Step::Idle | Step::Taken(_) => return Err(Status::WrongState.into()),
        };
        if side == Side::Payer {
            self.confirm(Prompt::Abort, button)?;
        }
        self.end(&Entry { transfer, side, end: End::Broken, signature: None })
    }

    /// Ends the open exchange with an entry.
    fn end(&mut self, entry: &Entry) -> Result<Nothing, Halt> {
        let mut next = self.state()?.clone();
        next.log(entry)?;
        next.step = Step::Idle;
        self.commit(next, Some(entry))?;
        Ok(Nothing {})
    }

    fn is_self(&self, party: Party) -> bool {
        self.keys().is_ok_and(|keys| keys.certificate.claim.card == party.card)
    }

    /// Counts a fault; gives the status it is answered with.
    fn fault(&mut self, status: Status) -> Result<Halt, Status> {
        let mut next = self.state()?.clone();
        next.fault();
        self.commit(next, None)?;
        Ok(status.into())
    }

    /// A card with a button does it only when the button is pressed.
    pub(super) fn confirm(&self, prompt: Prompt, button: Button) -> Result<(), Halt> {
        match button {
            _ if !self.platform.features().button => Ok(()),
            Button::Pressed => Ok(()),
            Button::Unasked => Err(Halt::Ask(prompt)),
            Button::Refused => Err(Status::Refused.into()),
        }
    }
}
