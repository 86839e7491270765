//! No page of that name.

use leptos::prelude::*;

use crate::components::Page;
use crate::i18n::t;

/// Says that there is no such page.
#[component]
pub fn NotFound() -> impl IntoView {
    view! {
        <Page heading="not-found-title" lead="not-found-text">
            <a class="button primary" href="/">{t("to-wallet")}</a>
        </Page>
    }
}
