//! The routes, and the frame around them.

use leptos::prelude::*;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

use crate::components::Frame;
use crate::routes;
use crate::session::Session;

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    provide_context(Session::start());
    view! {
        <Router>
            <Frame>
                <Routes fallback=routes::NotFound>
                    <Route path=path!("/") view=routes::Home />
                    <Route path=path!("/welcome") view=routes::Welcome />
                    <Route path=path!("/withdraw") view=routes::Withdraw />
                    <Route path=path!("/pay") view=routes::Pay />
                    <Route path=path!("/open-file") view=routes::OpenFile />
                    <Route path=path!("/activity") view=routes::Activity />
                    <Route path=path!("/activity/:id") view=routes::Transaction />
                    <Route path=path!("/redeem") view=routes::Redeem />
                    <Route path=path!("/change") view=routes::Change />
                    <Route path=path!("/audit") view=routes::Audit />
                    <Route path=path!("/settings") view=routes::Settings />
                </Routes>
            </Frame>
        </Router>
    }
}
