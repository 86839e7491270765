//! The other side of the wallet's calls: the shipped issuer core over a set of live coins, a bank
//! that knows accounts by their keys, and a shop that can be told to misbehave.

use std::collections::{BTreeMap, BTreeSet};

use koban_protocol::amount::{Amount, Bundle, Currency, Denomination};
use koban_protocol::entropy::Entropy;
use koban_protocol::id::{CoinId, InvoiceId, OperationId, ParticipantId};
use koban_protocol::key::{Seed, SigningKey};
use koban_protocol::online::tagged::wire::CoinBody;
use koban_protocol::process::enrolment::{AccountConsent, Enrolment};
use koban_protocol::process::payment::{
    Payment, PaymentAnswer, PaymentOutcome, Take, Validation, ValidationOrder,
};
use koban_protocol::process::registration::Registration;
use koban_protocol::process::{Asked, Desk, Ordered, Prepared, Rejected, outer};
use koban_protocol::refusal::{Answer, Code, Evidence, Refusal};
use koban_protocol::sealed::{Route, SealedAnswer, SealedRequest};
use koban_protocol::signed::Signed;
use koban_protocol::statement::{
    AccountAttestation, AccountRef, BalanceInquiry, BankInfo, Certificate, CurrencyInfo, Invoice,
    IssuerKeys, IssuerRef, Mismatch, Name, OpenAccount, Purpose, Receipt, Short, Url,
};
use koban_protocol::time::Time;
use koban_protocol::wire::{self, Bytes, List, Wire};
use koban_wallet_wasm::engine::{Call, HttpAnswer};

use super::originator::Originator;

pub const ISSUER: &str = "http://issuer";

/// What the shop does with an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shop {
    Honest,
    /// Nobody is there.
    Silent,
    /// It takes the payment, and answers nothing.
    TakesAndVanishes,
    /// It takes the payment, and passes on the issuer's answer without a receipt.
    WithholdsReceipt,
    /// It asks the issuer with another invoice than the payer's.
    Swaps,
    /// It answers this code in clear, whatever is true.
    Says(Code),
    /// The issuer says that the amounts differ.
    Mismatches,
}

/// An operation that was answered.
struct Stored {
    request: Vec<u8>,
    answer: Vec<u8>,
    for_payer: Option<SealedAnswer>,
}

pub struct Edge {
    pub desk: Desk,
    pub now: Time,
    pub shop: Shop,
    pub live: BTreeMap<CoinId, CoinBody>,
    /// Minor units that left accounts for coins, and that coins brought back.
    pub debited: u64,
    pub credited: u64,
    /// Minor units that the shop was paid, by operation.
    pub taken: BTreeMap<OperationId, u64>,
    pub acknowledged: BTreeSet<OperationId>,
    /// The bank's money for the holder.
    pub funds: u64,
    /// Minor units owed to the originator for cards.
    pub for_cards: u64,
    pub originator: Originator,
    bank: SigningKey,
    shop_key: SigningKey,
    shop_certificate: Signed<Certificate>,
    recorded: BTreeMap<CoinId, ParticipantId>,
    answers: BTreeMap<OperationId, Stored>,
    paid: BTreeMap<OperationId, Vec<u8>>,
    drawn: u64,
}

pub fn yen() -> Currency {
    Currency::new("JPY").unwrap()
}

pub fn amount(minor: u64) -> Amount {
    Amount::new(yen(), minor).unwrap()
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub fn cbor<T: Wire>(message: &T) -> HttpAnswer {
    HttpAnswer { status: 200, body: wire::encode(message) }
}

pub fn problem(code: Code) -> HttpAnswer {
    let body = format!("{{\"code\":{},\"name\":\"{}\"}}", code.number(), code.name());
    HttpAnswer { status: code.status(), body: body.into_bytes() }
}

fn desk(seed: u8, bank: &SigningKey) -> Desk {
    let currency = |code: &str, exponent| CurrencyInfo {
        currency: Currency::new(code).unwrap(),
        exponent,
        largest: Denomination::new(16).unwrap(),
    };
    let bank = BankInfo {
        id: Short::new("bank-a").unwrap(),
        name: name("Asakusa Bank"),
        url: Url::new("http://bank").unwrap(),
        key: bank.verifying_key(),
    };
    Desk::new(&Seed::new([seed; 32]), |key, sealing| IssuerKeys {
        name: name("Issuer"),
        url: Url::new(ISSUER).unwrap(),
        key,
        sealing,
        shards: 4,
        currencies: List::new(vec![currency("JPY", 0), currency("USD", 2)]).unwrap(),
        banks: List::new(vec![bank]).unwrap(),
        epoch_days: 30,
        coin_lifetime_days: 360,
        refresh_days: 90,
    })
}

impl Edge {
    pub fn new() -> Self {
        Self::of_seed(1)
    }

    pub fn of_seed(seed: u8) -> Self {
        let now = Time(1_800_000_000);
        let bank = SigningKey::from_seed(&Seed::new([2; 32]));
        let shop_key = SigningKey::from_seed(&Seed::new([3; 32]));
        let desk = desk(seed, &bank);
        let originator = Originator::new(desk.keys().key);
        let shop_certificate = desk.sign(&Certificate {
            pseudonym: name("Shop"),
            key: shop_key.verifying_key(),
            account: None,
            issued: now,
            expires: now.plus(1_000_000_000),
        });
        Self {
            desk,
            now,
            shop: Shop::Honest,
            live: BTreeMap::new(),
            debited: 0,
            credited: 0,
            taken: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            funds: 50_000,
            for_cards: 0,
            originator,
            bank,
            shop_key,
            shop_certificate,
            recorded: BTreeMap::new(),
            answers: BTreeMap::new(),
            paid: BTreeMap::new(),
            drawn: 0,
        }
    }

    /// Minor units of yen in coins, whoever holds them.
    pub fn outstanding(&self) -> u64 {
        let of = |body: &&CoinBody| body.currency == yen();
        self.live.values().filter(of).map(|body| body.denomination.minor()).sum()
    }

    pub fn entropy(&mut self) -> Entropy {
        self.drawn += 1;
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&self.drawn.to_be_bytes());
        Entropy::new(seed)
    }

    pub fn invoice(&mut self, minor: u64) -> Signed<Invoice> {
        let issuer = self.desk.keys().key;
        self.invoice_for(minor, &[issuer])
    }

    pub fn invoice_for(
        &mut self,
        minor: u64,
        issuers: &[koban_protocol::key::VerifyingKey],
    ) -> Signed<Invoice> {
        let url = Url::new(ISSUER).unwrap();
        let issuers = issuers.iter().map(|key| IssuerRef { key: *key, url: url.clone() });
        let invoice = Invoice {
            id: InvoiceId(self.entropy().bytes()),
            payee: self.shop_certificate.clone(),
            amount: amount(minor),
            purpose: Purpose::new("A picture").unwrap(),
            issuers: List::new(issuers.collect()).unwrap(),
            pay_url: Url::new("http://shop/pay/1?order=2").unwrap(),
            fulfilment_url: Url::new("http://shop/goods"),
            created: self.now,
            expires: self.now.plus(3600),
        };
        Signed::sign(&invoice, &self.shop_key)
    }

    /// Carries a call out; `None`: nobody answers.
    pub fn answer(&mut self, call: &Call, invoice: &Signed<Invoice>) -> Option<HttpAnswer> {
        let path = call.url.split_once("://").unwrap().1;
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["issuer", "keys"] => Some(cbor(&self.desk.published())),
            ["issuer", "operations"] => Some(self.operate(&call.body)),
            ["issuer", "operations", id, "payer"] => {
                let known = self.answers.get(&id.parse().unwrap());
                let answer = known.and_then(|known| known.for_payer.as_ref());
                Some(answer.map_or_else(|| problem(Code::NotFound), cbor))
            }
            ["issuer", "operations", id, "acknowledgement"] => {
                assert_eq!(call.body.len(), 16);
                self.acknowledged.insert(id.parse().unwrap());
                Some(HttpAnswer { status: 204, body: Vec::new() })
            }
            ["originator", path @ ..] => Some(self.originator.answer(path, &call.body)),
            ["bank", "accounts"] => Some(self.open_account(&call.body)),
            ["bank", "balance"] => Some(self.balance(&call.body)),
            ["shop", "pay", "1?order=2"] => self.pay(&call.body, invoice),
            other => panic!("no such place: {other:?}"),
        }
    }

    fn open_account(&self, body: &[u8]) -> HttpAnswer {
        let signed: Signed<OpenAccount> = wire::decode_exact(body).unwrap();
        let asked = signed.open(&signed.claim().unwrap().key).unwrap();
        let number = Short::new("1234567").unwrap();
        let account = AccountRef { bank: asked.bank, number, key: asked.key };
        cbor(&Signed::sign(&AccountAttestation { account, at: self.now }, &self.bank))
    }

    fn balance(&self, body: &[u8]) -> HttpAnswer {
        let signed: Signed<BalanceInquiry> = wire::decode_exact(body).unwrap();
        signed.open(&signed.claim().unwrap().account.key).unwrap();
        let json = format!(
            "{{\"account\":\"1234567\",\"balances\":[{{\"currency\":\"JPY\",\"minor\":{}}}],\
             \"entries\":[]}}",
            self.funds
        );
        HttpAnswer { status: 200, body: json.into_bytes() }
    }

    fn operate(&mut self, bytes: &[u8]) -> HttpAnswer {
        let sealed = outer(bytes).unwrap();
        if let Some(known) = self.answers.get(&sealed.operation) {
            if known.request != bytes {
                return problem(Code::OperationReused);
            }
            return HttpAnswer { status: 200, body: known.answer.clone() };
        }
        let (answer, for_payer) = match sealed.route {
            Route::Registration => (self.register(&sealed), None),
            Route::Enrolment => (self.enrol(&sealed), None),
            _ => match self.ledger(&sealed) {
                Ok(answered) => answered,
                Err(Rejected::Opened(answer)) => return cbor(&answer),
                Err(Rejected::Unopened(code)) => return problem(code),
            },
        };
        let answer = wire::encode(&answer);
        let stored = Stored { request: bytes.to_vec(), answer: answer.clone(), for_payer };
        self.answers.insert(sealed.operation, stored);
        HttpAnswer { status: 200, body: answer }
    }

    fn register(&mut self, sealed: &SealedRequest) -> SealedAnswer {
        let (signed, secret) = self.desk.open::<Registration>(sealed).unwrap();
        let order = signed.open(&signed.claim().unwrap().key).unwrap();
        if order.pseudonym.as_str() == "taken" {
            let refused = Answer::<Signed<Certificate>>::Refused(Code::PseudonymTaken.into());
            return secret.seal(&refused, self.entropy());
        }
        let certificate = self.desk.sign(&Certificate {
            pseudonym: order.pseudonym,
            key: order.key,
            account: None,
            issued: self.now,
            expires: self.now.plus(1_000_000_000),
        });
        secret.seal(&Answer::Done(certificate), self.entropy())
    }

    fn enrol(&mut self, sealed: &SealedRequest) -> SealedAnswer {
        let (signed, secret) = self.desk.open::<Enrolment>(sealed).unwrap();
        let claim = signed.claim().unwrap();
        let certificate = self.desk.certified(&claim.certificate, self.now).unwrap();
        signed.open(&certificate.key).unwrap();
        let account = claim.attestation.open(&self.bank.verifying_key()).unwrap().account;
        let consent: AccountConsent = claim.consent.open(&account.key).unwrap();
        assert_eq!(consent.participant, certificate.participant());
        assert_ne!(account.key, certificate.key, "one key for one purpose");
        let enrolled = self.desk.sign(&Certificate { account: Some(account), ..certificate });
        secret.seal(&Answer::Done(enrolled), self.entropy())
    }

    fn ledger(
        &mut self,
        sealed: &SealedRequest,
    ) -> Result<(SealedAnswer, Option<SealedAnswer>), Rejected> {
        let (now, entropy) = (self.now, self.entropy());
        let prepared = match self.desk.prepare(sealed, now, entropy)? {
            Ordered::Moves(prepared) => prepared,
            Ordered::Unloads(due) => {
                let entropy = self.entropy();
                Box::new(due.release(
                    &self.desk,
                    &self.originator.key.verifying_key(),
                    now,
                    entropy,
                )?)
            }
            Ordered::Refunds(due) => {
                let of = |body: &CoinBody| {
                    body.currency == due.currency()
                        && self.recorded.get(&body.id) == Some(&due.holder())
                };
                let live: Vec<_> =
                    self.live.values().filter(|it| of(it)).take(64).copied().collect();
                let entropy = self.entropy();
                Box::new(due.replace(&live, entropy)?)
            }
        };
        let answered = self.carry_out(&prepared);
        Ok(answered)
    }

    fn carry_out(&mut self, prepared: &Prepared) -> (SealedAnswer, Option<SealedAnswer>) {
        let (inputs, outputs) = (prepared.movement().inputs(), prepared.movement().outputs());
        let (now, one, two) = (self.now, self.entropy(), self.entropy());
        let missing: Vec<CoinBody> = inputs
            .coins
            .iter()
            .map(|coin| *coin.body())
            .filter(|body| !self.live.contains_key(&body.id))
            .collect();
        let answered = if !missing.is_empty() {
            prepared.not_live(missing, &self.desk, now, one)
        } else if inputs.debit.is_some() && prepared.movement().amount().minor() > self.funds {
            prepared.refused(Code::DebitRefused.into(), one)
        } else {
            for coin in &inputs.coins {
                self.live.remove(&coin.body().id);
            }
            if inputs.debit.is_some() {
                self.funds -= prepared.movement().amount().minor();
                self.debited += prepared.movement().amount().minor();
            }
            if let Some((_, amount)) = &outputs.credit {
                self.funds += amount.minor();
                self.credited += amount.minor();
            }
            let card = |amount: Option<Amount>| amount.map_or(0, |it| it.minor());
            self.for_cards += card(outputs.card);
            self.for_cards -= card(inputs.card);
            let made = prepared.strike(&self.desk, now, one);
            for coin in made.fresh.iter().chain(&made.change) {
                self.live.insert(coin.body.id, coin.body);
            }
            if let Some(holder) = outputs.holder {
                self.recorded.extend(made.fresh.iter().map(|coin| (coin.body.id, holder)));
            }
            prepared.done(made, &self.desk, now, two)
        };
        (answered.answer, answered.for_payer)
    }

    /// The shop: presents the envelope, and answers with the issuer's word and a receipt.
    fn pay(&mut self, envelope: &[u8], invoice: &Signed<Invoice>) -> Option<HttpAnswer> {
        let operation = outer(envelope).unwrap().operation;
        if self.shop == Shop::Honest
            && let Some(answer) = self.paid.get(&operation)
        {
            return Some(HttpAnswer { status: 200, body: answer.clone() });
        }
        match self.shop {
            Shop::Silent => return None,
            Shop::Says(code) => return Some(problem(code)),
            Shop::Mismatches => return Some(self.mismatch(envelope, invoice)),
            _ => (),
        }
        let presented = if self.shop == Shop::Swaps { self.invoice(1) } else { invoice.clone() };
        let answer = self.validate(operation, envelope, presented)?;
        match self.shop {
            Shop::TakesAndVanishes => {
                self.paid.insert(operation, wire::encode(&answer));
                None
            }
            Shop::WithholdsReceipt => {
                self.paid.insert(operation, wire::encode(&answer));
                Some(cbor(&PaymentAnswer { receipt: None, ..answer }))
            }
            _ => Some(cbor(&answer)),
        }
    }

    pub fn validate(
        &mut self,
        operation: OperationId,
        envelope: &[u8],
        invoice: Signed<Invoice>,
    ) -> Option<PaymentAnswer> {
        let digest = invoice.digest();
        let total = invoice.claim().unwrap().amount;
        let order = ValidationOrder {
            certificate: self.shop_certificate.clone(),
            invoice,
            take: Take::Refresh(Bundle::fewest(total).unwrap()),
            envelope: Bytes(envelope.to_vec()),
            at: self.now,
        };
        let order = Signed::sign(&order, &self.shop_key);
        let entropy = self.entropy();
        let asked = Asked::<Validation>::new(operation, &order, self.desk.keys(), entropy).unwrap();
        let answered = self.operate(asked.request());
        let outcome = asked.answer(&answered.body).ok()?;
        let receipt = match outcome.verdict {
            Answer::Done(validated) => {
                self.taken.insert(operation, total.minor());
                let acceptance = validated.acceptance;
                let receipt = Receipt { invoice: digest, acceptance, at: self.now };
                Some(Signed::sign(&receipt, &self.shop_key))
            }
            Answer::Refused(_) => None,
        };
        Some(PaymentAnswer { for_payer: outcome.for_payer, receipt })
    }

    fn mismatch(&mut self, envelope: &[u8], invoice: &Signed<Invoice>) -> HttpAnswer {
        let sealed = outer(envelope).unwrap();
        let (order, secret) = self.desk.open::<Payment>(&sealed).unwrap();
        let mismatch = self.desk.sign(&Mismatch {
            operation: sealed.operation,
            invoice: invoice.digest(),
            paid: order.amount,
            asked: amount(999),
        });
        let evidence = Some(Evidence::Mismatch(mismatch));
        let refusal = Refusal { code: Code::AmountMismatch, evidence };
        let for_payer = secret.seal(&Answer::<PaymentOutcome>::Refused(refusal), self.entropy());
        cbor(&PaymentAnswer { for_payer, receipt: None })
    }
}
