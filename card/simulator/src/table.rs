//! The cards on the table, in readers or beside them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use koban_card::platform::{Button, Prompt};
use koban_card::purse::wire::Class;
use koban_card_simulator::{Device, Kind, Said, SimulatedCard, Trick};
use serde_json::{Value, json};

use crate::arguments::{Arguments, Holder, Name};
use crate::factory;

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
    cut: Option<Cut>,
}

/// When the cable is cut.
#[derive(Clone, Copy)]
enum Cut {
    /// When it has sent so many more frames.
    Frames(u32),
    /// At the command that comes so many commands from now, with or without its work done.
    Command(u32, Moment),
    /// Before the answer it works on leaves.
    Answer,
}

#[derive(Clone, Copy)]
enum Moment {
    BeforeWork,
    BeforeAnswer,
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
            for Name { name, class, .. } in names.iter().filter(|it| !it.is_forged) {
                factory.make(&cards.join(name), name, *class)?;
            }
        }
        for Name { name, class, .. } in names.iter().filter(|it| it.is_forged) {
            factory::forge(&cards.join(name), *class)?;
        }
        let last = last_number(&devices)?;
        let classes = names.into_iter().map(|it| (it.name, it.class)).collect();
        Ok(Self { devices, cards, holder, classes, plugged: BTreeMap::new(), last, silent: vec![] })
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
            ["unplug", name] => self.unplug(name, json!({ "event": "unplugged", "card": name })),
            ["cut", name, "after", frames] => self.cut(name, frames, Cut::Frames),
            ["cut", name, "before", commands] => {
                self.cut(name, commands, |left| Cut::Command(left, Moment::BeforeWork))
            }
            ["cut", name, "answering", commands] => {
                self.cut(name, commands, |left| Cut::Command(left, Moment::BeforeAnswer))
            }
            ["trick", name, ref trick @ ..] => self.trick(name, trick),
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
        self.plugged.insert(name.to_owned(), Plugged { device, card, cut: None });
        self.tell(&json!({ "event": "plugged", "card": name }));
        Ok(())
    }

    fn unplug(&mut self, name: &str, event: Value) -> Result<()> {
        let plugged = self.plugged.remove(name).context("it is not plugged in")?;
        self.silent.extend(plugged.device.unplug()?);
        self.tell(&event);
        Ok(())
    }

    fn in_reader(&mut self, name: &str) -> Result<&mut Plugged> {
        self.plugged.get_mut(name).context("it is not plugged in")
    }

    fn cut(&mut self, name: &str, after: &str, cut: impl FnOnce(u32) -> Cut) -> Result<()> {
        self.in_reader(name)?.cut = Some(cut(after.parse().context("not a number")?));
        Ok(())
    }

    fn trick(&mut self, name: &str, words: &[&str]) -> Result<()> {
        let trick = match words {
            [] => None,
            ["halve"] => Some(Trick::Halve),
            ["stop"] => Some(Trick::Stop),
            ["shuffle"] => Some(Trick::Shuffle),
            ["replay", instruction] => {
                Some(Trick::Replay(u8::from_str_radix(instruction, 16).context("not hexadecimal")?))
            }
            _ => anyhow::bail!("no such trick"),
        };
        self.in_reader(name)?.card.play(trick);
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

    /// Sends and tells what a card said, has it work, and answers for its holder.
    fn carry_on(&mut self, name: &str, said: Vec<Said>) {
        for said in said {
            let Some(plugged) = self.plugged.get_mut(name) else { return };
            match said {
                Said::Frame(interface, frame) => match &mut plugged.cut {
                    Some(Cut::Frames(0)) => self.pull(name, None),
                    cut => {
                        if let Some(Cut::Frames(left)) = cut {
                            *left = left.saturating_sub(1);
                        }
                        plugged.device.send(interface, &frame);
                    }
                },
                Said::Received(instruction) => self.work(name, instruction),
                Said::Asked(prompt) => {
                    self.tell(&json!({ "event": "asked", "card": name, "prompt": shown(&prompt) }));
                    if self.holder == Holder::Auto {
                        let said = self.pressed(name);
                        self.carry_on(name, said);
                    }
                }
                Said::Answered(instruction, status) => {
                    let is_cut = matches!(plugged.cut, Some(Cut::Answer));
                    self.tell(&json!({
                        "event": "answered",
                        "card": name,
                        "instruction": instruction,
                        "status": status.map(|status| status.to_string()),
                    }));
                    if is_cut {
                        self.pull(name, Some(instruction));
                    }
                }
            }
        }
    }

    /// A command has come to a card: it carries it out, unless the cable is cut.
    fn work(&mut self, name: &str, instruction: u8) {
        let Some(plugged) = self.plugged.get_mut(name) else { return };
        plugged.cut = match plugged.cut {
            Some(Cut::Command(0 | 1, Moment::BeforeWork)) => {
                return self.pull(name, Some(instruction));
            }
            Some(Cut::Command(0 | 1, Moment::BeforeAnswer)) => Some(Cut::Answer),
            Some(Cut::Command(left, moment)) => Some(Cut::Command(left.saturating_sub(1), moment)),
            cut => cut,
        };
        let said = plugged.card.work();
        self.carry_on(name, said);
    }

    /// The cable is cut, at a command if there is one.
    fn pull(&mut self, name: &str, instruction: Option<u8>) {
        let event = json!({ "event": "cut", "card": name, "instruction": instruction });
        if let Err(error) = self.unplug(name, event) {
            eprintln!("{name}: {error:#}");
        }
    }

    fn pressed(&mut self, name: &str) -> Vec<Said> {
        self.plugged
            .get_mut(name)
            .map(|plugged| plugged.card.decide(Button::Pressed))
            .unwrap_or_default()
    }
}

/// The last number of a device that an earlier simulator showed in this directory.
fn last_number(devices: &Path) -> Result<u32> {
    let mut last = 0;
    for entry in fs::read_dir(devices)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let number = name.rsplit_once('.').and_then(|(_, end)| end.split_once('-'));
        last = last.max(number.and_then(|(number, _)| number.parse().ok()).unwrap_or(0));
    }
    Ok(last)
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
