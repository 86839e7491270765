//! The audit page: coins in circulation against money at the banks, live (VC-10).

use std::time::Duration;

use koban_wallet_wasm::view::{AuditView, CurrencyAudit};
use leptos::prelude::*;

use crate::audit::{Verdict, reserves_total, verdict};
use crate::components::{Icon, Notice, Opened, Page, Shape, Tone};
use crate::i18n::{t, t_with};
use crate::live::{each, live, memo, text, when};
use crate::session::{Ask, currency_named, money_of};
use crate::{browser, money};

/// How often a page that can be seen asks anew.
const INTERVAL: Duration = Duration::from_secs(2);

/// The totals of every currency, asked for again and again while the page can be seen.
#[component]
pub fn Audit() -> impl IntoView {
    view! {
        <Page heading="audit-title" lead="audit-lead">
            <Opened><Live /></Opened>
        </Page>
    }
}

#[component]
fn Live() -> impl IntoView {
    let totals = RwSignal::new(None::<AuditView>);
    let ask = Ask::new();
    let read = move || {
        let show = move |answer| {
            totals.try_set(Some(answer));
        };
        ask.run(|wallet| async move { wallet.audit().await }, show);
    };
    let failed = Memo::new(move |seen: Option<&bool>| match ask.busy.get() {
        // While the next answer is awaited, the last one counts.
        true => seen.copied().unwrap_or(false),
        false => ask.problem.with(Option::is_some),
    });
    read();
    let tick = move || {
        if browser::is_visible() {
            read();
        }
    };
    if let Ok(handle) = set_interval_with_handle(tick, INTERVAL) {
        on_cleanup(move || handle.clear());
    }
    let codes = memo(move || totals.with(|it| it.as_ref().map(codes).unwrap_or_default()));
    let at = move || totals.with(|it| it.as_ref().map(|it| money::show_clock(it.at)));
    let as_of = text(move || match at() {
        Some(time) => format!(" · {}", t_with("audit-at", &[("time", time)])),
        None => String::new(),
    });
    let trouble = || view! { <Notice tone=Tone::Warning>{t("audit-failed")}</Notice> }.into_any();
    view! {
        <p class="live" data-failed=move || failed.get().to_string()>
            <span class="live-mark" aria-hidden="true"></span>{t("audit-live")}{as_of}
        </p>
        <div role="status">
            {when(move || failed.get(), trouble)}
        </div>
        {each(codes, move |code| view! { <Currency totals code /> }.into_any())}
        <details class="fold">
            <summary>{t("audit-rule")}</summary>
            <p class="rule">{t("audit-rule-text")}</p>
        </details>
    }
}

fn codes(totals: &AuditView) -> Vec<String> {
    totals.currencies.iter().map(|it| it.code.clone()).collect()
}

/// One currency: the verdict, the two sides as bars on one scale, and every figure.
#[component]
fn Currency(totals: RwSignal<Option<AuditView>>, code: String) -> impl IntoView {
    let name = code.clone();
    let heading = code.clone();
    let row = memo(move || {
        let named = |it: &AuditView| it.currencies.iter().find(|it| it.code == code).cloned();
        totals.with(|it| Some((it.as_ref().and_then(named)?, it.as_ref()?.steady)))
    });
    let figure = move |part: fn(&CurrencyAudit) -> u64| {
        text(move || {
            row.with(|it| it.as_ref().map(|(it, _)| part(it).to_string())).unwrap_or_default()
        })
    };
    let verdict = memo(move || row.with(|it| it.as_ref().map(|(it, steady)| verdict(it, *steady))));
    let verdict_name = text(move || verdict.get().map(verdict_name).unwrap_or_default().to_owned());
    let picture = live(move || match verdict.get().zip(row.get()) {
        Some((verdict, (it, _))) => view! {
            <VerdictNotice verdict it=it.clone() />
            <Bars it />
        }
        .into_any(),
        None => ().into_any(),
    });
    let table = live(move || match row.get() {
        Some((it, _)) => view! { <Figures it /> }.into_any(),
        None => ().into_any(),
    });
    view! {
        <article class="card stack audit" data-testid="audit-row" data-currency=name
            data-verdict=verdict_name data-coins=figure(|it| it.coins)
            data-reserves=figure(reserves_total)>
            <h2>{heading}</h2>
            {picture}
            <details class="fold">
                <summary>{t("audit-figure")}</summary>
                {table}
            </details>
        </article>
    }
}

const fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Equal => "equal",
        Verdict::InFlight(_) => "in-flight",
        Verdict::Moving => "moving",
        Verdict::Inconsistent => "inconsistent",
    }
}

fn amount(of: &CurrencyAudit, minor: u64) -> String {
    money::show(&money_of(&currency_named(&of.code, of.exponent), minor))
}

#[component]
fn VerdictNotice(verdict: Verdict, it: CurrencyAudit) -> impl IntoView {
    let (tone, word, text) = match verdict {
        Verdict::Equal => (Tone::Good, "audit-equal", t("audit-equal-text")),
        Verdict::InFlight(moving) => {
            let moving = amount(&it, moving);
            (Tone::Info, "audit-flight", t_with("audit-flight-text", &[("amount", moving)]))
        }
        Verdict::Moving => (Tone::Info, "audit-flight", t("audit-moving-text")),
        Verdict::Inconsistent => (Tone::Bad, "audit-wrong", t("audit-wrong-text")),
    };
    view! { <Notice tone><p><strong>{t(word)}</strong></p><p>{text}</p></Notice> }
}

/// Both sides of the scale.
#[component]
fn Bars(it: CurrencyAudit) -> impl IntoView {
    let left = it.coins.saturating_add(it.held).saturating_add(it.cards);
    let right = reserves_total(&it);
    let scale = left.max(right).max(1);
    let banks = it.reserves.iter().map(|reserve| reserve.minor).collect::<Vec<_>>();
    view! {
        <div class="bars">
            <p class="bar-words">
                <span>{t("audit-coins")}</span><strong>{amount(&it, left)}</strong>
            </p>
            <Bar class="bar coins" parts=vec![it.coins, it.held, it.cards] scale />
            <p class="bar-words">
                <span>{t("audit-reserves")}</span><strong>{amount(&it, right)}</strong>
            </p>
            <Bar class="bar banks" parts=banks scale />
            <ul class="bank-list">
                {it.reserves.iter().map(|reserve| view! {
                    <li><Icon shape=Shape::Bank />{reserve.name.clone()}
                        <strong>{amount(&it, reserve.minor)}</strong></li>
                }).collect_view()}
            </ul>
        </div>
    }
}

/// Parts side by side, as shares of `scale`; the figures beside it say the same in words.
#[component]
fn Bar(class: &'static str, parts: Vec<u64>, scale: u64) -> impl IntoView {
    /// Width of the drawing, in its own units.
    const WIDTH: f64 = 1000.0;
    let share = |minor: u64| minor as f64 / scale as f64 * WIDTH;
    let mut x = 0.0;
    let rects = parts.into_iter().enumerate().map(|(index, minor)| {
        let (from, width) = (x, share(minor));
        x += width;
        view! {
            <rect x=from.to_string() y="0" width=width.to_string() height="12"
                class=format!("part-{}", index % 4) />
        }
    });
    view! {
        <svg class=class viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true">
            {rects.collect_view()}
        </svg>
    }
}

#[component]
fn Figures(it: CurrencyAudit) -> impl IntoView {
    let caption = t_with("audit-table", &[("currency", it.code.clone())]);
    let rows = [
        ("audit-coins", it.coins),
        ("audit-held", it.held),
        ("audit-cards", it.cards),
        ("audit-settling", it.settling),
        ("audit-owed", it.owed),
        ("audit-debiting", it.debiting),
        ("audit-transit", it.transit),
        ("audit-reserves", reserves_total(&it)),
    ];
    view! {
        <table class="figures">
            <caption class="visually-hidden">{caption}</caption>
            <tbody>
                {rows.map(|(key, minor)| view! {
                    <tr><th scope="row">{t(key)}</th><td>{amount(&it, minor)}</td></tr>
                })}
            </tbody>
        </table>
    }
}
