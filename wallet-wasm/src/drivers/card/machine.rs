//! The virtual card's machine: the applet in a worker, its store in IndexedDB.
//!
//! It is software: whoever controls the browser can read it, copy it, and put its store back to an
//! earlier state, and it would not notice. Its class says so ([`Class::Virtual`]), and no terminal
//! takes it. One worker of the origin has it at a time.
//!
//! The page sends commands as `Uint8Array`; the worker answers each with a `Uint8Array`, after all
//! that the command wrote is on the disk. When it is ready, and when it ends, it says a `Word`.

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::StreamExt as _;
use js_sys::Uint8Array;
use koban_card::apdu::Apdu;
use koban_card::memory::Memory;
use koban_card::platform::{Button, Features, Slot, Store as _, StoreFailed};
use koban_card::purse::wire::Class;
use koban_card::{Card, Platform};
use koban_protocol::entropy::Entropy;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};
use zeroize::Zeroizing;

use crate::drivers::database::Tables;
use crate::drivers::tabs::{self, Channel, Lease, News};
use crate::drivers::{fact, platform};
use crate::engine::{Fault, Problem};

/// The database, the lock, and the channel by which a tab asks for it.
pub const NAME: &str = "koban-virtual-card";
/// Grows when the stores change; the contents belong to the applet.
const VERSION: u32 = 1;
const SLOTS: &str = "slot";

/// Between two attempts at a card that another worker has, milliseconds.
const PAUSE_MS: u32 = 100;
/// Attempts: 5 s.
const ATTEMPTS_MAX: u32 = 50;

/// What the worker says besides answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It takes commands.
    Ready,
    /// It has ended: another worker has the card and does not give way.
    InUse,
    /// It has ended, before it saw any command not yet answered: another tab asked for the card.
    GaveWay,
    /// It has ended: the name of the fault.
    Failed(String),
}

impl Word {
    fn text(&self) -> &str {
        match self {
            Self::Ready => "ready",
            Self::InUse => "in-use",
            Self::GaveWay => "gave-way",
            Self::Failed(fault) => fault,
        }
    }

    /// The word of a text.
    pub(super) fn of(text: &str) -> Self {
        let words = [Self::Ready, Self::InUse, Self::GaveWay];
        let word = words.into_iter().find(|word| word.text() == text);
        word.unwrap_or_else(|| Self::Failed(text.to_owned()))
    }
}

/// What happens to the worker, one after the other.
enum Event {
    Command(Zeroizing<Vec<u8>>),
    Wanted,
}

/// Runs the virtual card in this worker until it has to end.
pub fn serve() {
    // Only a worker has anybody to serve.
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else { return };
    spawn_local(async move {
        let last = run(&scope).await.unwrap_or_else(|it| Word::Failed(it.name().to_owned()));
        say(&scope, &last.text().into());
        scope.close();
    });
}

/// Posts to the page, if it is still there.
fn say(scope: &DedicatedWorkerGlobalScope, what: &JsValue) {
    let _ = scope.post_message(what);
}

/// From power to the last word.
async fn run(scope: &DedicatedWorkerGlobalScope) -> Result<Word, Problem> {
    let channel = Channel::open(NAME)?;
    let Some(_lease) = alone(&channel).await? else { return Ok(Word::InUse) };
    let tables = Tables::open(NAME, VERSION, vec![SLOTS]).await?;
    let (tell, events) = unbounded();
    let wanted = tell.clone();
    channel.listen(move |news| {
        if news == News::Wanted {
            // The worker may be about to end.
            let _ = wanted.unbounded_send(Event::Wanted);
        }
    });
    let _listener = listen(scope, tell);
    let memory = read(&tables).await?;
    let card = Card::power_up(Machine { memory, entropy: fresh()? });
    say(scope, &Word::Ready.text().into());
    take_commands(scope, &tables, card, events).await
}

/// The right to be the card, once no other worker has it.
async fn alone(channel: &Channel) -> Result<Option<Lease>, Problem> {
    for _ in 0..ATTEMPTS_MAX {
        if let Some(lease) = tabs::lease(NAME, false).await? {
            return Ok(Some(lease));
        }
        channel.tell(News::Wanted);
        platform::pause(PAUSE_MS).await;
    }
    Ok(None)
}

fn listen(
    scope: &DedicatedWorkerGlobalScope,
    tell: UnboundedSender<Event>,
) -> Closure<dyn Fn(MessageEvent)> {
    let listener = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let command = Zeroizing::new(Uint8Array::new(&event.data()).to_vec());
        // The worker may be about to end.
        let _ = tell.unbounded_send(Event::Command(command));
    });
    scope.set_onmessage(Some(listener.as_ref().unchecked_ref()));
    listener
}

async fn take_commands(
    scope: &DedicatedWorkerGlobalScope,
    tables: &Tables,
    mut card: Card<Machine>,
    mut events: UnboundedReceiver<Event>,
) -> Result<Word, Problem> {
    let mut answer = Apdu::new();
    while let Some(Event::Command(command)) = events.next().await {
        card.platform().entropy = fresh()?;
        if card.handle(&command, Button::Unasked, &mut answer).is_some() {
            // There is no button: nobody can agree.
            let _ = card.handle(&command, Button::Refused, &mut answer);
        }
        // If this fails, the worker ends, and with it the state that is not on the disk.
        write(tables, &mut card.platform().memory).await?;
        say(scope, &Uint8Array::from(answer.as_slice()));
    }
    Ok(Word::GaveWay)
}

fn fresh() -> Result<Entropy, Problem> {
    let none = || Problem::with(Fault::StorageNotDurable, fact(&"no entropy".into()));
    platform::entropy().ok_or_else(none)
}

/// A slot's key in the database.
fn key(slot: Slot) -> String {
    match slot {
        Slot::Identity(half) => format!("identity {half}"),
        Slot::State(half) => format!("state {half}"),
        Slot::Log(entry) => format!("log {entry}"),
    }
}

async fn read(tables: &Tables) -> Result<Memory, Problem> {
    let corrupt = |_: StoreFailed| Problem::from(Fault::StorageCorrupt);
    let mut memory = Memory::new();
    let rows = tables.rows().await?;
    for (name, content) in rows.into_iter().flatten() {
        let content = Zeroizing::new(content);
        if let Some(slot) = Memory::slots().find(|slot| key(*slot) == name) {
            memory.write(slot, &content).map_err(corrupt)?;
        }
    }
    // What was read need not be written.
    memory.take_written().for_each(drop);
    Ok(memory)
}

/// Puts what was written on the disk, all or none.
async fn write(tables: &Tables, memory: &mut Memory) -> Result<(), Problem> {
    let written: Vec<(String, Slot)> = memory.take_written().map(|it| (key(it), it)).collect();
    if written.is_empty() {
        return Ok(());
    }
    let changes =
        written.iter().map(|(key, slot)| (SLOTS, key.as_str(), Some(memory.content(*slot))));
    tables.write(changes).await
}

/// A machine with memory and entropy, and nothing else.
struct Machine {
    memory: Memory,
    entropy: Entropy,
}

impl Platform for Machine {
    type Store = Memory;

    fn class(&self) -> Class {
        Class::Virtual
    }

    fn features(&self) -> Features {
        Features::default()
    }

    fn store(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// Part of what was drawn before the command.
    fn entropy(&mut self) -> Entropy {
        let drawn = std::mem::replace(&mut self.entropy, Entropy::new([0; 32]));
        let (part, rest) = drawn.split();
        self.entropy = rest;
        part
    }

    fn counter(&mut self) -> u32 {
        0
    }

    fn raise_counter(&mut self) -> Result<(), StoreFailed> {
        Ok(())
    }
}
