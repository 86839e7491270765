//! Gifts: messages that go from card to card, by whatever carries them (MONDEX-1, FX-8).

use base64ct::{Base64UrlUnpadded, Encoding as _};
use koban_wallet_wasm::Wallet;
use koban_wallet_wasm::view::{CardMessage, Culprit, MessageKind, ProblemView};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::components::{
    Card, Fold, Notice, ProblemNotice, Qr, Submit, TextField, Tone, element_id, is,
};
use crate::i18n::{t, t_with};
use crate::live::{live, memo, text};
use crate::money;
use crate::problem;
use crate::session::{Ask, Session, use_session};

/// A message for another card: as text, and as a link that opens there.
#[component]
pub fn Send(
    /// The message.
    message: Vec<u8>,
    /// The reader of the card that says it.
    reader: u32,
) -> impl IntoView {
    let text = Base64UrlUnpadded::encode_string(&message);
    let origin = window().location().origin().unwrap_or_default();
    let link = format!("{origin}/card#{text}");
    let field = element_id("card-message-text", Some(reader));
    view! {
        <div class="stack" data-testid="card-message">
            <Notice tone=Tone::Info>{t("card-message-send")}</Notice>
            <Qr text=link.clone() label="card-message-qr" />
            <p><a class="mono" data-testid="card-message-link" href=link>
                {t("card-message-link")}
            </a></p>
            <div class="field">
                <label for=field.clone()>{t("card-message-text")}</label>
                <input id=field data-testid="card-message-text" type="text"
                    class="mono" readonly=true prop:value=text />
            </div>
        </div>
    }
}

/// The message in what was pasted: the text, or a link that ends with it.
fn message_in(pasted: &str) -> Option<Vec<u8>> {
    let text = pasted.trim();
    let text = text.rsplit_once('#').map_or(text, |(_, text)| text);
    Base64UrlUnpadded::decode_vec(text).ok().filter(|message| !message.is_empty())
}

/// A message that was read, or why it was not.
type Read = Result<(CardMessage, Vec<u8>), ProblemView>;

/// A message from another card, pasted or linked, and this card's answer.
#[component]
pub fn Letter(card: Card, reader: u32) -> impl IntoView {
    let linked = use_location().hash;
    let typed = RwSignal::new(String::new());
    Effect::new(move || {
        linked.with(|it| {
            let message = it.trim_start_matches('#');
            if !message.is_empty() {
                typed.set(message.to_owned());
            }
        });
    });
    let ask = Ask::new();
    let answer = RwSignal::new(None::<Option<Vec<u8>>>);
    let read = read_of(use_session(), typed);
    let give = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(Ok((_, message))) = read.get_untracked() else { return };
        let work =
            |wallet: Wallet| async move { wallet.answer_card_message(reader, &message).await };
        ask.run(work, move |done| {
            answer.try_set(Some(done));
        });
    };
    let repeat = move |_| {
        let work = |wallet: Wallet| async move { wallet.repeat_card_message(reader).await };
        ask.run(work, move |message: Vec<u8>| {
            answer.try_set(Some(Some(message)));
        });
    };
    let shown = live(move || match read.get() {
        Some(Ok((it, _))) => {
            view! { <p data-testid="card-letter">{letter_words(&it)}</p> }.into_any()
        }
        Some(Err(problem)) => view! { <ProblemNotice problem /> }.into_any(),
        None => ().into_any(),
    });
    let told = live(move || match answer.get() {
        Some(Some(message)) => view! { <Send message reader /> }.into_any(),
        Some(None) => {
            view! { <Notice tone=Tone::Good>{t("card-message-done")}</Notice> }.into_any()
        }
        None => ().into_any(),
    });
    let ready = Signal::derive(move || read.with(|it| matches!(it, Some(Ok(_)))));
    let label = text(move || match read.get() {
        Some(Ok((it, _))) => letter_act(&it),
        _ => t("card-letter-submit"),
    });
    // A gift is under way: a message was opened, or the card waits for one.
    let waits = is(card, |it| it.open.is_some() && !it.goes_on);
    let wanted = Signal::derive(move || waits.get() || !linked.with(String::is_empty));
    view! {
        <Fold id="card-gift-fold" summary=text(|| t("card-gift-title")) wanted>
            <form class="stack" on:submit=give>
                <p class="hint">{t("card-gift-text")}</p>
                <TextField id="card-letter-text" of=Some(reader) label="card-letter" longest=4096
                    value=typed />
                <div aria-live="polite">{shown}</div>
                <Submit id="card-letter-submit" ask label ready />
                <button type="button" class="button small" data-testid="card-repeat"
                    on:click=repeat>{t("card-repeat")}</button>
                <div role="status">{told}</div>
            </form>
        </Fold>
    }
}

/// What was pasted, as a message; none while nothing was.
fn read_of(session: Session, typed: RwSignal<String>) -> Memo<Option<Read>> {
    memo(move || {
        let pasted = typed.get();
        if pasted.trim().is_empty() {
            return None;
        }
        let unreadable = || problem::own("card-message-unreadable", Culprit::Holder, "");
        let message = message_in(&pasted).ok_or_else(unreadable);
        let wallet = session.wallet()?;
        Some(message.and_then(|message| Ok((wallet.read_card_message(&message)?, message))))
    })
}

/// What the button does with a message.
fn letter_act(message: &CardMessage) -> String {
    let key = match message.kind {
        MessageKind::Request => "card-letter-pay",
        MessageKind::Value => "card-letter-take",
        MessageKind::Acknowledgement => "card-letter-note",
    };
    t_with(key, &[("amount", money::show(&message.amount))])
}

fn letter_words(message: &CardMessage) -> String {
    let key = match message.kind {
        MessageKind::Request => "card-letter-request",
        MessageKind::Value => "card-letter-value",
        MessageKind::Acknowledgement => "card-letter-done",
    };
    t_with(key, &[("amount", money::show(&message.amount)), ("card", message.from.clone())])
}

#[cfg(test)]
mod tests {
    use super::message_in;

    #[test]
    fn a_message_is_found_in_its_text_and_in_its_link() {
        assert_eq!(message_in(" AQID\n"), Some(vec![1, 2, 3]));
        assert_eq!(message_in("https://wallet.example/card#AQID"), Some(vec![1, 2, 3]));
        for none in ["", "#", "https://wallet.example/card#", "not a message!"] {
            assert_eq!(message_in(none), None, "{none}");
        }
    }
}
