//! The interface's OpenAPI 3.1 description, made of the same table as the router.

use koban_protocol::refusal::Code;
use serde_json::{Map, Value, json};

use super::model::JSON_BYTES_MAX;
use super::routes::{Caller, Content, ROUTES, Route};
use super::schema;

/// The document, with the server at `url`.
pub fn document(url: &str) -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.to_ascii_lowercase(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Koban payment server",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Orders, invoices and takings for shops. A shop never handles coins or \
                CBOR: it places orders, is told when they are paid, and redeems what it took.",
        },
        "servers": [{ "url": url }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "operator": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The payment server's operator; opens shops.",
                },
                "shop": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token that opening the shop gave.",
                },
            },
            "schemas": schema::schemas(),
        },
        "webhooks": { "paid": { "post": webhook() } },
    })
}

fn operation(route: &Route) -> Value {
    let (status, content) = route.gives;
    let mut operation = json!({
        "operationId": format!("{:?}", route.action),
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": {
            status.to_string(): { "description": "Done.", "content": media(content) },
            "default": problem(),
        },
        "security": match route.caller {
            Caller::Public => json!([]),
            Caller::Operator => json!([{ "operator": [] }]),
            Caller::Shop => json!([{ "shop": [] }]),
        },
    });
    if route.takes != Content::Empty
        && let Some(operation) = operation.as_object_mut()
    {
        let body = json!({ "required": true, "content": media(route.takes) });
        operation.insert("requestBody".into(), body);
    }
    operation
}

fn media(content: Content) -> Value {
    match content {
        Content::Empty => json!({}),
        Content::Json(schema) => json!({ "application/json": { "schema": reference(schema) } }),
        Content::Message(kind) => json!({ kind: {} }),
        Content::Stream => json!({ "text/event-stream": { "schema": { "type": "string" } } }),
    }
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn problem() -> Value {
    json!({
        "description": "Refused: which number, whose fault, what to do (RFC 9457).",
        "content": { "application/problem+json": { "schema": reference("Problem") } },
    })
}

fn parameters(route: &Route) -> Value {
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| parameter("path", name, true, json!({ "$ref": "#/components/schemas/Id" })))
        .collect();
    for given in route.parameters {
        let schema = json!({ "type": given.kind, "description": given.what });
        parameters.push(parameter(given.place, given.name, false, schema));
    }
    Value::Array(parameters)
}

fn parameter(place: &str, name: &str, required: bool, schema: Value) -> Value {
    json!({ "in": place, "name": name, "required": required, "schema": schema })
}

/// What the payment server posts to a shop.
fn webhook() -> Value {
    json!({
        "summary": "An order was paid. Posted again, ever more slowly, until the shop answers 2xx.",
        "parameters": [{
            "in": "header",
            "name": "Koban-Signature",
            "required": true,
            "schema": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
            "description": "HMAC-SHA256 of the body under the shop's token, in hexadecimal.",
        }],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": reference("PaidEvent") } },
        },
        "responses": { "2XX": { "description": "The shop has it." } },
    })
}

/// Every refusal's name, for the schema of problem details.
pub(super) fn problem_names() -> Vec<&'static str> {
    Code::ALL.iter().map(|code| code.name()).collect()
}

/// How long a JSON body may be, for people.
pub(super) fn body_limit() -> String {
    format!("Bodies are at most {JSON_BYTES_MAX} bytes; unknown members are refused.")
}
