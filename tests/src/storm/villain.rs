//! Who does not keep to the rules, in a storm: one who spends coins at two shops at once, and a
//! payee who claims more than was agreed, asks again for what it has, and keeps the answer.

use std::cell::RefCell;
use std::rc::Rc;

use http::Request;
use koban_edge_issuer::host::{Class, HttpRequest, HttpResponse};
use koban_edge_issuer::role::payment::model::{Order, Status};
use koban_edge_issuer::sql::Sql as _;
use koban_protocol::amount::Bundle;
use koban_protocol::id::OperationId;
use koban_protocol::online::tagged::wire::Coin;
use koban_protocol::process::outer;
use koban_protocol::process::payment::{Take, ValidationOrder};
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Invoice, Url};
use koban_protocol::wire::{self, Bytes};

use super::chance::{Chance, Kind};
use super::check::Broken;
use crate::holder::yen;
use crate::merchant::{self, Merchant};
use crate::network::Net;
use crate::raw::Raw;
use crate::world::{Millis, World};

/// How many times coins are spent twice.
const TIMES: usize = 3;
/// What a coin that is spent twice is worth, yen.
const WORTH: u64 = 64;
/// The latest time of it.
const UNTIL: Millis = 120_000;
/// Where the cheating payee takes payments.
const CHEAT: &str = "http://localhost:8799";

/// Two orders that the same coins were to pay.
type Pair = (Order, Order);

/// One who spends coins twice.
pub(super) struct DoubleSpender {
    raw: Raw,
    coins: RefCell<Vec<Vec<Coin>>>,
    pairs: RefCell<Vec<Pair>>,
}

impl DoubleSpender {
    /// With coins, in fair weather.
    pub(super) fn new(net: &Net) -> Rc<Self> {
        let raw = Raw::enrolled(net, "twice");
        let bundle = || Bundle::fewest(yen(WORTH)).expect("an amount");
        let coins = (0..TIMES).map(|_| raw.purchase(bundle())).collect();
        Rc::new(Self { raw, coins: RefCell::new(coins), pairs: RefCell::default() })
    }

    /// Spends at random times.
    pub(super) fn spend(
        self: &Rc<Self>,
        world: &World,
        chance: &Chance,
        shops: &Rc<Vec<Merchant>>,
    ) {
        for time in 0..TIMES {
            let at = world.moment() + chance.below(UNTIL);
            let (me, there, shops) = (Rc::clone(self), world.clone(), Rc::clone(shops));
            let chance = chance.clone();
            world.at(at, move || {
                if chance.strikes(Kind::DoubleSpent, 1, at, "two shops") {
                    there.clone().spawn(me.twice(there, shops, time));
                }
            });
        }
    }

    async fn twice(self: Rc<Self>, world: World, shops: Rc<Vec<Merchant>>, time: usize) {
        let Some(first) = order(&world, &shops[0], time).await else { return };
        let Some(second) = order(&world, &shops[1], time).await else { return };
        let coins = self.coins.borrow_mut().pop().expect("coins for every time");
        for (order, invoice) in [&first, &second] {
            let envelope =
                self.raw.seal(self.raw.operation(), &self.raw.payment(invoice, coins.clone()));
            let post = Request::post(&order.pay_url).body(envelope.request().to_vec());
            let asked = world.request("villain", post.expect("an address"));
            world.spawn(async move {
                // both are under way at once
                let _ = asked.await;
            });
        }
        self.pairs.borrow_mut().push((first.0, second.0));
    }

    /// No two orders were paid with the same coins; what was paid.
    pub(super) fn paid(&self, net: &Net, shops: &[Merchant]) -> Result<u64, Broken> {
        let mut paid = 0;
        for (first, second) in self.pairs.borrow().iter() {
            let is_paid = |shop: &Merchant, order: &Order| {
                shop.show(net, &order.order).map(|order| order.status == Status::Paid)
            };
            let both = (is_paid(&shops[0], first), is_paid(&shops[1], second));
            match both {
                (Ok(true), Ok(true)) => return Err("coins were spent twice".to_owned()),
                (Ok(one), Ok(other)) => paid += if one || other { WORTH } else { 0 },
                both => return Err(format!("the shops do not tell: {both:?}")),
            }
        }
        Ok(paid)
    }
}

async fn order(world: &World, shop: &Merchant, time: usize) -> Option<(Order, Signed<Invoice>)> {
    let asked = shop.order_request(&format!("twice-{time}"), WORTH);
    let order: Order = merchant::answer(&world.request("villain", asked).await.ok()?).ok()?;
    let fetched = world.request("villain", merchant::invoice_request(&order)).await.ok()?;
    Some((order, wire::decode_exact(fetched.body()).ok()?))
}

/// A payee that cheats.
pub(super) struct Cheat {
    raw: Raw,
    world: World,
    chance: Chance,
    invoices: RefCell<Vec<Signed<Invoice>>>,
    /// What somebody's payment was before, to be handed in again for another.
    envelope: RefCell<Option<Vec<u8>>>,
}

impl Cheat {
    /// In fair weather.
    pub(super) fn new(world: &World, net: &Net, chance: &Chance) -> Rc<Self> {
        let cheat = Rc::new(Self {
            raw: Raw::enrolled(net, "cheat"),
            world: world.clone(),
            chance: chance.clone(),
            invoices: RefCell::default(),
            envelope: RefCell::default(),
        });
        let me = Rc::downgrade(&cheat);
        world.stranger(CHEAT, move |request| {
            let me = me.upgrade();
            Box::pin(async move {
                if let Some(me) = me {
                    me.take(request).await;
                }
                HttpResponse::new(b"thank you".to_vec())
            })
        });
        cheat
    }

    /// An invoice.
    pub(super) fn invoice(&self, yen_minor: u64) -> Signed<Invoice> {
        let mut invoice = self.raw.invoice(yen(yen_minor));
        invoice.pay_url = Url::new(&format!("{CHEAT}/pay")).expect("an address");
        let signed = Signed::sign(&invoice, &self.raw.key);
        self.invoices.borrow_mut().push(signed.clone());
        signed
    }

    /// Takes a payment: claims twice the amount, hands in an older one as this one, then takes what
    /// it is due, or not, and says nothing that helps the payer.
    async fn take(&self, request: HttpRequest) {
        let envelope = request.into_body();
        let Some(invoice) = self.invoices.borrow().last().cloned() else { return };
        let what = "the payment of an invoice";
        let mut tries = Vec::new();
        if self.chance.strikes(Kind::Cheated, 2, self.world.moment(), what) {
            let mut dearer = invoice.claim().expect("its own");
            dearer.amount = yen(dearer.amount.minor() * 2);
            tries.push((Signed::sign(&dearer, &self.raw.key), envelope.clone()));
            let older = self.envelope.replace(Some(envelope.clone()));
            tries.extend(older.map(|older| (invoice.clone(), older)));
        }
        if self.chance.below(3) > 0 {
            let all = self.invoices.borrow().clone();
            tries.extend(all.into_iter().map(|invoice| (invoice, envelope.clone())));
        }
        for (invoice, envelope) in tries {
            self.validate(invoice, envelope).await;
        }
    }

    async fn validate(&self, invoice: Signed<Invoice>, envelope: Vec<u8>) {
        let Ok(sealed) = outer(&envelope) else { return };
        let order = ValidationOrder {
            certificate: self.raw.certificate.clone(),
            invoice,
            take: Take::Aggregate,
            envelope: Bytes(envelope.clone()),
            at: self.world.now(),
        };
        let operation: OperationId = sealed.operation;
        let order = Signed::sign(&order, &self.raw.key);
        let asked =
            self.raw.seal_order::<koban_protocol::process::payment::Validation>(operation, &order);
        let url = format!("{}/operations", self.raw.net.origin("issuer"));
        let post = Request::post(url).body(asked.request().to_vec()).expect("an address");
        // whatever the answer is, it is kept from the payer
        let _ = self.world.request("villain", post).await;
    }

    /// What the issuer keeps for it.
    pub(super) fn has(&self, shards: u16) -> u64 {
        let owner = self.raw.key.verifying_key().participant();
        let query = "SELECT coalesce(sum(minor), 0) AS n FROM held WHERE owner = ?";
        let held = |shard: u16| {
            let database = self.world.database("issuer", Class::Shard, &shard.to_string());
            database.row(query, &[owner.0.into()]).ok().flatten().and_then(|row| row.u64("n").ok())
        };
        (0..shards).filter_map(held).sum()
    }
}
