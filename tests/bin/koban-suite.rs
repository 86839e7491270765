//! `koban-suite --origins <json>`: the ledger's conformance suite over HTTP against a running edge,
//! so that Durable Objects pass what native SQLite passes. Ends with a panic at the first case that
//! fails.

use std::rc::Rc;

use koban_tests::http::Http;
use koban_tests::network::Net;
use koban_tests::suite::CASES;

fn main() {
    let net: Net = Rc::new(Http::from_arguments());
    for (name, case) in CASES {
        println!("case {name}");
        case(&net);
    }
    println!("{} cases passed", CASES.len());
}
