//! Every kind of message by its name in `docs/PROTOCOL.md`, with what can be done to its bytes.

use koban_protocol::amount::{Amount, Bundle, Currency, Denomination};
use koban_protocol::id::{CoinId, Digest, InvoiceId, KeyId, OperationId, ParticipantId};
use koban_protocol::key::{Signature, VerifyingKey};
use koban_protocol::offline::purse::service::{
    Directives, LoadCall, NewCard, RefundCall, Report, ReturnCall, UnloadCall, Unloaded,
};
use koban_protocol::offline::purse::wire as purse;
use koban_protocol::offline::purse::wire::{
    CardCertificate, CardId, Directed, Directive, LogHead, Message, Presence,
};
use koban_protocol::offline::purse::{
    Birth, Keys, Personalisation, PurchaseKeys, PurseKey, SealedPersonalisation,
};
use koban_protocol::online::tagged::wire::{Coin, CoinBody, Coins, Tag};
use koban_protocol::process::HeldClaim;
use koban_protocol::process::change::ChangeOrder;
use koban_protocol::process::enrolment::{AccountConsent, EnrolmentOrder};
use koban_protocol::process::load::{LoadOrder, Loaded};
use koban_protocol::process::payment::{
    PaymentAnswer, PaymentOrder, PaymentOutcome, Take, Validated, ValidationOrder,
    ValidationOutcome,
};
use koban_protocol::process::purchase::PurchaseOrder;
use koban_protocol::process::redeem::{RedeemOrder, Redeemed};
use koban_protocol::process::refund::RefundOrder;
use koban_protocol::process::registration::RegistrationOrder;
use koban_protocol::process::unload::{ClaimSecret, UnloadOrder};
use koban_protocol::refusal::{Answer, Code, Evidence, Refusal};
use koban_protocol::sealed::{
    Acknowledgement, AnswerNonce, AnswerSecret, Encapsulated, OpeningKey, Route, SealedAnswer,
    SealedRequest, SealingKey,
};
use koban_protocol::signed::{Attested, OpenError, Signed, Statement};
use koban_protocol::statement::{
    Acceptance, AccountAttestation, AccountRef, BadCoin, BalanceInquiry, BankAct, BankConfirmation,
    BankInfo, BankKeys, Certificate, CoinFault, CoinVerdict, Collection, CurrencyInfo,
    DebitAuthorisation, Funded, Invoice, IssuerKeys, IssuerRef, Mismatch, Name, NotedCoins,
    OpenAccount, OriginatorKeys, Purpose, Receipt, RegisterKeys, RegisterLookup, RegisterNote,
    Released, Settlement, SettlementPaid, Short, Transfer, Url,
};
use koban_protocol::time::{Day, Time};
use koban_protocol::wire::{self, Bytes, List, Text, Wire, WireError};

/// Reads bytes as one type and writes the value again.
pub(crate) type Door = fn(&[u8]) -> Result<Vec<u8>, WireError>;

/// A kind of message.
pub(crate) struct Kind {
    /// Its rule in the CDDL; `signed<rule>` and the like are kinds too.
    pub(crate) name: String,
    /// Its domain, if it is signed.
    #[allow(dead_code, reason = "only the test that reads docs/PROTOCOL.md asks for it")]
    pub(crate) domain: Option<&'static str>,
    /// Reads it and writes it again.
    pub(crate) door: Door,
    /// What opening it under a key ends in.
    pub(crate) open: fn(&[u8], &VerifyingKey) -> &'static str,
    /// What a sealed request holds, if it is of this kind.
    pub(crate) unseal: fn(&OpeningKey, &[u8]) -> Option<Vec<u8>>,
    /// What a sealed answer holds, if it is of this kind.
    pub(crate) answer: fn(&AnswerSecret, &[u8]) -> Option<Vec<u8>>,
    /// What checking its tag under a purse's key ends in.
    pub(crate) tagged: fn(&PurseKey, &[u8]) -> &'static str,
}

fn door<T: Wire>(bytes: &[u8]) -> Result<Vec<u8>, WireError> {
    wire::decode_exact::<T>(bytes).map(|value| wire::encode(&value))
}

fn open<T: Statement>(bytes: &[u8], key: &VerifyingKey) -> &'static str {
    match wire::decode_exact::<Signed<T>>(bytes).unwrap().open(key) {
        Ok(_) => "valid",
        Err(OpenError::Signature(_)) => "bad-signature",
        Err(OpenError::Content(_)) => "bad-content",
    }
}

fn open_attested<T: Statement>(bytes: &[u8], key: &VerifyingKey) -> &'static str {
    let attested = wire::decode_exact::<Attested<T>>(bytes).unwrap();
    if attested.open(key).is_ok() { "valid" } else { "bad-signature" }
}

/// The signature that is a card's evidence.
fn open_message<T: Statement>(bytes: &[u8], key: &VerifyingKey) -> &'static str {
    let message = wire::decode_exact::<Message<T>>(bytes).unwrap();
    let Some(signature) = message.proof.signature() else { return "not-signed" };
    let digest = Digest::of_value(T::DOMAIN, &message.content);
    if key.verify(&digest, signature).is_ok() { "valid" } else { "bad-signature" }
}

fn tag_of_message<T: Statement>(key: &PurseKey, bytes: &[u8]) -> &'static str {
    let message = wire::decode_exact::<Message<T>>(bytes).unwrap();
    match &message.proof {
        purse::Proof::Keyed(tag, ..) => verified(key, &message.content, tag),
        purse::Proof::Signed(..) => "not-tagged",
    }
}

fn tag_of_directive(key: &PurseKey, bytes: &[u8]) -> &'static str {
    let Directed { directive, tag } = wire::decode_exact(bytes).unwrap();
    verified(key, &directive, &tag)
}

fn verified<T: Statement>(key: &PurseKey, statement: &T, tag: &purse::Tag) -> &'static str {
    if key.verify(statement, tag).is_ok() { "valid" } else { "wrong-tag" }
}

fn not_tagged(_: &PurseKey, _: &[u8]) -> &'static str {
    "not-tagged"
}

fn not_signed(_: &[u8], _: &VerifyingKey) -> &'static str {
    "not-signed"
}

fn unseal<T: Wire>(key: &OpeningKey, bytes: &[u8]) -> Option<Vec<u8>> {
    let request: SealedRequest = wire::decode_exact(bytes).unwrap();
    let (content, _) = key.open::<T>(&request).ok()?;
    Some(wire::encode(&content))
}

fn answer<T: Wire>(secret: &AnswerSecret, bytes: &[u8]) -> Option<Vec<u8>> {
    let sealed: SealedAnswer = wire::decode_exact(bytes).unwrap();
    secret.open::<T>(&sealed).ok().map(|content| wire::encode(&content))
}

impl Kind {
    fn of<T: Wire>(name: String) -> Self {
        let (domain, open, tagged) = (None, not_signed as _, not_tagged as _);
        let (door, unseal, answer) = (door::<T> as _, unseal::<T> as _, answer::<T> as _);
        Self { name, domain, door, open, unseal, answer, tagged }
    }

    fn signed<T: Statement>(name: &str) -> Self {
        let domain = Some(T::DOMAIN);
        Self { domain, open: open::<T>, ..Self::of::<Signed<T>>(format!("signed<{name}>")) }
    }

    fn attested<T: Statement>(name: &str) -> Self {
        let of = Self::of::<Attested<T>>(format!("attested<{name}>"));
        Self { domain: Some(T::DOMAIN), open: open_attested::<T>, ..of }
    }

    fn message<T: Statement>(name: &str) -> Self {
        let (open, tagged) = (open_message::<T> as _, tag_of_message::<T> as _);
        let of = Self::of::<Message<T>>(format!("purse-message<{name}>"));
        Self { domain: Some(T::DOMAIN), open, tagged, ..of }
    }

    fn directive() -> Self {
        let of = Self::of::<Directive>("card-directive".into());
        Self { domain: Some(Directive::DOMAIN), ..of }
    }

    fn directed() -> Self {
        Self { tagged: tag_of_directive, ..Self::of::<Directed>("purse-directed".into()) }
    }

    /// The rule of what is signed or tagged; its own for what is neither.
    #[allow(dead_code, reason = "only the test that reads docs/PROTOCOL.md asks for it")]
    pub(crate) fn statement(&self) -> &str {
        self.name.split(['<', '>']).nth(1).unwrap_or(&self.name)
    }
}

macro_rules! kinds {
    (statements: $($signed:literal $statement:ty;)*
     attested: $($attested:literal $of_card:ty;)*
     messages: $($message:literal $step:ty;)*
     answers: $($answered:literal $outcome:ty;)*
     others: $($other:literal $type:ty;)*) => {
        /// Every kind.
        pub(crate) fn all() -> Vec<Kind> {
            vec![
                $(Kind::of::<$statement>($signed.into()), Kind::signed::<$statement>($signed),)*
                $(Kind::of::<$of_card>($attested.into()), Kind::attested::<$of_card>($attested),)*
                $(Kind::of::<$step>($message.into()), Kind::message::<$step>($message),)*
                Kind::directive(),
                Kind::directed(),
                $(Kind::of::<Answer<$outcome>>(format!("answer<{}>", $answered)),)*
                $(Kind::of::<$type>($other.into()),)*
            ]
        }
    };
}

kinds! {
    statements:
    "issuer-keys" IssuerKeys;
    "bank-keys" BankKeys;
    "register-keys" RegisterKeys;
    "originator-keys" OriginatorKeys;
    "funded" Funded;
    "released" Released;
    "certificate" Certificate;
    "open-account" OpenAccount;
    "account-attestation" AccountAttestation;
    "account-consent" AccountConsent;
    "balance-inquiry" BalanceInquiry;
    "debit-authorisation" DebitAuthorisation;
    "collection" Collection;
    "transfer" Transfer;
    "settlement" Settlement;
    "settlement-paid" SettlementPaid;
    "bank-confirmation" BankConfirmation;
    "register-note" RegisterNote;
    "register-lookup" RegisterLookup;
    "invoice" Invoice;
    "acceptance" Acceptance;
    "receipt" Receipt;
    "coin-verdict" CoinVerdict;
    "mismatch" Mismatch;
    "registration-order" RegistrationOrder;
    "enrolment-order" EnrolmentOrder;
    "purchase-order" PurchaseOrder;
    "validation-order" ValidationOrder;
    "redeem-order" RedeemOrder;
    "refund-order" RefundOrder;
    attested:
    "card-birth" Birth;
    "card-certificate" CardCertificate;
    "card-log-head" LogHead;
    "card-presence" Presence;
    messages:
    "purse-request" purse::Request;
    "purse-value" purse::Value;
    "purse-acknowledgement" purse::Acknowledgement;
    answers:
    "signed<certificate>" Signed<Certificate>;
    "coins" Coins;
    "redeemed" Redeemed;
    "payment-outcome" PaymentOutcome;
    "validation-outcome" ValidationOutcome;
    "validated" Validated;
    "noted-coins" NotedCoins;
    "loaded" Loaded;
    others:
    "currency" Currency;
    "amount" Amount;
    "denomination" Denomination;
    "bundle" Bundle;
    "operation-id" OperationId;
    "coin-id" CoinId;
    "invoice-id" InvoiceId;
    "participant-id" ParticipantId;
    "key-id" KeyId;
    "digest" Digest;
    "unix-time" Time;
    "day" Day;
    "verifying-key" VerifyingKey;
    "signature" Signature;
    "sealing-key" SealingKey;
    "encapsulated" Encapsulated;
    "answer-nonce" AnswerNonce;
    "acknowledgement" Acknowledgement;
    "name" Name;
    "short" Short;
    "purpose" Purpose;
    "url" Url;
    "route" Route;
    "sealed-request" SealedRequest;
    "sealed-answer" SealedAnswer;
    "currency-info" CurrencyInfo;
    "bank-info" BankInfo;
    "account-ref" AccountRef;
    "issuer-ref" IssuerRef;
    "bank-act" BankAct;
    "coin-fault" CoinFault;
    "bad-coin" BadCoin;
    "coin-body" CoinBody;
    "tag" Tag;
    "coin" Coin;
    "coins" Coins;
    "noted-coins" NotedCoins;
    "code" Code;
    "evidence" Evidence;
    "refusal" Refusal;
    "held-claim" HeldClaim;
    "take" Take;
    "change-order" ChangeOrder;
    "payment-order" PaymentOrder;
    "payment-outcome" PaymentOutcome;
    "payment-answer" PaymentAnswer;
    "validation-outcome" ValidationOutcome;
    "validated" Validated;
    "redeemed" Redeemed;
    "load-order" LoadOrder;
    "loaded" Loaded;
    "unload-order" UnloadOrder;
    "claim-secret" ClaimSecret;
    "card-id" CardId;
    "purse-tag" purse::Tag;
    "purse-challenge" purse::Challenge;
    "purse-class" purse::Class;
    "purse-segment" purse::Segment;
    "purse-link" purse::Link;
    "purse-party" purse::Party;
    "purse-transfer" purse::Transfer;
    "purse-proof" purse::Proof;
    "purse-label" purse::Label;
    "purse-limits" purse::Limits;
    "purse-side" purse::Side;
    "purse-end" purse::End;
    "purse-entry" purse::Entry;
    "purse-order" purse::Order;
    "purse-key" PurseKey;
    "purse-keys" Keys;
    "purse-purchase-keys" PurchaseKeys;
    "purse-personalisation" Personalisation;
    "purse-sealed-personalisation" SealedPersonalisation;
    "purse-new-card" NewCard;
    "purse-load-call" LoadCall;
    "purse-return-call" ReturnCall;
    "purse-unload-call" UnloadCall;
    "purse-unloaded" Unloaded;
    "purse-report" Report;
    "purse-directives" Directives;
    "purse-refund-call" RefundCall;
}

/// The kind called `name`.
pub(crate) fn kind(name: &str) -> Option<Kind> {
    all().into_iter().find(|kind| kind.name == name)
}

/// Types that are no message, for CBOR in general.
pub(crate) const PLAIN: [(&str, Door); 4] = [
    ("uint", door::<u64>),
    ("bytes", door::<Bytes>),
    ("text", door::<Text<64>>),
    ("uints", door::<List<u64, 64>>),
];

/// The door of the plain type called `name`.
pub(crate) fn plain(name: &str) -> Option<Door> {
    PLAIN.iter().find(|(plain, _)| *plain == name).map(|(_, door)| *door)
}
