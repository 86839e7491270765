//! Card money: what is on a card, and what moves between it, the wallet and other cards.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use koban_wallet_wasm::view::{
    CardClass, CardMessage, CardPhase, CardStanding, CardView, Culprit, MessageKind,
};
use koban_wallet_wasm::{CardWish, Wallet};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::components::{
    Amount, AmountField, Card, CardHead, Choice, Connect, Entries, Interrupted, NeededPin, Notice,
    Opened, Page, PinForm, Pockets, ProblemNotice, Submit, TextField, Tone, card_in, find_cards,
    part, problem_of,
};
use crate::i18n::{t, t_with};
use crate::live::{each, live, memo, text, when};
use crate::money;
use crate::problem;
use crate::session::{Ask, use_session};

/// The cards that are connected, and the ways to one.
#[component]
pub fn CardPage() -> impl IntoView {
    find_cards();
    view! {
        <Page heading="card-title" lead="card-lead" narrow=true>
            <Opened>
                <Cards />
                <Connect virtual_too=true />
                <p><a href="/terminal">{t("terminal-title")}</a></p>
            </Opened>
        </Page>
    }
}

#[component]
fn Cards() -> impl IntoView {
    let session = use_session();
    let readers = memo(move || {
        session.cards().into_iter().map(|it| it.reader.to_string()).collect::<Vec<_>>()
    });
    each(readers, |reader| view! { <OneCard reader=reader.parse().unwrap_or(0) /> }.into_any())
}

#[component]
fn OneCard(reader: u32) -> impl IntoView {
    let card = card_in(reader);
    let life = part(card, |it| (it.phase, it.class, it.standing));
    let acts = live(move || match life.get() {
        Some((CardPhase::Fresh, CardClass::Virtual, _)) => view! { <Make reader /> }.into_any(),
        Some((CardPhase::Ready | CardPhase::Closed, _, CardStanding::Genuine)) => {
            view! { <Acts card reader /> }.into_any()
        }
        _ => ().into_any(),
    });
    let again = Ask::new();
    let look = move |_| {
        again.run(|wallet| async move { wallet.card(reader, CardWish::Look).await }, |()| ());
    };
    let session = use_session();
    let leave = move |_| {
        if let Some(wallet) = session.wallet() {
            wallet.leave_card(reader);
        }
    };
    view! {
        <article class="card stack" data-testid="card">
            <CardHead card />
            <Pockets card />
            <Interrupted card />
            {acts}
            <Entries card />
            {problem_of(again)}
            <div class="actions">
                <button class="button small" data-testid="card-look" on:click=look>
                    {t("card-look")}
                </button>
                <button class="button small" on:click=leave>{t("card-leave")}</button>
            </div>
        </article>
    }
}

#[component]
fn Make(reader: u32) -> impl IntoView {
    let ask = Ask::new();
    let make = move |_| {
        ask.run(|wallet| async move { wallet.card(reader, CardWish::Make).await }, |()| ());
    };
    view! {
        {problem_of(ask)}
        <button class="button primary" data-testid="card-make" on:click=make
            disabled=move || ask.busy.get()>{t("card-make")}</button>
    }
}

#[component]
fn Acts(card: Card, reader: u32) -> impl IntoView {
    let is_purse = part(card, |it| it.class != CardClass::Terminal);
    let gift = move || view! { <Letter reader /> }.into_any();
    let report = Ask::new();
    let tell = move |_| {
        report.run(|wallet| async move { wallet.report_card(reader).await }, |()| ());
    };
    let unreported = text(move || {
        let entries = card.with(|it| it.as_ref().map_or(0, |it| it.unreported));
        t_with("card-unreported", &[("entries", entries.to_string())])
    });
    view! {
        <Move card reader />
        {when(move || is_purse.get() == Some(true), gift)}
        <PinForm card />
        <section class="stack">
            <h3>{t("card-report-title")}</h3>
            <p class="hint">{unreported}</p>
            {problem_of(report)}
            <button class="button" data-testid="card-report" on:click=tell
                disabled=move || report.busy.get()>{t("card-report")}</button>
        </section>
    }
}

/// Which way money moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Load,
    Unload,
    Ask,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Moved {
    /// A transaction.
    Transaction(String),
    /// A message for another card.
    Message(Vec<u8>),
}

#[component]
fn Move(card: Card, reader: u32) -> impl IntoView {
    let way = RwSignal::new(Way::Load);
    let amount = Amount::new(None, None);
    let ask = Ask::new();
    let moved = RwSignal::new(None::<Moved>);
    let session = use_session();
    let most = Signal::derive(move || {
        let currency = amount.currency.get();
        let pocket = card.with(|it| {
            let pockets = it.as_ref().map(|it| it.pockets.clone()).unwrap_or_default();
            pockets.into_iter().find(|it| it.balance.currency == currency.code)
        });
        let held = pocket.as_ref().map_or(0, |it| it.balance.minor);
        let room = pocket.as_ref().map_or(0, |it| it.most.minor).saturating_sub(held);
        Some(match way.get() {
            Way::Load => session.available(&currency).minor.min(room),
            Way::Unload => held,
            Way::Ask => room,
        })
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(minor) = amount.minor.get_untracked() else { return };
        let (code, way) = (amount.currency.get_untracked().code, way.get_untracked());
        moved.set(None);
        let work = |wallet: Wallet| async move {
            Ok(match way {
                Way::Load => Moved::Transaction(wallet.load_card(reader, &code, minor).await?),
                Way::Unload => Moved::Transaction(wallet.unload_card(reader, &code, minor).await?),
                Way::Ask => Moved::Message(wallet.ask_gift(reader, &code, minor).await?),
            })
        };
        ask.run(work, move |done| {
            moved.try_set(Some(done));
        });
    };
    let choice = move |it: Way, value: &'static str, label: &'static str, hint: &'static str| {
        view! {
            <Choice group="card-way" value label=t(label) text=hint
                checked=Signal::derive(move || way.get() == it)
                on_choose=Callback::new(move |()| way.set(it)) />
        }
    };
    let told = live(move || match moved.get() {
        Some(Moved::Transaction(id)) => view! { <Progress id /> }.into_any(),
        Some(Moved::Message(message)) => view! { <Send message /> }.into_any(),
        None => ().into_any(),
    });
    view! {
        <form class="stack" on:submit=submit>
            <fieldset class="choices">
                <legend>{t("card-move")}</legend>
                {choice(Way::Load, "load", "card-load", "card-load-text")}
                {choice(Way::Unload, "unload", "card-unload", "card-unload-text")}
                {choice(Way::Ask, "ask", "card-ask", "card-ask-text")}
            </fieldset>
            <AmountField id="card-amount" amount most exceeds="amount-exceeds"
                offers=Signal::derive(Vec::new) />
            <Submit id="card-move-submit" ask label=t("card-move-submit")
                ready=Signal::derive(move || amount.is_within(most.get())) />
            <div role="status">{told}</div>
        </form>
    }
}

/// A load or an unload as it goes on, with what it waits for.
#[component]
fn Progress(id: String) -> impl IntoView {
    use koban_wallet_wasm::view::TransactionState::{Cancelled, Done, Open};
    let session = use_session();
    let ask = Ask::new();
    let named = StoredValue::new(id.clone());
    let transaction = memo(move || session.transaction(&id));
    let cancel = move |_| {
        let id = named.get_value();
        ask.run(|wallet| async move { wallet.cancel(&id).await }, |()| ());
    };
    live(move || {
        let Some(it) = transaction.get() else { return ().into_any() };
        let problem = it.problem.map(|problem| view! { <ProblemNotice problem /> });
        let (tone, key) = match it.state {
            Done => (Tone::Good, "card-moved"),
            Cancelled => (Tone::Info, "state-cancelled-text"),
            Open => (Tone::Info, "state-open-text"),
            _ => return problem.into_any(),
        };
        let way_out = (it.state == Open).then(|| {
            view! {
                {problem_of(ask)}
                <button type="button" class="button small" data-testid="card-cancel"
                    on:click=cancel>{t("card-cancel")}</button>
            }
        });
        view! {
            <div data-testid="card-moved" data-state=format!("{:?}", it.state)>
                <Notice tone>{t(key)}</Notice>
                {problem}
                {way_out}
            </div>
        }
        .into_any()
    })
}

/// A message for another card: as text, and as a link that opens there.
#[component]
fn Send(message: Vec<u8>) -> impl IntoView {
    let text = Base64UrlUnpadded::encode_string(&message);
    let origin = window().location().origin().unwrap_or_default();
    let link = format!("{origin}/card#{text}");
    view! {
        <div class="stack" data-testid="card-message">
            <Notice tone=Tone::Info>{t("card-message-send")}</Notice>
            <div class="field">
                <label for="card-message-text">{t("card-message-text")}</label>
                <input id="card-message-text" data-testid="card-message-text" type="text"
                    class="mono" readonly=true prop:value=text />
            </div>
            <p><a class="mono" data-testid="card-message-link" href=link.clone()>
                {t("card-message-link")}
            </a></p>
        </div>
    }
}

/// The message in what was pasted: the text, or a link that ends with it.
fn message_in(pasted: &str) -> Option<Vec<u8>> {
    let text = pasted.trim();
    let text = text.rsplit_once('#').map_or(text, |(_, text)| text);
    Base64UrlUnpadded::decode_vec(text).ok().filter(|message| !message.is_empty())
}

/// A message from another card, pasted or linked, and this card's answer.
#[component]
fn Letter(reader: u32) -> impl IntoView {
    let linked = use_location().hash.get_untracked();
    let typed = RwSignal::new(linked.trim_start_matches('#').to_owned());
    let ask = Ask::new();
    let answer = RwSignal::new(None::<Option<Vec<u8>>>);
    let session = use_session();
    let read = memo(move || {
        let pasted = typed.get();
        if pasted.trim().is_empty() {
            return None;
        }
        let unreadable = || problem::own("card-message-unreadable", Culprit::Holder, "");
        let message = message_in(&pasted).ok_or_else(unreadable);
        let wallet = session.wallet()?;
        Some(message.and_then(|message| Ok((wallet.read_card_message(&message)?, message))))
    });
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
        Some(Some(message)) => view! { <Send message /> }.into_any(),
        Some(None) => {
            view! { <Notice tone=Tone::Good>{t("card-message-done")}</Notice> }.into_any()
        }
        None => ().into_any(),
    });
    let ready = Signal::derive(move || read.with(|it| matches!(it, Some(Ok(_)))));
    view! {
        <form class="stack" on:submit=give>
            <h3>{t("card-gift-title")}</h3>
            <p class="hint">{t("card-gift-text")}</p>
            <TextField id="card-letter-text" label="card-letter" longest=4096 value=typed />
            {shown}
            <Submit id="card-letter-submit" ask label=t("card-letter-submit") ready />
            <button type="button" class="button small" data-testid="card-repeat" on:click=repeat>
                {t("card-repeat")}
            </button>
            <div role="status">{told}</div>
        </form>
    }
}

fn letter_words(message: &CardMessage) -> String {
    let key = match message.kind {
        MessageKind::Request => "card-letter-request",
        MessageKind::Value => "card-letter-value",
        MessageKind::Acknowledgement => "card-letter-done",
    };
    t_with(key, &[("amount", money::show(&message.amount)), ("card", message.from.clone())])
}

/// Whether a card can give so much.
pub fn can_give(card: &CardView, currency: &str, minor: u64) -> bool {
    card.standing == CardStanding::Genuine
        && card.class != CardClass::Terminal
        && card.open.is_none()
        && card
            .pockets
            .iter()
            .any(|it| it.balance.currency == currency && it.balance.minor >= minor)
}

/// The button that pays an invoice with a card that is here and has enough on it (VC-14).
#[component]
pub fn WithCard(
    /// The invoice's id.
    invoice: String,
    /// Its currency's code.
    currency: String,
    /// Its amount, minor units.
    minor: u64,
    /// Where the payment's id goes.
    paid: RwSignal<Option<String>>,
) -> impl IntoView {
    find_cards();
    let session = use_session();
    let ask = Ask::new();
    let reader = memo(move || {
        let cards = session.cards();
        cards.into_iter().find(|it| can_give(it, &currency, minor)).map(|it| it.reader)
    });
    let pay = Callback::new(move |reader: u32| {
        let id = invoice.clone();
        ask.run(
            |wallet| async move { wallet.pay_with_card(reader, &id).await },
            move |transaction| {
                paid.try_set(Some(transaction.id));
            },
        );
    });
    let offer = live(move || match reader.get() {
        Some(reader) => {
            let card = card_in(reader);
            let wants_pin = move || {
                card.with(|it| it.as_ref().is_some_and(|it| it.pin_tries.is_some() && !it.verified))
            };
            view! {
                <NeededPin card />
                <button type="button" class="button" data-testid="pay-card"
                    disabled=move || ask.busy.get() || wants_pin()
                    on:click=move |_| pay.run(reader)>{t("pay-card")}</button>
            }
            .into_any()
        }
        None => ().into_any(),
    });
    view! { <div class="stack pay-form">{problem_of(ask)}{offer}</div> }
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
