//! Every route of the payment server, once: the router and the OpenAPI document are both made of
//! this table.

use koban_protocol::id::InvoiceId;

use super::keys::ShopId;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Anybody.
    Public,
    /// Whoever has the operator's token.
    Operator,
    /// Whoever has the shop's token.
    Shop,
}

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Opens a shop.
    OpenShop,
    /// Shows a shop and its takings.
    ShowShop,
    /// Changes a shop's settings.
    Configure,
    /// Makes an order.
    PlaceOrder,
    /// Lists orders.
    ListOrders,
    /// Shows an order.
    ShowOrder,
    /// Turns coins and held value into money in the account.
    Redeem,
    /// Streams events.
    Events,
    /// Gives an invoice.
    Invoice,
    /// Takes a payer's envelope.
    Pay,
    /// Gives this interface's description.
    Describe,
}

/// What travels in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// No body.
    Empty,
    /// JSON of the schema of this name.
    Json(&'static str),
    /// A protocol message of this media type.
    Message(&'static str),
    /// A stream of server-sent events.
    Stream,
}

/// A parameter besides those in the path.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// `header` or `query`.
    pub place: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its JSON type.
    pub kind: &'static str,
    /// What it says.
    pub what: &'static str,
}

/// A route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// What it does.
    pub action: Action,
    /// Its method.
    pub method: &'static str,
    /// Its path; parameters in braces are `shop`, `order` and `invoice`.
    pub path: &'static str,
    /// Who may call it.
    pub caller: Caller,
    /// What it takes.
    pub takes: Content,
    /// What it gives, with the status of success.
    pub gives: (u16, Content),
    /// For people.
    pub summary: &'static str,
    /// Parameters besides those in the path; all may be left out.
    pub parameters: &'static [Parameter],
}

impl Route {
    const fn with(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }
}

const fn route(
    action: Action,
    method: &'static str,
    path: &'static str,
    caller: Caller,
    takes: Content,
    gives: (u16, Content),
    summary: &'static str,
) -> Route {
    Route { action, method, path, caller, takes, gives, summary, parameters: &[] }
}

use Content::{Empty, Json, Message, Stream};

const GET: &str = "GET";
const POST: &str = "POST";
const PUT: &str = "PUT";

/// The routes.
pub const ROUTES: &[Route] = &[
    route(
        Action::OpenShop,
        POST,
        "/shops",
        Caller::Operator,
        Json("NewShop"),
        (201, Json("OpenedShop")),
        "Open a shop: its account at the bank, its name and its account at the issuer. Repeat it \
         with the same Idempotency-Key until it answers; nothing is done twice.",
    )
    .with(&[Parameter {
        place: "header",
        name: "Idempotency-Key",
        kind: "string",
        what: "The caller's own name for this call, at most 128 bytes. Without it every call \
               opens a shop.",
    }]),
    route(
        Action::ShowShop,
        GET,
        "/shops/{shop}",
        Caller::Shop,
        Empty,
        (200, Json("Shop")),
        "The shop's settings and takings.",
    ),
    route(
        Action::Configure,
        PUT,
        "/shops/{shop}/settings",
        Caller::Shop,
        Json("Settings"),
        (200, Json("Settings")),
        "Choose how payments are taken from now on, and where events are posted.",
    ),
    route(
        Action::PlaceOrder,
        POST,
        "/shops/{shop}/orders",
        Caller::Shop,
        Json("NewOrder"),
        (201, Json("Order")),
        "Make an order with its signed invoice. The reference makes it idempotent: the same order \
         again gives the same invoice, another order under it is refused.",
    ),
    route(
        Action::ListOrders,
        GET,
        "/shops/{shop}/orders",
        Caller::Shop,
        Empty,
        (200, Json("Orders")),
        "The newest orders, at most 100.",
    )
    .with(&[Parameter {
        place: "query",
        name: "before",
        kind: "integer",
        what: "An order's number: gives the orders before it.",
    }]),
    route(
        Action::ShowOrder,
        GET,
        "/shops/{shop}/orders/{order}",
        Caller::Shop,
        Empty,
        (200, Json("Order")),
        "One order.",
    ),
    route(
        Action::Redeem,
        POST,
        "/shops/{shop}/redeem",
        Caller::Shop,
        Json("Redeem"),
        (200, Json("Redeemed")),
        "Turn all coins and all kept value of a currency into money in the shop's account.",
    ),
    route(
        Action::Events,
        GET,
        "/shops/{shop}/events",
        Caller::Shop,
        Empty,
        (200, Stream),
        "The events that the caller does not have, at most 100, then `retry: 2000`.",
    )
    .with(&[Parameter {
        place: "header",
        name: "Last-Event-ID",
        kind: "integer",
        what: "The last event the caller has.",
    }]),
    route(
        Action::Invoice,
        GET,
        "/invoices/{shop}/{invoice}",
        Caller::Public,
        Empty,
        (200, Message("application/vnd.koban.invoice+cbor")),
        "The signed invoice, for the payer's wallet.",
    ),
    route(
        Action::Pay,
        POST,
        "/pay/{shop}/{invoice}",
        Caller::Public,
        Message("application/cbor"),
        (200, Message("application/cbor")),
        "The payer's sealed envelope. The same envelope again gives the same answer.",
    ),
    route(
        Action::Describe,
        GET,
        "/openapi.json",
        Caller::Public,
        Empty,
        (200, Json("Description")),
        "This document.",
    ),
];

/// A request's route and what its path names.
#[derive(Clone, Copy, Debug)]
pub struct Matched {
    /// The route.
    pub route: &'static Route,
    /// The shop in the path.
    pub shop: Option<ShopId>,
    /// The order or invoice in the path; an order is known by its invoice's id.
    pub invoice: Option<InvoiceId>,
}

/// The route of a method and a path, if there is one and its parameters are well formed.
pub fn find(method: &str, path: &str) -> Option<Matched> {
    ROUTES.iter().filter(|route| route.method == method).find_map(|route| {
        let mut matched = Matched { route, shop: None, invoice: None };
        let mut given = path.split('/');
        for part in route.path.split('/') {
            let value = given.next()?;
            match part {
                "{shop}" => matched.shop = Some(value.parse().ok()?),
                "{order}" | "{invoice}" => matched.invoice = Some(value.parse().ok()?),
                _ if part == value => {}
                _ => return None,
            }
        }
        given.next().is_none().then_some(matched)
    })
}
