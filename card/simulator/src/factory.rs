//! The factory: makes cards of blank ones before they lie on the table, with the originator or
//! against it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use koban_card::apdu::{self, AnswerError, Apdu};
use koban_card::command::{BeBorn, Command, Personalise};
use koban_card::platform::Button;
use koban_card::purse::issuer::{Masters, certify};
use koban_card::purse::service::NewCard;
use koban_card::purse::wire::{CardId, Class, Label, Limits, Pockets};
use koban_card::purse::{Birth, SealedPersonalisation};
use koban_card::{Card, Status};
use koban_card_simulator::Disk;
use koban_protocol::amount::Currency;
use koban_protocol::entropy::Entropy;
use koban_protocol::key::{Seed, SigningKey};
use koban_protocol::signed::Attested;
use koban_protocol::time::Day;
use koban_protocol::wire;

const PATIENCE: Duration = Duration::from_secs(15);

/// An originator and the token of its operator, who alone may have purses and terminals made.
#[derive(Debug)]
pub(crate) struct Factory {
    /// The originator's address.
    pub(crate) originator: String,
    /// Its operator's token.
    pub(crate) token: String,
}

impl Factory {
    /// Makes the blank card in a directory a card; leaves one that is made as it is. A terminal is
    /// labelled with its name.
    ///
    /// # Errors
    /// The card or the originator refuses, or cannot be reached.
    pub(crate) fn make(&self, directory: &Path, name: &str, class: Class) -> Result<()> {
        let label = (class == Class::Terminal).then(|| Label::new(name));
        let label = label.map(|label| label.context("the name is no label")).transpose()?;
        bring_to_life(directory, class, |birth| {
            let answer = self.ask(&wire::encode(&NewCard { birth, label }))?;
            wire::decode_exact(&answer).context("the originator's answer")
        })
    }

    fn ask(&self, order: &[u8]) -> Result<Vec<u8>> {
        let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build();
        let request = config
            .new_agent()
            .post(format!("{}/cards", self.originator))
            .header("authorization", format!("Bearer {}", self.token));
        let mut answer = request.send(order).context("the originator")?;
        answer.body_mut().read_to_vec().context("the originator's answer")
    }
}

/// Makes the blank card in a directory a card of somebody who is no originator, with a certificate
/// and keys of their own; leaves one that is made as it is.
///
/// # Errors
/// The card refuses.
pub(crate) fn forge(directory: &Path, class: Class) -> Result<()> {
    let seed = Seed::new([0x66; 32]);
    let key = SigningKey::from_seed(&seed);
    let currency = Currency::new("JPY").context("a currency")?;
    let limits = Limits { currency, balance: 50_000, payment: 20_000, unsettled: 30_000 };
    bring_to_life(directory, class, |birth| {
        let birth = birth.claim;
        let certificate = certify(&birth, CardId([0x66; 8]), None, Day(u32::MAX), &key);
        let limits = Pockets::new([limits]).context("one pocket")?;
        let entropy = Entropy::new([0x66; 32]);
        let sealed =
            Masters::from_seed(seed).personalise(&birth, certificate, limits, &key, entropy);
        sealed.map_err(|error| anyhow::anyhow!("{error:?}"))
    })
}

/// Has a blank card make its keys, and gives it what is sealed to them.
fn bring_to_life(
    directory: &Path,
    class: Class,
    seal: impl FnOnce(Attested<Birth>) -> Result<SealedPersonalisation>,
) -> Result<()> {
    let mut card = Card::power_up(Disk::open(directory, class)?);
    let birth = match run(&mut card, &BeBorn {}) {
        Ok(birth) => birth,
        Err(AnswerError::Refused(Status::WrongState)) => return Ok(()),
        Err(error) => bail!("the card: {error:?}"),
    };
    run(&mut card, &Personalise(seal(birth)?))
        .map(drop)
        .map_err(|error| anyhow::anyhow!("the card: {error:?}"))
}

fn run<C: Command>(card: &mut Card<Disk>, command: &C) -> Result<C::Answer, AnswerError> {
    let mut answer = Apdu::new();
    // Nobody holds the card yet: what is done in a factory asks nobody.
    let asked = card.handle(&apdu::encode(command), Button::Pressed, &mut answer);
    debug_assert!(asked.is_none());
    apdu::answer(&answer)
}
