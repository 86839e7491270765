//! The JSON schemas of [`model`](super::model).

use koban_protocol::limits::{
    AMOUNT_MAX_MINOR, INVOICE_LIFETIME_MAX_S, NAME_BYTES_MAX, PURPOSE_BYTES_MAX, SHORT_BYTES_MAX,
    URL_BYTES_MAX,
};
use serde_json::{Value, json};

use super::model::REFERENCE_BYTES_MAX;
use super::openapi::{body_limit, problem_names};

/// Every schema by its name.
pub(super) fn schemas() -> Value {
    json!({
        "Id": { "type": "string", "pattern": "^[0-9a-f]{32}$" },
        "Minor": {
            "type": "integer", "minimum": 0, "maximum": AMOUNT_MAX_MINOR,
            "description": "Minor units: yen, cents.",
        },
        "Time": { "type": "integer", "description": "Seconds since 1970-01-01 00:00 UTC." },
        "Currency": { "type": "string", "pattern": "^[A-Z]{3}$" },
        "Take": {
            "enum": ["refresh", "redeem", "aggregate"],
            "description": "Fresh coins; money in the account; kept by the issuer to redeem later.",
        },
        "Money": object(&["currency", "minor"], json!({
            "currency": reference("Currency"),
            "minor": reference("Minor"),
        })),
        "NewShop": new_shop(),
        "OpenedShop": object(&["shop", "token"], json!({
            "shop": reference("Id"),
            "token": { "type": "string" },
        })),
        "Settings": object(&["take"], json!({
            "take": reference("Take"),
            "webhook": optional_url(),
        })),
        "Shop": shop(),
        "Takings": takings(),
        "NewOrder": new_order(),
        "Order": order(),
        "Orders": object(&["orders"], json!({
            "orders": { "type": "array", "items": reference("Order") },
        })),
        "Redeem": object(&["currency"], json!({ "currency": reference("Currency") })),
        "Redeemed": redeemed(),
        "PaidEvent": paid_event(),
        "Problem": problem(),
        "Description": { "type": "object", "description": "An OpenAPI 3.1 document." },
    })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}

fn text(bytes: usize) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": bytes })
}

fn optional_url() -> Value {
    json!({ "type": ["string", "null"], "format": "uri", "maxLength": URL_BYTES_MAX })
}

fn new_shop() -> Value {
    let mut schema = object(
        &["name", "bank", "owner_name", "take"],
        json!({
            "name": text(NAME_BYTES_MAX),
            "webhook": optional_url(),
            "bank": text(SHORT_BYTES_MAX),
            "owner_name": text(NAME_BYTES_MAX),
            "take": reference("Take"),
        }),
    );
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".into(), body_limit().into());
    }
    schema
}

fn shop() -> Value {
    let required = ["shop", "name", "participant", "bank", "account", "take", "webhook", "takings"];
    object(
        &required,
        json!({
            "shop": reference("Id"),
            "name": text(NAME_BYTES_MAX),
            "participant": reference("Id"),
            "bank": text(SHORT_BYTES_MAX),
            "account": text(SHORT_BYTES_MAX),
            "take": reference("Take"),
            "webhook": optional_url(),
            "takings": { "type": "array", "items": reference("Takings") },
        }),
    )
}

fn takings() -> Value {
    let required = [
        "currency",
        "received",
        "fresh",
        "coins",
        "held",
        "redeeming",
        "redeemed",
        "disputed",
        "account",
    ];
    object(
        &required,
        json!({
            "currency": reference("Currency"),
            "received": reference("Minor"),
            "fresh": reference("Minor"),
            "coins": { "type": "integer", "minimum": 0 },
            "held": reference("Minor"),
            "redeeming": reference("Minor"),
            "redeemed": reference("Minor"),
            "disputed": reference("Minor"),
            "account": {
                "anyOf": [reference("Minor"), { "type": "null" }],
                "description": "The account's balance; null while the bank does not answer.",
            },
        }),
    )
}

fn new_order() -> Value {
    object(
        &["reference", "amount", "purpose"],
        json!({
            "reference": text(REFERENCE_BYTES_MAX),
            "amount": reference("Money"),
            "purpose": text(PURPOSE_BYTES_MAX),
            "fulfilment_url": optional_url(),
            "expires_in": {
                "type": ["integer", "null"], "minimum": 60, "maximum": INVOICE_LIFETIME_MAX_S,
                "description": "Seconds; 900 if it is left out.",
            },
        }),
    )
}

fn order() -> Value {
    let required = [
        "number",
        "order",
        "invoice_id",
        "reference",
        "status",
        "amount",
        "purpose",
        "fulfilment_url",
        "created",
        "expires",
        "paid_at",
        "taken",
        "invoice",
        "invoice_url",
        "pay_url",
    ];
    object(
        &required,
        json!({
            "number": { "type": "integer", "minimum": 1 },
            "order": reference("Id"),
            "invoice_id": reference("Id"),
            "reference": text(REFERENCE_BYTES_MAX),
            "status": { "enum": ["unpaid", "validating", "paid", "expired"] },
            "amount": reference("Money"),
            "purpose": text(PURPOSE_BYTES_MAX),
            "fulfilment_url": optional_url(),
            "created": reference("Time"),
            "expires": reference("Time"),
            "paid_at": { "anyOf": [reference("Time"), { "type": "null" }] },
            "taken": { "anyOf": [reference("Take"), { "type": "null" }] },
            "invoice": {
                "type": "string", "contentEncoding": "base64url",
                "contentMediaType": "application/vnd.koban.invoice+cbor",
                "description": "The signed invoice, for a page that serves it itself.",
            },
            "invoice_url": { "type": "string", "format": "uri" },
            "pay_url": { "type": "string", "format": "uri" },
        }),
    )
}

fn redeemed() -> Value {
    object(
        &["currency", "redeemed", "redeeming", "left"],
        json!({
            "currency": reference("Currency"),
            "redeemed": reference("Minor"),
            "redeeming": reference("Minor"),
            "left": reference("Minor"),
        }),
    )
}

fn paid_event() -> Value {
    object(
        &["event", "id", "order", "reference", "amount", "taken", "at"],
        json!({
            "event": { "const": "paid" },
            "id": { "type": "integer", "minimum": 1 },
            "order": reference("Id"),
            "reference": text(REFERENCE_BYTES_MAX),
            "amount": reference("Money"),
            "taken": reference("Take"),
            "at": reference("Time"),
        }),
    )
}

fn problem() -> Value {
    object(
        &["type", "title", "status", "code", "name", "culprit", "remedy"],
        json!({
            "type": { "type": "string", "format": "uri" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "code": { "type": "integer", "description": "The refusal's stable number." },
            "name": { "enum": problem_names(), "description": "The refusal's stable name." },
            "culprit": { "enum": ["asker", "payer", "payee", "issuer", "bank"] },
            "remedy": { "type": "string" },
        }),
    )
}
