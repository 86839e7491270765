//! What its owner, or a terminal's staff, does with a card: PIN and lock (MONDEX-2).

use koban_protocol::id::Digest;
use koban_protocol::offline::purse::wire::Class;
use subtle::ConstantTimeEq as _;

use super::{Card, Halt};
use crate::Status;
use crate::command::{
    Balances, ChangePin, Lock, Nothing, PIN_TRIES, Pin, ReadBalances, Unlock, VerifyPin,
};
use crate::platform::{Button, Platform, Prompt};
use crate::state::PinState;

impl<P: Platform> Card<P> {
    pub(super) fn verify_pin(&mut self, it: &VerifyPin, button: Button) -> Result<Nothing, Halt> {
        self.keys()?;
        self.try_pin(&it.pin, button)?;
        self.verified = true;
        Ok(Nothing {})
    }

    pub(super) fn change_pin(&mut self, it: &ChangePin, button: Button) -> Result<Nothing, Halt> {
        self.keys()?;
        match (&it.old, self.state()?.pin) {
            (None, None) => self.confirm(Prompt::Pin, button)?,
            (Some(old), Some(_)) => self.try_pin(old, button)?,
            (None, Some(_)) => return Err(Status::NotAllowed.into()),
            (Some(_), None) => return Err(Status::WrongState.into()),
        }
        let mut next = self.state()?.clone();
        next.pin = Some(PinState::new(self.verifier(&it.new)?));
        self.commit(next, None)?;
        self.verified = true;
        Ok(Nothing {})
    }

    /// Locking needs a PIN to be set, as unlocking does.
    pub(super) fn lock(&mut self, _: Lock) -> Result<Nothing, Halt> {
        self.keys()?;
        let mut next = self.state()?.clone();
        if next.pin.is_none() {
            return Err(Status::NotAllowed.into());
        }
        next.locked = true;
        self.commit(next, None)?;
        self.verified = false;
        Ok(Nothing {})
    }

    pub(super) fn unlock(&mut self, it: &Unlock, button: Button) -> Result<Nothing, Halt> {
        self.keys()?;
        self.try_pin(&it.pin, button)?;
        let mut next = self.state()?.clone();
        next.locked = false;
        self.commit(next, None)?;
        self.verified = true;
        Ok(Nothing {})
    }

    pub(super) fn read_balances(&mut self, _: ReadBalances) -> Result<Balances, Halt> {
        self.keys()?;
        Ok(Balances { pockets: self.state()?.pockets.clone() })
    }

    /// Paying needs the PIN if one is set; out of a terminal it needs one to be set.
    pub(super) fn check_pin(&self) -> Result<(), Status> {
        let needed = self.class() == Class::Terminal || self.state()?.pin.is_some();
        if self.verified || !needed { Ok(()) } else { Err(Status::NotAllowed) }
    }

    /// Compares a PIN. The try is taken off and written before; after a wrong one the next needs
    /// the button, so that a page cannot use the tries up.
    fn try_pin(&mut self, pin: &Pin, button: Button) -> Result<(), Halt> {
        let mut next = self.state()?.clone();
        let state = next.pin.as_mut().ok_or(Status::WrongState)?;
        if state.tries < PIN_TRIES && state.tries > 0 {
            self.confirm(Prompt::Pin, button)?;
        }
        state.tries = state.tries.checked_sub(1).ok_or(Status::PinBlocked)?;
        let left = state.tries;
        let expected = state.verifier;
        self.verified = false;
        self.commit(next, None)?;
        if !bool::from(self.verifier(pin)?.0.ct_eq(&expected.0)) {
            return Err(Status::WrongPin(left).into());
        }
        let mut next = self.state()?.clone();
        next.pin = Some(PinState::new(expected));
        self.commit(next, None)?;
        Ok(())
    }

    /// `HKDF(seed, "pin" || digits)`: without the card's seed no PIN can be tried.
    fn verifier(&self, pin: &Pin) -> Result<Digest, Status> {
        let identity = self.memory()?.identity.1.as_ref().ok_or(Status::WrongState)?;
        Ok(Digest(*identity.born.derive(&[b"pin", pin.expose().as_bytes()]).expose()))
    }
}
