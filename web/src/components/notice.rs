//! Boxes that tell something.

use koban_wallet_wasm::view::ProblemView;
use leptos::prelude::*;

use super::{Icon, Shape};
use crate::i18n::t;
use crate::live::live;
use crate::problem;
use crate::session::Ask;

/// How serious a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Good news.
    Good,
    /// Something to know.
    Info,
    /// Something to do.
    Warning,
    /// Something went wrong.
    Bad,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "notice good",
            Self::Info => "notice info",
            Self::Warning => "notice warning",
            Self::Bad => "notice bad",
        }
    }

    const fn shape(self) -> Shape {
        match self {
            Self::Good => Shape::Check,
            Self::Info => Shape::Info,
            Self::Warning | Self::Bad => Shape::Alert,
        }
    }
}

/// A short text in a box, with an icon that says how serious it is.
#[component]
pub fn Notice(tone: Tone, children: Children) -> impl IntoView {
    view! {
        <div class=tone.class()>
            <Icon shape=tone.shape() />
            <div class="notice-body">{children()}</div>
        </div>
    }
}

/// A problem in plain words, with the facts for support folded away.
#[component]
pub fn ProblemNotice(problem: ProblemView) -> impl IntoView {
    let facts = problem::facts(&problem);
    let code = problem.code.clone();
    view! {
        <Notice tone=Tone::Bad>
            <p data-testid="problem" data-code=code>
                {problem::sentence(&problem)}
            </p>
            <details class="facts">
                <summary>{t("problem-details")}</summary>
                <code>{facts}</code>
            </details>
        </Notice>
    }
}

/// The problem of the last thing asked, while there is one.
pub fn problem_of(ask: Ask) -> AnyView {
    live(move || match ask.problem.get() {
        Some(problem) => view! { <ProblemNotice problem /> }.into_any(),
        None => ().into_any(),
    })
}
