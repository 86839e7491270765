//! The main job, told once: register, enrol, withdraw, buy in all three ways, change, refund,
//! redeem, audit. The World's test and `cargo xtask demo` run the same story.

use koban_card::purse::wire::Class;
use koban_edge_issuer::role::payment::model::{Status, Taking};
use koban_protocol::amount::{Bundle, Denomination};
use koban_protocol::statement::{Name, Short};
use koban_wallet_wasm::engine::Command;
use koban_wallet_wasm::view::{TransactionState, TransactionView};

use crate::audit::figures;
use crate::card::{CardAudit, Held, Owner};
use crate::holder::{Holder, Rows, jpy, yen};
use crate::merchant::{Merchant, invoice};
use crate::network::Net;
use crate::raw::Raw;

/// What did not come out as it must.
#[derive(Debug)]
pub struct Uneven(pub String);

type Told<T> = Result<T, Uneven>;

/// The story's persons.
pub struct Story {
    /// The payer.
    pub holder: Holder,
    /// The payee; it banks elsewhere.
    pub merchant: Merchant,
    orders: u64,
}

fn uneven<E: std::fmt::Debug>(what: &'static str) -> impl FnOnce(E) -> Uneven {
    move |error| Uneven(format!("{what}: {error:?}"))
}

/// `expected` is what there must be.
pub fn must_be<T: PartialEq + std::fmt::Debug>(what: &str, is: T, expected: T) -> Told<()> {
    if is == expected {
        return Ok(());
    }
    Err(Uneven(format!("{what} is {is:?} and must be {expected:?}")))
}

impl Story {
    /// A registered and enrolled holder at bank A, and a shop at bank B.
    pub fn begin(net: Net, holder: &str, shop: &str) -> Told<Self> {
        let merchant = Merchant::open(&net, shop, "bank-b");
        let merchant = merchant.map_err(uneven("opening a shop"))?;
        let mut wallet = Holder::open(net, Rows::new()).map_err(uneven("opening a wallet"))?;
        let name = Name::new(holder).ok_or_else(|| Uneven("a name".into()))?;
        done(wallet.finish(Command::Register(name)).map_err(uneven("registering"))?)?;
        let (bank, owner) = (Short::new("bank-a"), Name::new("Hanako Yamada"));
        let (Some(bank), Some(owner)) = (bank, owner) else { return Err(Uneven("names".into())) };
        let enrol = Command::Enrol { bank, owner };
        done(wallet.finish(enrol).map_err(uneven("enrolling"))?)?;
        Ok(Self { holder: wallet, merchant, orders: 0 })
    }

    /// Buys coins.
    pub fn withdraw(&mut self, amount: u64) -> Told<()> {
        let bundle = Bundle::fewest(yen(amount)).map_err(uneven("a bundle"))?;
        let command = Command::Withdraw { bundle, recoverable: true };
        done(self.holder.finish(command).map_err(uneven("withdrawing"))?).map(drop)
    }

    /// Buys something; the shop takes the money as `take` says.
    pub fn buy(&mut self, price: u64, take: Taking) -> Told<TransactionView> {
        let net = self.holder.net().clone();
        self.merchant.take(&net, take).map_err(uneven("settings"))?;
        self.buy_again(price)
    }

    /// Buys something, taken as the last.
    pub fn buy_again(&mut self, price: u64) -> Told<TransactionView> {
        let net = self.holder.net().clone();
        self.orders += 1;
        let reference = format!("A-{:05}", self.orders);
        let order = self.merchant.order(&net, &reference, price).map_err(uneven("ordering"))?;
        let invoice = invoice(&net, &order).map_err(uneven("fetching the invoice"))?;
        let before = self.holder.available("JPY");
        let paid = self.holder.finish(Command::Pay(invoice)).map_err(uneven("paying"))?;
        let paid = done(paid)?;
        must_be("what is left", self.holder.available("JPY"), before - price)?;
        let shown = self.merchant.show(&net, &order.order).map_err(uneven("the order"))?;
        must_be("the order", shown.status, Status::Paid)?;
        must_be("the receipt", paid.receipt.is_some(), true)?;
        Ok(paid)
    }

    /// Coins for two of every denomination below `2^exponents`.
    pub fn change(&mut self, exponents: u8) -> Told<()> {
        let before = self.holder.available("JPY");
        let counts = (0..exponents).filter_map(Denomination::new).map(|d| (d, 2)).collect();
        let bundle = Bundle::new(jpy(), counts).map_err(uneven("a bundle"))?;
        done(self.holder.finish(Command::Change(bundle)).map_err(uneven("changing"))?)?;
        must_be("what is left", self.holder.available("JPY"), before)
    }

    /// The issuer gives again what the register noted.
    pub fn refund(&mut self) -> Told<TransactionView> {
        // The shard tells the register after it has answered.
        self.holder.net().wait(2);
        done(self.holder.finish(Command::Refund(jpy())).map_err(uneven("asking for a refund"))?)
    }

    /// Everything back into the account.
    pub fn redeem_all(&mut self) -> Told<()> {
        let all = self.holder.available("JPY");
        let redeem = Command::Redeem(yen(all));
        done(self.holder.finish(redeem).map_err(uneven("redeeming"))?)?;
        must_be("what is left", self.holder.available("JPY"), 0)
    }

    /// What is in the holder's account, as the bank says.
    pub fn in_account(&mut self) -> Told<u64> {
        self.holder.command(Command::AskBalance).map_err(uneven("asking the bank"))?;
        let view = self.holder.view();
        let balance = view.account.and_then(|account| account.balance);
        balance.map(|money| money.minor).ok_or_else(|| Uneven("no balance".into()))
    }

    /// Waits until nothing is in flight; then coins and kept value equal the reserves, and are
    /// `expected`.
    pub fn audit(&self, expected: u64) -> Told<()> {
        let net = self.holder.net();
        for _ in 0..60 {
            let figures = figures(net, "JPY").map_err(uneven("the audit"))?;
            must_be("the issuer's rule", figures.consistent, true)?;
            if figures.is_even() {
                return must_be("what circulates", figures.issued(), expected);
            }
            net.wait(1);
        }
        let figures = figures(net, "JPY").map_err(uneven("the audit"))?;
        Err(Uneven(format!("something stays in flight: {figures:?}")))
    }

    /// The shop's money in the account, as its page shows it.
    pub fn shops_account(&self) -> Told<u64> {
        let shop = self.merchant.shop(self.holder.net()).map_err(uneven("the shop"))?;
        let yen = shop.takings.iter().find(|takings| takings.currency == "JPY");
        Ok(yen.and_then(|takings| takings.account).unwrap_or(0))
    }
}

fn done(transaction: TransactionView) -> Told<TransactionView> {
    if transaction.state == TransactionState::Done {
        return Ok(transaction);
    }
    Err(Uneven(format!("not done: {transaction:?}")))
}

/// The whole story; `tell` is given a line for each step.
pub fn whole(net: Net, mut tell: impl FnMut(&str)) -> Told<Story> {
    let mut story = Story::begin(net, "hanako", "Inkstone")?;
    tell("registered under a pseudonym, account opened with ¥50,000 and enrolled");
    story.withdraw(5_000)?;
    story.audit(5_000)?;
    must_be("the account", story.in_account()?, 45_000)?;
    tell("withdrew ¥5,000");
    story.buy(370, Taking::Refresh)?;
    story.audit(5_000)?;
    tell("paid ¥370; the shop took fresh coins");
    story.buy(420, Taking::Redeem)?;
    story.audit(4_580)?;
    tell("paid ¥420; the shop took money in its account");
    story.buy(555, Taking::Aggregate)?;
    story.audit(4_580)?;
    tell("paid ¥555; the issuer keeps it for the shop");
    let net = story.holder.net().clone();
    let before = story.shops_account()?;
    story.merchant.redeem(&net).map_err(uneven("the shop's redeeming"))?;
    story.audit(3_655)?;
    must_be("the shop's account", story.shops_account()?, before + 370 + 555)?;
    tell("the shop redeemed fresh coins and kept value together: ¥925");
    story.change(5)?;
    story.audit(3_655)?;
    tell("changed coins for small ones");
    story.withdraw(1_000)?;
    let refunded = story.refund()?;
    must_be("the refund", refunded.amount.map(|money| money.minor).is_some(), true)?;
    must_be("what is left", story.holder.available("JPY"), 4_655)?;
    story.audit(4_655)?;
    tell("had recorded coins given again; the old ones died");
    story.redeem_all()?;
    story.audit(0)?;
    must_be("the account", story.in_account()?, 50_000 - 370 - 420 - 555)?;
    tell("redeemed all: ¥48,655 in the account, nothing in circulation, reserves zero");
    Ok(story)
}

/// The story of three cards: load, purchase at a terminal, purse to purse, and unload of all.
pub fn cards(net: &Net, mut tell: impl FnMut(&str)) -> Told<()> {
    let owner = Owner(Raw::enrolled(net, "card-owner"));
    let mut alice = Held::made(net, Class::Purse);
    let mut bob = Held::made(net, Class::Purse);
    let mut till = Held::made(net, Class::Terminal);
    till.set_pin();
    owner.load(&mut alice, yen(2_000));
    let owed = || CardAudit::of(net).figures("JPY").clearing;
    must_be("what is owed for cards", owed(), 2_000)?;
    tell("loaded a card with ¥2,000");
    alice.pay(&mut till, yen(370));
    tell("the card paid a terminal ¥370, with nobody online");
    alice.pay(&mut bob, yen(600));
    tell("the card gave another card ¥600, with nobody online");
    let mut all = [(&mut alice, 1_030), (&mut bob, 600), (&mut till, 370)];
    for (card, _) in &mut all {
        card.report();
    }
    must_be("what is owed for cards", owed(), 2_000)?;
    for (card, left) in all {
        card.holds(yen(left));
        must_be("what comes off a card", owner.unload(card, yen(left)), Ok(left))?;
        card.report();
    }
    must_be("what is owed for cards", owed(), 0)?;
    tell("unloaded both cards and the terminal: nothing is owed for cards");
    Ok(())
}
