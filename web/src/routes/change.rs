//! Coins changed for others of the same value (VC-7).

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use crate::components::{
    Amount, CoinPicker, Coins, CurrencyChoice, Notice, Opened, Outcome, Page, Submit, Tone,
};
use crate::i18n::{t, t_with};
use crate::live::{live, memo, when};
use crate::session::{Ask, use_session};

/// The form, then what became of it.
#[component]
pub fn Change() -> impl IntoView {
    let done = RwSignal::new(None::<String>);
    let form = move || {
        live(move || match done.get() {
            Some(id) => view! {
                <Outcome id done="change-done">
                    <a class="button primary" href="/">{t("to-wallet")}</a>
                </Outcome>
            }
            .into_any(),
            None => view! { <Form done /> }.into_any(),
        })
    };
    view! {
        <Page heading="change-title" lead="change-lead" narrow=true>
            <Opened>{form()}</Opened>
        </Page>
    }
}

#[component]
fn Form(done: RwSignal<Option<String>>) -> impl IntoView {
    let session = use_session();
    let amount = Amount::new(None, None);
    let coins = Coins::new();
    let all = memo(move || session.available(&amount.currency.get()).minor);
    let total = memo(move || coins.total());
    let ask = Ask::new();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let code = amount.currency.get_untracked().code;
        let list = untrack(move || coins.list());
        ask.run(
            |wallet| async move { wallet.change(&code, list).await },
            move |id| done.set(Some(id)),
        );
    };
    let label = Signal::derive(move || match total.get() {
        0 => t("change-plain"),
        total => t_with("change-submit", &[("amount", amount.words(total))]),
    });
    let exceeds = move || {
        let words = t_with("amount-exceeds", &[("amount", amount.words(all.get()))]);
        view! { <Notice tone=Tone::Warning>{words.clone()}</Notice> }.into_any()
    };
    view! {
        <form class="card stack" on:submit=submit>
            <CurrencyChoice amount />
            <CoinPicker coins currency=amount.currency />
            <div aria-live="polite">
                {when(move || total.get() > all.get(), exceeds)}
            </div>
            <Submit id="change-submit" ask label
                ready=Signal::derive(move || (1..=all.get()).contains(&total.get())) />
        </form>
    }
}
