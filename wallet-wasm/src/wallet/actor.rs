//! Keeps the driver's law: one event at a time, its effects performed in order before the next.

mod cards;
mod turns;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use futures_channel::{mpsc, oneshot};
use futures_util::StreamExt;
use koban_protocol::amount::{Amount, Bundle, Currency};
use koban_protocol::id::OperationId;
use koban_protocol::signed::Signed;
use koban_protocol::statement::Invoice;
use koban_protocol::time::Time;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::spawn_local;

use crate::drivers::database::Database;
use crate::drivers::tabs::{self, Channel, Lease, News};
use crate::drivers::{network, platform};
use crate::engine::{Call, Command, Effect, Engine, Event, Fault, Problem, ReaderId, Report};
use crate::view::{InvoiceView, TransactionView, WalletView};
pub(super) use cards::CardDone;
use cards::Readers;
use turns::{Asked, Turns};

use super::WalletConfig;

/// An operation that a command became, and news of its end: none, or why it cannot go on for now.
type Begun = (OperationId, oneshot::Receiver<Option<Problem>>);
type Listener = Rc<dyn Fn(WalletView)>;

/// What the actor is asked.
enum Message {
    Command(Command, oneshot::Sender<Result<Begun, Problem>>),
    AskBalance(oneshot::Sender<Result<(), Problem>>),
    Card(ReaderId, Command, oneshot::Sender<CardDone>),
    /// A reader is connected.
    CardIn(ReaderId),
    Event(Event),
    /// Another tab has changed the database, or asks for the right to write.
    News(News),
    /// This tab may write from now on.
    Lead(Lease),
    /// Whoever waits for the right to write since this turn or before has waited long enough.
    NotLed(u64),
    Close(oneshot::Sender<()>),
}

/// Whoever gave the command that is being carried out.
enum Reply {
    Operation(oneshot::Sender<Result<Begun, Problem>>),
    Balance(oneshot::Sender<Result<(), Problem>>),
    Card(ReaderId, oneshot::Sender<CardDone>),
}

impl Reply {
    fn refuse(self, problem: Problem) {
        match self {
            Self::Operation(reply) => answer(reply, Err(problem)),
            Self::Balance(reply) => answer(reply, Err(problem)),
            Self::Card(_, reply) => answer(reply, Err(problem)),
        }
    }
}

/// Whether this tab may write.
enum Seat {
    Writer(#[expect(dead_code, reason = "held, not read: the lock is free when it drops")] Lease),
    Follower,
    /// A write failed: the memory is ahead of the database, and nothing more is done.
    Broken(Problem),
    Closed,
}

/// Who waits for what.
#[derive(Default)]
struct Waiting {
    turns: Turns,
    operations: Vec<(OperationId, oneshot::Sender<Option<Problem>>)>,
    balance: Vec<oneshot::Sender<Result<(), Problem>>>,
    keys: Vec<oneshot::Sender<Result<(), Problem>>>,
    cards: Vec<(ReaderId, oneshot::Sender<CardDone>)>,
}

/// The engine with its drivers.
pub(super) struct Actor {
    issuer_url: String,
    originator_url: Option<String>,
    name: String,
    engine: RefCell<Engine>,
    seat: RefCell<Seat>,
    database: Database,
    channel: Channel,
    inbox: mpsc::UnboundedSender<Message>,
    waiting: RefCell<Waiting>,
    listeners: RefCell<Vec<Listener>>,
    readers: RefCell<Readers>,
    persistent: Cell<bool>,
    /// Counts the timers, so that only the last one wakes the engine.
    timers: Cell<u64>,
    /// Another tab asked for the right to write, and gets it as soon as nobody waits here.
    wanted: Cell<bool>,
    /// Counts how often this tab stepped back: answers to what it sent before are not its own.
    term: Cell<u64>,
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Actor({})", self.name)
    }
}

impl Actor {
    /// Opens the database, takes the lock if it is free, and starts.
    ///
    /// # Errors
    /// As [`Wallet::open`](super::Wallet::open).
    pub(super) async fn open(config: WalletConfig) -> Result<Rc<Self>, Problem> {
        let issuer_url = config.issuer_url.trim_end_matches('/').to_owned();
        let name = format!("koban-wallet {issuer_url}");
        let database = Database::open(&name).await?;
        let lease = tabs::lease(&name, false).await?;
        let rows = database.rows().await?;
        let (engine, effects, seat) = match lease {
            Some(lease) => {
                let (engine, effects) =
                    Engine::open(&issuer_url, rows, platform::now(), entropy()?)?;
                (engine, effects, Seat::Writer(lease))
            }
            None => (Engine::read(&issuer_url, rows)?, Vec::new(), Seat::Follower),
        };
        let follows = matches!(seat, Seat::Follower);
        let known = follows || engine.issuer_keys().is_some();
        let (inbox, outbox) = mpsc::unbounded();
        let actor = Rc::new(Self {
            issuer_url,
            originator_url: config.originator_url,
            channel: Channel::open(&name)?,
            name,
            engine: RefCell::new(engine),
            seat: RefCell::new(seat),
            database,
            inbox,
            waiting: RefCell::default(),
            listeners: RefCell::default(),
            readers: RefCell::default(),
            persistent: Cell::new(platform::is_persistent().await),
            timers: Cell::new(0),
            wanted: Cell::new(false),
            term: Cell::new(0),
        });
        let (sender, keys) = oneshot::channel();
        actor.waiting.borrow_mut().keys.push(sender);
        actor.listen();
        if follows {
            actor.wait_to_lead();
        }
        spawn_local(actor.clone().run(effects, outbox));
        if known {
            return Ok(actor);
        }
        let fetched = keys.await.unwrap_or_else(|_| Err(Fault::Network.into()));
        match fetched {
            Ok(()) => Ok(actor),
            Err(problem) => {
                actor.close().await;
                Err(problem)
            }
        }
    }

    async fn run(
        self: Rc<Self>,
        effects: Vec<Effect>,
        mut outbox: mpsc::UnboundedReceiver<Message>,
    ) {
        self.perform(effects, None).await;
        while let Some(message) = outbox.next().await {
            match message {
                Message::Command(command, reply) => {
                    self.asked(Asked::Command(command, reply)).await;
                }
                Message::AskBalance(reply) => self.asked(Asked::Balance(reply)).await,
                Message::Card(reader, command, reply) => {
                    self.asked(Asked::Card(reader, command, reply)).await;
                }
                Message::CardIn(reader) => self.asked(Asked::CardIn(reader)).await,
                Message::Event(event) => match (self.why_not(), event) {
                    (None, event) => self.handle(event, None).await,
                    (Some(_), Event::CardOut(id)) => {
                        self.engine.borrow_mut().forget_card(id);
                        self.show();
                    }
                    (Some(_), _) => (),
                },
                Message::News(News::Changed) => self.follow().await,
                Message::News(News::Wanted) => self.wanted.set(true),
                Message::Lead(lease) => self.lead(lease).await,
                Message::NotLed(turn) => self.refuse_turns(turn, &Fault::OtherTab.into()),
                Message::Close(done) => {
                    *self.seat.borrow_mut() = Seat::Closed;
                    self.database.close();
                    self.refuse_turns(u64::MAX, &Fault::OtherTab.into());
                    answer(done, ());
                    return;
                }
            }
            self.step_back_if_wanted();
        }
    }

    async fn handle(self: &Rc<Self>, event: Event, reply: Option<Reply>) {
        match entropy() {
            Ok(entropy) => {
                let effects = self.engine.borrow_mut().handle(platform::now(), entropy, event);
                self.perform(effects, reply).await;
            }
            Err(problem) => self.break_down(problem),
        }
    }

    async fn perform(self: &Rc<Self>, effects: Vec<Effect>, mut reply: Option<Reply>) {
        for effect in effects {
            match effect {
                Effect::Write(edits) => {
                    if let Err(problem) = self.database.write(&edits).await {
                        if let Some(reply) = reply.take() {
                            reply.refuse(problem.clone());
                        }
                        self.break_down(problem);
                        return;
                    }
                    self.channel.tell(News::Changed);
                }
                Effect::Send(call) => self.send(call),
                Effect::Card(reader, bytes) => self.say(reader, bytes),
                Effect::Report(report) => self.tell(report, &mut reply),
                Effect::Wake(at) => self.wake_at(at),
            }
        }
        let mut waiting = self.waiting.borrow_mut();
        match reply {
            Some(Reply::Balance(reply)) => waiting.balance.push(reply),
            Some(Reply::Card(reader, reply)) => waiting.cards.push((reader, reply)),
            Some(Reply::Operation(_)) | None => (),
        }
        drop(waiting);
        self.show();
    }

    fn send(self: &Rc<Self>, call: Call) {
        let (actor, term) = (Rc::downgrade(self), self.term.get());
        spawn_local(async move {
            let answered = network::send(&call).await;
            let event =
                answered.map_or(Event::Unreachable(call.id), |it| Event::Answer(call.id, it));
            if actor.upgrade().is_some_and(|actor| actor.term.get() == term) {
                push(&actor, Message::Event(event));
            }
        });
    }

    fn wake_at(self: &Rc<Self>, at: Time) {
        let timer = self.timers.get().wrapping_add(1);
        self.timers.set(timer);
        let actor = Rc::downgrade(self);
        let seconds = at.0.saturating_sub(platform::now().0).max(1);
        spawn_local(async move {
            platform::sleep(seconds).await;
            if actor.upgrade().is_some_and(|actor| actor.timers.get() == timer) {
                push(&actor, Message::Event(Event::Woken));
            }
        });
    }

    fn tell(&self, report: Report, reply: &mut Option<Reply>) {
        let mut waiting = self.waiting.borrow_mut();
        match report {
            Report::Refused(problem) => {
                if let Some(reply) = reply.take() {
                    reply.refuse(problem);
                }
            }
            Report::Started(id) => {
                if let Some(Reply::Operation(reply)) = reply.take() {
                    let (sender, end) = oneshot::channel();
                    waiting.operations.push((id, sender));
                    answer(reply, Ok((id, end)));
                }
            }
            Report::Waiting(id, problem) => settle(&mut waiting, id, Some(problem)),
            Report::Ended(id) => settle(&mut waiting, id, None),
            Report::Balance(result) => {
                waiting.balance.drain(..).for_each(|waiter| answer(waiter, result.clone()));
            }
            // What comes of them is seen on the cards.
            Report::Originator(_) => (),
            Report::Card(reader, done) => waiting.card_done(reader, &done),
            Report::Keys(result) => {
                waiting.keys.drain(..).for_each(|waiter| answer(waiter, result.clone()));
            }
        }
    }

    /// Why this tab may not write, if it may not.
    fn why_not(&self) -> Option<Problem> {
        match &*self.seat.borrow() {
            Seat::Writer(_) => None,
            Seat::Follower | Seat::Closed => Some(Fault::OtherTab.into()),
            Seat::Broken(problem) => Some(problem.clone()),
        }
    }

    fn break_down(&self, problem: Problem) {
        *self.seat.borrow_mut() = Seat::Broken(problem.clone());
        self.refuse_turns(u64::MAX, &problem);
        let waiting = self.waiting.take();
        for (_, waiter) in waiting.operations {
            answer(waiter, Some(problem.clone()));
        }
        for (_, waiter) in waiting.cards {
            answer(waiter, Err(problem.clone()));
        }
        for waiter in waiting.balance.into_iter().chain(waiting.keys) {
            answer(waiter, Err(problem.clone()));
        }
    }

    /// Shows what the writing tab has written.
    async fn follow(&self) {
        if !matches!(&*self.seat.borrow(), Seat::Follower) {
            return;
        }
        let rows = self.database.rows().await;
        // Rows that cannot be read now are read at the next change.
        if let Ok(mut engine) = rows.and_then(|rows| Engine::read(&self.issuer_url, rows)) {
            engine.keep_cards(&mut self.engine.borrow_mut());
            *self.engine.borrow_mut() = engine;
            self.show();
        }
    }

    /// The tab that wrote is gone: this one goes on from the database.
    async fn lead(self: &Rc<Self>, lease: Lease) {
        if !matches!(&*self.seat.borrow(), Seat::Follower) {
            return;
        }
        let rows = self.database.rows().await;
        let opened =
            rows.and_then(|rows| Engine::open(&self.issuer_url, rows, platform::now(), entropy()?));
        match opened {
            Ok((engine, effects)) => {
                *self.engine.borrow_mut() = engine;
                *self.seat.borrow_mut() = Seat::Writer(lease);
                self.perform(effects, None).await;
                self.announce_cards().await;
                self.take_turns().await;
            }
            Err(problem) => self.break_down(problem),
        }
    }

    fn wait_to_lead(self: &Rc<Self>) {
        let (actor, name) = (Rc::downgrade(self), self.name.clone());
        spawn_local(async move {
            if let Ok(Some(lease)) = tabs::lease(&name, true).await {
                push(&actor, Message::Lead(lease));
            }
        });
    }

    /// Hears of other tabs, of the network's return, and of being looked at.
    fn listen(self: &Rc<Self>) {
        let actor = Rc::downgrade(self);
        self.channel.listen(move |news| push(&actor, Message::News(news)));
        let actor = Rc::downgrade(self);
        let resume = Closure::<dyn Fn()>::new(move || {
            if platform::is_visible() && !network::is_offline() {
                push(&actor, Message::Event(Event::Resumed));
            }
        });
        // The listeners live as long as the page; without a wallet they do nothing.
        let resume = resume.into_js_value();
        platform::listen("window", "online", &resume);
        platform::listen("document", "visibilitychange", &resume);
    }

    fn show(&self) {
        let listeners: Vec<Listener> = self.listeners.borrow().clone();
        if !listeners.is_empty() {
            let view = self.view();
            listeners.iter().for_each(|listener| listener(view.clone()));
        }
    }

    /// Gives a command; waits until its operation is final (`None`) or cannot go on for now.
    pub(super) async fn command(
        &self,
        command: Command,
    ) -> Result<(OperationId, Option<Problem>), Problem> {
        let (reply, begun) = oneshot::channel();
        // If nobody takes the message, the reply is dropped, and that is answered below.
        let _ = self.inbox.unbounded_send(Message::Command(command, reply));
        let closed = |_| Err(Fault::OtherTab.into());
        let (id, end) = begun.await.unwrap_or_else(closed)?;
        Ok((id, end.await.unwrap_or(None)))
    }

    pub(super) async fn ask_balance(&self) -> Result<(), Problem> {
        let (reply, answered) = oneshot::channel();
        // As above.
        let _ = self.inbox.unbounded_send(Message::AskBalance(reply));
        answered.await.unwrap_or_else(|_| Err(Fault::OtherTab.into()))
    }

    pub(super) async fn close(&self) {
        let (reply, done) = oneshot::channel();
        // A wallet that is closed already is closed.
        let _ = self.inbox.unbounded_send(Message::Close(reply));
        let _ = done.await;
    }

    pub(super) fn view(&self) -> WalletView {
        self.engine.borrow().view(platform::now(), self.persistent.get())
    }

    pub(super) fn on_change(&self, listener: Box<dyn Fn(WalletView)>) {
        self.listeners.borrow_mut().push(listener.into());
    }

    pub(super) fn set_persistent(&self, persistent: bool) {
        self.persistent.set(persistent);
        self.show();
    }

    pub(super) fn issuer_url(&self) -> &str {
        &self.issuer_url
    }

    pub(super) fn transaction(&self, id: OperationId) -> Option<TransactionView> {
        self.engine.borrow().transaction(id)
    }

    pub(super) fn standard_bundle(&self, amount: Amount) -> Result<Bundle, Problem> {
        self.engine.borrow().standard_bundle(amount)
    }

    pub(super) fn invoice(&self, invoice: &Signed<Invoice>) -> Result<InvoiceView, Problem> {
        self.engine.borrow().invoice(invoice, platform::now())
    }

    pub(super) fn currencies(&self) -> Vec<Currency> {
        let engine = self.engine.borrow();
        let keys = engine.issuer_keys();
        keys.map(|keys| keys.currencies.iter().map(|it| it.currency).collect()).unwrap_or_default()
    }
}

fn entropy() -> Result<koban_protocol::entropy::Entropy, Problem> {
    platform::entropy().ok_or_else(|| Problem::with(Fault::StorageNotDurable, "no entropy"))
}

fn push(actor: &Weak<Actor>, message: Message) {
    if let Some(actor) = actor.upgrade() {
        // A closed wallet takes no messages.
        let _ = actor.inbox.unbounded_send(message);
    }
}

/// Answers somebody who may no longer wait.
fn answer<T>(waiter: oneshot::Sender<T>, value: T) {
    let _ = waiter.send(value);
}

fn settle(waiting: &mut Waiting, id: OperationId, news: Option<Problem>) {
    let (due, others) = waiting.operations.drain(..).partition(|(waits, _)| *waits == id);
    waiting.operations = others;
    let due: Vec<(OperationId, oneshot::Sender<Option<Problem>>)> = due;
    due.into_iter().for_each(|(_, waiter)| answer(waiter, news.clone()));
}
