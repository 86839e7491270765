//! A visitor's order, from the click to the delivered file.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use http::{HeaderValue, StatusCode, header};
use koban_protocol::id::{InvoiceId, from_hex};
use koban_protocol::refusal::Code;
use koban_protocol::time::Time;

use super::goods::{self, Good};
use super::lang::Lang;
use super::look::{self, Frame};
use super::{Shop, pages};
use crate::answer::{Fault, INVOICE, body, problem};
use crate::front;
use crate::host::{HttpRequest, HttpResponse, ObjectHost};
use crate::role::payment::model::{Money, NewOrder, Order, PaidEvent, Status};
use crate::role::payment::{SIGNATURE, signature};
use crate::role::peer;
use crate::sql::{Row, Sql, StoreError};

/// Unpaid orders are forgotten after this long, seconds; their invoices expired long before.
const FORGET_AFTER_S: u64 = 30 * 86_400;
/// How long an order may be paid, seconds.
const LIFETIME_S: u64 = 1800;

/// Where an order stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The payment server has not made the invoice yet, and why.
    Placing(Code),
    /// To be paid with this invoice.
    Unpaid(Vec<u8>),
    /// Somebody's payment is being checked.
    Validating(Vec<u8>),
    /// Too late.
    Expired,
    /// Paid at this time.
    Paid(Time),
}

/// An order.
#[derive(Clone, Debug)]
pub(super) struct Purchase {
    /// 16 random bytes in hexadecimal; whoever knows them may see the order.
    pub(super) id: String,
    pub(super) good: &'static Good,
    pub(super) stage: Stage,
}

impl<H: ObjectHost> Shop<H> {
    /// Makes an order.
    pub(super) async fn buy(&self, lang: Lang, slug: &str) -> Result<HttpResponse, Fault> {
        let good = goods::find(slug).ok_or(Code::NotFound)?;
        let id: [u8; 16] = self.host.entropy().bytes();
        let now = self.host.now();
        self.host.sql().transaction(|| {
            let old = now.0.saturating_sub(FORGET_AFTER_S);
            let forget = "DELETE FROM purchase WHERE paid_at IS NULL AND placed < ?";
            self.host.sql().run(forget, &[old.into()])?;
            self.host.sql().run(
                "INSERT INTO purchase(id, good, placed) VALUES(?, ?, ?)",
                &[id.into(), good.slug.into(), now.0.into()],
            )?;
            Ok::<_, StoreError>(())
        })?;
        let id = InvoiceId(id).to_string();
        // Whether the payment server answers now or later, the order's page shows it.
        self.place(&id, good).await.map_or_else(only_store, |()| Ok(()))?;
        Ok(look::see_other(lang, &format!("/orders/{id}")))
    }

    /// Makes the order at the payment server; the order's own id makes that idempotent.
    async fn place(&self, id: &str, good: &Good) -> Result<(), Fault> {
        let own = peer::own_url(&self.host)?;
        let asked = NewOrder {
            reference: id.into(),
            amount: Money { currency: "JPY".into(), minor: good.yen },
            purpose: format!("{} / {}", good.name(Lang::En), good.name(Lang::Ja)),
            fulfilment_url: Some(format!("{own}/orders/{id}")),
            expires_in: Some(LIFETIME_S),
        };
        let order: Order = self.ask("POST", "/orders", Some(&asked)).await?;
        let invoice = Base64UrlUnpadded::decode_vec(&order.invoice);
        let invoice = invoice.map_err(|_| Code::PeerUnreachable)?;
        if order.amount != asked.amount || order.reference != id {
            return Err(Code::PeerUnreachable.into());
        }
        self.host.sql().run(
            "UPDATE purchase SET remote = ?, invoice = ?, expires = ? WHERE id = ?",
            &[order.order.into(), invoice.into(), order.expires.into(), bytes(id)?.into()],
        )?;
        Ok(())
    }

    /// The order as it stands by now: if it is not known to be paid, the payment server is asked.
    pub(super) async fn purchase(&self, id: &str) -> Result<Purchase, Fault> {
        let row = self.purchase_row(id)?.ok_or(Code::NotFound)?;
        let good = goods::find(row.text("good")?).ok_or(StoreError::Column("good"))?;
        if row.is_null("paid_at")? {
            let asked = if row.is_null("remote")? {
                self.place(id, good).await
            } else {
                self.look_after(id, row.text("remote")?).await
            };
            if let Err(Fault::Refused(code)) = asked
                && row.is_null("remote")?
            {
                return Ok(Purchase { id: id.into(), good, stage: Stage::Placing(code) });
            }
            asked.or_else(only_store)?;
        }
        let row = self.purchase_row(id)?.ok_or(Code::NotFound)?;
        Ok(Purchase { id: id.into(), good, stage: stage(&row, self.host.now())? })
    }

    /// Asks the payment server where the order stands.
    async fn look_after(&self, id: &str, remote: &str) -> Result<(), Fault> {
        let order: Order = self.get(&format!("/orders/{remote}")).await?;
        if order.reference != id {
            return Err(Code::PeerUnreachable.into());
        }
        match (order.status, order.paid_at) {
            (Status::Paid, Some(at)) => self.mark_paid(id, at)?,
            (status, _) => {
                let validating = status == Status::Validating;
                self.host.sql().run(
                    "UPDATE purchase SET validating = ? WHERE id = ?",
                    &[validating.into(), bytes(id)?.into()],
                )?;
            }
        }
        Ok(())
    }

    fn mark_paid(&self, id: &str, at: u64) -> Result<(), Fault> {
        self.host.sql().run(
            "UPDATE purchase SET paid_at = ?, validating = 0 WHERE id = ? AND paid_at IS NULL",
            &[at.into(), bytes(id)?.into()],
        )?;
        Ok(())
    }

    fn purchase_row(&self, id: &str) -> Result<Option<Row>, Fault> {
        let query = "SELECT * FROM purchase WHERE id = ?";
        Ok(self.host.sql().row(query, &[bytes(id)?.into()])?)
    }

    /// The order's page.
    pub(super) async fn order_page(
        &self,
        frame: &Frame<'_>,
        id: &str,
    ) -> Result<HttpResponse, Fault> {
        let purchase = self.purchase(id).await?;
        Ok(pages::order(frame, &purchase, &self.doors(id)?))
    }

    /// The ways from this order into a wallet.
    fn doors(&self, id: &str) -> Result<pages::Doors, Fault> {
        let own = peer::own_url(&self.host)?;
        let document = format!("{own}/orders/{id}/goods");
        let encoded: String = form_urlencoded::byte_serialize(document.as_bytes()).collect();
        let wallet = front::origin(&self.host, "wallet").ok_or(Code::Internal)?;
        Ok(pages::Doors {
            wallet: format!("{wallet}/pay?invoice={encoded}"),
            handler: format!("web+koban:{encoded}"),
            document: format!("/orders/{id}/goods"),
        })
    }

    /// The goods; or, until they are paid, status 402 and the invoice. Any wallet may fetch it
    /// from its own origin.
    pub(super) async fn deliver(
        &self,
        id: &str,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Fault> {
        let mut response = match self.purchase(id).await {
            Err(Fault::Refused(code)) => problem(code),
            Err(store) => return Err(store),
            Ok(Purchase { good, stage, .. }) => match stage {
                Stage::Placing(code) => problem(code),
                Stage::Expired => problem(Code::InvoiceExpired),
                Stage::Unpaid(invoice) | Stage::Validating(invoice) => {
                    body(StatusCode::PAYMENT_REQUIRED, INVOICE, invoice)
                }
                Stage::Paid(_) => file(good, request),
            },
        };
        let any = HeaderValue::from_static("*");
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
        Ok(response)
    }

    /// Takes the payment server's word that an order is paid, if it is signed.
    pub(super) fn hear(&self, request: &HttpRequest) -> Result<HttpResponse, Fault> {
        let account = self.known_account()?.ok_or(Code::NotAllowed)?;
        let given = request.headers().get(SIGNATURE).and_then(|value| value.to_str().ok());
        let expected = signature(&account.token, request.body()).ok_or(Code::Internal)?;
        if !given.is_some_and(|given| peer::same_token(given, &expected)) {
            return Err(Code::BadSignature.into());
        }
        let event: PaidEvent =
            serde_json::from_slice(request.body()).map_err(|_| Code::Malformed)?;
        if event.event != "paid" {
            return Err(Code::Malformed.into());
        }
        // An order that is forgotten by now was heard all the same.
        if let Some(row) = self.purchase_row(&event.reference)? {
            let good = goods::find(row.text("good")?).ok_or(StoreError::Column("good"))?;
            if event.amount != (Money { currency: "JPY".into(), minor: good.yen }) {
                return Err(Code::AmountInvalid.into());
            }
            self.mark_paid(&event.reference, event.at)?;
        }
        let mut response = HttpResponse::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }
}

/// A failure of the store counts; that the payment server does not answer now is shown on the page.
fn only_store(fault: Fault) -> Result<(), Fault> {
    match fault {
        Fault::Refused(_) => Ok(()),
        store @ Fault::Store(_) => Err(store),
    }
}

fn bytes(id: &str) -> Result<[u8; 16], Code> {
    from_hex(id).ok_or(Code::NotFound)
}

fn stage(row: &Row, now: Time) -> Result<Stage, StoreError> {
    if !row.is_null("paid_at")? {
        return Ok(Stage::Paid(Time(row.u64("paid_at")?)));
    }
    if row.is_null("invoice")? {
        return Ok(Stage::Placing(Code::Pending));
    }
    let invoice = row.blob("invoice")?.to_vec();
    Ok(if row.u64("validating")? == 1 {
        Stage::Validating(invoice)
    } else if row.u64("expires")? < now.0 {
        Stage::Expired
    } else {
        Stage::Unpaid(invoice)
    })
}

/// The file, or the part of it that is asked for: some browsers play sounds only from servers that
/// give parts.
fn file(good: &Good, request: &HttpRequest) -> HttpResponse {
    let bytes = good.file();
    let length = bytes.len();
    let range = request.headers().get(header::RANGE).and_then(|value| value.to_str().ok());
    let part = range.and_then(|range| part(range, length));
    let mut response = match part {
        None => body(StatusCode::OK, good.media, bytes),
        Some((first, last)) => {
            let bytes = bytes.get(first..=last).unwrap_or_default().to_vec();
            let mut response = body(StatusCode::PARTIAL_CONTENT, good.media, bytes);
            let range = format!("bytes {first}-{last}/{length}");
            super::set(&mut response, header::CONTENT_RANGE, &range);
            response
        }
    };
    super::set(&mut response, header::ACCEPT_RANGES, "bytes");
    let disposition = format!("inline; filename=\"{}\"", good.file_name);
    super::set(&mut response, header::CONTENT_DISPOSITION, &disposition);
    response
}

/// The one range of `bytes=first-last`, inclusive (RFC 9110, section 14.1.2); anything else is
/// answered whole.
fn part(range: &str, length: usize) -> Option<(usize, usize)> {
    let end = length.checked_sub(1)?;
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = match (first, last) {
        ("", suffix) => (length.saturating_sub(suffix.parse().ok()?), end),
        (first, "") => (first.parse().ok()?, end),
        (first, last) => (first.parse().ok()?, last.parse::<usize>().ok()?.min(end)),
    };
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(part("bytes=0-", 10), Some((0, 9)));
        assert_eq!(part("bytes=2-4", 10), Some((2, 4)));
        assert_eq!(part("bytes=2-40", 10), Some((2, 9)));
        assert_eq!(part("bytes=-3", 10), Some((7, 9)));
        for whole in ["bytes=10-", "bytes=4-2", "bytes=0-1,3-4", "lines=0-1", "bytes=-0", "x"] {
            assert_eq!(part(whole, 10), None, "{whole}");
        }
    }
}
