//! VC-14, MONDEX-4: coins onto cards and off again, and an originator that says more than is true.

use koban_protocol::amount::{Amount, Bundle};
use koban_protocol::id::OperationId;
use koban_protocol::key::{Seed, SigningKey};
use koban_protocol::offline::purse::wire::{CardId, Link, Party, Request};
use koban_protocol::online::tagged::wire::{Coin, Coins};
use koban_protocol::process::load::{Load, LoadOrder, Loaded};
use koban_protocol::process::unload::{ClaimSecret, Unload, UnloadOrder};
use koban_protocol::process::{AnswerError, Asked};
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Funded, Released};

use super::{circulates, circulating, refused};
use crate::audit::figures;
use crate::holder::yen;
use crate::network::Net;
use crate::raw::{Raw, post_operation};

struct Scene {
    net: Net,
    before: u64,
    /// What was in cards before, yen.
    in_cards: u64,
    holder: Raw,
    originator: SigningKey,
}

fn in_cards(net: &Net) -> u64 {
    figures(net, "JPY").unwrap().cards
}

fn scene(net: &Net) -> Scene {
    let (before, in_cards) = (circulating(net), in_cards(net));
    let originator = SigningKey::from_seed(&net.seed("originator"));
    let holder = Raw::enrolled(net, "hanako");
    Scene { net: net.clone(), before, in_cards, holder, originator }
}

/// What a card asks for.
fn request(amount: Amount) -> Request {
    let payee = Party { card: CardId([7; 8]), number: 1 };
    Request { link: Link::Originator, payee, payer: None, amount }
}

impl Scene {
    fn secret(&self) -> ClaimSecret {
        ClaimSecret::generate(self.net.entropy())
    }

    /// A fresh operation where loads and unloads are at home.
    fn operation(&self) -> OperationId {
        OperationId::clearing(self.holder.issuer.shards, self.net.entropy())
    }

    fn load_order(&self, coins: Vec<Coin>, amount: Amount) -> LoadOrder {
        LoadOrder {
            coins: Coins::new(coins).unwrap(),
            amount,
            change: None,
            request: request(amount).digest(),
            claim: self.secret().claim(),
            at: self.net.now(),
        }
    }

    fn load(&self, order: &LoadOrder) -> Result<Loaded, AnswerError> {
        self.holder.ask::<Load>(self.operation(), order)
    }

    /// `amount` yen in a card.
    fn loaded(&self, amount: u64) {
        let coins = self.holder.purchase(Bundle::fewest(yen(amount)).unwrap());
        self.load(&self.load_order(coins, yen(amount))).unwrap();
    }

    /// What the originator says when a card has given `amount` yen back.
    fn released(&self, operation: OperationId, amount: u64, secret: &ClaimSecret) -> Released {
        Released { operation, amount: yen(amount), claim: secret.claim() }
    }

    fn unload_order(&self, released: &Released, secret: ClaimSecret) -> UnloadOrder {
        UnloadOrder {
            released: Signed::sign(released, &self.originator),
            secret,
            bundle: Bundle::fewest(released.amount).unwrap(),
            at: self.net.now(),
        }
    }

    /// An honest unload of `amount` yen, on its way.
    fn unload(&self, amount: u64) -> Asked<Unload> {
        let (operation, secret) = (self.operation(), self.secret());
        let order = self.unload_order(&self.released(operation, amount, &secret), secret);
        self.holder.seal_order(operation, &order)
    }

    /// `loaded` yen more than before are in cards, `all` more are issued.
    fn ends(&self, loaded: u64, all: u64) {
        circulates(&self.net, self.before + all);
        assert_eq!(in_cards(&self.net), self.in_cards + loaded);
    }
}

/// See its name.
pub fn vc_14_coins_become_card_money_and_coins_again(net: &Net) {
    let scene = scene(net);
    let coins = scene.holder.purchase(Bundle::fewest(yen(600)).unwrap());
    let loaded = scene.load(&scene.load_order(coins.clone(), yen(600))).unwrap();
    assert!(loaded.change.is_empty());
    let bundle = Bundle::fewest(yen(600)).unwrap();
    assert_eq!(refused(scene.holder.change(coins, bundle)), Code::CoinNotLive);
    scene.ends(600, 600);
    let fresh = scene.holder.send(&scene.unload(450)).unwrap().into_vec();
    assert_eq!(fresh.iter().map(|coin| coin.body.amount().minor()).sum::<u64>(), 450);
    scene.holder.redeem(fresh, Vec::new(), yen(450)).unwrap();
    scene.ends(150, 150);
}

/// See its name.
pub fn vc_14_a_load_gives_change_and_the_rest_to_the_card(net: &Net) {
    let scene = scene(net);
    let coins = scene.holder.purchase(Bundle::fewest(yen(1_024)).unwrap());
    let mut order = scene.load_order(coins, yen(700));
    for wrong in [None, Some(323), Some(325)] {
        order.change = wrong.map(|minor| Bundle::fewest(yen(minor)).unwrap());
        assert_eq!(refused(scene.load(&order)), Code::AmountInvalid, "{wrong:?}");
    }
    order.change = Some(Bundle::fewest(yen(324)).unwrap());
    let loaded = scene.load(&order).unwrap();
    scene.holder.redeem(loaded.change.into_vec(), Vec::new(), yen(324)).unwrap();
    scene.ends(700, 700);
}

/// See its name.
pub fn vc_14_coins_of_all_shards_go_into_one_load(net: &Net) {
    let scene = scene(net);
    let coins: Vec<_> =
        (0..16).flat_map(|_| scene.holder.purchase(Bundle::fewest(yen(8)).unwrap())).collect();
    let shards: std::collections::BTreeSet<_> =
        coins.iter().map(|coin| coin.body.id.shard(scene.holder.issuer.shards)).collect();
    assert!(shards.len() > 1, "sixteen purchases all in one shard");
    scene.load(&scene.load_order(coins, yen(128))).unwrap();
    scene.ends(128, 128);
}

/// See its name.
pub fn vc_14_the_issuers_word_names_the_cards_request(net: &Net) {
    let scene = scene(net);
    let coins = scene.holder.purchase(Bundle::fewest(yen(256)).unwrap());
    let order = scene.load_order(coins, yen(256));
    let operation = scene.operation();
    let asked = scene.holder.seal_order::<Load>(operation, &order);
    let loaded = scene.holder.send(&asked).unwrap();
    assert_eq!(scene.holder.send(&asked).unwrap(), loaded);
    let funded = loaded.funded.open(&scene.holder.issuer.key).unwrap();
    let request = request(yen(256)).digest();
    let expected = Funded { operation, request, amount: yen(256), claim: order.claim };
    assert_eq!(funded, expected);
    scene.ends(256, 256);
}

/// See its name.
pub fn vc_14_a_load_of_dead_coins_owes_nothing(net: &Net) {
    let scene = scene(net);
    let coins = scene.holder.purchase(Bundle::fewest(yen(64)).unwrap());
    scene.load(&scene.load_order(coins.clone(), yen(64))).unwrap();
    let again = scene.load_order(coins.clone(), yen(64));
    assert_eq!(refused(scene.load(&again)), Code::CoinNotLive);
    let twice = scene.load_order([coins.clone(), coins].concat(), yen(128));
    assert_eq!(refused(scene.load(&twice)), Code::AmountInvalid);
    scene.ends(64, 64);
}

/// See its name.
pub fn vc_14_a_release_is_paid_out_once(net: &Net) {
    let scene = scene(net);
    scene.loaded(512);
    let (operation, secret) = (scene.operation(), scene.secret());
    let released = scene.released(operation, 200, &secret);
    let order = scene.unload_order(&released, ClaimSecret::restore(*secret.expose()));
    let asked = scene.holder.seal_order::<Unload>(operation, &order);
    let first = scene.holder.send(&asked).unwrap();
    assert_eq!(scene.holder.send(&asked).unwrap(), first);
    // Another message with the same release, under its operation and under a fresh one.
    let again = scene.holder.seal_order::<Unload>(operation, &order);
    let response = post_operation(net, again.request().to_vec());
    assert_eq!(response.status(), Code::OperationReused.status());
    let other = scene.unload_order(&released, secret);
    let elsewhere = scene.holder.ask::<Unload>(scene.operation(), &other);
    assert_eq!(refused(elsewhere), Code::NotAllowed);
    scene.ends(312, 512);
}

/// See its name.
pub fn vc_14_a_release_is_its_owners_alone(net: &Net) {
    let scene = scene(net);
    scene.loaded(512);
    let (operation, secret) = (scene.operation(), scene.secret());
    let released = scene.released(operation, 200, &secret);
    let thief = scene.unload_order(&released, scene.secret());
    assert_eq!(refused(scene.holder.ask::<Unload>(operation, &thief)), Code::NotAllowed);
    let mut more = scene.unload_order(&released, ClaimSecret::restore(*secret.expose()));
    more.bundle = Bundle::fewest(yen(201)).unwrap();
    assert_eq!(refused(scene.holder.ask::<Unload>(operation, &more)), Code::AmountInvalid);
    let early =
        UnloadOrder { at: net.now().plus(100_000), ..scene.unload_order(&released, secret) };
    let early = scene.holder.seal_order::<Unload>(operation, &early);
    let response = post_operation(net, early.request().to_vec());
    assert_eq!(response.status(), Code::ClockSkew.status());
    scene.ends(512, 512);
}

/// See its name.
pub fn vc_14_only_the_originator_releases(net: &Net) {
    let scene = scene(net);
    scene.loaded(512);
    let (operation, secret) = (scene.operation(), scene.secret());
    let released = scene.released(operation, 200, &secret);
    let mut order = scene.unload_order(&released, secret);
    let honest = order.released;
    let stranger = SigningKey::from_seed(&Seed::generate(net.entropy()));
    for forger in [&scene.holder.key, &stranger] {
        order.released = Signed::sign(&released, forger);
        assert_eq!(refused(scene.holder.ask::<Unload>(operation, &order)), Code::BadSignature);
    }
    // The refusals have not used the operation up.
    order.released = honest;
    scene.holder.ask::<Unload>(operation, &order).unwrap();
    scene.ends(312, 512);
}

/// See its name.
pub fn vc_14_loads_and_unloads_are_at_home_in_one_shard(net: &Net) {
    let scene = scene(net);
    scene.loaded(512);
    let shards = scene.holder.issuer.shards;
    let away = || {
        let mut id = scene.operation();
        id.0[0] = 0xff;
        assert_ne!(id.shard(shards), OperationId([0; 16]).shard(shards));
        id
    };
    let coins = scene.holder.purchase(Bundle::fewest(yen(64)).unwrap());
    let order = scene.load_order(coins, yen(64));
    assert_eq!(refused(scene.holder.ask::<Load>(away(), &order)), Code::Malformed);
    let (operation, secret) = (away(), scene.secret());
    let order = scene.unload_order(&scene.released(operation, 64, &secret), secret);
    assert_eq!(refused(scene.holder.ask::<Unload>(operation, &order)), Code::Malformed);
    scene.ends(512, 576);
}

/// See its name.
pub fn mondex_4_no_more_comes_back_from_cards_than_was_loaded(net: &Net) {
    let scene = scene(net);
    scene.loaded(512);
    let all = scene.in_cards + 512;
    let uneven = scene.unload(all + 1);
    for _ in 0..2 {
        let response = post_operation(net, uneven.request().to_vec());
        assert_eq!(response.status(), Code::ClearingUneven.status());
        let problem: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(problem["name"], Code::ClearingUneven.name());
    }
    scene.ends(512, 512);
    // It was not final: once the books are even again, the same message is good.
    scene.loaded(1);
    scene.holder.send(&uneven).unwrap();
    circulates(net, scene.before + 513);
    assert_eq!(in_cards(net), 0);
}
