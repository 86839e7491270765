//! Keys, registration, enrolment, the account.

use koban_protocol::entropy::Entropy;
use koban_protocol::statement::{Name, Short};
use koban_wallet_wasm::engine::{
    Cause, Command, Engine, Event, Fault, Part, Problem, Report, Row, Store,
};
use koban_wallet_wasm::view::{Stage, TransactionKind, TransactionState, TransactionView};

use super::edge::{Edge, ISSUER};
use super::holder::Holder;

fn register(name: &str) -> Command {
    Command::Register(Name::new(name).unwrap())
}

#[test]
fn vc_2_registration_and_enrolment() {
    let mut holder = Holder::new(Edge::new());
    assert_eq!(holder.view().stage, Stage::New);
    let id = holder.command(register("taro")).unwrap();
    assert_eq!(holder.transaction(id).state, TransactionState::Done);
    assert_eq!(holder.view().stage, Stage::Registered);
    assert_eq!(holder.view().pseudonym.as_deref(), Some("taro"));
    let (bank, owner) = (Short::new("bank-a").unwrap(), Name::new("Taro").unwrap());
    holder.command(Command::Enrol { bank, owner }).unwrap();
    let view = holder.view();
    assert_eq!(view.stage, Stage::Enrolled);
    assert_eq!(view.account.as_ref().unwrap().bank, "Asakusa Bank");
    assert_eq!(view.account.unwrap().number, "1234567");
    assert!(view.transactions.iter().all(|it| it.state == TransactionState::Done));
    holder.reopen();
    assert_eq!(holder.view().stage, Stage::Enrolled);
    assert!(holder.edge.acknowledged.is_empty(), "certificates are kept for good");
}

#[test]
fn a_taken_pseudonym_is_refused_and_another_one_goes_through() {
    let mut holder = Holder::new(Edge::new());
    let id = holder.command(register("taken")).unwrap();
    let refused = holder.transaction(id);
    assert_eq!(refused.state, TransactionState::Refused);
    assert_eq!(refused.problem.unwrap().code, "pseudonym-taken");
    assert_eq!(holder.view().stage, Stage::New);
    holder.command(register("hanako")).unwrap();
    assert_eq!(holder.view().stage, Stage::Registered);
    let again = holder.command(register("jiro")).unwrap_err();
    assert_eq!(again, Problem::from(Fault::AlreadyRegistered));
}

#[test]
fn a_repeated_wish_resumes_the_open_operation() {
    let mut holder = Holder::new(Edge::new());
    holder.lose_answer = Some(0);
    let first = holder.command(register("taro")).unwrap();
    assert_eq!(holder.view().stage, Stage::New);
    let second = holder.command(register("taro")).unwrap();
    assert_eq!(first, second);
    assert_eq!(holder.view().stage, Stage::Registered);
    let orders: Vec<_> = holder
        .sent
        .iter()
        .filter(|(id, _)| {
            matches!(id, koban_wallet_wasm::engine::CallId::Operation(_, Part::Order))
        })
        .map(|(_, body)| body.clone())
        .collect();
    assert_eq!(orders.len(), 2);
    assert_eq!(orders[0], orders[1], "the same bytes");
}

#[test]
fn what_needs_registration_or_enrolment_says_so() {
    let mut holder = Holder::new(Edge::new());
    let (bank, owner) = (Short::new("bank-a").unwrap(), Name::new("Taro").unwrap());
    let enrol = holder.command(Command::Enrol { bank, owner }).unwrap_err();
    assert_eq!(enrol.name(), "not-registered");
    let pay = holder.command(Command::Pay(holder.invoice.clone())).unwrap_err();
    assert_eq!(pay.name(), "not-registered");
    holder.command(register("taro")).unwrap();
    let redeem = holder.command(Command::Redeem(super::edge::amount(1))).unwrap_err();
    assert_eq!(redeem.name(), "not-enrolled");
}

#[test]
fn the_bank_says_what_is_in_the_account() {
    let mut holder = Holder::with(5000);
    holder.reports.clear();
    holder.handle(Event::Command(Command::AskBalance));
    holder.run();
    assert_eq!(holder.reports, [Report::Balance(Ok(()))]);
    let account = holder.view().account.unwrap();
    assert_eq!(account.balance.unwrap().minor, 45_000);
    holder.reopen();
    assert_eq!(holder.view().account.unwrap().balances.len(), 1);
    holder.wait(1);
    holder.withdraw(1000, false);
    assert_eq!(holder.view().account.unwrap().balance, None, "it is another by now");
    let in_order = |pair: &[TransactionView]| pair[0].at >= pair[1].at;
    let transactions = holder.view().transactions;
    assert!(transactions.windows(2).all(in_order));
    let kinds: Vec<_> = transactions.iter().map(|it| it.kind).collect();
    use TransactionKind::{Enrolment, Registration, Withdrawal};
    assert_eq!(kinds, [Withdrawal, Withdrawal, Enrolment, Registration], "newest first");
}

#[test]
fn the_first_keys_are_pinned_and_others_are_refused() {
    let mut holder = Holder::with(100);
    let known = holder.view().issuer.unwrap().fingerprint;
    let other = Edge::of_seed(99);
    let body = koban_protocol::wire::encode(&other.desk.published());
    holder.reports.clear();
    let answer = koban_wallet_wasm::engine::HttpAnswer { status: 200, body };
    holder.handle(Event::Answer(koban_wallet_wasm::engine::CallId::Keys, answer));
    let Some(Report::Keys(Err(problem))) = holder.reports.first() else { panic!() };
    assert_eq!(problem.cause, Cause::Wallet(Fault::IssuerKeyChanged));
    assert_eq!(holder.view().issuer.unwrap().fingerprint, known);
    assert_eq!(holder.view().problem.unwrap().code, "issuer-key-changed");
}

#[test]
fn keys_that_are_not_self_signed_are_refused() {
    let edge = Edge::new();
    let mallory = Edge::of_seed(66);
    let forged = mallory.desk.sign(edge.desk.keys());
    let entropy = || Entropy::new([1; 32]);
    let (mut engine, _) = Engine::open(ISSUER, Vec::new(), edge.now, entropy()).unwrap();
    let body = koban_protocol::wire::encode(&forged);
    let answer = koban_wallet_wasm::engine::HttpAnswer { status: 200, body };
    let keys = koban_wallet_wasm::engine::CallId::Keys;
    engine.handle(edge.now, entropy(), Event::Answer(keys, answer));
    assert!(engine.issuer_keys().is_none());
    let effects = engine.handle(edge.now, entropy(), Event::Command(register("taro")));
    assert!(format!("{effects:?}").contains("Network"));
}

#[test]
fn a_row_that_no_wallet_wrote_keeps_it_closed() {
    let holder = Holder::with(100);
    for (at, row) in &holder.rows {
        let mut rows = holder.rows.clone();
        let mut value = row.value.clone();
        value.push(0);
        rows.insert(at.clone(), Row { store: row.store, key: row.key.clone(), value });
        let rows = rows.into_values().collect();
        let opened = Engine::open(ISSUER, rows, holder.edge.now, Entropy::new([1; 32]));
        assert_eq!(opened.unwrap_err().name(), "storage-corrupt", "{at:?}");
    }
    let unknown = Row { store: Store::Identity, key: "other".into(), value: vec![0] };
    let opened = Engine::open(ISSUER, vec![unknown], holder.edge.now, Entropy::new([1; 32]));
    assert_eq!(opened.unwrap_err().name(), "storage-corrupt");
}

#[test]
fn nothing_secret_is_printed() {
    let mut holder = Holder::with(1000);
    let seed = &holder.rows[&(Store::Identity, "seed".to_owned())].value;
    let hex: String = seed[2..].iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{:?}", &seed[2..]);
    let list = list.trim_matches(['[', ']']).to_owned();
    holder.edge.shop = super::edge::Shop::Silent;
    holder.invoice = holder.edge.invoice(10);
    let entropy = holder.edge.entropy();
    let command = Event::Command(Command::Pay(holder.invoice.clone()));
    let effects = holder.engine.handle(holder.edge.now, entropy, command);
    let printed = format!("{effects:?} {:?} {:?} {:?}", holder.engine, holder.rows, holder.view());
    assert!(!printed.contains(&hex));
    assert!(!printed.contains(&list));
    assert!(printed.contains("Row(saga/"));
    let kinds: Vec<_> = holder.view().transactions.iter().map(|it| it.kind).collect();
    assert!(kinds.contains(&TransactionKind::Registration));
}
