//! A short message that claims a huge length is refused before memory is set aside for it.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use koban_protocol::online::tagged::wire::Coins;
use koban_protocol::process::payment::{PaymentOrder, ValidationOrder};
use koban_protocol::refusal::Answer;
use koban_protocol::sealed::SealedRequest;
use koban_protocol::statement::{Invoice, IssuerKeys, Name, NotedCoins};
use koban_protocol::wire::{Bytes, Wire, WireError, decode_exact};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Enough for a few small vectors, far below any claimed length, bytes.
const ALLOWED: usize = 64 * 1024;

fn refused_cheaply<T: Wire>(bytes: &[u8]) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let decoded = decode_exact::<T>(bytes).map(|_| ());
    let used = MEMORY.peak_usage() - before;
    assert_eq!(decoded, Err(WireError::Malformed), "{bytes:02x?}");
    assert!(used < ALLOWED, "{used} bytes for {bytes:02x?}");
}

// one test, since the peak is the whole process's
#[test]
fn a_huge_claimed_length_takes_no_memory() {
    let lengths =
        [&[0x1a, 0xff, 0xff, 0xff, 0xff][..], &[0x1b; 9], &[0x1b, 0, 0, 0, 0, 0x7f, 0, 0, 0]];
    for length in lengths {
        for major in [2_u8, 3, 4, 5] {
            let mut claim = length.to_vec();
            claim[0] |= major << 5;
            refused_cheaply::<Bytes>(&claim);
            refused_cheaply::<Name>(&claim);
            refused_cheaply::<Coins>(&claim);
            refused_cheaply::<NotedCoins>(&claim);
            refused_cheaply::<PaymentOrder>(&claim);
            refused_cheaply::<ValidationOrder>(&claim);
            refused_cheaply::<Invoice>(&claim);
            refused_cheaply::<IssuerKeys>(&claim);
            refused_cheaply::<SealedRequest>(&claim);
            refused_cheaply::<Answer<Coins>>(&claim);
            // as the first field of a message, and as a field nobody knows
            for key in [0x00, 0x17] {
                let field = [&[0xa1, key], claim.as_slice()].concat();
                refused_cheaply::<PaymentOrder>(&field);
                refused_cheaply::<ValidationOrder>(&field);
                refused_cheaply::<SealedRequest>(&field);
            }
        }
    }
}
