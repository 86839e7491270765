//! `koban-demo --origins <json> [--payments N]`: the story over HTTP against a running edge, with
//! the shipped wallet engine. Ends with 1 if anything is off by one yen.

use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Barrier;
use std::time::Instant;

use koban_edge_issuer::role::payment::model::Taking;
use koban_tests::http::{Http, argument};
use koban_tests::network::Net;
use koban_tests::story::{Story, Uneven, cards, whole};

fn main() -> ExitCode {
    let payments = argument("--payments").and_then(|n| n.parse().ok()).unwrap_or(0);
    match run(&Http::from_arguments(), payments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Uneven(what)) => {
            eprintln!("not even: {what}");
            ExitCode::FAILURE
        }
    }
}

fn run(http: &Http, payments: u32) -> Result<(), Uneven> {
    let net: Net = Rc::new(http.again());
    let began = Instant::now();
    let mut step = 0;
    let mut tell = |line: &str| {
        step += 1;
        println!("{step}. {line} ({:.1} s)", began.elapsed().as_secs_f64());
    };
    whole(Rc::clone(&net), &mut tell)?;
    cards(&net, &mut tell)?;
    println!("audit: coins in circulation = reserves at the banks, to the yen");
    if payments > 0 {
        load(http, payments)?;
    }
    Ok(())
}

/// Wallets that buy at the same time.
const WALLETS: u32 = 4;
/// What each payment costs, yen.
const PRICE: u64 = 7;

/// Several wallets, each with its own shop, buy again and again; prints the rate and, if the
/// environment names the
/// edge's process (`KOBAN_EDGE_PID`), its processor time for one payment.
fn load(net: &Http, payments: u32) -> Result<(), Uneven> {
    let each = payments.div_ceil(WALLETS);
    if u64::from(each) * PRICE > 50_000 {
        return Err(Uneven("a demo account pays for at most 7142 payments".to_owned()));
    }
    let edge = std::env::var("KOBAN_EDGE_PID").ok();
    let ready = Barrier::new(WALLETS as usize + 1);
    let (began, before) = std::thread::scope(|scope| {
        let wallets: Vec<_> = (0..WALLETS)
            .map(|number| {
                let (net, ready) = (net.again(), &ready);
                scope.spawn(move || buy(net, number, each, ready))
            })
            .collect();
        ready.wait();
        let started = (Instant::now(), edge.as_deref().and_then(processor_s));
        wallets.into_iter().try_for_each(|wallet| {
            wallet.join().unwrap_or_else(|_| Err(Uneven("a wallet stopped".to_owned())))
        })?;
        Ok::<_, Uneven>(started)
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let made = f64::from(each * WALLETS);
    println!("{made} payments by {WALLETS} wallets: {:.1} payments/s", made / seconds);
    if let (Some(before), Some(after)) = (before, edge.as_deref().and_then(processor_s)) {
        println!("the edge's processor time: {:.1} ms a payment", (after - before) * 1000.0 / made);
    }
    Ok(())
}

fn buy(net: Http, number: u32, payments: u32, ready: &Barrier) -> Result<(), Uneven> {
    let (holder, shop) = (format!("taro {number}"), format!("Annex {number}"));
    let story = Story::begin(Rc::new(net), &holder, &shop).and_then(|mut story| {
        story.withdraw(u64::from(payments) * PRICE)?;
        story.merchant.take(story.holder.net(), Taking::Refresh).map_err(|_| Uneven(shop))?;
        Ok(story)
    });
    ready.wait();
    let mut story = story?;
    (0..payments).try_for_each(|_| story.buy_again(PRICE).map(drop))
}

/// Processor time that a process has used, seconds: fields 14 and 15 of `/proc/<pid>/stat`, in
/// hundredths.
fn processor_s(process: &str) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let hundredths = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(hundredths / 100.0)
}
