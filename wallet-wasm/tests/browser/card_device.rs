//! Cards by WebHID and WebUSB: the browser's two interfaces are the tests' own, the framing and the
//! applet behind them are those of a card.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use koban_card::apdu::{self, AnswerError, Apdu};
use koban_card::command::{BeBorn, ChangePin, Nothing, PIN_TRIES, Phase};
use koban_card::frame::{Channels, Event, Frame, Interface, KEEPALIVE_MS, Opening};
use koban_card::memory::Memory;
use koban_card::platform::{Button, Features, StoreFailed};
use koban_card::{Card, Platform, Status};
use koban_protocol::entropy::Entropy;
use koban_protocol::offline::purse::wire::Class;
use koban_wallet_wasm::drivers::card::{CardProblem, Reader, Waiting, Way, watch};
use koban_wallet_wasm::drivers::{platform, tabs};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use wasm_bindgen_test::wasm_bindgen_test;

use super::card::{exchange, guess, hello, make, personalise, pin, run};

#[wasm_bindgen(module = "/tests/browser/card_device.js")]
extern "C" {
    fn install();
    fn plug(way: &str, receive: &js_sys::Function) -> JsValue;
    fn say(device: &JsValue, frame: &[u8]);
    fn pull(device: &JsValue);
}

struct Machine(Memory);

impl Platform for Machine {
    type Store = Memory;

    fn class(&self) -> Class {
        Class::Purse
    }

    fn features(&self) -> Features {
        Features { button: true, ..Features::default() }
    }

    fn store(&mut self) -> &mut Memory {
        &mut self.0
    }

    fn entropy(&mut self) -> Entropy {
        platform::entropy().unwrap()
    }

    fn counter(&mut self) -> u32 {
        0
    }

    fn raise_counter(&mut self) -> Result<(), StoreFailed> {
        Ok(())
    }
}

/// What takes the frames that a page sends.
type Receive = Closure<dyn Fn(Vec<u8>)>;

/// A card with its machine, plugged in.
struct Plugged {
    card: RefCell<Card<Machine>>,
    channels: RefCell<Channels>,
    interface: Interface,
    device: RefCell<JsValue>,
    /// What the holder does when asked.
    button: Cell<Button>,
    /// Whether it hears anything.
    deaf: Cell<bool>,
    receive: RefCell<Option<Receive>>,
}

impl Plugged {
    fn new(way: Way) -> Rc<Self> {
        let (name, interface) = match way {
            Way::Usb => ("usb", Interface::Vendor),
            _ => ("hid", Interface::Hid),
        };
        let it = Rc::new(Self {
            card: RefCell::new(Card::power_up(Machine(Memory::new()))),
            channels: RefCell::default(),
            interface,
            device: RefCell::default(),
            button: Cell::new(Button::Pressed),
            deaf: Cell::new(false),
            receive: RefCell::default(),
        });
        let card = it.clone();
        let receive = Receive::new(move |frame: Vec<u8>| {
            if !card.deaf.get() {
                card.receive(&Frame::of_bytes(&frame).unwrap());
            }
        });
        install();
        it.device.replace(plug(name, receive.as_ref().unchecked_ref()));
        it.receive.replace(Some(receive));
        it
    }

    fn pull(&self) {
        pull(&self.device.borrow());
    }

    fn say(&self, frame: &Frame) {
        say(&self.device.borrow(), frame.bytes());
    }

    fn receive(self: &Rc<Self>, frame: &Frame) {
        let event = self.channels.borrow_mut().receive(self.interface, frame, now());
        match event {
            Some(Event::Send(frame)) => self.say(&frame),
            Some(Event::Message) => {
                let card = self.clone();
                spawn_local(async move { card.answer().await });
            }
            Some(Event::Cancelled) => self.button.set(Button::Refused),
            None => {}
        }
    }

    async fn answer(&self) {
        let command = self.channels.borrow().message().unwrap().to_vec();
        let mut answer = Apdu::new();
        let asked = self.card.borrow_mut().handle(&command, Button::Unasked, &mut answer);
        if asked.is_some() {
            while self.button.get() == Button::Unasked {
                let kept = self.channels.borrow().keep_alive(Waiting::Button);
                self.say(&kept.unwrap().1);
                platform::pause(u32::try_from(KEEPALIVE_MS).unwrap()).await;
            }
            let again = self.card.borrow_mut().handle(&command, self.button.get(), &mut answer);
            assert_eq!(again, None);
        }
        // Every opener sees what goes to others.
        self.say(&Opening::new([9; 8]).frame());
        let (_, frames) = self.channels.borrow_mut().answer(&answer).unwrap();
        frames.for_each(|frame| self.say(&frame));
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds")]
fn now() -> u64 {
    js_sys::Date::now() as u64
}

/// The one card within reach.
async fn reader(way: Way) -> Reader {
    let mut granted = Reader::granted(way).await;
    assert_eq!(granted.len(), 1);
    granted.remove(0)
}

#[wasm_bindgen_test]
async fn a_card_is_chosen_and_answers_both_ways() {
    for way in [Way::Hid, Way::Usb] {
        let card = Plugged::new(way);
        let chosen = Reader::choose(way).await.unwrap().unwrap();
        assert_eq!((&chosen, chosen.way()), (&reader(way).await, way));
        assert_eq!(chosen.name(), "A card");
        make(&chosen).await;
        let hello = hello(&chosen).await;
        assert_eq!((hello.class, hello.phase), (Class::Purse, Phase::Ready));
        assert_eq!(guess(&chosen).await, AnswerError::Refused(Status::WrongPin(PIN_TRIES - 1)));
        card.pull();
        assert_eq!(Reader::choose(way).await, Ok(None));
        assert_eq!(Reader::granted(way).await, []);
    }
}

#[wasm_bindgen_test]
async fn the_page_hears_that_the_button_is_waited_for() {
    for way in [Way::Hid, Way::Usb] {
        let card = Plugged::new(way);
        let reader = reader(way).await;
        personalise(&reader).await;
        let bytes = apdu::encode(&ChangePin { old: None, new: pin("1234") });
        let refused = Err(AnswerError::Refused(Status::Refused));
        for (button, outcome) in [(Button::Refused, refused), (Button::Pressed, Ok(Nothing {}))] {
            card.button.set(Button::Unasked);
            let mut heard = 0;
            let answer = reader.exchange(&bytes, |why| {
                assert_eq!(why, Waiting::Button);
                heard += 1;
                match button {
                    // in the page
                    Button::Refused => reader.refuse(),
                    _ if heard == 25 => card.button.set(button),
                    _ => {}
                }
            });
            assert_eq!(apdu::answer::<Nothing>(&answer.await.unwrap()), outcome);
            // More than two seconds are longer than a card may be silent.
            assert_eq!(heard >= 25, button == Button::Pressed);
        }
        card.pull();
    }
}

#[wasm_bindgen_test]
async fn a_card_that_is_pulled_out_is_gone_and_comes_back_as_another() {
    for way in [Way::Hid, Way::Usb] {
        let card = Plugged::new(way);
        let reader_before = reader(way).await;
        personalise(&reader_before).await;
        let changes = Rc::new(Cell::new(0));
        let watch = watch({
            let changes = changes.clone();
            move || changes.set(changes.get() + 1)
        });
        card.button.set(Button::Unasked);
        let bytes = apdu::encode(&ChangePin { old: None, new: pin("1234") });
        let answer = reader_before.exchange(&bytes, |_| card.pull()).await;
        assert_eq!(answer, Err(CardProblem::Unplugged));
        // The card has no power to ask with.
        card.button.set(Button::Refused);
        assert_eq!(exchange(&reader_before, &bytes).await, Err(CardProblem::Unplugged));
        let again = Plugged::new(way);
        assert_eq!(changes.get(), 2);
        let reader_after = reader(way).await;
        assert_ne!(reader_before, reader_after);
        assert_eq!(hello(&reader_after).await.phase, Phase::Fresh);
        drop(watch);
        again.pull();
        assert_eq!(changes.get(), 2);
    }
}

#[wasm_bindgen_test]
async fn a_card_at_work_for_another_program_is_tried_again() {
    let card = Plugged::new(Way::Hid);
    // Another program opens a channel, the first of this card, and begins a message.
    let other = Opening::new([3; 8]);
    card.receive(&other.frame());
    let mut frame = [0; 64];
    frame[..7].copy_from_slice(&[0, 1, 0x05, 0, 0, 1, 0]);
    card.receive(&Frame::of_bytes(&frame).unwrap());
    let before = now();
    run(&reader(Way::Hid).await, &BeBorn {}).await.unwrap();
    // It stops there, and must make way after half a second.
    assert!(now() - before >= 400);
    card.pull();
}

#[wasm_bindgen_test]
async fn a_card_that_says_nothing_is_given_up() {
    for way in [Way::Hid, Way::Usb] {
        let card = Plugged::new(way);
        let reader = reader(way).await;
        card.deaf.set(true);
        let answer = exchange(&reader, &apdu::select()).await;
        assert_eq!(answer, Err(CardProblem::Silent));
        card.deaf.set(false);
        assert_eq!(hello(&reader).await.phase, Phase::Fresh);
        card.pull();
    }
}

#[wasm_bindgen_test]
async fn tabs_take_turns_at_a_card() {
    let card = Plugged::new(Way::Usb);
    let reader = reader(Way::Usb).await;
    let name = "koban-card usb 1209:ca5d A1";
    let other_tab = tabs::lease(name, false).await.unwrap().unwrap();
    let before = now();
    let both = futures_util::future::join(hello(&reader), async move {
        platform::pause(300).await;
        drop(other_tab);
    });
    assert_eq!(both.await.0.phase, Phase::Fresh);
    assert!(now() - before >= 300);
    card.pull();
}
