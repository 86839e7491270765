//! A card's log, and what may be lost by it.

use koban_wallet_wasm::Wallet;
use koban_wallet_wasm::view::{EntryKind, EntryView, TransactionState};
use leptos::prelude::*;

use super::{Card, Fold, part};
use crate::components::{Notice, ProblemNotice, Tone, problem_of};
use crate::i18n::{t, t_count, t_with};
use crate::live::{each, live, memo, text, when};
use crate::money;
use crate::session::{Ask, Session, use_session};

/// The newest entries of a card's log, and its report to the originator.
#[component]
pub fn Log(
    card: Card,
    /// Whether it can be reported.
    #[prop(optional)]
    reports: bool,
) -> impl IntoView {
    let session = use_session();
    let entries = part(card, |it| it.entries.clone());
    let shown = live(move || {
        let all = entries.get().unwrap_or_default();
        let line = |it| view! { <Entry session entry=it /> };
        if all.is_empty() {
            return view! { <p class="hint">{t("card-log-empty")}</p> }.into_any();
        }
        view! { <ul class="activity">{all.into_iter().map(line).collect_view()}</ul> }.into_any()
    });
    let unreported = part(card, |it| it.unreported);
    let count = move || unreported.get().unwrap_or_default();
    let summary = text(move || match count() {
        0 => t("card-log"),
        count => t_count("card-log-unreported", count),
    });
    let told = text(move || t_count("card-unreported", count()));
    let reader = part(card, |it| it.reader);
    let report = Ask::new();
    let tell = move |_| {
        let Some(reader) = reader.get_untracked() else { return };
        report.run(|wallet| async move { wallet.report_card(reader).await }, |()| ());
    };
    view! {
        <Fold id="card-log-fold" summary wanted=Signal::derive(|| false)>
            {shown}
            {reports.then(|| view! {
                <p class="hint">{told}</p>
                <div role="alert">{problem_of(report)}</div>
                <button class="button" data-testid="card-report" on:click=tell
                    disabled=move || report.busy.get()>{t("card-report")}</button>
            })}
        </Fold>
    }
}

#[component]
fn Entry(session: Session, entry: EntryView) -> impl IntoView {
    let it = entry;
    let refund = it.refund.clone();
    let came_back = memo(move || {
        let refund = refund.as_deref().and_then(|id| session.transaction(id));
        refund.is_some_and(|it| it.state == TransactionState::Done)
    });
    let broken = it.broken;
    let badge = live(move || match (came_back.get(), broken) {
        (true, _) => view! {
            <span class="badge" data-state="done">{t("card-entry-came-back")}</span>
        }
        .into_any(),
        (false, true) => view! {
            <span class="badge" data-state="refused">{t("card-entry-broken")}</span>
        }
        .into_any(),
        (false, false) => ().into_any(),
    });
    view! {
        <li class="activity-line" data-testid="card-entry" data-kind=entry_key(it.kind)>
            <span class="activity-words">
                <span class="activity-title">{t(entry_key(it.kind))}</span>
                <span class="activity-when mono">{it.other.unwrap_or_default()}</span>
            </span>
            <span class="activity-side">
                <span class="activity-amount">{money::show(&it.amount)}</span>
                {badge}
            </span>
        </li>
    }
}

const fn entry_key(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Load => "card-entry-load",
        EntryKind::Unload => "card-entry-unload",
        EntryKind::Purchase => "card-entry-purchase",
        EntryKind::Taken => "card-entry-taken",
        EntryKind::Given => "card-entry-given",
        EntryKind::Received => "card-entry-received",
    }
}

/// Value that left the card in exchanges that were given up, and the way to have it back
/// (MONDEX-1).
#[component]
pub fn Lost(card: Card, reader: u32) -> impl IntoView {
    let session = use_session();
    let asked = RwSignal::new(Vec::<String>::new());
    let refunds = memo(move || {
        let all = card.with(|it| it.as_ref().map(|it| it.entries.clone())).unwrap_or_default();
        let refunds = all.into_iter().filter_map(|it| it.refund);
        // What came back is told to whoever has just asked for it; the log shows it to others.
        let is_news = |id: &String| {
            let done = session.transaction(id).is_some_and(|it| it.state == TransactionState::Done);
            !done || asked.with(|asked| asked.contains(id))
        };
        refunds.filter(is_news).collect::<Vec<_>>()
    });
    let list = move || {
        let one = move |id: String| view! { <LostValue card reader id asked /> }.into_any();
        view! {
            <section class="stack lost" data-testid="card-lost">
                <h3>{t("card-lost-title")}</h3>
                <p class="hint">{t("card-lost-text")}</p>
                {each(refunds, one)}
            </section>
        }
        .into_any()
    };
    when(move || refunds.with(|it| !it.is_empty()), list)
}

#[component]
fn LostValue(card: Card, reader: u32, id: String, asked: RwSignal<Vec<String>>) -> impl IntoView {
    let session = use_session();
    let ask = Ask::new();
    let (this, named) = (id.clone(), StoredValue::new(id.clone()));
    let entry = memo(move || {
        card.with(|it| {
            let mut entries = it.iter().flat_map(|it| it.entries.iter());
            entries.find(|it| it.refund.as_deref() == Some(&this)).cloned()
        })
    });
    let refund = memo(move || session.transaction(&id).map(|it| (it.state, it.problem)));
    let claim = move |_| {
        let id = named.get_value();
        asked.update(|asked| asked.push(id.clone()));
        let work = |wallet: Wallet| async move { wallet.refund_card(reader, &id).await };
        ask.run(work, |_: String| ());
    };
    let words = text(move || match entry.get() {
        Some(it) => {
            let other = it.other.unwrap_or_else(|| t("card-originator"));
            t_with("card-lost-value", &[("amount", money::show(&it.amount)), ("card", other)])
        }
        None => String::new(),
    });
    let told = live(move || match refund.get() {
        Some((TransactionState::Done, _)) => {
            view! { <Notice tone=Tone::Good>{t("card-refunded")}</Notice> }.into_any()
        }
        Some((TransactionState::Open, problem)) => {
            let problem = problem.map(|problem| view! { <ProblemNotice problem /> });
            view! { <Notice tone=Tone::Info>{t("card-refund-open")}</Notice>{problem} }.into_any()
        }
        Some((_, Some(problem))) => view! { <ProblemNotice problem /> }.into_any(),
        _ => ().into_any(),
    });
    let state = move || refund.get().map(|(state, _)| format!("{state:?}")).unwrap_or_default();
    let can_ask = memo(move || {
        let state = refund.get().map(|(state, _)| state);
        !matches!(state, Some(TransactionState::Done | TransactionState::Open))
    });
    // What the originator refused is with the transaction; here is what kept it from being asked.
    let unasked = live(move || match (refund.get(), ask.problem.get()) {
        (None, Some(problem)) => view! { <ProblemNotice problem /> }.into_any(),
        _ => ().into_any(),
    });
    let button = move || {
        view! {
            <button type="button" class="button small" data-testid="card-refund" on:click=claim
                disabled=move || ask.busy.get()>{t("card-refund")}</button>
        }
        .into_any()
    };
    view! {
        <div class="stack" data-testid="card-lost-value" data-state=state>
            <p>{words}</p>
            <div role="status">{told}{unasked}</div>
            {when(move || can_ask.get(), button)}
        </div>
    }
}
