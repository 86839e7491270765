//! The page's end of the virtual card: a worker, powered up when it is needed.

use std::cell::RefCell;

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use futures_util::StreamExt as _;
use js_sys::Uint8Array;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageEvent, Worker};

use super::machine::Word;
use super::{CardProblem, within};

/// Where the wallet's origin has the virtual card's program.
pub const PROGRAM: &str = "/koban-virtual-card_loader.js";

/// How long its program may take to load, milliseconds.
const LOADING_MS_MAX: u32 = 30_000;
/// How long a command may take, milliseconds.
const COMMAND_MS_MAX: u32 = 10_000;
/// Workers that may give way to other tabs before a command is done.
const ATTEMPTS_MAX: u32 = 5;

/// The virtual card of this origin, with power or without.
#[derive(Debug)]
pub(super) struct VirtualCard {
    address: String,
    power: RefCell<Option<Power>>,
}

impl VirtualCard {
    /// Without power; its program is at `address`.
    pub(super) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), power: RefCell::default() }
    }

    /// Takes its power.
    pub(super) fn power_off(&self) {
        self.power.take();
    }

    /// Gives it a command and returns its answer.
    pub(super) async fn exchange(&self, apdu: &[u8]) -> Result<Vec<u8>, CardProblem> {
        for _ in 0..ATTEMPTS_MAX {
            let power = self.power.take();
            let mut power = match power {
                Some(power) => power,
                None => Power::up(&self.address).await?,
            };
            if let Some(answer) = power.command(apdu).await? {
                self.power.replace(Some(power));
                return Ok(answer);
            }
            // It gave way to another tab before it saw the command: again, when it is free.
        }
        Err(CardProblem::InUse)
    }
}

/// A worker that runs. Dropped, it is ended as a card is that is pulled out.
#[derive(Debug)]
struct Power {
    worker: Worker,
    heard: UnboundedReceiver<Said>,
    _said: Closure<dyn Fn(MessageEvent)>,
    _broken: Closure<dyn Fn()>,
}

/// What a worker says.
#[derive(Debug)]
enum Said {
    Answer(Vec<u8>),
    Word(Word),
    /// It could not be loaded, or failed.
    Broken,
}

impl Power {
    async fn up(address: &str) -> Result<Self, CardProblem> {
        let worker = Worker::new(address).map_err(|exception| CardProblem::browser(&exception))?;
        let (say, heard) = unbounded();
        let broken = {
            let say = say.clone();
            // Nobody may be waiting any more.
            Closure::<dyn Fn()>::new(move || drop(say.unbounded_send(Said::Broken)))
        };
        let said = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let said = match event.data().dyn_into::<Uint8Array>() {
                Ok(answer) => Said::Answer(answer.to_vec()),
                Err(word) => Said::Word(Word::of(&word.as_string().unwrap_or_default())),
            };
            drop(say.unbounded_send(said));
        });
        worker.set_onmessage(Some(said.as_ref().unchecked_ref()));
        worker.set_onerror(Some(broken.as_ref().unchecked_ref()));
        let mut power = Self { worker, heard, _said: said, _broken: broken };
        match power.next(LOADING_MS_MAX).await? {
            Said::Word(Word::Ready) => Ok(power),
            said => Err(said.problem()),
        }
    }

    /// The answer to a command; none if the worker gave way before it saw the command.
    async fn command(&mut self, apdu: &[u8]) -> Result<Option<Vec<u8>>, CardProblem> {
        let command: JsValue = Uint8Array::from(apdu).into();
        let sent = self.worker.post_message(&command);
        sent.map_err(|exception| CardProblem::browser(&exception))?;
        match self.next(COMMAND_MS_MAX).await? {
            Said::Answer(answer) => Ok(Some(answer)),
            Said::Word(Word::GaveWay) => Ok(None),
            said => Err(said.problem()),
        }
    }

    async fn next(&mut self, milliseconds: u32) -> Result<Said, CardProblem> {
        let said = within(milliseconds, self.heard.next()).await.flatten();
        said.ok_or(CardProblem::Silent)
    }
}

impl Said {
    fn problem(self) -> CardProblem {
        match self {
            Self::Answer(_) | Self::Word(Word::Ready | Word::GaveWay) => CardProblem::NotACard,
            Self::Word(Word::InUse) => CardProblem::InUse,
            Self::Word(Word::Failed(fault)) => CardProblem::Storage(fault),
            Self::Broken => CardProblem::Browser("the virtual card's program failed".to_owned()),
        }
    }
}

impl Drop for Power {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}
