//! `koban-demo --origins <json> [--payments N]`: the story over HTTP against a running edge, with the shipped wallet
//! engine. Ends with 1 if anything is off by one yen.

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use koban_edge_issuer::host::{HttpRequest, HttpResponse, Unreachable};
use koban_edge_issuer::role::payment::model::Taking;
use koban_protocol::entropy::Entropy;
use koban_protocol::time::Time;
use koban_tests::network::Network;
use koban_tests::story::{Origins, Story, Uneven, whole};

/// Real HTTP, the machine's clock and its entropy.
#[derive(Clone)]
struct Http(ureq::Agent);

impl Network for Http {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Time(since.map_or(0, |since| since.as_secs()))
    }

    fn entropy(&self) -> Entropy {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the machine has entropy");
        Entropy::new(seed)
    }

    fn http(&self, request: HttpRequest) -> Result<HttpResponse, Unreachable> {
        let answer = self.0.run(request).map_err(|_| Unreachable)?;
        let (parts, mut body) = answer.into_parts();
        let bytes = body.read_to_vec().map_err(|_| Unreachable)?;
        Ok(HttpResponse::from_parts(parts, bytes))
    }

    fn wait(&self, seconds: u64) {
        std::thread::sleep(Duration::from_millis(seconds * 250));
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let origins: Option<std::collections::BTreeMap<String, String>> =
        value("--origins").and_then(|json| serde_json::from_str(&json).ok());
    let Some(origins) = origins else {
        eprintln!("usage: koban-demo --origins '{{\"issuer\": ..., \"payment\": ...}}' [--payments N]");
        return ExitCode::from(2);
    };
    let origin = |name: &str| origins.get(name).cloned().unwrap_or_default();
    let origins = Origins { issuer: origin("issuer"), payment: origin("payment") };
    let payments = value("--payments").and_then(|n| n.parse().ok()).unwrap_or(0);
    match run(origins, payments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Uneven(what)) => {
            eprintln!("not even: {what}");
            ExitCode::FAILURE
        }
    }
}

fn run(origins: Origins, payments: u32) -> Result<(), Uneven> {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent = config.timeout_global(Some(Duration::from_secs(15))).build().new_agent();
    let began = Instant::now();
    let mut step = 0;
    whole(Http(agent.clone()), origins.clone(), |line| {
        step += 1;
        println!("{step}. {line} ({:.1} s)", began.elapsed().as_secs_f64());
    })?;
    println!("audit: coins in circulation = reserves at the banks, to the yen");
    if payments > 0 {
        load(Http(agent), origins, payments)?;
    }
    Ok(())
}

/// Buys again and again for ¥7, withdrawing when the wallet is low.
fn load(net: Http, origins: Origins, payments: u32) -> Result<(), Uneven> {
    const PRICE: u64 = 7;
    let mut story = Story::begin(net, origins, "taro", "Inkstone Annex")?;
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
