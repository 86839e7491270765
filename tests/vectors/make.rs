//! Makes `messages.json` and `keys.json`: every message from fixed entropy, and every way to be
//! wrong.
//!
//! `KOBAN_WRITE_VECTORS=1 cargo test -p koban-tests --test vectors` writes the files; without the
//! variable the test compares them with what is made here.

use std::fmt::Write as _;

use koban_protocol::entropy::Entropy;
use koban_protocol::id::Digest;
use koban_protocol::key::SigningKey;
use koban_protocol::process::HeldClaim;
use koban_protocol::process::enrolment::{AccountConsent, EnrolmentOrder};
use koban_protocol::process::payment::{
    PaymentAnswer, PaymentOrder, PaymentOutcome, Take, Validated, ValidationOutcome,
};
use koban_protocol::process::redeem::Redeemed;
use koban_protocol::process::registration::RegistrationOrder;
use koban_protocol::refusal::{Answer, Code, Evidence, Refusal};
use koban_protocol::sealed::{self, AnswerNonce, OpeningKey, Route, SealedAnswer, SealedRequest};
use koban_protocol::signed::{Signed, Statement};
use koban_protocol::statement::{
    Acceptance, AccountAttestation, BadCoin, BalanceInquiry, BankAct, BankConfirmation, BankKeys,
    CoinFault, CoinVerdict, Collection, Mismatch, NotedCoins, OpenAccount, Receipt, RegisterKeys,
    RegisterLookup, RegisterNote, Settlement, SettlementPaid, Transfer,
};
use koban_protocol::wire::{List, Wire, encode};

use crate::fixture::{
    NOW, World, bytes, coins_of, currency, entropy, list, operation, seed, signing, text, yen,
};

/// A vector on its way to the file: its fields in order.
pub(crate) struct Vector(pub(crate) Vec<(&'static str, String)>);

impl Vector {
    /// A message of `kind` that ends in `outcome`.
    pub(crate) fn new(name: &str, kind: &str, cbor: &[u8], outcome: &str) -> Self {
        let (name, kind, cbor) = (name.to_owned(), kind.to_owned(), hex::encode(cbor));
        let outcome = outcome.to_owned();
        Self(vec![("name", name), ("type", kind), ("cbor", cbor), ("outcome", outcome)])
    }

    /// The same with another field.
    pub(crate) fn with(mut self, field: &'static str, value: &[u8]) -> Self {
        self.0.push((field, hex::encode(value)));
        self
    }

    /// The same with another field of text.
    pub(crate) fn with_text(mut self, field: &'static str, value: &str) -> Self {
        self.0.push((field, value.to_owned()));
        self
    }
}

/// A file of vectors, one on a line.
pub(crate) fn file(source: &str, vectors: &[Vector]) -> String {
    let mut text = format!("{{\n  \"source\": \"{source}\",\n  \"vectors\": [");
    for (at, vector) in vectors.iter().enumerate() {
        let fields: Vec<String> =
            vector.0.iter().map(|(field, value)| format!("\"{field}\": \"{value}\"")).collect();
        let comma = if at == 0 { "" } else { "," };
        write!(text, "{comma}\n    {{{}}}", fields.join(", ")).unwrap();
    }
    text + "\n  ]\n}\n"
}

/// The vectors of keys and signatures.
pub(crate) fn keys() -> Vec<Vector> {
    let make = |name: &str| {
        let signing = signing(name);
        let public = signing.verifying_key();
        let sealing = OpeningKey::from_seed(&seed(name)).sealing_key();
        let (domain, body) = ("koban/v1/vector", encode(&yen(370)));
        let digest = Digest::of(domain, &body);
        Vector(vec![("name", name.to_owned())])
            .with("seed", seed(name).expose())
            .with("verifying_key", &public.0)
            .with("key_id", &public.id().0)
            .with("participant", &public.participant().0)
            .with("sealing_key", &sealing.0)
            .with("sealing_key_id", &sealing.id().0)
            .with_text("domain", domain)
            .with("body", &body)
            .with("digest", &digest.0)
            .with("signature", &signing.sign(&digest).0)
    };
    ["issuer", "payer", "payee"].map(make).into()
}

/// Valid messages of every kind.
pub(crate) struct Valid {
    world: World,
    pub(super) vectors: Vec<Vector>,
}

impl Valid {
    /// Every kind's vectors.
    pub(crate) fn all() -> Vec<Vector> {
        let mut valid = Self { world: World::new(), vectors: Vec::new() };
        valid.values();
        valid.published();
        valid.bank();
        valid.register();
        valid.registration();
        valid.orders();
        valid.payment();
        valid.refusals();
        valid.seals();
        valid.cards();
        valid.vectors
    }

    pub(super) fn add<T: Wire>(&mut self, kind: &str, message: &T) {
        self.named(kind, kind, message);
    }

    pub(super) fn named<T: Wire>(&mut self, kind: &str, name: &str, message: &T) {
        let name = name.replace(['-', '<'], "_").replace('>', "");
        self.vectors.push(Vector::new(&name, kind, &encode(message), "valid"));
    }

    /// A statement, and the same signed.
    pub(super) fn state<T: Statement>(
        &mut self,
        kind: &str,
        statement: &T,
        key: &SigningKey,
    ) -> Signed<T> {
        self.add(kind, statement);
        let signed = Signed::sign(statement, key);
        let kind = format!("signed<{kind}>");
        let name = kind.replace(['-', '<'], "_").replace('>', "");
        let vector = Vector::new(&name, &kind, &encode(&signed), "valid");
        self.vectors.push(vector.with("key", &key.verifying_key().0));
        signed
    }

    /// Values that messages are made of.
    fn values(&mut self) {
        let world = World::new();
        let keys = world.desk.keys();
        self.add("currency", &currency("JPY"));
        self.named("amount", "amount_zero", &yen(0));
        self.named("amount", "amount_largest", &yen(koban_protocol::limits::AMOUNT_MAX_MINOR));
        self.add("denomination", &koban_protocol::amount::Denomination::new(23).unwrap());
        self.add("bundle", &coins_of(5000));
        self.named("bundle", "bundle_empty", &coins_of(0));
        self.add("operation-id", &operation("vector"));
        self.add("coin-id", &world.coins(1, "vector")[0].body.id);
        self.add("invoice-id", &world.invoice(370).id);
        self.add("participant-id", &keys.key.participant());
        self.add("key-id", &keys.key.id());
        self.add("digest", &Digest(bytes("vector")));
        self.add("unix-time", &NOW);
        self.add("day", &NOW.day());
        self.add("verifying-key", &keys.key);
        self.add("signature", &signing("vector").sign(&Digest(bytes("vector"))));
        self.add("sealing-key", &keys.sealing);
        self.add("name", &text::<64>("浅草銀行"));
        self.add("short", &text::<32>("bank-a"));
        self.add("purpose", &text::<512>("a picture of Mount Fuji"));
        self.add("url", &text::<1024>("http://localhost:8702"));
        self.named("route", "route_lookup", &Route::Lookup);
        self.named("bank-act", "bank_act_settled", &BankAct::Settled);
        self.named("coin-fault", "coin_fault_other_currency", &CoinFault::OtherCurrency);
        self.add("currency-info", &keys.currencies[1]);
        self.add("bank-info", &keys.banks[0]);
        self.add("account-ref", &world.payer.account);
        self.add("issuer-ref", &world.invoice(1).issuers[0]);
        let coins = world.coins(11, "vector");
        self.add("coin-body", &coins[0].body);
        self.add("coin", &coins[0]);
        let bytes_of_tag = encode(&coins[0]);
        let bytes_of_tag = &bytes_of_tag[bytes_of_tag.len() - 17..];
        self.vectors.push(Vector::new("tag", "tag", bytes_of_tag, "valid"));
        self.add("coins", &list(coins.clone()));
        self.named("coins", "coins_none", &list(Vec::new()));
        self.add("bad-coin", &BadCoin { coin: coins[0].body.id, fault: CoinFault::Expired });
        let noted = coins.iter().map(|coin| coin.body.id).collect();
        self.add("noted-coins", &NotedCoins::new(noted).unwrap());
        self.add("held-claim", &HeldClaim { payment: operation("held"), amount: yen(370) });
    }

    fn published(&mut self) {
        let world = World::new();
        self.state("issuer-keys", world.desk.keys(), &world.signing);
        let bank = &world.desk.keys().banks[0];
        let keys = BankKeys {
            id: bank.id.clone(),
            name: bank.name.clone(),
            url: bank.url.clone(),
            key: bank.key,
        };
        self.state("bank-keys", &keys, &signing("bank-a"));
        let register = signing("register");
        let sealing = OpeningKey::from_seed(&seed("register")).sealing_key();
        let keys = RegisterKeys { key: register.verifying_key(), sealing };
        self.state("register-keys", &keys, &register);
    }

    fn bank(&mut self) {
        let world = World::new();
        let (payer, bank, issuer) = (&world.payer, signing("bank-a"), &world.signing);
        let account = payer.account.clone();
        let (id, amount) = (operation("vector"), yen(5000));
        let key = account.key;
        let open = OpenAccount { bank: text("bank-a"), owner: text("Hanako"), key, at: NOW };
        self.state("open-account", &open, &payer.account_key);
        let attestation = AccountAttestation { account: account.clone(), at: NOW };
        self.state("account-attestation", &attestation, &bank);
        let inquiry = BalanceInquiry { account: account.clone(), at: NOW };
        self.state("balance-inquiry", &inquiry, &payer.account_key);
        let debit = world.debit(id, amount);
        let authorisation = self.state("debit-authorisation", &debit, &payer.account_key);
        self.state("collection", &Collection { authorisation }, issuer);
        self.state("transfer", &Transfer { operation: id, account, amount }, issuer);
        let (from, to) = (text("bank-a"), text("bank-b"));
        let settlement = Settlement { operation: id, from, to, amount };
        let settlement = self.state("settlement", &settlement, issuer);
        self.state("settlement-paid", &SettlementPaid { settlement }, &bank);
        let confirmation = BankConfirmation { operation: id, act: BankAct::Debited, amount };
        self.state("bank-confirmation", &confirmation, &bank);
    }

    fn register(&mut self) {
        let world = World::new();
        let holder = world.payer.key.verifying_key().participant();
        let coins = world.coins(11, "vector").iter().map(|coin| coin.body.id).collect();
        let until = NOW.day().plus(360);
        let coins = List::new(coins).unwrap();
        let operation = operation("vector");
        let note = RegisterNote { operation, holder, coins, until };
        self.state("register-note", &note, &world.signing);
        let reason = text("refund");
        let lookup = RegisterLookup { holder, reason, operation, at: NOW };
        self.state("register-lookup", &lookup, &world.signing);
    }

    fn registration(&mut self) {
        let world = World::new();
        let payer = &world.payer;
        let key = payer.key.verifying_key();
        let order = RegistrationOrder { pseudonym: text("hanako"), key, at: NOW };
        self.state("registration-order", &order, &payer.key);
        let enrolled = payer.certificate.claim().unwrap();
        self.state("certificate", &enrolled, &world.signing);
        let plain = payer.certified(&world.signing, |certificate| certificate.account = None);
        let plain = plain.claim().unwrap();
        self.named("certificate", "certificate_without_account", &plain);
        let consent = AccountConsent { participant: key.participant(), at: NOW };
        let consent = self.state("account-consent", &consent, &payer.account_key);
        let attestation = AccountAttestation { account: payer.account.clone(), at: NOW };
        let attestation = Signed::sign(&attestation, &signing("bank-a"));
        let certificate = payer.certificate.clone();
        let order = EnrolmentOrder { certificate, attestation, consent, at: NOW };
        self.state("enrolment-order", &order, &payer.key);
        let answer = Answer::Done(payer.certificate.clone());
        self.add("answer<signed<certificate>>", &answer);
    }

    fn orders(&mut self) {
        let world = World::new();
        let purchase = world.purchase(operation("vector"), 500);
        self.state("purchase-order", &purchase, &world.payer.key);
        self.add("change-order", &world.change(500));
        let mut redeem = world.redeem(500);
        self.state("redeem-order", &redeem, &world.payee.key);
        redeem.held =
            List::new(vec![HeldClaim { payment: operation("held"), amount: yen(370) }]).unwrap();
        redeem.change = Some(coins_of(370));
        self.named("redeem-order", "redeem_order_of_coins_and_held_value", &redeem);
        self.state("refund-order", &world.refund(), &world.payer.key);
        let coins = list(world.coins(11, "vector"));
        self.add("answer<coins>", &Answer::Done(coins.clone()));
        let redeemed = Redeemed { amount: yen(370), change: coins };
        self.add("redeemed", &redeemed);
        self.add("answer<redeemed>", &Answer::Done(redeemed));
    }

    fn payment(&mut self) {
        let world = World::new();
        let payee = &world.payee;
        let invoice = self.state("invoice", &world.invoice(370), &payee.key);
        let mut bare = world.invoice(370);
        bare.fulfilment_url = None;
        self.named("invoice", "invoice_without_fulfilment", &bare);
        let order = world.payment(&invoice, 500);
        self.add("payment-order", &order);
        self.named("payment-order", "payment_order_exact", &world.payment(&invoice, 370));
        self.named("take", "take_refresh", &Take::Refresh(coins_of(370)));
        self.named("take", "take_redeem", &Take::Redeem);
        self.named("take", "take_aggregate", &Take::Aggregate);
        let (envelope, secret) = envelope(&world, &order, "payer");
        let take = Take::Refresh(coins_of(370));
        let validation = world.validation(invoice.clone(), take, &encode(&envelope));
        self.state("validation-order", &validation, &payee.key);
        let acceptance = Acceptance {
            operation: operation("pay"),
            invoice: invoice.digest(),
            payee: payee.key.verifying_key().participant(),
            amount: yen(370),
            at: NOW,
        };
        let acceptance = self.state("acceptance", &acceptance, &world.signing);
        let change = list(world.coins(130, "change"));
        let outcome = PaymentOutcome { acceptance: acceptance.clone(), change };
        self.add("payment-outcome", &outcome);
        self.add("answer<payment-outcome>", &Answer::Done(outcome.clone()));
        let coins = list(world.coins(370, "fresh"));
        let validated = Validated { acceptance: acceptance.clone(), coins };
        self.add("validated", &validated);
        self.add("answer<validated>", &Answer::Done(validated.clone()));
        let for_payer = secret.seal(&Answer::Done(outcome), entropy("answer"));
        let verdict = Answer::Done(validated);
        let outcome = ValidationOutcome { verdict, for_payer: for_payer.clone() };
        self.add("validation-outcome", &outcome);
        self.add("answer<validation-outcome>", &Answer::Done(outcome));
        let receipt = Receipt { invoice: invoice.digest(), acceptance, at: NOW };
        let receipt = Some(self.state("receipt", &receipt, &payee.key));
        self.add("payment-answer", &PaymentAnswer { for_payer: for_payer.clone(), receipt });
        let answer = PaymentAnswer { for_payer, receipt: None };
        self.named("payment-answer", "payment_answer_refused", &answer);
    }

    fn refusals(&mut self) {
        let world = World::new();
        let issuer = &world.signing;
        let bad = world.coins(11, "vector").into_iter();
        let fault = CoinFault::NotLive;
        let bad = bad.map(|coin| BadCoin { coin: coin.body.id, fault }).collect();
        let bad = List::new(bad).unwrap();
        let verdict = CoinVerdict { operation: operation("pay"), bad, at: NOW };
        let verdict = self.state("coin-verdict", &verdict, issuer);
        let invoice = world.payee.signs(&world.invoice(370)).digest();
        let (paid, asked) = (yen(369), yen(370));
        let mismatch = Mismatch { operation: operation("pay"), invoice, paid, asked };
        let mismatch = self.state("mismatch", &mismatch, issuer);
        self.named("evidence", "evidence_bad_coins", &Evidence::BadCoins(verdict.clone()));
        self.named("evidence", "evidence_mismatch", &Evidence::Mismatch(mismatch));
        for code in Code::ALL {
            let name = format!("code_{}", code.name());
            self.named("code", &name, code);
        }
        self.add("refusal", &Refusal::from(Code::Pending));
        let evidence = Some(Evidence::BadCoins(verdict));
        let refusal = Refusal { code: Code::CoinNotLive, evidence };
        self.named("refusal", "refusal_with_evidence", &refusal);
        let answer = Answer::<NotedCoins>::Refused(refusal);
        self.named("answer<noted-coins>", "answer_refused", &answer);
    }

    fn seals(&mut self) {
        let (request, answer) = sealed_vectors(&self.world);
        let parts: SealedRequest = koban_protocol::wire::decode_exact(&request.1).unwrap();
        self.add("encapsulated", &parts.encapsulated);
        self.vectors.push(request.0);
        let parts: SealedAnswer = koban_protocol::wire::decode_exact(&answer.1).unwrap();
        self.add("answer-nonce", &AnswerNonce(parts.nonce.0));
        self.vectors.push(answer.0);
        let (_, secret) = envelope(&self.world, &order(&self.world), "payer");
        self.add("acknowledgement", &secret.acknowledgement());
    }
}

fn order(world: &World) -> PaymentOrder {
    world.payment(&world.payee.signs(&world.invoice(370)), 500)
}

fn envelope(
    world: &World,
    order: &PaymentOrder,
    name: &str,
) -> (SealedRequest, sealed::AnswerSecret) {
    let to = &world.desk.keys().sealing;
    sealed::seal(Route::Payment, operation("pay"), to, order, entropy(name)).unwrap()
}

/// A sealed request and the answer to it, each with what opens it; and their bytes.
pub(crate) fn sealed_vectors(world: &World) -> ((Vector, Vec<u8>), (Vector, Vec<u8>)) {
    let order = order(world);
    let (request, secret) = envelope(world, &order, "payer");
    let request = encode(&request);
    let vector = Vector::new("sealed_request", "sealed-request", &request, "valid")
        .with("seed", seed("issuer").expose())
        .with_text("holds", "payment-order")
        .with("content", &encode(&order));
    let content = Answer::<PaymentOutcome>::Refused(Code::InvoiceExpired.into());
    let answer = encode(&secret.seal(&content, Entropy::new(bytes("answer"))));
    let answered = Vector::new("sealed_answer", "sealed-answer", &answer, "valid")
        .with("secret", &secret.expose())
        .with("acknowledgement", &secret.acknowledgement().0)
        .with_text("holds", "answer<payment-outcome>")
        .with("content", &encode(&content));
    ((vector, request), (answered, answer))
}
