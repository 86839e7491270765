//! Coins bought, changed, turned into money, and given again (VC-3, VC-7).

use koban_protocol::amount::{Amount, Bundle, Currency, Denomination};
use koban_protocol::id::OperationId;
use koban_protocol::limits::COINS_MAX;
use koban_protocol::online::tagged::wallet::receive;
use koban_protocol::online::tagged::wire::{CoinBody, Coins};
use koban_protocol::process::AnswerError;
use koban_protocol::process::change::{Change, ChangeOrder};
use koban_protocol::process::purchase::{Purchase, PurchaseOrder};
use koban_protocol::process::redeem::{Redeem, RedeemOrder};
use koban_protocol::process::refund::{Refund, RefundOrder};
use koban_protocol::refusal::{Code, Evidence, Refusal};
use koban_protocol::signed::Signed;
use koban_protocol::statement::{CoinFault, CoinVerdict, DebitAuthorisation, IssuerKeys};
use koban_protocol::time::Time;
use koban_protocol::wire::List;

use super::Engine;
use super::choice::{self, Counts};
use super::event::HttpAnswer;
use super::problem::{Fault, Problem, unsealed};
use super::record::{HeldCoin, Order, Store, Transaction};
use super::saga::{Changing, Redeeming, Refunding, Saga, Withdrawing};
use super::step::{Next, Step, acknowledge};
use crate::view::{TransactionKind, TransactionState};

/// How long the bank may honour a debit authorisation, seconds.
const AUTHORISATION_S: u64 = 900;

impl Engine {
    /// The coins a withdrawal of `amount` asks for if the holder does not choose: see
    /// [`choice::handy`].
    ///
    /// # Errors
    /// [`Code::CurrencyUnknown`], [`Fault::TooManyCoins`], [`Fault::Network`] without issuer's
    /// keys.
    pub fn standard_bundle(&self, amount: Amount) -> Result<Bundle, Problem> {
        self.handy(amount, &[])
    }

    /// The coins to ask for when `amount` comes in and `leaving` go out.
    pub(super) fn handy(&self, amount: Amount, leaving: &[HeldCoin]) -> Result<Bundle, Problem> {
        let currency = amount.currency();
        let largest = largest(&self.issuer()?, currency)?;
        let leaves = |body: &CoinBody| leaving.iter().any(|held| held.coin.body.id == body.id);
        let stays: Vec<_> =
            self.spendable(currency, None).into_iter().filter(|body| !leaves(body)).collect();
        Ok(choice::handy(amount, largest, &Counts::of(&stays))?)
    }

    /// The coins of a currency that can be spent on the day of `now`, or all of them.
    pub(super) fn spendable(&self, currency: Currency, now: Option<Time>) -> Vec<CoinBody> {
        let good = |body: &&CoinBody| {
            body.currency == currency && now.is_none_or(|now| body.expiry >= now.day())
        };
        self.coins.values().map(|held| &held.coin.body).filter(good).copied().collect()
    }

    /// Coins worth `amount` or more, and the change to ask for. They stay where they are until
    /// [`remove`](Self::remove), so that a command that fails changes nothing.
    pub(super) fn choose(
        &self,
        amount: Amount,
        now: Time,
    ) -> Result<(Vec<HeldCoin>, Option<Bundle>), Problem> {
        let coins = self.spendable(amount.currency(), Some(now));
        let ids = choice::choose(&coins, amount, self.issuer()?.shards)?;
        let coins: Vec<_> = ids.iter().filter_map(|id| self.coins.get(id)).cloned().collect();
        let rest = worth(&coins, amount.currency()).checked_sub(amount);
        let rest = rest.map_err(|_| Problem::from(Code::AmountInvalid))?;
        let change = if rest.is_zero() { None } else { Some(self.handy(rest, &coins)?) };
        Ok((coins, change))
    }

    /// Takes coins out of what can be spent.
    pub(super) fn remove(&mut self, step: &mut Step, coins: &[HeldCoin]) {
        for held in coins {
            let id = held.coin.body.id;
            step.delete(Store::Coin, id);
            self.coins.remove(&id);
        }
    }

    pub(super) fn withdraw(
        &mut self,
        step: &mut Step,
        bundle: Bundle,
        recoverable: bool,
    ) -> Result<(), Problem> {
        let issuer = self.issuer()?;
        let largest = largest(&issuer, bundle.currency())?;
        let fits = bundle.counts().iter().all(|(denomination, _)| *denomination <= largest);
        let amount = bundle.total();
        if amount.is_zero() || !fits {
            return Err(Code::AmountInvalid.into());
        }
        let refunding = |saga: &Saga| matches!(saga, Saga::Refunding(_));
        if recoverable && self.find_open(refunding).is_some() {
            // The refund would replace the new coins as well.
            return Err(Fault::Busy.into());
        }
        let account = self.account()?.clone();
        let (identity, certified) = self.holder()?;
        let id = OperationId::fresh(None, issuer.shards, step.draw());
        let key = identity.account_key(account.bank.as_str());
        let expires = step.now.plus(AUTHORISATION_S);
        let debit =
            DebitAuthorisation { operation: id, account, issuer: issuer.key.id(), amount, expires };
        let order = PurchaseOrder {
            certificate: certified.signed.clone(),
            bundle: bundle.clone(),
            authorisation: Signed::sign(&debit, &key),
            recoverable,
            at: step.now,
        };
        let order = Signed::sign(&order, &identity.participant);
        let order = Order::seal::<Purchase>(id, &order, &issuer, step.draw())?;
        let mut transaction =
            Transaction::open(TransactionKind::Withdrawal, step.now, Some(amount));
        transaction.counterparty = self.account_name();
        let state = Withdrawing { order, bundle, recoverable };
        self.begin(step, id, transaction, Saga::Withdrawing(state));
        Ok(())
    }

    pub(super) fn withdrawn(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Withdrawing,
        answer: &HttpAnswer,
    ) -> Next {
        match state.order.asked::<Purchase>().answer(&answer.body) {
            Ok(coins) => match self.accept(step, id, coins, &state.bundle, state.recoverable) {
                Ok(()) => self.end(step, id, TransactionState::Done, |_| ()),
                Err(problem) => return Next::Wait(problem),
            },
            Err(AnswerError::Refused(refusal)) => self.refused(step, id, refusal),
            Err(AnswerError::NotAnAnswer) => return Next::Wait(unsealed(answer)),
        }
        acknowledge::<Purchase>(&state.order)
    }

    /// Holds coins that an operation made, if they are what it asked for. They are judged by the
    /// day it began, since its answer may come late: expired ones can still be refreshed.
    pub(super) fn accept(
        &mut self,
        step: &mut Step,
        id: OperationId,
        coins: Coins,
        bundle: &Bundle,
        recorded: bool,
    ) -> Result<(), Problem> {
        let at = self.transactions.get(&id).map_or(step.now, |it| it.at().min(step.now));
        let coins = receive(coins, bundle, at)
            .map_err(|_| Problem::with(Fault::IssuerMisbehaved, "coins"))?;
        self.hold(step, coins.into_iter().map(|coin| HeldCoin { coin, recorded }));
        Ok(())
    }

    pub(super) fn change(&mut self, step: &mut Step, bundle: Bundle) -> Result<(), Problem> {
        let largest = largest(&self.issuer()?, bundle.currency())?;
        let fits = bundle.counts().iter().all(|(denomination, _)| *denomination <= largest);
        if bundle.total().is_zero() || !fits {
            return Err(Code::AmountInvalid.into());
        }
        let amount = bundle.total();
        let (coins, rest) = self.choose(amount, step.now)?;
        let bundle = match rest {
            Some(rest) => choice::together(&bundle, &rest)?,
            None => bundle,
        };
        let (id, saga) = self.change_order(step, coins.clone(), bundle, false)?;
        self.remove(step, &coins);
        let transaction = Transaction::open(TransactionKind::Change, step.now, Some(amount));
        self.begin(step, id, transaction, saga);
        Ok(())
    }

    /// Changes the smallest coins, as many as one operation takes, for fewer.
    pub(super) fn merge(&mut self, step: &mut Step, currency: Currency) -> Result<(), Problem> {
        let mut coins = self.spendable(currency, Some(step.now));
        coins.sort_unstable_by_key(|body| (body.denomination, body.id));
        coins.truncate(COINS_MAX);
        let coins: Vec<_> =
            coins.iter().filter_map(|body| self.coins.get(&body.id)).cloned().collect();
        let amount = worth(&coins, currency);
        let bundle = self.handy(amount, &coins)?;
        if bundle.coins() >= coins.len() {
            return Err(Fault::TooManyCoins.into());
        }
        let (id, saga) = self.change_order(step, coins.clone(), bundle, false)?;
        self.remove(step, &coins);
        let transaction = Transaction::open(TransactionKind::Change, step.now, Some(amount));
        self.begin(step, id, transaction, saga);
        Ok(())
    }

    /// An order that changes `coins` into `bundle`, of the same value.
    pub(super) fn change_order(
        &self,
        step: &mut Step,
        coins: Vec<HeldCoin>,
        bundle: Bundle,
        refresh: bool,
    ) -> Result<(OperationId, Saga), Problem> {
        let issuer = self.issuer()?;
        let near = coins.first().map(|held| held.coin.body.id);
        let id = OperationId::fresh(near, issuer.shards, step.draw());
        let order = seal_change(id, &coins, &bundle, refresh, &issuer, step)?;
        Ok((id, Saga::Changing(Changing { order, coins, bundle })))
    }

    pub(super) fn changed(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Changing,
        answer: &HttpAnswer,
    ) -> Next {
        match state.order.asked::<Change>().answer(&answer.body) {
            Ok(coins) => match self.accept(step, id, coins, &state.bundle, false) {
                Ok(()) => self.end(step, id, TransactionState::Done, |_| ()),
                Err(problem) => return Next::Wait(problem),
            },
            Err(AnswerError::Refused(refusal)) => {
                self.refused_with(step, id, refusal, state.coins);
            }
            Err(AnswerError::NotAnAnswer) => return Next::Wait(unsealed(answer)),
        }
        acknowledge::<Change>(&state.order)
    }

    pub(super) fn redeem(&mut self, step: &mut Step, amount: Amount) -> Result<(), Problem> {
        let issuer = self.issuer()?;
        largest(&issuer, amount.currency())?;
        if amount.is_zero() {
            return Err(Code::AmountInvalid.into());
        }
        self.account()?;
        let (identity, certified) = self.holder()?;
        let (coins, change) = self.choose(amount, step.now)?;
        let near = coins.first().map(|held| held.coin.body.id);
        let id = OperationId::fresh(near, issuer.shards, step.draw());
        let order = RedeemOrder {
            certificate: certified.signed.clone(),
            coins: on_wire(&coins),
            held: List::default(),
            amount,
            change: change.clone(),
            at: step.now,
        };
        let order = Signed::sign(&order, &identity.participant);
        let order = Order::seal::<Redeem>(id, &order, &issuer, step.draw())?;
        let mut transaction =
            Transaction::open(TransactionKind::Redemption, step.now, Some(amount));
        transaction.counterparty = self.account_name();
        self.remove(step, &coins);
        let state = Redeeming { order, coins, amount, change };
        self.begin(step, id, transaction, Saga::Redeeming(state));
        Ok(())
    }

    pub(super) fn redeemed(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Redeeming,
        answer: &HttpAnswer,
    ) -> Next {
        match state.order.asked::<Redeem>().answer(&answer.body) {
            Ok(outcome) if outcome.amount != state.amount => {
                return Next::Wait(Problem::with(Fault::IssuerMisbehaved, "redeemed amount"));
            }
            Ok(outcome) => {
                let none = Bundle::new(state.amount.currency(), Vec::new());
                let asked = state.change.as_ref().or(none.as_ref().ok());
                let change = state.change.as_ref().map(Bundle::total);
                let accepted = asked
                    .ok_or(Problem::from(Fault::IssuerMisbehaved))
                    .and_then(|bundle| self.accept(step, id, outcome.change, bundle, false));
                if let Err(problem) = accepted {
                    return Next::Wait(problem);
                }
                self.end(step, id, TransactionState::Done, |it| it.change = change);
            }
            Err(AnswerError::Refused(refusal)) => {
                self.refused_with(step, id, refusal, state.coins);
            }
            Err(AnswerError::NotAnAnswer) => return Next::Wait(unsealed(answer)),
        }
        acknowledge::<Redeem>(&state.order)
    }

    pub(super) fn refund(&mut self, step: &mut Step, currency: Currency) -> Result<(), Problem> {
        let issuer = self.issuer()?;
        largest(&issuer, currency)?;
        let open =
            |saga: &Saga| matches!(saga, Saga::Refunding(state) if state.currency == currency);
        if let Some(id) = self.find_open(open) {
            self.go_on(step, id);
            step.report(super::Report::Started(id));
            return Ok(());
        }
        let recorded = |held: &HeldCoin| held.recorded && held.coin.body.currency == currency;
        // A refund replaces all recorded coins, wherever they are: none may be on its way.
        let arriving = |saga: &Saga| matches!(saga, Saga::Withdrawing(state) if state.recoverable);
        let leaving = self.sagas.values().flat_map(|open| open.saga.coins()).any(recorded);
        if leaving || self.find_open(arriving).is_some() {
            return Err(Fault::Busy.into());
        }
        let (identity, certified) = self.holder()?;
        let order = RefundOrder { certificate: certified.signed.clone(), currency, at: step.now };
        let order = Signed::sign(&order, &identity.participant);
        let id = OperationId::fresh(None, issuer.shards, step.draw());
        let order = Order::seal::<Refund>(id, &order, &issuer, step.draw())?;
        let coins: Vec<_> = self.coins.values().filter(|it| recorded(it)).cloned().collect();
        self.remove(step, &coins);
        let transaction = Transaction::open(TransactionKind::Refund, step.now, None);
        self.begin(step, id, transaction, Saga::Refunding(Refunding { order, coins, currency }));
        Ok(())
    }

    pub(super) fn refunded(
        &mut self,
        step: &mut Step,
        id: OperationId,
        state: Refunding,
        answer: &HttpAnswer,
    ) -> Next {
        match state.order.asked::<Refund>().answer(&answer.body) {
            Ok(coins) => {
                let counts = Counts::of(coins.iter().map(|coin| &coin.body));
                let accepted = choice::bundle(state.currency, &counts)
                    .map_err(Problem::from)
                    .and_then(|bundle| {
                        self.accept(step, id, coins, &bundle, true)?;
                        Ok(bundle.total())
                    });
                let amount = match accepted {
                    Ok(amount) => amount,
                    Err(problem) => return Next::Wait(problem),
                };
                self.end(step, id, TransactionState::Done, |it| it.amount = Some(amount));
                self.sort_out(step, state.coins, state.currency);
            }
            Err(AnswerError::Refused(refusal)) => {
                self.refused_with(step, id, refusal, state.coins);
            }
            Err(AnswerError::NotAnAnswer) => return Next::Wait(unsealed(answer)),
        }
        acknowledge::<Refund>(&state.order)
    }

    /// After a refund: the coins that were in the wallet all along are changed, without a
    /// transaction of their own. Those that the refund replaced are named as dead, and dropped.
    fn sort_out(&mut self, step: &mut Step, coins: Vec<HeldCoin>, currency: Currency) {
        for group in coins.chunks(COINS_MAX) {
            if self.renew(step, group, currency).is_err() {
                self.hold(step, group.to_vec());
            }
        }
    }

    /// Changes coins for new ones of the same value; also expired ones, within the refresh window.
    fn renew(
        &mut self,
        step: &mut Step,
        coins: &[HeldCoin],
        currency: Currency,
    ) -> Result<OperationId, Problem> {
        let bundle = self.handy(worth(coins, currency), coins)?;
        let (id, saga) = self.change_order(step, coins.to_vec(), bundle, true)?;
        self.remove(step, coins);
        self.go(step, id, saga);
        Ok(id)
    }

    /// Changes the coins in the last third of their life, and expired ones that still can be.
    pub(super) fn refresh_old(&mut self, step: &mut Step) {
        let Ok(issuer) = self.issuer() else { return };
        let today = step.now.day();
        let soon = today.plus(issuer.coin_lifetime_days / 3);
        let old =
            |body: &CoinBody| body.expiry <= soon && body.expiry.plus(issuer.refresh_days) >= today;
        for info in issuer.currencies.iter() {
            let of =
                |held: &&HeldCoin| held.coin.body.currency == info.currency && old(&held.coin.body);
            let coins: Vec<_> = self.coins.values().filter(of).cloned().collect();
            for group in coins.chunks(COINS_MAX) {
                // What cannot be asked for now stays as it is until the wallet opens again.
                if let Ok(id) = self.renew(step, group, info.currency) {
                    let amount = Some(worth(group, info.currency));
                    let transaction = Transaction::open(TransactionKind::Change, step.now, amount);
                    self.record(step, id, transaction);
                }
            }
        }
    }

    /// Ends an operation that was refused and had no coins in it.
    pub(super) fn refused(
        &mut self,
        step: &mut Step,
        id: OperationId,
        refusal: impl Into<Refusal>,
    ) {
        let refusal = refusal.into();
        self.end(step, id, TransactionState::Refused, |it| {
            it.problem = Some(refusal.code.into());
            it.evidence = refusal.evidence;
        });
    }

    /// Ends an operation that was refused: coins that the issuer's signed statement names as not
    /// live leave the wallet, the others are free again.
    pub(super) fn refused_with(
        &mut self,
        step: &mut Step,
        id: OperationId,
        refusal: Refusal,
        coins: Vec<HeldCoin>,
    ) {
        let verdict = self.verdict(&refusal);
        let (lost, free) = split(coins, verdict.as_ref());
        let currency = lost.first().map(|held| held.coin.body.currency);
        let names: Vec<_> = lost.iter().map(|held| held.coin.body.id.to_string()).collect();
        self.hold(step, free);
        self.end(step, id, TransactionState::Refused, |it| {
            let detail = names.join(" ");
            it.problem = Some(Problem { detail, ..Problem::from(refusal.code) });
            it.evidence = refusal.evidence;
            it.lost = currency.map(|currency| worth(&lost, currency));
        });
    }

    /// The issuer's statement in a refusal about bad coins, if the issuer signed it.
    pub(super) fn verdict(&self, refusal: &Refusal) -> Option<CoinVerdict> {
        match &refusal.evidence {
            Some(Evidence::BadCoins(verdict)) => verdict.open(&self.keys.as_ref()?.key).ok(),
            Some(Evidence::Mismatch(_)) | None => None,
        }
    }
}

/// The largest coin of a currency.
pub(super) fn largest(issuer: &IssuerKeys, currency: Currency) -> Result<Denomination, Problem> {
    let info = issuer.currency(currency).ok_or(Problem::from(Code::CurrencyUnknown))?;
    Ok(info.largest)
}

/// What coins are worth.
pub(super) fn worth(coins: &[HeldCoin], currency: Currency) -> Amount {
    let minor = Counts::of(coins.iter().map(|held| &held.coin.body)).total();
    Amount::new(currency, minor).unwrap_or(Amount::zero(currency))
}

/// The coins as a message holds them.
pub(super) fn on_wire(coins: &[HeldCoin]) -> Coins {
    Coins::new(coins.iter().map(|held| held.coin.clone()).collect()).unwrap_or_default()
}

/// Seals an order that changes `coins` into `bundle`.
pub(super) fn seal_change(
    id: OperationId,
    coins: &[HeldCoin],
    bundle: &Bundle,
    refresh: bool,
    issuer: &IssuerKeys,
    step: &mut Step,
) -> Result<Order, Problem> {
    let (coins, bundle) = (on_wire(coins), bundle.clone());
    let order = ChangeOrder { coins, bundle, refresh, at: step.now };
    Order::seal::<Change>(id, &order, issuer, step.draw())
}

/// Coins that a verdict names as not live, and the others.
pub(super) fn split(
    coins: Vec<HeldCoin>,
    verdict: Option<&CoinVerdict>,
) -> (Vec<HeldCoin>, Vec<HeldCoin>) {
    let dead = |held: &HeldCoin| {
        verdict.is_some_and(|verdict| {
            let named = |bad: &&koban_protocol::statement::BadCoin| bad.coin == held.coin.body.id;
            verdict.bad.iter().any(|bad| named(&bad) && bad.fault == CoinFault::NotLive)
        })
    };
    coins.into_iter().partition(dead)
}
