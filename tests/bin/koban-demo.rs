//! `koban-demo --origins <json> [--payments N]`: the story over HTTP against a running edge, with
//! the shipped wallet engine. Ends with 1 if anything is off by one yen.

use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use koban_edge_issuer::role::payment::model::Taking;
use koban_tests::http::{Http, argument};
use koban_tests::network::Net;
use koban_tests::story::{Story, Uneven, whole};

fn main() -> ExitCode {
    let payments = argument("--payments").and_then(|n| n.parse().ok()).unwrap_or(0);
    match run(Rc::new(Http::from_arguments()), payments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Uneven(what)) => {
            eprintln!("not even: {what}");
            ExitCode::FAILURE
        }
    }
}

fn run(net: Net, payments: u32) -> Result<(), Uneven> {
    let began = Instant::now();
    let mut step = 0;
    whole(Rc::clone(&net), |line| {
        step += 1;
        println!("{step}. {line} ({:.1} s)", began.elapsed().as_secs_f64());
    })?;
    println!("audit: coins in circulation = reserves at the banks, to the yen");
    if payments > 0 {
        load(net, payments)?;
    }
    Ok(())
}

/// Buys again and again for ¥7, withdrawing when the wallet is low.
fn load(net: Net, payments: u32) -> Result<(), Uneven> {
    const PRICE: u64 = 7;
    let mut story = Story::begin(net, "taro", "Inkstone Annex")?;
    let withdrawn = u64::from(payments) * PRICE;
    if withdrawn > 50_000 {
        return Err(Uneven("the demo account pays for at most 7142 payments".to_owned()));
    }
    story.withdraw(withdrawn)?;
    story.buy(PRICE, Taking::Refresh)?;
    let began = Instant::now();
    for _ in 1..payments {
        story.buy_again(PRICE)?;
    }
    let seconds = began.elapsed().as_secs_f64();
    let bought = f64::from(payments.saturating_sub(1));
    println!("{payments} payments: {:.1} payments/s, one after the other", bought / seconds);
    story.audit(withdrawn)
}
