//! From nothing to the first coins (VC-2): a pseudonym, an account, a withdrawal.

use koban_wallet_wasm::view::{BankView, Stage};
use leptos::prelude::*;

use super::{Icon, Shape, Submit, TextField};
use crate::i18n::{t, t_with};
use crate::live::{either, live, memo, text, when};
use crate::session::{Ask, use_session};

/// The three steps, with the one that is next opened.
#[component]
pub fn FirstSteps(
    /// Where the third step leads.
    #[prop(into)]
    withdraw_path: Signal<String>,
) -> impl IntoView {
    let session = use_session();
    let stage = memo(move || session.stage());
    let at = move |step: Stage| move || stage.get() == step;
    let past = move |step: Stage| match step {
        Stage::New => stage.get() != Stage::New,
        _ => stage.get() == Stage::Enrolled,
    };
    let withdraw = move || {
        view! {
            <a class="button primary" data-testid="first-withdraw"
                href=move || withdraw_path.get()>{t("action-withdraw")}</a>
        }
        .into_any()
    };
    view! {
        <ol class="steps">
            <Step number=1 heading="step-register" explains="step-register-text"
                done=Signal::derive(move || past(Stage::New))>
                {when(at(Stage::New), || view! { <Register /> }.into_any())}
            </Step>
            <Step number=2 heading="step-enrol" explains="step-enrol-text"
                done=Signal::derive(move || past(Stage::Registered))>
                {when(at(Stage::Registered), || view! { <Enrol /> }.into_any())}
            </Step>
            <Step number=3 heading="step-withdraw" explains="step-withdraw-text" done=false>
                {when(at(Stage::Enrolled), withdraw)}
            </Step>
        </ol>
    }
}

#[component]
fn Step(
    number: u8,
    heading: &'static str,
    explains: &'static str,
    #[prop(into)] done: Signal<bool>,
    children: Children,
) -> impl IntoView {
    let position = text(move || match done.get() {
        true => t("step-done"),
        false => t_with("step-of", &[("step", number.to_string())]),
    });
    let check = || view! { <Icon shape=Shape::Check /> }.into_any();
    let explanation = move || view! { <p>{t(explains)}</p> }.into_any();
    view! {
        <li class="step-card" class:done=move || done.get()>
            <span class="step-mark" aria-hidden="true">
                {either(move || done.get(), check, move || number.to_string().into_any())}
            </span>
            <div class="step-body">
                <p class="step-position">{position}</p>
                <h2>{t(heading)}</h2>
                {when(move || !done.get(), explanation)}
                {children()}
            </div>
        </li>
    }
}

#[component]
fn Register() -> impl IntoView {
    let ask = Ask::new();
    let name = RwSignal::new(String::new());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let name = name.get_untracked().trim().to_owned();
        ask.run(|wallet| async move { wallet.register(&name).await }, |()| ());
    };
    view! {
        <form class="stack" on:submit=submit>
            <TextField id="register-name" label="register-name" hint="register-hint"
                autocomplete="username" longest=20 value=name />
            <Submit id="register-submit" ask label=t("register-submit")
                ready=Signal::derive(move || !name.get().trim().is_empty()) />
        </form>
    }
}

#[component]
fn Enrol() -> impl IntoView {
    let session = use_session();
    let ask = Ask::new();
    let owner = RwSignal::new(String::new());
    let banks = memo(move || session.issuer().map(|it| it.banks).unwrap_or_default());
    let bank = RwSignal::new(None::<String>);
    let chosen = move || bank.get().or_else(|| banks.with(|it| Some(it.first()?.id.clone())));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(bank) = untrack(chosen) else { return };
        let owner = owner.get_untracked().trim().to_owned();
        ask.run(|wallet| async move { wallet.enrol(&bank, &owner).await }, |()| ());
    };
    let option = |it: BankView| view! { <option value=it.id>{it.name}</option> };
    view! {
        <form class="stack" on:submit=submit>
            <div class="field">
                <label for="enrol-bank">{t("enrol-bank")}</label>
                <select id="enrol-bank" data-testid="enrol-bank"
                    on:change=move |event| bank.set(Some(event_target_value(&event)))>
                    {live(move || banks.get().into_iter().map(option).collect_view().into_any())}
                </select>
            </div>
            <TextField id="enrol-owner" label="enrol-owner" hint="enrol-owner-hint"
                autocomplete="name" longest=60 value=owner />
            <Submit id="enrol-submit" ask label=t("enrol-submit")
                ready=Signal::derive(move || !owner.get().trim().is_empty()) />
            <p class="hint">{t("enrol-later")}</p>
        </form>
    }
}
