//! An invoice: who asks, for what, how much, until when; and one click that pays it.

use koban_wallet_wasm::view::{InvoiceView, Obstacle, ProblemView, Stage};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::card::WithCard;
use super::payment::Payment;
use super::way_back::{detour, use_here};
use crate::components::{Notice, ProblemNotice, Submit, Tone};
use crate::door::Door;
use crate::i18n::{t, t_with};
use crate::live::{either, live, when};
use crate::session::{Ask, Session, use_session};
use crate::{money, session};

/// What is known of the invoice behind a door.
#[derive(Clone)]
enum Reading {
    Fetching,
    Failed(ProblemView),
    Ready(InvoiceView),
}

/// The invoice behind a door; read again when the holder comes back from a detour.
#[component]
pub fn Invoice(door: Door) -> impl IntoView {
    let session = use_session();
    let reading = RwSignal::new(Reading::Fetching);
    let attempt = StoredValue::new(door);
    let read = move || {
        reading.set(Reading::Fetching);
        spawn_local(async move {
            reading.try_set(fetch(session, attempt.get_value()).await);
        });
    };
    read();
    live(move || match reading.get() {
        Reading::Fetching => view! {
            <p class="wait" role="status">{t("pay-fetching")}</p>
        }
        .into_any(),
        Reading::Failed(problem) => view! {
            <section class="card stack" role="alert">
                <h2>{t("pay-invoice-failed")}</h2>
                <ProblemNotice problem />
                <button class="button" on:click=move |_| read()>{t("retry")}</button>
            </section>
        }
        .into_any(),
        Reading::Ready(invoice) => view! { <Asked invoice /> }.into_any(),
    })
}

async fn fetch(session: Session, door: Door) -> Reading {
    let Some(wallet) = session.wallet() else {
        return Reading::Fetching;
    };
    let read = match door {
        Door::Address(address) => wallet.fetch_invoice(&address).await,
        Door::Embedded(bytes) => wallet.read_invoice(&bytes).await,
        // The pay page shows these itself.
        Door::Closed | Door::Broken(_) => return Reading::Fetching,
    };
    read.map_or_else(Reading::Failed, Reading::Ready)
}

#[component]
fn Asked(invoice: InvoiceView) -> impl IntoView {
    let session = use_session();
    let paid = RwSignal::new(session.payment_of(&invoice.id).map(|it| it.id));
    let invoice = StoredValue::new(invoice);
    live(move || match paid.get() {
        Some(id) => view! { <Payment id /> }.into_any(),
        None => invoice.with_value(|it| view! { <Open invoice=it.clone() paid /> }.into_any()),
    })
}

/// The terms, and the holder's way to pay or round what is in the way.
#[component]
fn Open(invoice: InvoiceView, paid: RwSignal<Option<String>>) -> impl IntoView {
    let decision = match invoice.obstacle {
        Some(obstacle) => view! { <Hindered invoice=invoice.clone() obstacle /> }.into_any(),
        None => view! { <Confirm invoice=invoice.clone() paid /> }.into_any(),
    };
    let (id, currency) = (invoice.id.clone(), invoice.amount.currency.clone());
    let minor = invoice.amount.minor;
    let payable = matches!(invoice.obstacle, None | Some(Obstacle::TooLittleMoney));
    let with_card = payable.then(|| view! { <WithCard invoice=id currency minor paid /> });
    view! { <Terms invoice />{decision}{with_card} }
}

/// What is asked for.
#[component]
fn Terms(invoice: InvoiceView) -> impl IntoView {
    let it = invoice;
    let minor = it.amount.minor;
    view! {
        <article class="card invoice">
            <p class="invoice-payee">
                <strong data-testid="invoice-payee">{it.payee}</strong>
                <span class="hint">{t("pay-asks")}</span>
            </p>
            <p class="invoice-amount" data-testid="invoice-amount" data-minor=minor>
                {money::show(&it.amount)}
            </p>
            <dl class="facts-list">
                <dt>{t("pay-purpose")}</dt>
                <dd data-testid="invoice-purpose">{it.purpose}</dd>
                <dt>{t("pay-until")}</dt>
                <dd data-testid="invoice-expiry">{money::show_time(it.expires_at)}</dd>
                <dt>{t("pay-goes-to")}</dt>
                <dd class="mono">{it.pay_origin}</dd>
            </dl>
        </article>
    }
}

/// The one click, and the wait after it.
#[component]
fn Confirm(invoice: InvoiceView, paid: RwSignal<Option<String>>) -> impl IntoView {
    let session = use_session();
    let ask = Ask::new();
    let currency = session::currency_of(&invoice.amount);
    let available = move || money::show(&session.available(&currency));
    let amount = money::show(&invoice.amount);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let id = invoice.id.clone();
        ask.run(
            |wallet| async move { wallet.pay(&id).await },
            move |transaction| {
                paid.try_set(Some(transaction.id));
            },
        );
    };
    let label = t_with("pay-confirm", &[("amount", amount)]);
    let balance = move || {
        let words = t_with("pay-from-balance", &[("amount", available())]);
        view! { <p>{words}</p> }.into_any()
    };
    let progress =
        || view! { <p>{t("pay-progress-waiting")}</p><p>{t("pay-progress-safe")}</p> }.into_any();
    let decline = || {
        view! { <a class="quiet" href="/" data-testid="pay-decline">{t("pay-decline")}</a> }
            .into_any()
    };
    view! {
        <form class="stack pay-form" on:submit=submit>
            <Submit id="pay-confirm" ask label ready=true />
            <div role="status" class="hint">
                {either(move || ask.busy.get(), progress, balance)}
            </div>
            {when(move || !ask.busy.get(), decline)}
        </form>
    }
}

/// Why the invoice cannot be paid right now, and the way out where there is one.
#[component]
fn Hindered(invoice: InvoiceView, obstacle: Obstacle) -> impl IntoView {
    let session = use_session();
    let here = use_here();
    let currency = session::currency_of(&invoice.amount);
    let amount = money::show(&invoice.amount);
    let available = session.available(&currency);
    let (text, way_out) = match obstacle {
        Obstacle::NotRegistered => {
            let path = detour("/welcome", &[], Some(&here.get_untracked()));
            (t("obstacle-not-registered"), Some((path, t("obstacle-not-registered-action"))))
        }
        Obstacle::TooLittleMoney => {
            let missing = invoice.amount.minor.saturating_sub(available.minor);
            let way_out = withdrawal(session, &currency, missing, &here.get_untracked());
            let values = [("amount", amount), ("available", money::show(&available))];
            (t_with("obstacle-too-little", &values), Some(way_out))
        }
        Obstacle::Expired => (t("obstacle-expired"), None),
        Obstacle::AlreadyPaid => {
            let way_out = ("/activity".to_owned(), t("obstacle-paid-action"));
            (t("obstacle-paid"), Some(way_out))
        }
        Obstacle::ForeignIssuer => {
            let name = session.issuer().map(|issuer| issuer.name).unwrap_or_default();
            (t_with("obstacle-foreign", &[("issuer", name)]), None)
        }
    };
    let way_out = way_out.map(|(path, words)| {
        view! {
            <a class="button primary" data-testid="way-out" href=path>{words}</a>
        }
    });
    view! {
        <section class="stack pay-form" role="status" data-testid="obstacle">
            <Notice tone=Tone::Warning>{text}</Notice>
            {way_out}
            <a class="quiet" href="/">{t("to-wallet")}</a>
        </section>
    }
}

/// The way to `missing` minor units more: a withdrawal, or first the account for one.
fn withdrawal(
    session: Session,
    currency: &koban_wallet_wasm::view::CurrencyView,
    missing: u64,
    here: &str,
) -> (String, String) {
    let values = [("currency", currency.code.clone()), ("amount", missing.to_string())];
    let path = match session.stage() {
        Stage::Enrolled => detour("/withdraw", &values, Some(here)),
        _ => detour("/welcome", &[], Some(here)),
    };
    let amount = money::show(&session::money_of(currency, missing));
    (path, t_with("obstacle-too-little-action", &[("amount", amount)]))
}
