//! Making cards: each device's certificate, keys and first limits.

use koban_protocol::amount::Currency;
use koban_protocol::id::Digest;
use koban_protocol::offline::purse::issuer::certify;
use koban_protocol::offline::purse::service::NewCard;
use koban_protocol::offline::purse::wire::{CardId, Class, Limits, ORIGINATOR, Pockets};
use koban_protocol::refusal::Code;
use koban_protocol::wire;

use super::Originator;
use super::cards::Cards;
use super::once::{Act, Once};
use crate::answer::Fault;
use crate::host::{HttpRequest, HttpResponse, ObjectHost};
use crate::role::peer;

/// How long a card's certificate holds, days.
const CARD_DAYS: u32 = 366;

/// A currency with its balance, payment and unsettled limits, minor units: yen and cents.
type Row = (&'static str, u64, u64, u64);

const VIRTUAL: [Row; 2] = [("JPY", 10_000, 3_000, 5_000), ("USD", 10_000, 3_000, 5_000)];
const PURSE: [Row; 2] = [("JPY", 50_000, 20_000, 30_000), ("USD", 50_000, 20_000, 30_000)];
const TERMINAL: [Row; 2] =
    [("JPY", 1_000_000, 1_000_000, 1_000_000), ("USD", 1_000_000, 1_000_000, 1_000_000)];

/// The limits a card of this class begins with.
fn limits_of(class: Class) -> Option<Pockets<Limits>> {
    let rows = match class {
        Class::Virtual => VIRTUAL,
        Class::Purse => PURSE,
        Class::Terminal => TERMINAL,
    };
    let limits = rows.iter().map(|(code, balance, payment, unsettled)| {
        let currency = Currency::new(code)?;
        let (balance, payment, unsettled) = (*balance, *payment, *unsettled);
        Some(Limits { currency, balance, payment, unsettled })
    });
    Pockets::new(limits.collect::<Option<Vec<_>>>()?)
}

impl<H: ObjectHost> Originator<H> {
    /// Makes a device a card, once. A virtual one may be anybody's; a purse or a terminal is made
    /// for the operator alone.
    pub(super) fn make_card(&self, request: &HttpRequest) -> Result<HttpResponse, Fault> {
        let NewCard { birth, label } = peer::decode(request.body())?;
        let born = birth.open(&birth.claim.key).map_err(|_| Code::BadSignature)?;
        if born.class != Class::Virtual {
            self.check_operator(request)?;
        }
        if label.is_some() != (born.class == Class::Terminal) {
            return Err(Code::Malformed.into());
        }
        let body = Digest::of("koban/v1/new-card", request.body());
        let once = Once { act: Act::Card, key: &born.key.0, body };
        let sql = self.host.sql();
        once.run(sql, || {
            let (number, sealing) = self.host.entropy().split();
            let card = CardId(number.bytes());
            if card == ORIGINATOR {
                return Ok(Err(Code::Pending));
            }
            let expires = self.host.now().day().plus(CARD_DAYS);
            let certificate = certify(born, card, label, expires, &self.signing);
            Cards(sql).insert(&certificate.claim)?;
            let limits = limits_of(born.class).ok_or(Code::Internal)?;
            let sealed = self
                .masters
                .personalise(born, certificate, limits, &self.signing, sealing)
                .map_err(|_| Code::Malformed)?;
            Ok(Ok(wire::encode(&sealed)))
        })
    }
}
