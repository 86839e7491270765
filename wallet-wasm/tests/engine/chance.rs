//! Many wishes in any order, against a shop, a network and a machine that fail by chance. Whatever
//! happened, in the end every yen is where it belongs.

use koban_protocol::id::OperationId;
use koban_protocol::refusal::Code;
use koban_wallet_wasm::engine::{Command, Event};
use koban_wallet_wasm::view::{TransactionKind, TransactionState};
use proptest::prelude::*;

use super::edge::{Edge, Shop, amount, yen};
use super::holder::Holder;

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Withdraw(u64, bool),
    Pay(u64, Shop),
    CancelLast,
    Redeem(u64),
    Merge,
    Refund,
    Wait(u64),
    Reopen,
}

fn shop() -> impl Strategy<Value = Shop> {
    prop_oneof![
        5 => Just(Shop::Honest),
        2 => Just(Shop::Silent),
        2 => Just(Shop::TakesAndVanishes),
        1 => Just(Shop::WithholdsReceipt),
        1 => Just(Shop::Swaps),
        1 => Just(Shop::Mismatches),
        1 => (0..Code::ALL.len()).prop_map(|at| Shop::Says(Code::ALL[at])),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        2 => (1_u64..3000, any::<bool>()).prop_map(|(n, recorded)| Wish::Withdraw(n, recorded)),
        6 => (1_u64..900, shop()).prop_map(|(n, shop)| Wish::Pay(n, shop)),
        2 => Just(Wish::CancelLast),
        2 => (1_u64..900).prop_map(Wish::Redeem),
        1 => Just(Wish::Merge),
        1 => Just(Wish::Refund),
        2 => (1_u64..5000).prop_map(Wish::Wait),
        1 => Just(Wish::Reopen),
    ]
}

/// What goes wrong while a wish is being fulfilled: a crash after a write, an answer lost.
type Faults = (Option<u32>, Option<u32>);

fn faults() -> impl Strategy<Value = Faults> {
    (proptest::option::weighted(0.2, 0_u32..3), proptest::option::weighted(0.3, 0_u32..3))
}

fn fulfil(holder: &mut Holder, wish: Wish) {
    let command = match wish {
        Wish::Withdraw(minor, recoverable) => {
            let bundle = holder.engine.standard_bundle(amount(minor)).unwrap();
            Command::Withdraw { bundle, recoverable }
        }
        Wish::Pay(minor, shop) => {
            holder.edge.shop = shop;
            holder.invoice = holder.edge.invoice(minor);
            Command::Pay(holder.invoice.clone())
        }
        Wish::CancelLast => {
            let view = holder.view();
            let of = |it: &&koban_wallet_wasm::view::TransactionView| {
                it.kind == TransactionKind::Payment
            };
            let Some(last) = view.transactions.iter().find(of) else { return };
            Command::Cancel(last.id.parse::<OperationId>().unwrap())
        }
        Wish::Redeem(minor) => Command::Redeem(amount(minor)),
        Wish::Merge => Command::Merge(yen()),
        Wish::Refund => Command::Refund(yen()),
        Wish::Wait(seconds) => return holder.wait(seconds),
        Wish::Reopen => return holder.reopen(),
    };
    holder.handle(Event::Command(command));
    holder.run();
}

/// The wallet holds what was withdrawn, less what came back and what the shop was paid.
fn assert_even(holder: &Holder) {
    let taken: u64 = holder.edge.taken.values().sum();
    let (available, pending) = holder.money();
    let mine = holder.edge.debited - holder.edge.credited - taken;
    assert_eq!((available, pending), (mine, 0));
    assert_eq!(holder.edge.outstanding(), mine + taken);
    assert_eq!(holder.edge.funds + holder.edge.outstanding(), 50_000);
    for it in holder.view().transactions {
        let id = it.id.parse().unwrap();
        assert!(
            !matches!(it.state, TransactionState::Open | TransactionState::Cancelling),
            "{it:?}"
        );
        if it.kind == TransactionKind::Payment {
            let paid = it.state == TransactionState::Done;
            assert_eq!(paid, holder.edge.taken.contains_key(&id), "{it:?}");
            assert!(it.lost.is_none(), "{it:?}");
        }
    }
    holder.assert_sound();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_yen_is_where_it_belongs(
        wishes in proptest::collection::vec((wish(), faults()), 1..24)
    ) {
        let mut holder = Holder::new(Edge::new());
        holder.register();
        for (wish, (crash, lost)) in wishes {
            holder.crash_after = crash;
            holder.lose_answer = lost;
            fulfil(&mut holder, wish);
            holder.lose_answer = None;
            if holder.crashed {
                holder.reopen();
            }
            holder.crash_after = None;
        }
        holder.edge.shop = Shop::Silent;
        holder.reopen();
        holder.wait(8 * 3600);
        assert_even(&holder);
    }
}
