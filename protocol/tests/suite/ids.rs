//! Ids, their text, and the shards they belong to.

use koban_protocol::id::{CoinId, Digest, OperationId, Shard, from_hex};
use proptest::prelude::*;

use crate::fixture::{World, bytes, coins_of, entropy};

fn coin(name: &str) -> CoinId {
    CoinId(Digest(bytes(name)).prefix())
}

#[test]
fn shards_cover_the_id_space_without_gap_or_overlap() {
    for shards in [1, 2, 3, 4, 5, 7, 64, 100, 1000, u16::MAX] {
        let of = |first: u16| {
            let [high, low] = first.to_be_bytes();
            let mut id = [0xff; 16];
            [id[0], id[1]] = [high, low];
            Shard::of(&id, shards).0
        };
        let owners: Vec<u16> = (0..=u16::MAX).map(of).collect();
        assert_eq!((owners[0], owners[65_535]), (0, shards - 1), "{shards}");
        // each step stays or goes to the next shard, so each shard is one interval
        assert!(owners.windows(2).all(|w| w[1] == w[0] || w[1] == w[0] + 1), "{shards}");
    }
}

#[test]
fn an_id_placed_in_a_shard_is_in_it() {
    for shards in [1, 2, 3, 4, 7, 64, 1000, 40_000, u16::MAX] {
        for trial in 0..500 {
            let near = coin(&format!("near {shards} {trial}"));
            let id = OperationId::fresh(Some(near), shards, entropy(&format!("{trial}")));
            assert_eq!(id.shard(shards), near.shard(shards), "{shards} {trial}");
        }
    }
}

#[test]
fn loads_and_unloads_are_at_home_in_one_shard() {
    for shards in [1, 2, 3, 4, 7, 64, 1000, u16::MAX] {
        for trial in 0..100 {
            let id = OperationId::clearing(shards, entropy(&format!("{shards} {trial}")));
            assert_eq!(id.shard(shards), Shard::CLEARING, "{shards} {trial}");
        }
    }
}

#[test]
fn placed_ids_spread_evenly_within_their_shard() {
    const DRAWS: u32 = 32_000;
    let near = coin("near");
    let mut buckets = [0_u32; 16];
    let home = near.shard(4);
    for trial in 0..DRAWS {
        let id = OperationId::fresh(Some(near), 4, entropy(&format!("even {trial}")));
        let first = u16::from_be_bytes([id.0[0], id.0[1]]);
        let within = first - home.0 * 16_384;
        buckets[usize::from(within / 1024)] += 1;
    }
    // 2000 each; a deviation of 5 sigma is 217
    assert!(buckets.iter().all(|n| n.abs_diff(DRAWS / 16) < 217), "{buckets:?}");
}

#[test]
fn operations_without_a_coin_go_to_every_shard() {
    let mut counts = [0_u32; 4];
    for trial in 0..4000 {
        let id = OperationId::fresh(None, 4, entropy(&format!("any {trial}")));
        counts[usize::from(id.shard(4).0)] += 1;
    }
    assert!(counts.iter().all(|n| n.abs_diff(1000) < 150), "{counts:?}");
}

#[test]
fn struck_coins_live_in_the_shard_of_their_operation() {
    let world = World::new();
    for shards in [1, 3, 4, 1000] {
        for home in [0, shards / 2, shards - 1] {
            let expiry = koban_protocol::time::Day(1);
            let at = (Shard(home), shards);
            let coins = world.mint.strike(&coins_of(8191), expiry, at, entropy("strike"));
            assert_eq!(coins.len(), 13);
            assert!(coins.iter().all(|coin| coin.body.id.shard(shards) == Shard(home)));
        }
    }
}

#[test]
fn hexadecimal_is_lower_case_and_of_exact_length() {
    assert_eq!(from_hex::<2>("0aff"), Some([0x0a, 0xff]));
    for wrong in ["", "0a", "0aff00", "0AFF", "0a f", "+aff", "0xff", "ｆ"] {
        assert_eq!(from_hex::<2>(wrong), None, "{wrong}");
    }
}

#[test]
fn a_digest_tells_its_domain_from_its_body() {
    assert_ne!(Digest::of("koban/v1/a", b"b"), Digest::of("koban/v1/ab", b""));
    assert_ne!(Digest::of("koban/v1/a", b""), Digest::of("koban/v1/b", b""));
}

proptest! {
    #[test]
    fn ids_survive_their_text(id: [u8; 16]) {
        let id = OperationId(id);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
    }
}
