//! What an operation asks of others: the bank's debit, other shards' coins, the register's notes.

use std::collections::BTreeMap;

use http::{Request, StatusCode};
use koban_protocol::amount::Currency;
use koban_protocol::id::{OperationId, ParticipantId};
use koban_protocol::key::VerifyingKey;
use koban_protocol::limits::COINS_MAX;
use koban_protocol::online::tagged::wire::CoinBody;
use koban_protocol::process::{Desk, Prepared};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{
    BankAct, BankConfirmation, Collection, NotedCoins, OriginatorKeys, Purpose, RegisterKeys,
    RegisterLookup,
};
use koban_protocol::time::Time;
use koban_protocol::wire::{self, List};

use super::super::message::{ClaimAnswer, ClaimOrder, LiveAnswer, LiveOrder};
use super::Shard;
use super::operate::Remote;
use crate::answer::{CBOR, Fault};
use crate::host::{Address, Class, HttpResponse, ObjectHost};
use crate::role::peer;
use crate::sql::StoreError;

impl<H: ObjectHost> Shard<H> {
    /// Has the bank move the money to the reserve (W2); its refusal is final, its silence is not.
    pub(super) async fn debit(
        &self,
        desk: &Desk,
        prepared: &Prepared,
    ) -> Result<Result<(), Code>, Fault> {
        let Some((authorisation, account, amount)) = &prepared.movement().inputs().debit else {
            return Err(StoreError::Invariant("a debit without an authorisation").into());
        };
        let Some(bank) = desk.keys().bank(&account.bank) else {
            return Ok(Err(Code::AccountForeign));
        };
        let collection = desk.sign(&Collection { authorisation: authorisation.clone() });
        let to = Address::Peer(account.bank.as_str().to_owned());
        let url = format!("{}/debits", bank.url);
        let response = self.post(&to, &url, wire::encode(&collection)).await?;
        if response.status() == StatusCode::OK {
            let confirmed: Signed<BankConfirmation> =
                wire::decode_exact(response.body()).map_err(|_| Code::PeerUnreachable)?;
            let confirmed = confirmed.open(&bank.key).map_err(|_| Code::PeerUnreachable)?;
            let operation = prepared.operation();
            let expected = BankConfirmation { operation, act: BankAct::Debited, amount: *amount };
            return if confirmed == expected {
                Ok(Ok(()))
            } else {
                Err(Code::PeerUnreachable.into())
            };
        }
        if response.status().is_client_error() {
            return Ok(Err(Code::DebitRefused));
        }
        Err(Code::PeerUnreachable.into())
    }

    /// Claims what lives in other shards; gives what is missing there.
    pub(super) async fn claim_remote(
        &self,
        prepared: &Prepared,
        remote: &Remote,
    ) -> Result<(Vec<CoinBody>, bool), Fault> {
        let (mut missing, mut held_missing) = (Vec::new(), false);
        for (shard, (coins, held)) in remote {
            let order = ClaimOrder {
                operation: prepared.operation(),
                coins: List::new(coins.clone()).unwrap_or_default(),
                held: List::new(held.clone()).unwrap_or_default(),
                owner: prepared.movement().inputs().owner,
            };
            let answer: ClaimAnswer = self.ask_shard(*shard, "claims", &order).await?;
            missing.extend(answer.missing.into_vec());
            held_missing |= answer.held_missing;
        }
        Ok((missing, held_missing))
    }

    /// The coins of other shards that are not live, so that a verdict names every bad coin (P4).
    pub(super) async fn missing_remote(&self, remote: &Remote) -> Result<Vec<CoinBody>, Fault> {
        let mut missing = Vec::new();
        for (shard, (coins, _)) in remote {
            let ids = coins.iter().map(|coin| coin.id).collect();
            let order = LiveOrder::new(ids).unwrap_or_default();
            let live: LiveAnswer = self.ask_shard(*shard, "live", &order).await?;
            missing.extend(coins.iter().filter(|coin| !live.contains(coin)));
        }
        Ok(missing)
    }

    /// The live coins that the register noted for a holder: a deliberate, logged look-up (VC-8).
    pub(super) async fn recorded(
        &self,
        desk: &Desk,
        operation: OperationId,
        holder: ParticipantId,
        currency: Currency,
    ) -> Result<Vec<CoinBody>, Fault> {
        let reason = Purpose::new("refund asked for by the holder").ok_or(Code::Internal)?;
        let noted = self.noted(desk, operation, holder, reason).await?;
        let mut by_shard: BTreeMap<u16, Vec<_>> = BTreeMap::new();
        for coin in noted.iter().copied() {
            by_shard.entry(coin.shard(desk.keys().shards).0).or_default().push(coin);
        }
        let mut live = Vec::new();
        for (shard, ids) in by_shard {
            let order = LiveOrder::new(ids).unwrap_or_default();
            let answer: LiveAnswer = if operation.shard(desk.keys().shards).0 == shard {
                List::new(self.store().live(&order)?).unwrap_or_default()
            } else {
                self.ask_shard(shard, "live", &order).await?
            };
            live.extend(answer.iter().filter(|coin| coin.currency == currency).copied());
        }
        live.truncate(COINS_MAX);
        Ok(live)
    }

    async fn noted(
        &self,
        desk: &Desk,
        operation: OperationId,
        holder: ParticipantId,
        reason: Purpose,
    ) -> Result<NotedCoins, Fault> {
        let register = peer::keys_of::<RegisterKeys, _>(&self.host, "register").await?;
        let at = self.host.now();
        let lookup = desk.sign(&RegisterLookup { holder, reason, operation, at });
        super::super::look_up(&self.host, &register, operation, &lookup).await
    }

    /// The key that the originator signs releases with, pinned.
    pub(super) async fn originator(&self) -> Result<VerifyingKey, Fault> {
        Ok(peer::keys_of::<OriginatorKeys, _>(&self.host, "originator").await?.key)
    }

    async fn ask_shard<Q, A>(&self, shard: u16, path: &str, order: &Q) -> Result<A, Fault>
    where
        Q: wire::Wire,
        A: wire::Wire,
    {
        let to = Address::Object(Class::Shard, shard.to_string());
        let response = self.post(&to, &format!("http://shard/{path}"), wire::encode(order)).await?;
        if response.status() != StatusCode::OK {
            return Err(Code::PeerUnreachable.into());
        }
        wire::decode_exact(response.body()).map_err(|_| Code::PeerUnreachable.into())
    }

    /// Posts a message; no answer is [`Code::PeerUnreachable`].
    pub(super) async fn post(
        &self,
        to: &Address,
        url: &str,
        message: Vec<u8>,
    ) -> Result<HttpResponse, Fault> {
        let request = Request::post(url).header(http::header::CONTENT_TYPE, CBOR).body(message);
        let request = request.map_err(|_| Code::Internal)?;
        self.host.call(to, request).await.map_err(|_| Code::PeerUnreachable.into())
    }

    /// Has the alarm call at `at`.
    pub(super) async fn wake(&self, at: Time) -> Result<(), Fault> {
        self.host.wake_at(at).await.map_err(|_| Code::Internal.into())
    }
}
