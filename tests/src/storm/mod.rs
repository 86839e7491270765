//! A storm: persons and shops in a [`World`] where everything that can go wrong does, under one
//! seed. After every step the money is counted; when the storm is over, everything that was begun
//! must come to its end, and nobody honest may be out of pocket.

mod chance;
mod check;
mod person;
mod villain;
mod weather;

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use koban_edge_issuer::role::payment::model::Taking;

pub use chance::{Chance, Fault, Kind, counted};
use check::Broken;
use person::Someone;
use villain::{Cheat, DoubleSpender};

use koban_card::purse::wire::Class;

use crate::card::Held;
use crate::merchant::Merchant;
use crate::network::Net;
use crate::world::{Millis, World};

/// A storm to live through.
#[derive(Clone, Debug)]
pub struct Plan {
    /// All chance comes from it.
    pub seed: u64,
    /// How many steps it lasts.
    pub steps: u64,
    /// The faults that are left out, by number.
    pub without: BTreeSet<u64>,
}

/// What became of it.
#[derive(Debug)]
pub struct Outcome {
    /// The faults that struck.
    pub faults: Vec<Fault>,
    /// Operations that wallets brought to their end.
    pub operations: u64,
    /// Steps taken, those after the storm included.
    pub steps: u64,
    /// The invariant that broke at the last step, if one did.
    pub broken: Option<Broken>,
}

const PERSONS: [&str; 3] = ["hanako", "ichiro", "jun"];
const SHOPS: [(&str, Taking); 2] = [("Inkstone", Taking::Refresh), ("Kiln", Taking::Aggregate)];
/// The roles whose power may be cut as a whole.
const ROLES: [&str; 6] = ["issuer/", "bank-a/", "bank-b/", "payment/", "register/", "originator/"];
/// How long everything has to come to its end.
const CALM: Millis = 2 * 3_600_000;
/// After how long persons call back what is not answered.
const PATIENCE: Millis = 1_200_000;
/// How often persons look at their wallets then.
const LOOK: Millis = 300_000;

struct Storm {
    world: World,
    chance: Chance,
    shards: u16,
    shops: Rc<Vec<Merchant>>,
    persons: Vec<Someone>,
    twice: Rc<DoubleSpender>,
    cheat: Rc<Cheat>,
    steps: u64,
}

/// Lives through a storm.
pub fn live(plan: &Plan) -> Outcome {
    let mut storm = Storm::begin(plan);
    let lived =
        catch_unwind(AssertUnwindSafe(|| storm.rage(plan.steps).and_then(|()| storm.calm())));
    let broken = lived.unwrap_or_else(|panic| Err(format!("panicked: {}", words(&*panic)))).err();
    let operations = storm.persons.iter().map(|person| person.0.borrow().ended).sum();
    storm.world.end();
    let (faults, steps) = (storm.chance.struck(), storm.steps);
    Outcome { faults, operations, steps, broken }
}

fn words(panic: &dyn Any) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref().copied()).unwrap_or("no words").to_owned()
}

impl Storm {
    fn begin(plan: &Plan) -> Self {
        let chance = Chance::new(plan.seed, plan.without.clone());
        let shards = 1 << chance.below(3);
        let world = World::with(plan.seed, shards, None);
        let net: Net = Rc::new(world.clone());
        let open = |(name, take): (&str, Taking)| {
            let merchant = Merchant::open(&net, name, "bank-b").expect("fair weather");
            merchant.take(&net, take).expect("fair weather");
            merchant
        };
        let shops = Rc::new(SHOPS.into_iter().map(open).collect::<Vec<_>>());
        let twice = DoubleSpender::new(&net);
        let cheat = Cheat::new(&world, &net, &chance);
        let card = || Held::made(&net, Class::Purse);
        let person = |name| Someone::new(&world, &chance, name, &shops, &cheat, card());
        let persons = PERSONS.into_iter().map(person).collect();
        Self { world, chance, shards, shops, persons, twice, cheat, steps: 0 }
    }

    /// The storm itself.
    fn rage(&mut self, steps: u64) -> Result<(), Broken> {
        weather::set(&self.world, &self.chance);
        for person in &self.persons {
            person.open();
            person.act_on();
        }
        weather::strike(&self.world, &self.chance, &ROLES);
        self.twice.spend(&self.world, &self.chance, &self.shops);
        for shop in 0..self.shops.len() {
            redeem(self.world.clone(), self.chance.clone(), Rc::clone(&self.shops), shop);
        }
        for _ in 0..steps {
            self.step(Millis::MAX)?;
        }
        Ok(())
    }

    fn step(&mut self, end: Millis) -> Result<bool, Broken> {
        let stepped = self.world.step(end);
        self.steps += u64::from(stepped);
        check::conservation(&self.world, self.shards)?;
        Ok(stepped)
    }

    /// Fair weather, until nothing is open.
    fn calm(&mut self) -> Result<(), Broken> {
        self.chance.calm();
        self.world.fair();
        let end = self.world.moment() + CALM;
        let mut left = Ok(());
        while self.world.moment() < end {
            self.persons.iter().for_each(Someone::look);
            if self.world.moment() > end - CALM + PATIENCE {
                self.persons.iter().for_each(Someone::call_back);
            }
            let pause = self.world.moment() + LOOK;
            while self.step(pause)? {}
            self.world.pass((pause - self.world.moment()) / 1_000 + 1);
            left = self.ended();
            if left.is_ok() {
                return self.counted();
            }
        }
        left
    }

    fn ended(&self) -> Result<(), Broken> {
        check::nothing_is_open(&self.world, self.shards)?;
        self.persons.iter().try_for_each(|person| {
            let mut person = person.0.borrow_mut();
            check::out_of_pocket(&self.world, &mut person).map(drop)
        })
    }

    /// What persons paid is what shops took.
    fn counted(&self) -> Result<(), Broken> {
        let (mut paid, mut taken, mut on_cards) = (0, 0, 0);
        for person in &self.persons {
            paid += check::out_of_pocket(&self.world, &mut person.0.borrow_mut())?;
            on_cards += check::on_card(&mut person.0.borrow_mut());
        }
        check::cards(&self.world, on_cards)?;
        for (shop, (name, _)) in self.shops.iter().zip(SHOPS) {
            taken += check::takings(&self.world, shop, &format!("{name} Ltd"))?;
        }
        let net: Net = Rc::new(self.world.clone());
        paid += self.twice.paid(&net, &self.shops)?;
        taken += self.cheat.has(self.shards);
        if paid == taken {
            return Ok(());
        }
        Err(format!("{paid} were paid, and {taken} taken"))
    }
}

/// A shop has its takings paid out every minute or so.
fn redeem(world: World, chance: Chance, shops: Rc<Vec<Merchant>>, shop: usize) {
    let at = world.moment() + 10_000 + chance.below(90_000);
    let there = world.clone();
    world.at(at, move || {
        if chance.is_calm() {
            return;
        }
        let asked = there.request("browser", shops[shop].redeem_request());
        there.spawn(async move {
            // it is tried again next time
            let _ = asked.await;
        });
        redeem(there, chance, shops, shop);
    });
}
