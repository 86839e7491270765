//! What an operation moves; exists only if inputs equal outputs (VC-10).

use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::amount::{Amount, Bundle};
use crate::id::{OperationId, ParticipantId};
use crate::online::tagged::issuer::Genuine;
use crate::refusal::Code;
use crate::signed::Signed;
use crate::statement::{AccountRef, DebitAuthorisation};

/// Value a payee had the issuer keep (aggregate, VC-5), named by the payment it came from.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct HeldClaim {
    /// The payment.
    #[n(0)]
    pub payment: OperationId,
    /// Its value.
    #[n(1)]
    pub amount: Amount,
}

/// Where the value of a movement comes from.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Coins whose tags were checked.
    pub coins: Vec<Genuine>,
    /// Held value, with its owner.
    pub held: Vec<HeldClaim>,
    /// Who must own the held value.
    pub owner: Option<ParticipantId>,
    /// A debit the bank must make first.
    pub debit: Option<(Signed<DebitAuthorisation>, AccountRef, Amount)>,
    /// Value owed to the originator for cards, which it has released.
    pub card: Option<Amount>,
    /// Whether expired coins within the refresh window are good (refresh).
    pub expired_too: bool,
}

/// Where the value of a movement goes.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// Fresh coins for whoever asked.
    pub fresh: Option<Bundle>,
    /// Change for the payer.
    pub change: Option<Bundle>,
    /// Value kept for a payee.
    pub held: Option<(ParticipantId, Amount)>,
    /// Money for an account.
    pub credit: Option<(AccountRef, Amount)>,
    /// Value owed to the originator from now on, for a card.
    pub card: Option<Amount>,
    /// Whom the fresh coins are recorded for at the register (VC-8), if anybody.
    pub holder: Option<ParticipantId>,
}

/// A balanced movement: one currency, every part above zero, inputs equal outputs, no coin twice.
#[derive(Clone, Debug)]
pub struct Movement {
    inputs: Inputs,
    outputs: Outputs,
    amount: Amount,
}

impl Movement {
    /// The movement, if it balances.
    ///
    /// # Errors
    /// [`Code::AmountInvalid`].
    pub fn balanced(inputs: Inputs, outputs: Outputs) -> Result<Self, Code> {
        let amount = total_in(&inputs).ok_or(Code::AmountInvalid)?;
        let out = total_out(&outputs).ok_or(Code::AmountInvalid)?;
        let mut ids: Vec<_> = inputs.coins.iter().map(|coin| coin.body().id.0).collect();
        ids.extend(inputs.held.iter().map(|claim| claim.payment.0));
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        let parts = inputs.held.iter().map(|claim| claim.amount);
        let parts = parts.chain(inputs.debit.iter().map(|(_, _, amount)| *amount));
        let parts = parts.chain(outputs.held.iter().map(|(_, amount)| *amount));
        let parts = parts.chain(outputs.credit.iter().map(|(_, amount)| *amount));
        let mut parts = parts.chain(inputs.card).chain(outputs.card);
        let some_zero = amount.is_zero() || parts.any(|part| part.is_zero());
        if amount != out || some_zero || ids.len() != count {
            return Err(Code::AmountInvalid);
        }
        Ok(Self { inputs, outputs, amount })
    }

    /// Where the value comes from.
    pub const fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Where it goes.
    pub const fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// How much moves.
    pub const fn amount(&self) -> Amount {
        self.amount
    }
}

fn total(amounts: impl Iterator<Item = Amount>) -> Option<Amount> {
    let mut sum: Option<Amount> = None;
    for amount in amounts {
        sum = Some(match sum {
            None => amount,
            Some(sum) => sum.checked_add(amount).ok()?,
        });
    }
    sum
}

fn total_in(inputs: &Inputs) -> Option<Amount> {
    let coins = inputs.coins.iter().map(|coin| coin.body().amount());
    let held = inputs.held.iter().map(|claim| claim.amount);
    let debit = inputs.debit.iter().map(|(_, _, amount)| *amount);
    total(coins.chain(held).chain(debit).chain(inputs.card))
}

fn total_out(outputs: &Outputs) -> Option<Amount> {
    let coins = outputs.fresh.iter().chain(&outputs.change).map(Bundle::total);
    let held = outputs.held.iter().map(|(_, amount)| *amount);
    let credit = outputs.credit.iter().map(|(_, amount)| *amount);
    total(coins.chain(held).chain(credit).chain(outputs.card))
}
