//! Calls from role to role, and what becomes of them on the way.

use std::cell::Cell;
use std::rc::Rc;

use futures_channel::oneshot;
use koban_edge_issuer::front;
use koban_edge_issuer::host::{Address, HttpRequest, HttpResponse};

use super::schedule::Millis;
use super::{Answering, World, WorldHost};

/// How long a caller waits for an answer.
const PATIENCE: Millis = 10_000;

/// What becomes of a request or of its answer on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trip {
    /// It arrives after so long.
    Takes(Millis),
    /// It does not arrive, which the caller learns at once.
    Refused,
    /// It does not arrive, and the caller waits in vain.
    Lost,
}

/// What becomes of a call; decided by the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// The request's way.
    pub request: Trip,
    /// The answer's.
    pub answer: Trip,
    /// When the request arrives a second time, if it does; that answer goes the same way, and the
    /// first to come back counts.
    pub again: Option<Millis>,
    /// The bit of the request that is turned over, if one is, counted modulo its length.
    pub request_bit: Option<usize>,
    /// The same of the answer.
    pub answer_bit: Option<usize>,
}

impl Fate {
    /// It arrives and so does its answer.
    pub const ARRIVES: Self = Self {
        request: Trip::Takes(0),
        answer: Trip::Takes(0),
        again: None,
        request_bit: None,
        answer_bit: None,
    };
    /// It is lost before it arrives.
    pub const LOST: Self = Self { request: Trip::Refused, ..Self::ARRIVES };
    /// It arrives, its answer is lost.
    pub const ANSWER_LOST: Self = Self { answer: Trip::Refused, ..Self::ARRIVES };
    /// It arrives twice.
    pub const TWICE: Self = Self { again: Some(0), ..Self::ARRIVES };
}

/// Decides the fate of a call from role to address with this path.
pub type Weather = Box<dyn FnMut(&str, &Address, &str) -> Fate>;

impl World {
    /// Sends a request on its way; the answer, unless none comes.
    pub(super) fn transmit(
        &self,
        from: &str,
        to: &Address,
        request: HttpRequest,
    ) -> oneshot::Receiver<HttpResponse> {
        let (answer, answered) = oneshot::channel();
        let path = request.uri().path().to_owned();
        let fate = (self.0.weather.borrow_mut())(from, to, &path);
        let line = Rc::new(Cell::new(Some(answer)));
        let (waiting, now) = (Rc::downgrade(&line), self.moment());
        let hang_up = move || drop(waiting.upgrade().and_then(|line| line.take()));
        match fate.request {
            Trip::Refused => hang_up(),
            Trip::Lost => {
                // the line is held until the caller's patience ends
                self.at(now + PATIENCE, move || drop((line, hang_up)));
            }
            Trip::Takes(span) => {
                self.at(now + PATIENCE, hang_up);
                let to = (from.to_owned(), to.clone());
                for span in std::iter::once(span).chain(fate.again.map(|more| span + more)) {
                    let mut request = request.clone();
                    turn(request.body_mut(), fate.request_bit);
                    let (to, line) = (to.clone(), Rc::clone(&line));
                    let world = Rc::downgrade(&self.0);
                    self.at(now + span, move || {
                        let world = world.upgrade().map(World);
                        world
                            .into_iter()
                            .for_each(|w| w.deliver(&to, request.clone(), fate, &line));
                    });
                }
            }
        }
        answered
    }

    fn deliver(&self, to: &(String, Address), request: HttpRequest, fate: Fate, line: &Line) {
        let (answering, process): (Answering<'static, HttpResponse>, _) = match &to.1 {
            Address::Peer(role) => {
                let host = WorldHost::front(self, role);
                let process = host.process();
                let stranger = self.0.strangers.borrow().get(role).cloned();
                let answering: Answering<'static, _> = match stranger {
                    Some(stranger) => stranger(request),
                    None => Box::pin(async move { front::answer(&host, request).await }),
                };
                (answering, process)
            }
            Address::Object(class, name) => {
                let Some((object, process)) = self.object(&to.0, *class, name) else { return };
                (Box::pin(async move { object.fetch(request).await }), process)
            }
            Address::Files => return,
        };
        let (world, line, speaking) =
            (Rc::downgrade(&self.0), Rc::clone(line), Rc::clone(&process));
        self.spawn(process.task(async move {
            let mut response = answering.await;
            speaking.speak();
            let Some(world) = world.upgrade().map(World).filter(|_| speaking.is_running()) else {
                return;
            };
            turn(response.body_mut(), fate.answer_bit);
            let now = world.moment();
            match fate.answer {
                Trip::Takes(0) => answer(&line, response),
                Trip::Takes(span) => world.at(now + span, move || answer(&line, response)),
                Trip::Refused => drop(line.take()),
                Trip::Lost => world.at(now + PATIENCE, move || drop(line)),
            }
        }));
    }
}

/// The sender's end of a call that is under way.
type Line = Rc<Cell<Option<oneshot::Sender<HttpResponse>>>>;

fn answer(line: &Line, response: HttpResponse) {
    if let Some(asker) = line.take() {
        // the asker may have been cut off meanwhile
        let _ = asker.send(response);
    }
}

fn turn(body: &mut [u8], bit: Option<usize>) {
    let Some(bit) = bit.filter(|_| !body.is_empty()) else { return };
    let bit = bit % (body.len() * 8);
    body[bit / 8] ^= 1 << (bit % 8);
}
