//! The factory: has the originator make cards of blank ones, before they lie on the table.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use koban_card::apdu::{self, AnswerError, Apdu};
use koban_card::command::{BeBorn, Command, Personalise};
use koban_card::platform::Button;
use koban_card::purse::service::NewCard;
use koban_card::purse::wire::{Class, Label};
use koban_card::{Card, Status};
use koban_card_simulator::Disk;
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
        let mut card = Card::power_up(Disk::open(directory, class)?);
        let birth = match run(&mut card, &BeBorn {}) {
            Ok(birth) => birth,
            Err(AnswerError::Refused(Status::WrongState)) => return Ok(()),
            Err(error) => bail!("the card: {error:?}"),
        };
        let label = (class == Class::Terminal).then(|| Label::new(name));
        let label = label.map(|label| label.context("the name is no label")).transpose()?;
        let answer = self.ask(&wire::encode(&NewCard { birth, label }))?;
        let sealed = wire::decode_exact(&answer).context("the originator's answer")?;
        run(&mut card, &Personalise(sealed))
            .map(drop)
            .map_err(|error| anyhow::anyhow!("the card: {error:?}"))
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

fn run<C: Command>(card: &mut Card<Disk>, command: &C) -> Result<C::Answer, AnswerError> {
    let mut answer = Apdu::new();
    // Nobody holds the card yet: what is done in a factory asks nobody.
    let asked = card.handle(&apdu::encode(command), Button::Pressed, &mut answer);
    debug_assert!(asked.is_none());
    apdu::answer(&answer)
}
