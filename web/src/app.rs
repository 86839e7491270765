//! The routes, and the frame around them.

use leptos::prelude::*;
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::path;

use crate::components::Frame;
use crate::i18n::{self, Language};
use crate::routes;
use crate::session::Session;

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    provide_context(Session::start());
    // Pages read their words once, so another language makes all of them anew.
    view! { {move || localized(i18n::language())} }
}

fn localized(_language: Language) -> AnyView {
    view! {
        <Router>
            <Frame>
                <FlatRoutes fallback=routes::NotFound>
                    <Route path=path!("/") view=routes::Home />
                    <Route path=path!("/welcome") view=routes::Welcome />
                    <Route path=path!("/withdraw") view=routes::Withdraw />
                    <Route path=path!("/pay") view=routes::Pay />
                    <Route path=path!("/open-file") view=routes::OpenFile />
                    <Route path=path!("/activity") view=routes::Activity />
                    <Route path=path!("/activity/:id") view=routes::Transaction />
                    <Route path=path!("/redeem") view=routes::Redeem />
                    <Route path=path!("/change") view=routes::Change />
                    <Route path=path!("/card") view=routes::CardPage />
                    <Route path=path!("/terminal") view=routes::Terminal />
                    <Route path=path!("/audit") view=routes::Audit />
                    <Route path=path!("/settings") view=routes::Settings />
                </FlatRoutes>
            </Frame>
        </Router>
    }
    .into_any()
}
