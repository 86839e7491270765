//! Problems in plain words.

use koban_wallet_wasm::view::{Culprit, ProblemView};

use crate::i18n;

/// What a page tells the holder: a sentence of its own for each code that has one, else who
/// reported the problem; tracked.
pub fn sentence(problem: &ProblemView) -> String {
    i18n::try_t(&format!("problem-{}", problem.code)).unwrap_or_else(|| {
        let culprit = i18n::t(culprit_key(problem.culprit));
        i18n::t_with("problem-other", &[("culprit", culprit)])
    })
}

/// The facts for support, as one line.
pub fn facts(problem: &ProblemView) -> String {
    match problem.detail.as_str() {
        "" => problem.code.clone(),
        detail => format!("{}: {detail}", problem.code),
    }
}

/// A problem this page itself found.
pub fn own(code: &str, culprit: Culprit, detail: impl Into<String>) -> ProblemView {
    ProblemView { code: code.to_owned(), culprit, detail: detail.into() }
}

const fn culprit_key(culprit: Culprit) -> &'static str {
    match culprit {
        Culprit::Holder => "culprit-holder",
        Culprit::Payee => "culprit-payee",
        Culprit::Issuer => "culprit-issuer",
        Culprit::Bank => "culprit-bank",
        Culprit::Network => "culprit-network",
    }
}
