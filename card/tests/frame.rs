//! Frames between a host and a card: whatever happens on the way, no end takes a message for
//! another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use koban_card::apdu::APDU_BYTES_MAX;
use koban_card::frame::{
    CHANNELS_MAX, Channels, Dialogue, Event, FRAME_BYTES, Fault, Frame, Interface, Opening,
    PAUSE_MS_MAX, Reply, Waiting,
};
use proptest::collection::vec;
use proptest::prelude::*;

const HID: Interface = Interface::Hid;

/// A channel of this card, opened with a nonce that is its number.
fn open(card: &mut Channels, interface: Interface, nonce: u8) -> Dialogue {
    let opening = Opening::new([nonce; 8]);
    let Some(Event::Send(answer)) = card.receive(interface, &opening.frame(), 0) else {
        panic!("an opening is answered");
    };
    opening.receive(&answer).expect("by its own nonce")
}

/// Sends frames and gives what the card says to the last of them.
fn send(card: &mut Channels, frames: impl IntoIterator<Item = Frame>) -> Option<Event> {
    frames.into_iter().fold(None, |_, frame| card.receive(HID, &frame, 0))
}

fn fault(event: Option<Event>, host: &mut Dialogue) -> Option<Reply> {
    match event {
        Some(Event::Send(frame)) => host.receive(&frame),
        other => panic!("no error frame: {other:?}"),
    }
}

/// A message of so many different bytes.
fn message(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// One message and one answer of this length, through both engines.
fn exchange(card: &mut Channels, host: &mut Dialogue, length: usize) {
    let sent = message(length);
    assert_eq!(send(card, host.send(&sent)), Some(Event::Message));
    assert_eq!(card.message(), Some(&sent[..]));
    let (interface, frames) = card.answer(&sent).unwrap();
    assert_eq!(interface, HID);
    let replies: Vec<Reply> = frames.filter_map(|frame| host.receive(&frame)).collect();
    assert_eq!(replies, [Reply::Answer]);
    assert_eq!(host.answer(), Some(&sent[..]));
    assert_eq!(card.message(), None);
}

#[test]
fn messages_of_every_length_arrive_as_they_were() {
    let mut card = Channels::default();
    let mut host = open(&mut card, HID, 1);
    for length in 1..=APDU_BYTES_MAX {
        exchange(&mut card, &mut host, length);
    }
}

#[test]
fn empty_and_longer_messages_are_refused() {
    for length in [0, APDU_BYTES_MAX + 1, usize::from(u16::MAX)] {
        let mut card = Channels::default();
        let mut host = open(&mut card, HID, 1);
        let sent = message(length);
        let event = card.receive(HID, &host.send(&sent).next().unwrap(), 0);
        assert_eq!(fault(event, &mut host), Some(Reply::Fault(Fault::Length)));
        exchange(&mut card, &mut host, 100);
    }
}

#[test]
fn bytes_of_a_frame_are_as_described() {
    let mut card = Channels::default();
    let opening = Opening::new(*b"nonce123");
    assert_eq!(opening.frame().bytes()[..15], *b"\0\0\x06\0\0\0\x08nonce123");
    let Some(Event::Send(answer)) = card.receive(HID, &opening.frame(), 0) else { panic!() };
    assert_eq!(answer.bytes()[..17], *b"\0\0\x06\0\0\0\x0anonce123\0\x01");
    let mut host = opening.receive(&answer).unwrap();
    let sent = message(60);
    let frames: Vec<Frame> = host.send(&sent).collect();
    assert_eq!(frames[0].bytes()[..10], *b"\0\x01\x05\0\0\0\x3c\0\x01\x02");
    assert_eq!(frames[1].bytes()[..9], *b"\0\x01\x05\0\x01\x39\x3a\x3b\0");
    assert_eq!(frames.len(), 2);
    assert_eq!(host.cancel().bytes()[..7], *b"\0\x01\x08\0\0\0\0");
    assert_eq!(send(&mut card, frames), Some(Event::Message));
    let (_, frame) = card.keep_alive(Waiting::Button).unwrap();
    assert_eq!(frame.bytes()[..8], *b"\0\x01\x07\0\0\0\x01\x02");
    assert_eq!(host.receive(&frame), Some(Reply::Waiting(Waiting::Button)));
}

#[test]
fn an_opener_knows_its_own_channel() {
    let mut card = Channels::default();
    let (first, second) = (Opening::new([1; 8]), Opening::new([2; 8]));
    let Some(Event::Send(answer)) = card.receive(HID, &first.frame(), 0) else { panic!() };
    assert!(second.receive(&answer).is_none());
    assert!(first.receive(&answer).is_some());
    assert!(first.receive(&first.frame()).is_none(), "an echo without a number is no answer");
}

#[test]
fn while_one_channel_is_at_work_others_are_busy() {
    let mut card = Channels::default();
    let (mut one, mut other) = (open(&mut card, HID, 1), open(&mut card, HID, 2));
    let sent = message(200);
    let mut frames = one.send(&sent);
    assert_eq!(card.receive(HID, &frames.next().unwrap(), 0), None);

    // in the middle of the message, and while it is carried out
    for round in 0..2 {
        let events: Vec<_> =
            other.send(&sent).filter_map(|frame| card.receive(HID, &frame, 0)).collect();
        assert_eq!(events.len(), 1, "one error for all of the message");
        let said = fault(events.into_iter().next(), &mut other);
        assert_eq!(said, Some(Reply::Fault(Fault::Busy)));
        if round == 0 {
            assert_eq!(send(&mut card, &mut frames), Some(Event::Message));
        }
    }
    // its own channel is busy as well, and a third can still be opened
    let again = one.send(&sent).next().unwrap();
    assert_eq!(fault(card.receive(HID, &again, 0), &mut one), Some(Reply::Fault(Fault::Busy)));
    open(&mut card, Interface::Vendor, 3);

    assert_eq!(card.message(), Some(&sent[..]));
    let (_, frames) = card.answer(&sent).unwrap();
    assert_eq!(frames.filter_map(|frame| other.receive(&frame)).count(), 0, "not its answer");
    exchange(&mut card, &mut other, 300);
}

#[test]
fn a_message_that_stops_makes_way() {
    let mut card = Channels::default();
    let (mut gone, mut other) = (open(&mut card, HID, 1), open(&mut card, HID, 2));
    let sent = message(200);
    let frames: Vec<Frame> = gone.send(&sent).collect();
    let first = other.send(&sent).next().unwrap();
    card.receive(HID, &frames[0], 1000);
    let busy = card.receive(HID, &first, 1000 + PAUSE_MS_MAX);
    assert_eq!(fault(busy, &mut other), Some(Reply::Fault(Fault::Busy)));
    assert_eq!(card.receive(HID, &first, 1001 + PAUSE_MS_MAX), None);
    assert_eq!(card.receive(HID, &frames[1], 1002 + PAUSE_MS_MAX), None, "it is too late");
    let rest = other.send(&sent).skip(1);
    assert_eq!(send(&mut card, rest), Some(Event::Message));
    // a message that is being carried out never makes way
    let late = card.receive(HID, &frames[0], u64::MAX);
    gone.send(&sent);
    assert_eq!(fault(late, &mut gone), Some(Reply::Fault(Fault::Busy)));
}

#[test]
fn cancelling_tells_the_one_who_asks_the_holder() {
    let mut card = Channels::default();
    let (mut host, other) = (open(&mut card, HID, 1), open(&mut card, HID, 2));
    assert_eq!(card.receive(HID, &host.cancel(), 0), None, "nothing to cancel");
    let sent = message(200);
    let frames: Vec<Frame> = host.send(&sent).collect();
    card.receive(HID, &frames[0], 0);
    assert_eq!(card.receive(HID, &host.cancel(), 0), None, "the half message is dropped");
    assert_eq!(send(&mut card, frames), Some(Event::Message));
    assert_eq!(card.receive(HID, &other.cancel(), 0), None, "another's");
    assert_eq!(card.receive(HID, &host.cancel(), 0), Some(Event::Cancelled));
    assert_eq!(card.message(), Some(&sent[..]), "it is still to be answered");
    assert!(card.answer(b"x").is_some());
    assert!(card.answer(b"x").is_none(), "once");
}

#[test]
fn a_channel_works_on_its_interface_until_it_is_forgotten() {
    let mut card = Channels::default();
    let mut host = open(&mut card, Interface::Vendor, 1);
    let frame = host.send(b"x").next().unwrap();
    let event = card.receive(HID, &frame, 0);
    assert_eq!(fault(event, &mut host), Some(Reply::Fault(Fault::Channel)));
    for nonce in 2..=CHANNELS_MAX {
        open(&mut card, HID, u8::try_from(nonce).unwrap());
    }
    assert_eq!(card.receive(Interface::Vendor, &frame, 0), Some(Event::Message));
    let (interface, _) = card.answer(b"y").unwrap();
    assert_eq!(interface, Interface::Vendor);
    open(&mut card, HID, 0);
    host.send(b"x");
    let event = card.receive(Interface::Vendor, &frame, 0);
    assert_eq!(fault(event, &mut host), Some(Reply::Fault(Fault::Channel)));
}

#[test]
fn numbers_of_channels_begin_again_after_the_last() {
    let mut card = Channels::default();
    for _ in 0..=u16::MAX {
        open(&mut card, HID, 1);
    }
    let mut host = open(&mut card, HID, 2);
    exchange(&mut card, &mut host, 10);
}

#[test]
fn frames_show_nothing_of_what_they_hold() {
    let mut card = Channels::default();
    let mut host = open(&mut card, HID, 1);
    let pin = b"\x05pin-1234";
    let frames: Vec<Frame> = host.send(pin).collect();
    send(&mut card, frames.clone());
    let shown = format!("{frames:?} {card:?} {host:?}");
    assert!(!shown.contains("49, 50, 51, 52") && !shown.contains("1234"), "{shown}");
}

/// What may happen to a frame on its way.
#[derive(Clone, Debug)]
enum Mishap {
    Lost,
    Twice,
    Late,
    Flipped(usize, u8),
}

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        Just(Mishap::Lost),
        Just(Mishap::Twice),
        Just(Mishap::Late),
        (0..3_usize, 1..=u8::MAX).prop_map(|(at, bits)| Mishap::Flipped(at, bits)),
    ]
}

/// The frames as they arrive: a channel or a tag may be another's, but
/// not a sequence number or data: the bus has checksums.
fn disturbed(frames: Vec<Frame>, mishaps: &[(prop::sample::Index, Mishap)]) -> Vec<Frame> {
    let mut frames = frames;
    for (at, mishap) in mishaps {
        if frames.is_empty() {
            break;
        }
        let at = at.index(frames.len());
        match mishap {
            Mishap::Lost => drop(frames.remove(at)),
            Mishap::Twice => frames.insert(at, frames[at].clone()),
            Mishap::Late => {
                let frame = frames.remove(at);
                frames.push(frame);
            }
            Mishap::Flipped(byte, bits) => {
                let mut bytes = *frames[at].bytes();
                bytes[*byte] ^= bits;
                frames[at] = Frame::of_bytes(&bytes).unwrap();
            }
        }
    }
    frames
}

fn mishaps() -> impl Strategy<Value = Vec<(prop::sample::Index, Mishap)>> {
    vec((any::<prop::sample::Index>(), mishap()), 1..4)
}

proptest! {
    /// Frames of anything, on channels that are open or not: no panic, and no answer to nothing.
    #[test]
    fn any_frames_leave_both_ends_sound(
        frames in vec((any::<bool>(), vec(any::<u8>(), FRAME_BYTES), 0..4_u8), 0..60),
    ) {
        let mut card = Channels::default();
        let (mut host, _) = (open(&mut card, HID, 1), open(&mut card, HID, 2));
        for (at, (vendor, mut bytes, kind)) in (0..).zip(frames) {
            if kind > 0 {
                // one that goes further than most
                let sequence = bytes[4] % 3;
                bytes[..6].copy_from_slice(&[0, kind, 5, 0, sequence, 0]);
            }
            let frame = Frame::of_bytes(&bytes).unwrap();
            let interface = if vendor { Interface::Vendor } else { HID };
            if card.receive(interface, &frame, at * 100) == Some(Event::Message) {
                prop_assert!(card.message().is_some_and(|message| !message.is_empty()));
                prop_assert!(card.answer(&bytes).is_some());
            }
            host.receive(&frame);
        }
        let mut next = open(&mut card, HID, 3);
        let first = next.send(b"x").next().unwrap();
        prop_assert_eq!(card.receive(HID, &first, u64::MAX), Some(Event::Message));
    }

    /// Whatever befalls a message's frames, the card has the message or none, and the next one
    /// arrives.
    #[test]
    fn a_disturbed_message_arrives_whole_or_not_at_all(
        length in 1..=APDU_BYTES_MAX,
        mishaps in mishaps(),
    ) {
        let mut card = Channels::default();
        let (mut host, _) = (open(&mut card, HID, 1), open(&mut card, HID, 2));
        let sent = message(length);
        let frames = disturbed(host.send(&sent).collect(), &mishaps);
        let mut carried_out = 0;
        for frame in frames {
            match card.receive(HID, &frame, 0) {
                Some(Event::Message) => {
                    prop_assert_eq!(card.message(), Some(&sent[..]));
                    carried_out += 1;
                    card.answer(b"done");
                }
                Some(Event::Send(_)) | None => {}
                Some(Event::Cancelled) => prop_assert!(false, "nobody was asked"),
            }
        }
        prop_assert!(carried_out <= 1 + mishaps.len());
        let mut next = open(&mut card, HID, 3);
        let first = next.send(b"x").next().unwrap();
        prop_assert_eq!(card.receive(HID, &first, PAUSE_MS_MAX + 1), Some(Event::Message));
    }

    /// Whatever befalls an answer's frames, the host has the answer or none, and the next one
    /// arrives.
    #[test]
    fn a_disturbed_answer_arrives_whole_or_not_at_all(
        length in 1..=APDU_BYTES_MAX,
        mishaps in mishaps(),
    ) {
        let mut card = Channels::default();
        let mut host = open(&mut card, HID, 1);
        send(&mut card, host.send(b"question"));
        let sent = message(length);
        let (_, frames) = card.answer(&sent).unwrap();
        for frame in disturbed(frames.collect(), &mishaps) {
            if host.receive(&frame) == Some(Reply::Answer) {
                prop_assert_eq!(host.answer(), Some(&sent[..]));
            }
        }
        exchange(&mut card, &mut host, 200);
    }

    /// Two hosts whose frames come in any order: each has its own answer, or is told why not.
    #[test]
    fn two_hosts_never_have_each_others_answers(
        order in vec(any::<bool>(), 20..120),
        lengths in (1..400_usize, 1..400_usize),
    ) {
        let mut card = Channels::default();
        let mut hosts = [open(&mut card, HID, 1), open(&mut card, HID, 2)];
        let sent = [vec![1; lengths.0], vec![2; lengths.1]];
        let mut left: [Vec<Frame>; 2] = [vec![], vec![]];
        for second in order {
            let who = usize::from(second);
            if left[who].is_empty() {
                left[who] = hosts[who].send(&sent[who]).collect();
                left[who].reverse();
            }
            let mut said = vec![];
            match card.receive(HID, &left[who].pop().unwrap(), 0) {
                Some(Event::Message) => {
                    let message = card.message().unwrap().to_vec();
                    said.extend(card.answer(&message).unwrap().1);
                }
                Some(Event::Send(frame)) => said.push(frame),
                Some(Event::Cancelled) => prop_assert!(false),
                None => {}
            }
            // as on Linux, both see every report
            for frame in said {
                for at in 0..2 {
                    match hosts[at].receive(&frame) {
                        None => {}
                        Some(Reply::Answer) => {
                            prop_assert_eq!(hosts[at].answer(), Some(&sent[at][..]));
                        }
                        Some(Reply::Fault(Fault::Busy)) => left[at].clear(),
                        Some(other) => prop_assert!(false, "{other:?}"),
                    }
                }
            }
        }
    }
}
