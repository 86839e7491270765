//! The register of holders: what it notes, whom it tells, and what its database tells nobody
//! (VC-8).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};

use http::{Method, Request, StatusCode, header};
use koban_edge_issuer::answer::CBOR;
use koban_edge_issuer::host::{HttpResponse, Object as _, ObjectHost as _, Unreachable};
use koban_edge_issuer::role::peer::operator_token;
use koban_edge_issuer::role::register::Register;
use koban_edge_issuer::sql::Sql as _;
use koban_edge_issuer::sqlite::Sqlite;
use koban_protocol::entropy::Entropy;
use koban_protocol::id::{CoinId, OperationId, ParticipantId};
use koban_protocol::key::Seed;
use koban_protocol::limits::NOTED_COINS_MAX;
use koban_protocol::refusal::{Answer, Code};
use koban_protocol::sealed::{self, AnswerSecret, Route, SealedAnswer};
use koban_protocol::signed::{Signed, Statement};
use koban_protocol::statement::{NotedCoins, Purpose, RegisterKeys, RegisterLookup, RegisterNote};
use koban_protocol::time::{Day, Time};
use koban_protocol::wire::{self, List};

use common::{NOON, TestHost, ask, issuer_keys, key, operation, post, ready, refused, spoiled};

const ISSUER: u8 = 1;
const REGISTER: u8 = 12;
const HOLDER: ParticipantId = ParticipantId(*b"holder-murasaki.");
const OTHER: ParticipantId = ParticipantId(*b"holder-sei......");
const REASON: &str = "court order 17";

struct Desk {
    host: TestHost,
    register: Register<TestHost>,
}

fn until() -> Day {
    NOON.day().plus(30)
}

fn coin(number: u16) -> CoinId {
    let mut id = *b"coin-............";
    id[5..7].copy_from_slice(&number.to_be_bytes());
    CoinId(id[..16].try_into().unwrap())
}

fn note(number: u8, holder: ParticipantId, coins: &[u16]) -> RegisterNote {
    let coins = List::new(coins.iter().copied().map(coin).collect()).unwrap();
    RegisterNote { operation: operation(number), holder, coins, until: until() }
}

fn lookup(number: u8, holder: ParticipantId) -> RegisterLookup {
    let reason = Purpose::new(REASON).unwrap();
    RegisterLookup { holder, reason, operation: operation(number), at: NOON }
}

/// A statement sealed to the register.
fn seal<T: Statement>(
    route: Route,
    operation: OperationId,
    statement: &T,
    signer: u8,
) -> (Vec<u8>, AnswerSecret) {
    let signed = Signed::sign(statement, &key(signer));
    let to = sealed::OpeningKey::from_seed(&Seed::new([REGISTER; 32])).sealing_key();
    let entropy = Entropy::new([operation.0[0]; 32]);
    let (request, secret) = sealed::seal(route, operation, &to, &signed, entropy).unwrap();
    (wire::encode(&request), secret)
}

fn sealed_note(note: &RegisterNote) -> Vec<u8> {
    seal(Route::Note, note.operation, note, ISSUER).0
}

impl Desk {
    fn new() -> Self {
        Self::on(Sqlite::in_memory().unwrap())
    }

    fn on(database: Sqlite) -> Self {
        let host = TestHost::new("register", REGISTER, database);
        host.reach(|peer, path| match (peer, path) {
            ("issuer", "/keys") => Ok(issuer_keys(&key(ISSUER), &key(ISSUER))),
            _ => Err(Unreachable),
        });
        let register = Register::open(host.clone()).unwrap();
        Self { host, register }
    }

    fn note(&self, note: &RegisterNote) {
        let noted = post(&self.register, "/notes", sealed_note(note));
        assert_eq!(noted.status(), StatusCode::NO_CONTENT);
        assert!(noted.body().is_empty());
    }

    fn look_up(&self, lookup: &RegisterLookup, signer: u8) -> Answer<NotedCoins> {
        let (request, secret) = seal(Route::Lookup, lookup.operation, lookup, signer);
        let told = post(&self.register, "/lookups", request);
        assert_eq!(told.status(), StatusCode::OK);
        assert_eq!(told.headers()["content-type"], CBOR);
        let answer: SealedAnswer = wire::decode_exact(told.body()).unwrap();
        secret.open(&answer).unwrap()
    }

    fn coins_of(&self, number: u8, holder: ParticipantId) -> Vec<CoinId> {
        match self.look_up(&lookup(number, holder), ISSUER) {
            Answer::Done(coins) => coins.into_vec(),
            Answer::Refused(refusal) => panic!("refused: {refusal:?}"),
        }
    }

    fn log(&self, authorization: Option<&str>) -> HttpResponse {
        let mut request = Request::get("/log");
        if let Some(given) = authorization {
            request = request.header(header::AUTHORIZATION, given);
        }
        ready(self.register.fetch(request.body(Vec::new()).unwrap()))
    }

    fn logged(&self) -> Vec<serde_json::Value> {
        let token = operator_token(&Seed::new([REGISTER; 32]));
        let told = self.log(Some(&format!("Bearer {token}")));
        assert_eq!(told.status(), StatusCode::OK);
        serde_json::from_slice(told.body()).unwrap()
    }

    fn notes(&self) -> u64 {
        let row = self.host.sql().row("SELECT COUNT(*) AS n FROM note", &[]).unwrap();
        row.unwrap().u64("n").unwrap()
    }
}

fn refusal(answer: Answer<NotedCoins>) -> Code {
    match answer {
        Answer::Refused(refusal) => refusal.code,
        Answer::Done(coins) => panic!("{} coins were told", coins.len()),
    }
}

#[test]
fn the_register_publishes_its_own_keys() {
    let told = ask(&Desk::new().register, Method::GET, "/keys", Vec::new());
    let signed: Signed<RegisterKeys> = wire::decode_exact(told.body()).unwrap();
    let keys = signed.open(&key(REGISTER).verifying_key()).unwrap();
    assert_eq!(keys.key, key(REGISTER).verifying_key());
}

#[test]
fn without_a_seed_there_is_no_register() {
    let host = TestHost::new("register", REGISTER, Sqlite::in_memory().unwrap()).without("SEED");
    assert!(Register::open(host).is_err());
}

#[test]
fn vc_8_noted_coins_are_found_newest_first() {
    let desk = Desk::new();
    desk.note(&note(1, HOLDER, &[1, 2]));
    desk.note(&note(2, OTHER, &[3]));
    desk.note(&note(3, HOLDER, &[4]));
    assert_eq!(desk.coins_of(10, HOLDER), [coin(4), coin(1), coin(2)]);
    assert_eq!(desk.coins_of(11, OTHER), [coin(3)]);
    assert_eq!(desk.coins_of(12, ParticipantId([0; 16])), []);
}

#[test]
fn vc_8_a_look_up_tells_the_newest_coins_up_to_its_limit() {
    let desk = Desk::new();
    let batches: Vec<Vec<u16>> =
        (0..17).map(|batch| (batch * 64..batch * 64 + 64).collect()).collect();
    for (number, batch) in (1..).zip(&batches) {
        desk.note(&note(number, HOLDER, batch));
    }
    let told = desk.coins_of(100, HOLDER);
    assert_eq!(told.len(), NOTED_COINS_MAX);
    assert!(told.contains(&coin(17 * 64 - 1)) && !told.contains(&coin(0)));
}

#[test]
fn vc_8_a_note_is_kept_once_per_operation() {
    let desk = Desk::new();
    desk.note(&note(1, HOLDER, &[1]));
    desk.note(&note(1, HOLDER, &[1]));
    assert_eq!(desk.coins_of(10, HOLDER), [coin(1)]);
    let later = RegisterNote { until: until().plus(1), ..note(1, HOLDER, &[1]) };
    for other in [note(1, OTHER, &[1]), note(1, HOLDER, &[1, 2]), later] {
        let refusal = refused(&post(&desk.register, "/notes", sealed_note(&other)));
        assert_eq!(refusal, Code::OperationReused);
    }
    assert_eq!(desk.notes(), 1);
}

#[test]
fn vc_8_every_look_up_is_logged_once() {
    let desk = Desk::new();
    desk.note(&note(1, HOLDER, &[1]));
    assert!(desk.logged().is_empty());
    for _ in 0..2 {
        assert_eq!(desk.coins_of(10, HOLDER), [coin(1)]);
    }
    // The same look-up asked again later is the same look-up.
    desk.host.set(NOON.plus(86_400));
    let again = RegisterLookup { at: NOON.plus(86_400), ..lookup(10, HOLDER) };
    assert!(matches!(desk.look_up(&again, ISSUER), Answer::Done(_)));
    desk.host.set(NOON);
    desk.coins_of(11, OTHER);
    let entry = |number: u8, holder: ParticipantId| {
        serde_json::json!({
            "at": NOON.0,
            "reason": REASON,
            "operation": operation(number).to_string(),
            "holder": holder.to_string(),
        })
    };
    assert_eq!(desk.logged(), [entry(11, OTHER), entry(10, HOLDER)]);
}

#[test]
fn vc_8_an_operation_looks_up_one_holder_for_one_reason_now() {
    let desk = Desk::new();
    desk.note(&note(1, OTHER, &[1]));
    desk.coins_of(10, HOLDER);
    let reason = Purpose::new("curiosity").unwrap();
    let reused = [lookup(10, OTHER), RegisterLookup { reason, ..lookup(10, HOLDER) }];
    for other in reused {
        assert_eq!(refusal(desk.look_up(&other, ISSUER)), Code::OperationReused);
    }
    for at in [NOON.0 - 301, NOON.0 + 301] {
        let stale = RegisterLookup { at: Time(at), ..lookup(11, OTHER) };
        assert_eq!(refusal(desk.look_up(&stale, ISSUER)), Code::ClockSkew);
    }
    assert_eq!(desk.logged().len(), 1);
}

#[test]
fn vc_8_only_the_issuer_notes_and_looks_up() {
    let desk = Desk::new();
    desk.note(&note(1, HOLDER, &[1]));
    for signer in [2, REGISTER] {
        assert_eq!(refusal(desk.look_up(&lookup(10, HOLDER), signer)), Code::BadSignature);
        let (forged, _) = seal(Route::Note, operation(2), &note(2, OTHER, &[2]), signer);
        assert_eq!(refused(&post(&desk.register, "/notes", forged)), Code::BadSignature);
    }
    assert!(desk.logged().is_empty());
    assert_eq!(desk.notes(), 1);
}

#[test]
fn vc_8_only_the_operator_reads_the_log() {
    let desk = Desk::new();
    desk.coins_of(10, HOLDER);
    let token = operator_token(&Seed::new([REGISTER; 32]));
    assert_eq!(token.len(), 32);
    let foreign = operator_token(&Seed::new([ISSUER; 32]));
    let given = [
        None,
        Some(token.clone()),
        Some(format!("Bearer {foreign}")),
        Some(format!("Bearer {}", &token[..31])),
        Some(format!("Bearer {token}0")),
        Some("Bearer ".to_owned()),
        Some("Bearer demo".to_owned()),
        Some(format!("Basic {token}")),
    ];
    for given in given {
        assert_eq!(refused(&desk.log(given.as_deref())), Code::NotAllowed, "{given:?}");
    }
    assert_eq!(desk.log(Some(&format!("bearer {token}"))).status(), StatusCode::OK);
}

#[test]
fn vc_15_spoiled_messages_change_nothing() {
    let desk = Desk::new();
    let message = sealed_note(&note(1, HOLDER, &[1, 2]));
    let (asked, _) = seal(Route::Lookup, operation(10), &lookup(10, HOLDER), ISSUER);
    for (path, message) in [("/notes", message.clone()), ("/lookups", asked.clone())] {
        for spoiled in spoiled(&message) {
            let code = refused(&post(&desk.register, path, spoiled));
            let expected = [Code::TooLong, Code::Malformed, Code::NotSealedForUs];
            assert!(expected.contains(&code), "{path}: {code:?}");
        }
    }
    // Whole, but on the other's way in.
    assert_eq!(refused(&post(&desk.register, "/lookups", message)), Code::Malformed);
    assert_eq!(refused(&post(&desk.register, "/notes", asked)), Code::Malformed);
    // Sealed for an operation other than the one that was signed.
    let (swapped, _) = seal(Route::Note, operation(2), &note(1, HOLDER, &[1]), ISSUER);
    assert_eq!(refused(&post(&desk.register, "/notes", swapped)), Code::Malformed);
    let (swapped, secret) = seal(Route::Lookup, operation(2), &lookup(1, HOLDER), ISSUER);
    let told = post(&desk.register, "/lookups", swapped);
    let answer = secret.open(&wire::decode_exact(told.body()).unwrap()).unwrap();
    assert_eq!(refusal(answer), Code::Malformed);
    assert_eq!(desk.notes(), 0);
    assert!(desk.logged().is_empty());
    assert!(desk.host.logged().is_empty());
}

#[test]
fn an_issuer_that_cannot_be_asked_for_its_key_is_asked_again() {
    let desk = Desk::new();
    desk.host.reach(|_, _| Err(Unreachable));
    let message = sealed_note(&note(1, HOLDER, &[1]));
    let told = post(&desk.register, "/notes", message.clone());
    assert_eq!(refused(&told), Code::PeerUnreachable);
    let (asked, _) = seal(Route::Lookup, operation(10), &lookup(10, HOLDER), ISSUER);
    let told = post(&desk.register, "/lookups", asked);
    assert_eq!(refused(&told), Code::PeerUnreachable);
    desk.host.reach(|_, _| Ok(issuer_keys(&key(ISSUER), &key(ISSUER))));
    assert_eq!(post(&desk.register, "/notes", message).status(), StatusCode::NO_CONTENT);
}

#[test]
fn vc_8_a_note_is_dropped_after_its_last_day() {
    let desk = Desk::new();
    let day = |days: u32| Time(u64::from(NOON.day().plus(days).0) * 86_400);
    desk.note(&note(1, HOLDER, &[1]));
    desk.note(&RegisterNote { until: NOON.day().plus(40), ..note(2, HOLDER, &[2]) });
    assert_eq!(desk.host.alarms(), [day(31), day(41)]);
    desk.host.set(Time(day(31).0 - 1));
    ready(desk.register.alarm());
    assert_eq!(desk.notes(), 2);
    desk.host.set(day(31));
    ready(desk.register.alarm());
    assert_eq!(desk.notes(), 1);
    assert_eq!(desk.host.alarms().last(), Some(&day(41)));
    let now = RegisterLookup { at: day(31), ..lookup(10, HOLDER) };
    assert_eq!(desk.look_up(&now, ISSUER), Answer::Done(List::new(vec![coin(2)]).unwrap()));
    desk.host.set(day(41));
    let set = desk.host.alarms().len();
    ready(desk.register.alarm());
    assert_eq!((desk.notes(), desk.host.alarms().len()), (0, set));
}

/// A folder that is removed with everything in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("koban-register-{}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&folder.0).unwrap();
        folder
    }

    /// Every byte of every file in it.
    fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(&self.0).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn holds(dump: &[u8], text: &[u8]) -> bool {
    dump.windows(text.len()).any(|window| window == text)
}

#[test]
fn vc_8_register_is_unreadable_without_its_key() {
    let folder = Folder::new();
    let file: &Path = &folder.0.join("register.sqlite");
    let desk = Desk::on(Sqlite::in_file(file).unwrap());
    desk.note(&note(1, HOLDER, &[1, 2]));
    desk.note(&note(2, OTHER, &[3]));
    assert_eq!(desk.coins_of(10, HOLDER), [coin(1), coin(2)]);
    let dump = folder.bytes();
    // The dump is of this database, and would show what is there in clear.
    assert!(holds(&dump, b"CREATE TABLE note"));
    assert!(holds(&dump, &key(ISSUER).verifying_key().0));
    let ids = [
        ("holder", HOLDER.0, HOLDER.to_string()),
        ("another holder", OTHER.0, OTHER.to_string()),
        ("coin", coin(1).0, coin(1).to_string()),
        ("another coin", coin(3).0, coin(3).to_string()),
        ("operation", operation(1).0, operation(1).to_string()),
        ("look-up", operation(10).0, operation(10).to_string()),
    ];
    for (what, bytes, text) in ids {
        assert!(!holds(&dump, &bytes) && !holds(&dump, text.as_bytes()), "{what}");
    }
    assert!(!holds(&dump, b"murasaki") && !holds(&dump, REASON.as_bytes()));
    // Nor can a register with another seed read it.
    let other = TestHost::new("register", REGISTER + 1, Sqlite::in_file(file).unwrap());
    other.reach(|_, _| Ok(issuer_keys(&key(ISSUER), &key(ISSUER))));
    let foreign = Desk { register: Register::open(other.clone()).unwrap(), host: other };
    let to = sealed::OpeningKey::from_seed(&Seed::new([REGISTER + 1; 32])).sealing_key();
    let asked = Signed::sign(&lookup(11, HOLDER), &key(ISSUER));
    let entropy = Entropy::new([3; 32]);
    let (request, secret) =
        sealed::seal(Route::Lookup, operation(11), &to, &asked, entropy).unwrap();
    let told = post(&foreign.register, "/lookups", wire::encode(&request));
    let answer: Answer<NotedCoins> =
        secret.open(&wire::decode_exact(told.body()).unwrap()).unwrap();
    assert_eq!(answer, Answer::Done(NotedCoins::default()));
}
