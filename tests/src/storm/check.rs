//! What must be true after every step, and what at the end.

use koban_edge_issuer::host::Class;
use koban_edge_issuer::sql::{Row, Sql as _};
use koban_wallet_wasm::view::{TransactionKind, TransactionState};

use super::person::{Person, available};
use crate::holder::jpy;
use crate::merchant::Merchant;
use crate::world::World;

/// What a bank of the demonstration gives with an account, yen.
const GIFT: u64 = 50_000;

/// What an invariant's breach is called.
pub(super) type Broken = String;

/// The figures of all shards together, yen.
#[derive(Debug, Default)]
struct Totals {
    coins: u64,
    held: u64,
    cards: u64,
    settling: u64,
    owed: u64,
    debiting: u64,
    transit: u64,
}

/// Conservation of cash (VC-10): of this moment, over all shards and banks, whatever is under way.
/// And in every shard, the totals are what the rows add up to.
pub(super) fn conservation(world: &World, shards: u16) -> Result<(), Broken> {
    let (shard, bank) = (Class::Shard, Class::Bank);
    let names: Vec<String> = (0..shards).map(|shard| shard.to_string()).collect();
    let mut changed = false;
    for name in &names {
        if world.has_changed("issuer", shard, name) {
            rows_add_up(world, name)?;
            changed = true;
        }
    }
    for role in BANKS {
        changed |= world.has_changed(role, bank, "bank");
    }
    if !changed {
        return Ok(());
    }
    let mut all = Totals::default();
    for name in &names {
        let figures = totals(world, name);
        all.coins += figures.coins;
        all.held += figures.held;
        all.cards += figures.cards;
        all.settling += figures.settling;
        all.owed += figures.owed;
        all.debiting += figures.debiting;
        all.transit += figures.transit;
    }
    let reserves: u64 = BANKS.into_iter().map(|role| reserve(world, role)).sum();
    let issued = all.coins + all.held + all.cards;
    let least = issued.saturating_sub(all.settling + all.transit);
    let most = issued + all.owed + all.debiting;
    if (least..=most).contains(&reserves) {
        return Ok(());
    }
    Err(format!("the reserves are {reserves}, which {all:?} do not allow"))
}

/// The roles that are banks.
pub(super) const BANKS: [&str; 2] = ["bank-a", "bank-b"];

fn rows(world: &World, role: &str, class: Class, name: &str, query: &str) -> Vec<Row> {
    let database = world.database(role, class, name);
    // an object that was never reached has no tables
    let tables = database.run("SELECT name FROM sqlite_master LIMIT 1", &[]).expect("a schema");
    if tables.is_empty() { tables } else { database.run(query, &[]).expect("its tables") }
}

fn one(world: &World, role: &str, class: Class, name: &str, query: &str) -> u64 {
    let rows = rows(world, role, class, name, query);
    rows.first().map_or(0, |row| row.u64("n").expect("a number"))
}

fn totals(world: &World, name: &str) -> Totals {
    let all = "SELECT * FROM total WHERE currency = 'JPY'";
    let rows = rows(world, "issuer", Class::Shard, name, all);
    let Some(row) = rows.first() else { return Totals::default() };
    let figure = |column| row.u64(column).expect("a figure");
    Totals {
        coins: figure("coins"),
        held: figure("held"),
        cards: figure("cards"),
        settling: figure("settling"),
        owed: figure("owed"),
        debiting: figure("debiting"),
        transit: figure("transit"),
    }
}

fn rows_add_up(world: &World, name: &str) -> Result<(), Broken> {
    let figures = totals(world, name);
    let sum = |query| one(world, "issuer", Class::Shard, name, query);
    let coins = sum("SELECT coalesce(sum(1 << denomination), 0) AS n FROM coin");
    let held = sum("SELECT coalesce(sum(minor), 0) AS n FROM held");
    if (coins, held) == (figures.coins, figures.held) {
        return Ok(());
    }
    Err(format!("shard {name} has rows worth {coins} and {held}, and writes down {figures:?}"))
}

fn reserve(world: &World, role: &str) -> u64 {
    let query = "SELECT coalesce(sum(balance.minor), 0) AS n FROM balance
        JOIN account ON account.number = balance.account
        WHERE account.kind = 'reserve' AND currency = 'JPY'";
    one(world, role, Class::Bank, "bank", query)
}

/// What an owner has in an account, if there is one.
fn account(world: &World, role: &str, owner: &str) -> Option<u64> {
    let query = format!(
        "SELECT coalesce(sum(balance.minor), 0) AS n, count(*) AS accounts FROM account
         JOIN balance ON account.number = balance.account
         WHERE account.owner = '{owner}' AND currency = 'JPY'"
    );
    let rows = rows(world, role, Class::Bank, "bank", &query);
    let row = rows.first()?;
    (row.u64("accounts").ok()? > 0).then(|| row.u64("n").expect("a balance"))
}

/// Everything has come to its end: nothing is open at the issuer.
pub(super) fn nothing_is_open(world: &World, shards: u16) -> Result<(), Broken> {
    for shard in 0..shards {
        let count = |query| one(world, "issuer", Class::Shard, &shard.to_string(), query);
        let open = count("SELECT count(*) AS n FROM operation WHERE state < 2");
        let tasks = rows(world, "issuer", Class::Shard, &shard.to_string(), "SELECT * FROM task");
        let claimed = count("SELECT count(*) AS n FROM coin WHERE claim IS NOT NULL");
        if open + claimed > 0 || !tasks.is_empty() {
            return Err(format!(
                "shard {shard} has left: {open} operations, {claimed} claimed coins, {tasks:?}"
            ));
        }
        let left = totals(world, &shard.to_string());
        if left.settling + left.owed + left.debiting + left.transit > 0 {
            return Err(format!("shard {shard} has value in flight: {left:?}"));
        }
    }
    Ok(())
}

/// The person has what the account was opened with, less what was paid; all operations ended.
/// What was paid.
pub(super) fn out_of_pocket(world: &World, person: &mut Person) -> Result<u64, Broken> {
    let on_card = on_card(person);
    let name = &person.name;
    if let Some(problem) = &person.broken {
        return Err(format!("{name}'s wallet does not open: {problem:?}"));
    }
    let (view, open) = (person.view(), person.open());
    if let Some(open) = open.first() {
        return Err(format!("{name} has an operation that does not end: {open:?}"));
    }
    if let Some(problem) = view.problem {
        return Err(format!("{name}'s wallet has a problem: {problem:?}"));
    }
    let mut paid = 0;
    for transaction in &view.transactions {
        if let Some(lost) = &transaction.lost {
            return Err(format!("{name} lost {lost:?} by {transaction:?}"));
        }
        let kind = (transaction.kind, transaction.state);
        if kind == (TransactionKind::Payment, TransactionState::Done) {
            paid += transaction.amount.as_ref().map_or(0, |money| money.minor);
        }
    }
    let Some(in_account) = account(world, "bank-a", name) else {
        // without an account there is no money either
        return if paid == 0 { Ok(0) } else { Err(format!("{name} has no account")) };
    };
    let has = available(&view) + on_card + in_account;
    if has + paid == GIFT {
        return Ok(paid);
    }
    Err(format!(
        "{name} has {} in coins, {on_card} on the card and {in_account} in the account, and paid \
         {paid}: {} are missing",
        available(&view),
        i128::from(GIFT) - i128::from(has + paid),
    ))
}

/// What is on a person's card.
pub(super) fn on_card(person: &mut Person) -> u64 {
    let balances = person.card.head().claim.balances;
    balances.iter().find(|it| it.currency() == jpy()).map_or(0, |it| it.minor())
}

/// What the issuer owes for cards is what is on them.
pub(super) fn cards(world: &World, on_cards: u64) -> Result<(), Broken> {
    let owed = totals(world, "0").cards;
    if owed == on_cards {
        return Ok(());
    }
    Err(format!("{on_cards} are on cards, and {owed} are owed for them"))
}

/// The shop has what it took; what it took.
pub(super) fn takings(world: &World, merchant: &Merchant, owner: &str) -> Result<u64, Broken> {
    let net: crate::network::Net = std::rc::Rc::new(world.clone());
    let shop = merchant.shop(&net).map_err(|error| format!("{owner}: {error:?}"))?;
    let Some(yen) = shop.takings.iter().find(|takings| takings.currency == "JPY") else {
        let in_account = account(world, "bank-b", owner);
        return if in_account == Some(GIFT) { Ok(0) } else { Err(format!("{owner}'s account")) };
    };
    let sum = yen.fresh + yen.held + yen.redeemed + yen.disputed;
    if sum != yen.received || yen.redeeming > 0 || yen.disputed > 0 {
        return Err(format!("{owner}'s takings do not add up: {yen:?}"));
    }
    let in_account = account(world, "bank-b", owner).unwrap_or(0);
    if in_account != GIFT + yen.redeemed {
        return Err(format!("{owner} has {in_account} in the account after {yen:?}"));
    }
    Ok(yen.received)
}
