//! Every transaction.

use leptos::prelude::*;

use crate::components::{ActivityList, Opened, Page};

/// All transactions, newest first.
#[component]
pub fn Activity() -> impl IntoView {
    view! {
        <Page heading="activity-title" narrow=true>
            <Opened>
                <section class="card"><ActivityList /></section>
            </Opened>
        </Page>
    }
}
