//! Orders and their invoices (VC-4).

use base64ct::{Base64UrlUnpadded, Encoding as _};
use http::StatusCode;
use koban_protocol::id::InvoiceId;
use koban_protocol::limits::INVOICE_LIFETIME_MAX_S;
use koban_protocol::refusal::Code;
use koban_protocol::signed::Signed;
use koban_protocol::statement::{Invoice, IssuerKeys, IssuerRef, Purpose, Url};
use koban_protocol::time::Time;
use koban_protocol::wire::{self, List, Text};

use super::model::{
    Money, NewOrder, Order, Orders, PAGE_MAX, REFERENCE_BYTES_MAX, Status, Taking, fingerprint,
    parse,
};
use super::{Till, envelope, store};
use crate::answer::{self, Fault, INVOICE, json};
use crate::host::{HttpResponse, ObjectHost};
use crate::role::peer;
use crate::sql::{Row, Sql, StoreError};

/// How long an order may be paid if the shop does not say, seconds.
const LIFETIME_S: u64 = 900;
/// The shortest time a shop may set, seconds.
const LIFETIME_MIN_S: u64 = 60;

impl<H: ObjectHost> Till<H> {
    /// Makes an order, or gives the one that was made under the same reference.
    pub(super) async fn place_order(&self, body: &[u8]) -> Result<HttpResponse, Fault> {
        let asked: NewOrder = parse(body)?;
        let issuer = self.issuer.keys(&self.host).await?;
        let number = self.host.sql().transaction(|| self.place(&asked, &issuer))?;
        let query = "SELECT * FROM orders WHERE reference = ?";
        let row = self.host.sql().row(query, &[number.into()])?;
        let row = row.ok_or(StoreError::Invariant("an order that was made is there"))?;
        Ok(json(StatusCode::CREATED, &self.order(&row)?))
    }

    fn place(&self, asked: &NewOrder, issuer: &IssuerKeys) -> Result<String, Fault> {
        let reference =
            Text::<REFERENCE_BYTES_MAX>::new(&asked.reference).ok_or(Code::Malformed)?;
        let reference = reference.as_str().to_owned();
        let digest = fingerprint(asked)?;
        let query = "SELECT asked FROM orders WHERE reference = ?";
        if let Some(row) = self.host.sql().row(query, &[reference.as_str().into()])? {
            let same = row.bytes("asked")? == digest.0;
            return if same { Ok(reference) } else { Err(Code::OperationReused.into()) };
        }
        let invoice = self.made(asked, issuer)?;
        let signed = Signed::sign(&invoice, &self.keys.signing);
        self.host.sql().run(
            "INSERT INTO orders(id, reference, asked, invoice, expires) VALUES(?, ?, ?, ?, ?)",
            &[
                invoice.id.0.into(),
                reference.as_str().into(),
                digest.0.into(),
                wire::encode(&signed).into(),
                invoice.expires.0.into(),
            ],
        )?;
        Ok(reference)
    }

    fn made(&self, asked: &NewOrder, issuer: &IssuerKeys) -> Result<Invoice, Fault> {
        let amount = asked.amount.amount()?;
        // More than one operation can make cannot be paid either.
        envelope::fewest(amount, issuer)?;
        let lifetime = asked.expires_in.unwrap_or(LIFETIME_S);
        if !(LIFETIME_MIN_S..=INVOICE_LIFETIME_MAX_S).contains(&lifetime) {
            return Err(Code::Malformed.into());
        }
        let fulfilment_url = match &asked.fulfilment_url {
            Some(url) => Some(web_url(url).ok_or(Code::Malformed)?),
            None => None,
        };
        let id = InvoiceId(self.host.entropy().bytes());
        let pay_url = Url::new(&self.pay_url(id)).ok_or(Code::Internal)?;
        let accepted = IssuerRef { key: issuer.key, url: issuer.url.clone() };
        let created = self.host.now();
        Ok(Invoice {
            id,
            payee: self.certificate()?,
            amount,
            purpose: Purpose::new(&asked.purpose).ok_or(Code::Malformed)?,
            issuers: List::new(vec![accepted]).ok_or(Code::Internal)?,
            pay_url,
            fulfilment_url,
            created,
            expires: created.plus(lifetime),
        })
    }

    fn own_url(&self) -> String {
        peer::own_url(&self.host).unwrap_or_default()
    }

    fn pay_url(&self, invoice: InvoiceId) -> String {
        format!("{}/pay/{}/{invoice}", self.own_url(), self.shop)
    }

    fn invoice_url(&self, invoice: InvoiceId) -> String {
        format!("{}/invoices/{}/{invoice}", self.own_url(), self.shop)
    }

    /// The newest orders, or those before a number.
    pub(super) fn list_orders(&self, query: Option<&str>) -> Result<HttpResponse, Fault> {
        let before = match query.filter(|query| !query.is_empty()) {
            None => u64::from(u32::MAX),
            Some(query) => {
                let number = query.strip_prefix("before=").and_then(|text| text.parse().ok());
                number.ok_or(Code::Malformed)?
            }
        };
        let rows = self.host.sql().run(
            "SELECT * FROM orders WHERE number < ? ORDER BY number DESC LIMIT ?",
            &[before.into(), PAGE_MAX.into()],
        )?;
        let orders = rows.iter().map(|row| self.order(row)).collect::<Result<_, StoreError>>()?;
        Ok(json(StatusCode::OK, &Orders { orders }))
    }

    /// One order.
    pub(super) fn show_order(&self, invoice: InvoiceId) -> Result<HttpResponse, Fault> {
        let row = self.order_row(invoice)?.ok_or(Code::NotFound)?;
        Ok(json(StatusCode::OK, &self.order(&row)?))
    }

    /// The signed invoice.
    pub(super) fn invoice(&self, invoice: InvoiceId) -> Result<HttpResponse, Fault> {
        let row = self.order_row(invoice)?.ok_or(Code::NotFound)?;
        Ok(answer::body(StatusCode::OK, INVOICE, row.blob("invoice")?.to_vec()))
    }

    /// An order's row.
    pub(super) fn order_row(&self, invoice: InvoiceId) -> Result<Option<Row>, StoreError> {
        self.host.sql().row("SELECT * FROM orders WHERE id = ?", &[invoice.0.into()])
    }

    fn order(&self, row: &Row) -> Result<Order, StoreError> {
        let signed: Signed<Invoice> = store::message(row, "invoice")?;
        let invoice = signed.claim().map_err(|_| StoreError::Column("invoice"))?;
        let taken = if row.is_null("taken")? {
            None
        } else {
            Some(Taking::of_number(row.u64("taken")?).ok_or(StoreError::Column("taken"))?)
        };
        let paid_at = if row.is_null("paid_at")? { None } else { Some(row.u64("paid_at")?) };
        Ok(Order {
            number: row.u64("number")?,
            order: invoice.id.to_string(),
            invoice_id: invoice.id.to_string(),
            reference: row.text("reference")?.into(),
            status: status(row, invoice.expires, self.host.now())?,
            amount: Money::from(invoice.amount),
            purpose: invoice.purpose.to_string(),
            fulfilment_url: invoice.fulfilment_url.map(|url| url.to_string()),
            created: invoice.created.0,
            expires: invoice.expires.0,
            paid_at,
            taken,
            invoice: Base64UrlUnpadded::encode_string(row.blob("invoice")?),
            invoice_url: self.invoice_url(invoice.id),
            pay_url: self.pay_url(invoice.id),
        })
    }
}

fn status(row: &Row, expires: Time, now: Time) -> Result<Status, StoreError> {
    Ok(if !row.is_null("paid_at")? {
        Status::Paid
    } else if !row.is_null("validating")? {
        Status::Validating
    } else if expires < now {
        Status::Expired
    } else {
        Status::Unpaid
    })
}

/// An address on the web; nothing that a browser would run.
fn web_url(url: &str) -> Option<Url> {
    let web = url.starts_with("https://") || url.starts_with("http://");
    Url::new(url).filter(|_| web)
}
