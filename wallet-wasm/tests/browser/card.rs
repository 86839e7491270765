//! What the tests of cards share: an originator, and commands to a reader.

use koban_card::apdu::{self, AnswerError};
use koban_card::command::{BeBorn, ChangePin, Command, Hello, Personalise, Pin, VerifyPin};
use koban_protocol::amount::Currency;
use koban_protocol::entropy::Entropy;
use koban_protocol::key::{Seed, SigningKey};
use koban_protocol::offline::purse::issuer::{Masters, certify};
use koban_protocol::offline::purse::wire::{CardId, Limits, Pockets};
use koban_protocol::time::Day;
use koban_wallet_wasm::drivers::card::{CardProblem, Reader};

pub async fn exchange(reader: &Reader, bytes: &[u8]) -> Result<Vec<u8>, CardProblem> {
    reader.exchange(bytes, |_| {}).await
}

pub async fn run<C: Command>(reader: &Reader, command: &C) -> Result<C::Answer, AnswerError> {
    apdu::answer(&exchange(reader, &apdu::encode(command)).await.unwrap())
}

pub async fn hello(reader: &Reader) -> Hello {
    apdu::answer(&exchange(reader, &apdu::select()).await.unwrap()).unwrap()
}

pub fn pin(digits: &str) -> Pin {
    Pin::new(digits).unwrap()
}

/// Makes a fresh card one in use.
pub async fn personalise(reader: &Reader) {
    let seed = Seed::new([7; 32]);
    let key = SigningKey::from_seed(&seed);
    let birth = run(reader, &BeBorn {}).await.unwrap();
    let birth = birth.open(&birth.claim.key.clone()).unwrap().clone();
    let certificate = certify(&birth, CardId([5; 8]), None, Day(30_000), &key);
    let currency = Currency::new("JPY").unwrap();
    let limits = Limits { currency, balance: 50_000, payment: 20_000, unsettled: 30_000 };
    let sealed = Masters::from_seed(seed)
        .personalise(&birth, certificate, Pockets::new([limits]).unwrap(), &key, entropy())
        .unwrap();
    run(reader, &Personalise(sealed)).await.unwrap();
}

/// Makes a fresh card one in use, with the PIN 1234.
pub async fn make(reader: &Reader) {
    personalise(reader).await;
    run(reader, &ChangePin { old: None, new: pin("1234") }).await.unwrap();
}

/// A try with a wrong PIN.
pub async fn guess(reader: &Reader) -> AnswerError {
    run(reader, &VerifyPin { pin: pin("0000") }).await.unwrap_err()
}

fn entropy() -> Entropy {
    koban_wallet_wasm::drivers::platform::entropy().unwrap()
}
