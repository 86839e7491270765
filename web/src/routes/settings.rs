//! Choices, and what the holder should know about issuer, storage and links.

use koban_wallet_wasm::view::IssuerView;
use leptos::prelude::*;

use crate::browser;
use crate::components::{Choice, Notice, Opened, Page, Tone, problem_of};
use crate::i18n::{Language, t, t_with};
use crate::live::{either, live, memo, text, when};
use crate::prefs::{self, Theme};
use crate::session::{Ask, use_session};

/// All settings; those of the wallet itself appear once it is open.
#[component]
pub fn Settings() -> impl IntoView {
    view! {
        <Page heading="settings-title" narrow=true>
            <Appearance />
            <Opened>
                <Issuer />
                <Storage />
                <Links />
                <LostCoins />
            </Opened>
            <About />
        </Page>
    }
}

/// A heading with what belongs to it.
#[component]
fn Section(heading: &'static str, children: Children) -> impl IntoView {
    view! {
        <section class="card stack" aria-labelledby=heading>
            <h2 id=heading>{t(heading)}</h2>
            {children()}
        </section>
    }
}

#[component]
fn Appearance() -> impl IntoView {
    let language = RwSignal::new(prefs::saved_language());
    let theme = RwSignal::new(prefs::saved_theme());
    let choose_language = move |choice: Option<Language>| {
        Callback::new(move |()| {
            language.set(choice);
            prefs::save_language(choice);
            // All pages are made anew; the keyboard stays where it was.
            let value = choice.map_or("system", Language::tag);
            browser::focus_later(format!("language-{value}"));
        })
    };
    let choose_theme = move |choice: Theme| {
        Callback::new(move |()| {
            theme.set(choice);
            prefs::save_theme(choice);
        })
    };
    view! {
        <Section heading="settings-appearance">
            <fieldset class="choices inline">
                <legend>{t("settings-language")}</legend>
                <Choice group="language" value="system"
                    label=t("settings-language-system")
                    checked=Signal::derive(move || language.get().is_none())
                    on_choose=choose_language(None) />
                {Language::ALL.map(|it| view! {
                    <Choice group="language" value=it.tag() label=it.own_name().to_owned()
                        checked=Signal::derive(move || language.get() == Some(it))
                        on_choose=choose_language(Some(it)) />
                })}
            </fieldset>
            <fieldset class="choices inline">
                <legend>{t("settings-theme")}</legend>
                {Theme::ALL.map(|it| view! {
                    <Choice group="theme" value=it.name() label=t(theme_key(it))
                        checked=Signal::derive(move || theme.get() == it)
                        on_choose=choose_theme(it) />
                })}
            </fieldset>
        </Section>
    }
}

const fn theme_key(theme: Theme) -> &'static str {
    match theme {
        Theme::System => "settings-theme-system",
        Theme::Light => "settings-theme-light",
        Theme::Dark => "settings-theme-dark",
    }
}

#[component]
fn Issuer() -> impl IntoView {
    let session = use_session();
    let issuer = memo(move || session.issuer());
    let pseudonym = memo(move || session.look(|view| view.pseudonym.clone()).flatten());
    let facts = live(move || match issuer.get() {
        Some(it) => view! { <IssuerFacts it /> }.into_any(),
        None => ().into_any(),
    });
    let own_name = move || {
        view! {
            <dl class="facts-list">
                <dt>{t("settings-pseudonym")}</dt>
                <dd data-testid="pseudonym">{move || pseudonym.get()}</dd>
            </dl>
        }
        .into_any()
    };
    view! {
        <Section heading="settings-issuer">
            {facts}
            {when(move || pseudonym.with(Option::is_some), own_name)}
        </Section>
    }
}

#[component]
fn IssuerFacts(it: IssuerView) -> impl IntoView {
    let currencies: Vec<_> = it.currencies.into_iter().map(|it| it.code).collect();
    let banks: Vec<_> = it.banks.into_iter().map(|it| it.name).collect();
    view! {
        <p class="account-name">{it.name}</p>
        <dl class="facts-list">
            <dt>{t("settings-issuer-url")}</dt>
            <dd class="mono">{it.url}</dd>
            <dt>{t("settings-fingerprint")}</dt>
            <dd class="mono" data-testid="issuer-fingerprint">{it.fingerprint}</dd>
            <dt>{t("settings-currencies")}</dt>
            <dd>{currencies.join(", ")}</dd>
            <dt>{t("settings-banks")}</dt>
            <dd>{banks.join(", ")}</dd>
        </dl>
        <p class="hint">{t("settings-fingerprint-text")}</p>
    }
}

#[component]
fn Storage() -> impl IntoView {
    let session = use_session();
    let ask = Ask::new();
    let denied = RwSignal::new(false);
    let protect = move |_| {
        ask.run(
            |wallet| async move { Ok(wallet.persist_storage().await) },
            move |promised: bool| {
                denied.try_set(!promised);
            },
        );
    };
    let refused =
        || view! { <Notice tone=Tone::Info>{t("settings-storage-denied")}</Notice> }.into_any();
    let loose = move || {
        view! {
            <p>{t("settings-storage-loose")}</p>
            <div role="status">{when(move || denied.get(), refused)}</div>
            <button class="button" data-testid="persist-storage" on:click=protect>
                {t("settings-storage-submit")}
            </button>
        }
        .into_any()
    };
    let kept =
        || view! { <Notice tone=Tone::Good>{t("settings-storage-kept")}</Notice> }.into_any();
    let is_kept = move || session.look(|view| view.storage_persistent) == Some(true);
    view! { <Section heading="settings-storage">{either(is_kept, kept, loose)}</Section> }
}

#[component]
fn Links() -> impl IntoView {
    let asked = RwSignal::new(None::<bool>);
    let words = text(move || match asked.get() {
        Some(true) => t("settings-links-asked"),
        Some(false) => t("settings-links-unsupported"),
        None => String::new(),
    });
    view! {
        <Section heading="settings-links">
            <p>{t("settings-links-text")}</p>
            <p class="hint" role="status">{words}</p>
            <button class="button" data-testid="register-handler"
                on:click=move |_| asked.set(Some(browser::register_links()))>
                {t("settings-links-submit")}
            </button>
        </Section>
    }
}

#[component]
fn LostCoins() -> impl IntoView {
    let ask = Ask::new();
    let done = RwSignal::new(false);
    let refund = move |_| {
        ask.run(
            |wallet| async move { wallet.refund().await },
            move |_: String| {
                done.try_set(true);
            },
        );
    };
    let asked = || view! { <Notice tone=Tone::Good>{t("settings-lost-done")}</Notice> }.into_any();
    view! {
        <Section heading="settings-lost">
            <p>{t("settings-lost-text")}</p>
            <div role="status">
                {problem_of(ask)}
                {when(move || done.get(), asked)}
            </div>
            <button class="button" data-testid="refund" on:click=refund
                disabled=move || ask.busy.get()>{t("settings-lost-submit")}</button>
        </Section>
    }
}

#[component]
fn About() -> impl IntoView {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let words = t_with("settings-version", &[("version", version)]);
    view! {
        <Section heading="settings-about">
            <p>{t("settings-about-text")}</p>
            <p class="hint">{words}</p>
        </Section>
    }
}
