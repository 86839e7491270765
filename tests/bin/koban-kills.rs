//! `koban-kills --origins <json> --kills N`: wallets and shops use a running edge while it is
//! killed (SIGKILL) again and again at moments that nobody chose, and started again over the same
//! disk by whoever runs this. Then everything that was begun must end, and every yen be where it
//! belongs. The edge's process id is in the file that `KOBAN_EDGE_PID_FILE` names.

use std::process::{Command as Program, ExitCode};
use std::rc::Rc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use koban_edge_issuer::role::payment::model::Taking;
use koban_protocol::amount::Bundle;
use koban_tests::audit::figures;
use koban_tests::holder::{Holder, yen};
use koban_tests::http::{Http, argument};
use koban_tests::merchant::{Merchant, invoice};
use koban_tests::network::{Net, Network as _};
use koban_tests::story::{Story, Uneven, must_be};
use koban_wallet_wasm::engine::Command;
use koban_wallet_wasm::view::{TransactionKind, TransactionState};

/// Wallets at work at the same time, each with a shop.
const WALLETS: u64 = 4;
/// What a bank of the demonstration gives with an account, yen.
const GIFT: u64 = 50_000;
/// The longest time between two kills.
const BETWEEN_MAX_MS: u64 = 900;
/// How long a killed edge may take to come back.
const BACK: Duration = Duration::from_secs(90);
/// How long everything has to end after the last kill: what was interrupted again and again is put
/// off by a minute at a time.
const PATIENCE: Duration = Duration::from_secs(300);

/// What all wallets share: when all are at work, whether to stop, and how much was done.
struct Shared {
    ready: Barrier,
    stop: AtomicBool,
    ended: AtomicU64,
}

fn main() -> ExitCode {
    let kills = argument("--kills").and_then(|n| n.parse().ok()).unwrap_or(20);
    match run(&Http::from_arguments(), kills) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Uneven(what)) => {
            eprintln!("not even: {what}");
            ExitCode::FAILURE
        }
    }
}

fn run(http: &Http, kills: u64) -> Result<(), Uneven> {
    let threads = usize::try_from(WALLETS).unwrap_or(0) + 1;
    let shared = Shared {
        ready: Barrier::new(threads),
        stop: AtomicBool::default(),
        ended: AtomicU64::default(),
    };
    let began = Instant::now();
    let left = std::thread::scope(|scope| {
        let wallets: Vec<_> = (0..WALLETS)
            .map(|number| {
                let (net, shared) = (http.again(), &shared);
                scope.spawn(move || live(net, number, shared))
            })
            .collect();
        shared.ready.wait();
        let killed = (0..kills).try_for_each(|_| kill(http));
        shared.stop.store(true, Ordering::Relaxed);
        let left = wallets.into_iter().map(|wallet| {
            wallet.join().unwrap_or_else(|_| Err(Uneven("a wallet stopped".to_owned())))
        });
        let left: Result<Vec<u64>, Uneven> = left.collect();
        killed.and(left)
    })?;
    let net: Net = Rc::new(http.again());
    at_rest(&net, left.iter().sum())?;
    let (ended, seconds) = (shared.ended.load(Ordering::Relaxed), began.elapsed().as_secs());
    println!("{kills} kills, {ended} operations, {seconds} s: every yen is where it belongs");
    Ok(())
}

/// Kills the edge after a while, and waits until it is back.
fn kill(http: &Http) -> Result<(), Uneven> {
    let random = http.entropy().bytes::<2>();
    let pause = u64::from(u16::from_be_bytes(random)) % BETWEEN_MAX_MS;
    sleep(Duration::from_millis(pause));
    let edge = pid()?;
    let killed = Program::new("kill").args(["-KILL", &edge]).status();
    if !killed.is_ok_and(|status| status.success()) {
        return Err(Uneven(format!("process {edge} cannot be killed")));
    }
    let deadline = Instant::now() + BACK;
    while [edge.as_str(), ""].contains(&pid()?.as_str()) {
        if Instant::now() > deadline {
            return Err(Uneven("the edge does not come back".to_owned()));
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn pid() -> Result<String, Uneven> {
    let file = std::env::var("KOBAN_EDGE_PID_FILE");
    let read = file.map_err(|_| Uneven("KOBAN_EDGE_PID_FILE is not set".to_owned()));
    std::fs::read_to_string(read?).map_err(|error| Uneven(error.to_string()))
}

/// A wallet and its shop until they are told to stop; what both have of coins and kept value then.
fn live(http: Http, number: u64, shared: &Shared) -> Result<u64, Uneven> {
    let net: Net = Rc::new(http);
    let life = Life::begin(&net, number);
    shared.ready.wait();
    let mut life = life?;
    let mut turn = 0_u64;
    while !shared.stop.load(Ordering::Relaxed) {
        turn += 1;
        if life.act(turn, shared) {
            shared.ended.fetch_add(1, Ordering::Relaxed);
        }
    }
    life.end()
}

struct Life {
    net: Net,
    story: Story,
    number: u64,
}

impl Life {
    fn begin(net: &Net, number: u64) -> Result<Self, Uneven> {
        let take = [Taking::Refresh, Taking::Redeem, Taking::Aggregate];
        let take = take[usize::try_from(number).unwrap_or(0) % take.len()];
        let (holder, shop) = (format!("killed-{number}"), format!("Shop {number}"));
        let story = Story::begin(Rc::clone(net), &holder, &shop)?;
        let taken = story.merchant.take(net, take);
        taken.map_err(|error| Uneven(format!("settings: {error:?}")))?;
        Ok(Self { net: Rc::clone(net), story, number })
    }

    /// Does something; whether it came to its end.
    fn act(&mut self, turn: u64, shared: &Shared) -> bool {
        let has = self.story.holder.available("JPY");
        let some = |amount| Bundle::fewest(yen(amount)).expect("an amount");
        match turn % 6 {
            _ if has < 300 => {
                let command = Command::Withdraw { bundle: some(1_000), recoverable: false };
                self.done(command, shared)
            }
            1 => self.done(Command::Change(some(has / 2)), shared),
            3 => self.done(Command::Redeem(yen(has / 3)), shared),
            5 => self.story.merchant.redeem(&self.net).is_ok(),
            _ => self.buy(turn, shared),
        }
    }

    fn buy(&mut self, turn: u64, shared: &Shared) -> bool {
        let (net, merchant) = (&self.net, &self.story.merchant);
        let reference = format!("{}-{turn}", self.number);
        let Ok(order) = merchant.order(net, &reference, 10 + turn % 90) else { return false };
        let Ok(invoice) = invoice(net, &order) else { return false };
        self.done(Command::Pay(invoice), shared)
    }

    /// Has the wallet do something, to its end or until all stop.
    fn done(&mut self, command: Command, shared: &Shared) -> bool {
        let holder = &mut self.story.holder;
        let Ok(Some(operation)) = holder.command(command) else {
            // such as keys that were not fetched, as nobody was there
            self.net.wait(1);
            holder.resume();
            return false;
        };
        while !holder.has_ended(operation) && !shared.stop.load(Ordering::Relaxed) {
            self.net.wait(1);
            holder.resume();
        }
        holder.has_ended(operation)
    }

    /// Everything has ended, and nothing is missing.
    fn end(mut self) -> Result<u64, Uneven> {
        let deadline = Instant::now() + PATIENCE;
        while !all_ended(&self.story.holder) {
            if Instant::now() > deadline {
                let open = self.story.holder.view().transactions;
                return Err(Uneven(format!("something does not end: {open:?}")));
            }
            self.net.wait(1);
            self.story.holder.resume();
        }
        let view = self.story.holder.view();
        let done = view
            .transactions
            .iter()
            .filter(|it| (it.kind, it.state) == (TransactionKind::Payment, TransactionState::Done));
        let paid: u64 = done.filter_map(|it| it.amount.as_ref()).map(|money| money.minor).sum();
        let has = self.story.holder.available("JPY");
        let shop = settled_shop(&self.net, &self.story.merchant)?;
        must_be("what the shop took", shop.received, paid)?;
        let deadline = Instant::now() + PATIENCE;
        // what was redeemed may be on its way to the accounts
        loop {
            let (in_account, shops) = (self.story.in_account()?, self.story.shops_account()?);
            if (has + in_account + paid, shops) == (GIFT, GIFT + shop.redeemed) {
                return Ok(has + shop.fresh + shop.held);
            }
            if Instant::now() > deadline {
                must_be("what the wallet has and paid", has + in_account + paid, GIFT)?;
                must_be("the shop's account", shops, GIFT + shop.redeemed)?;
            }
            self.net.wait(1);
        }
    }
}

/// A shop's takings when nothing of them is on its way.
fn settled_shop(
    net: &Net,
    merchant: &Merchant,
) -> Result<koban_edge_issuer::role::payment::model::Takings, Uneven> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let shop = merchant.shop(net).map_err(|error| Uneven(format!("a shop: {error:?}")))?;
        let yen = shop.takings.into_iter().find(|takings| takings.currency == "JPY");
        let yen = yen.ok_or_else(|| Uneven("a shop took nothing".to_owned()))?;
        if yen.redeeming == 0 {
            must_be("a shop's takings", yen.fresh + yen.held + yen.redeemed, yen.received)?;
            return Ok(yen);
        }
        if Instant::now() > deadline {
            return Err(Uneven(format!("redeeming does not end: {yen:?}")));
        }
        net.wait(1);
    }
}

fn all_ended(holder: &Holder) -> bool {
    let open = [TransactionState::Open, TransactionState::Cancelling];
    holder.view().transactions.iter().all(|it| !open.contains(&it.state))
}

/// What circulates equals the reserves, and is what wallets and shops have.
fn at_rest(net: &Net, expected: u64) -> Result<(), Uneven> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = figures(net, "JPY").map_err(|error| Uneven(format!("the audit: {error:?}")))?;
        must_be("the issuer's rule", now.consistent, true)?;
        if now.is_even() {
            return must_be("what circulates", now.issued(), expected);
        }
        if Instant::now() > deadline {
            return Err(Uneven(format!("something stays in flight: {now:?}")));
        }
        net.wait(1);
    }
}
