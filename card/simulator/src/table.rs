//! The cards on the table, in readers or beside them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use koban_card::platform::{Button, Prompt};
use koban_card::purse::wire::Class;
use koban_card_simulator::{Device, Kind, Said, SimulatedCard};
use serde_json::{Value, json};

use crate::arguments::{Arguments, Holder};

/// The cards.
pub(crate) struct Table {
    devices: PathBuf,
    cards: PathBuf,
    holder: Holder,
    classes: BTreeMap<String, Class>,
    plugged: BTreeMap<String, Plugged>,
    /// The last device's number.
    last: u32,
    /// What hosts still have open of HID devices that are not plugged in any more.
    silent: Vec<UnixStream>,
}

struct Plugged {
    device: Device,
    card: SimulatedCard,
    /// Frames it may still send before the cable is cut.
    frames_left: Option<u32>,
}

impl Table {
    /// # Errors
    /// The directories cannot be made.
    pub(crate) fn new(arguments: Arguments) -> Result<Self> {
        let Arguments { devices, cards, holder, factory, names } = arguments;
        for directory in [&devices, &cards] {
            fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        }
        if let Some(factory) = factory {
            for (name, class) in &names {
                factory.make(&cards.join(name), name, *class)?;
            }
        }
        let classes = names.into_iter().collect();
        Ok(Self {
            devices,
            cards,
            holder,
            classes,
            plugged: BTreeMap::new(),
            last: 0,
            silent: vec![],
        })
    }

    /// What tells by being readable that there is something to [`serve`](Self::serve).
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.plugged.values().flat_map(|plugged| plugged.device.descriptors())
    }

    /// Whether a card waits for its holder.
    pub(crate) fn is_asking(&self) -> bool {
        self.plugged.values().any(|plugged| plugged.card.is_asking())
    }

    /// Tells what happened.
    pub(crate) fn tell(&self, event: &Value) {
        // whoever does not listen any more closes the input as well
        let _ = writeln!(io::stdout(), "{event}");
    }

    /// Does what a line says, and tells how it went.
    pub(crate) fn command(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let done = match words[..] {
            ["plug", name] => self.plug(name, Kind::Card),
            ["plug", name, "as", "fido"] => self.plug(name, Kind::Fido),
            ["plug", name, "as", "keyboard"] => self.plug(name, Kind::Keyboard),
            ["unplug", name] => self.unplug(name, "unplugged"),
            ["cut", name, "after", frames] => self.cut(name, frames),
            ["press"] => self.decide(None, Button::Pressed),
            ["press", name] => self.decide(Some(name), Button::Pressed),
            ["refuse"] => self.decide(None, Button::Refused),
            ["refuse", name] => self.decide(Some(name), Button::Refused),
            _ => Err(anyhow::anyhow!("not understood")),
        };
        if let Err(error) = done {
            self.tell(&json!({ "event": "wrong", "line": line, "why": format!("{error:#}") }));
        }
    }

    /// Takes what hosts have sent, and does what time brings.
    pub(crate) fn serve(&mut self, now: Instant) {
        let names: Vec<String> = self.plugged.keys().cloned().collect();
        for name in names {
            let Some(plugged) = self.plugged.get_mut(&name) else { continue };
            let frames = plugged.device.receive();
            let said = plugged.card.tick(now);
            self.carry_on(&name, said);
            for (interface, frame) in frames {
                let Some(plugged) = self.plugged.get_mut(&name) else { break };
                let said = plugged.card.receive(interface, &frame);
                self.carry_on(&name, said);
            }
        }
    }

    fn plug(&mut self, name: &str, kind: Kind) -> Result<()> {
        ensure!(!self.plugged.contains_key(name), "it is plugged in");
        let class = *self.classes.get(name).context("no such card")?;
        self.last = self.last.checked_add(1).context("too many")?;
        let card = SimulatedCard::power_up(&self.cards.join(name), class)?;
        let device = Device::plug(&self.devices, name, self.last, kind)?;
        self.plugged.insert(name.to_owned(), Plugged { device, card, frames_left: None });
        self.tell(&json!({ "event": "plugged", "card": name }));
        Ok(())
    }

    fn unplug(&mut self, name: &str, event: &str) -> Result<()> {
        let plugged = self.plugged.remove(name).context("it is not plugged in")?;
        self.silent.extend(plugged.device.unplug()?);
        self.tell(&json!({ "event": event, "card": name }));
        Ok(())
    }

    fn cut(&mut self, name: &str, frames: &str) -> Result<()> {
        let plugged = self.plugged.get_mut(name).context("it is not plugged in")?;
        plugged.frames_left = Some(frames.parse().context("not a number")?);
        Ok(())
    }

    fn decide(&mut self, name: Option<&str>, button: Button) -> Result<()> {
        let is_meant = |card: &str| name.is_none_or(|name| name == card);
        let asking =
            self.plugged.iter_mut().find(|(card, it)| is_meant(card) && it.card.is_asking());
        let (name, plugged) = asking.context("nobody was asked")?;
        let (name, said) = (name.clone(), plugged.card.decide(button));
        self.carry_on(&name, said);
        Ok(())
    }

    /// Sends and tells what a card said, and answers for its holder.
    fn carry_on(&mut self, name: &str, said: Vec<Said>) {
        for said in said {
            let Some(plugged) = self.plugged.get_mut(name) else { return };
            match said {
                Said::Frame(interface, frame) => match plugged.frames_left {
                    Some(0) => {
                        if let Err(error) = self.unplug(name, "cut") {
                            eprintln!("{name}: {error:#}");
                        }
                    }
                    left => {
                        plugged.frames_left = left.map(|left| left.saturating_sub(1));
                        plugged.device.send(interface, &frame);
                    }
                },
                Said::Asked(prompt) => {
                    self.tell(&json!({ "event": "asked", "card": name, "prompt": shown(&prompt) }));
                    if self.holder == Holder::Auto {
                        let said = self.pressed(name);
                        self.carry_on(name, said);
                    }
                }
                Said::Answered(instruction, status) => self.tell(&json!({
                    "event": "answered",
                    "card": name,
                    "instruction": instruction,
                    "status": status.map(|status| status.to_string()),
                })),
            }
        }
    }

    fn pressed(&mut self, name: &str) -> Vec<Said> {
        self.plugged
            .get_mut(name)
            .map(|plugged| plugged.card.decide(Button::Pressed))
            .unwrap_or_default()
    }
}

/// What a display would show.
fn shown(prompt: &Prompt) -> Value {
    match prompt {
        Prompt::Pay(payee, amount) => json!({
            "kind": "pay",
            "payee": format!("{:?}", payee.card),
            "minor": amount.minor(),
            "currency": amount.currency().code(),
        }),
        Prompt::Pin => json!({ "kind": "pin" }),
        Prompt::Abort => json!({ "kind": "abort" }),
    }
}
