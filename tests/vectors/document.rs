//! `docs/PROTOCOL.md` against the code and real messages; `docs/THREATS.md` against the tests it
//! names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cddl_cat::validate_cbor_bytes;
use koban_protocol::limits::*;
use koban_protocol::offline::purse::service::{DIRECTIVES_MAX, REPORT_ENTRIES_MAX};
use koban_protocol::offline::purse::{LABEL_BYTES_MAX, POCKETS_MAX, SEGMENTS};
use koban_protocol::refusal::Code;
use syn::visit::{self, Visit};

use super::check::kinds;
use super::make::{Valid, Vector};
use crate::fixture::cbor::Item;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn document() -> String {
    read("docs/PROTOCOL.md")
}

/// All CDDL of the document, as one.
fn cddl() -> String {
    let document = document();
    let blocks = document.split("```cddl\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The rows of the document's tables: their cells, without back-quotes.
fn rows() -> Vec<Vec<String>> {
    let document = document();
    let rows = document.lines().filter(|line| line.starts_with("| "));
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    rows.map(cells).collect()
}

fn field<'a>(vector: &'a Vector, name: &str) -> &'a str {
    &vector.0.iter().find(|(field, _)| *field == name).unwrap().1
}

/// The names in a piece of CDDL.
fn names(cddl: &str) -> impl Iterator<Item = &str> {
    cddl.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).filter(|name| !name.is_empty())
}

/// The rules that `rule`, which may be `signed<rule>`, is made of: reading all for every message
/// would take a minute.
fn needed(cddl: &str, rule: &str) -> String {
    let mut rules: BTreeMap<&str, String> = BTreeMap::new();
    let mut current = "";
    for line in cddl.lines().map(|line| line.split(';').next().unwrap()) {
        if line.starts_with(|c: char| c.is_ascii_lowercase()) {
            current = names(line).next().unwrap();
        }
        let text = rules.entry(current).or_default();
        text.push_str(line);
        text.push('\n');
    }
    let mut wanted: Vec<&str> = names(rule).collect();
    let mut found = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        if let Some(text) = rules.get(name).filter(|_| found.insert(name)) {
            wanted.extend(names(text));
        }
    }
    found.into_iter().map(|name| rules[name].as_str()).collect()
}

/// Whether `cbor` keeps the rule, which may be `signed<rule>`.
fn keeps(cddl: &str, rule: &str, cbor: &[u8]) -> Result<(), String> {
    let with_root = format!("vector-root = {rule}\n{cddl}");
    validate_cbor_bytes("vector-root", &with_root, cbor).map_err(|error| error.to_string())
}

#[test]
fn every_valid_message_keeps_its_cddl() {
    let cddl = cddl();
    for vector in Valid::all() {
        let cbor = hex::decode(field(&vector, "cbor")).unwrap();
        let rule = field(&vector, "type");
        let kept = keeps(&needed(&cddl, rule), rule, &cbor);
        assert_eq!(kept, Ok(()), "{}", field(&vector, "name"));
    }
}

#[test]
fn a_field_more_or_less_breaks_the_cddl() {
    let cddl = cddl();
    let mut times = 0;
    for vector in Valid::all() {
        let (name, rule) = (field(&vector, "name"), field(&vector, "type"));
        let cddl = needed(&cddl, rule);
        let item = Item::parse(&hex::decode(field(&vector, "cbor")).unwrap());
        assert_eq!(keeps(&cddl, rule, &item.write()), Ok(()), "{name}");
        let more = item.each(&|item| {
            item.items.extend([Item::uint(99), Item::uint(0)]);
            item.major == 5
        });
        let less = item.each(&|item| {
            let map = item.major == 5;
            if map {
                item.items.drain(..2);
            }
            map
        });
        for wrong in more.iter().chain(&less) {
            assert!(keeps(&cddl, rule, &wrong.write()).is_err(), "{name}: {wrong:?}");
            times += 1;
        }
    }
    assert!(times > 200, "{times}");
}

/// What the source of the protocol declares; types and statements by their rules.
#[derive(Default)]
struct Declared {
    /// What the rules of this file's types begin with.
    family: &'static str,
    types: BTreeSet<String>,
    statements: BTreeMap<String, String>,
    domains: BTreeSet<String>,
    routes: BTreeMap<String, u64>,
}

impl Declared {
    fn read() -> Self {
        let mut declared = Self::default();
        for path in rust_files(&root().join("protocol/src")) {
            let of_purse = path.starts_with(root().join("protocol/src/offline/purse"));
            declared.family = if of_purse { "purse-" } else { "" };
            let text = fs::read_to_string(&path).unwrap();
            declared.visit_file(&syn::parse_file(&text).unwrap());
        }
        declared
    }

    /// The rule of a type of this file.
    fn rule(&self, name: &str) -> String {
        if CONTAINERS.contains(&name) {
            return name.to_owned();
        }
        let (rule, family) = (kebab(name), self.family);
        // A statement of a card is called so, whichever family it is of.
        let of_card = OF_CARDS.contains(&name) && !family.is_empty();
        match of_card {
            true if rule.starts_with("card-") => rule,
            true => format!("card-{rule}"),
            false if rule.starts_with(family) => rule,
            false => format!("{family}{rule}"),
        }
    }

    /// `Type = "name",` of the macro that gives statements their domains.
    fn table(&mut self, tokens: proc_macro2::TokenStream) {
        let tokens: Vec<String> = tokens.into_iter().map(|token| token.to_string()).collect();
        for row in tokens.split(|token| token == ",").filter(|row| row.len() == 3) {
            let domain = format!("koban/v1/{}", row[2].trim_matches('"'));
            self.statements.insert(self.rule(&row[0]), domain);
        }
    }
}

fn derives_encode(attributes: &[syn::Attribute]) -> bool {
    let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    derives.into_iter().any(|derive| match &derive.meta {
        syn::Meta::List(list) => {
            list.tokens.clone().into_iter().any(|token| token.to_string() == "Encode")
        }
        _ => false,
    })
}

impl<'ast> Visit<'ast> for Declared {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        if derives_encode(&item.attrs) {
            self.types.insert(self.rule(&item.ident.to_string()));
        }
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        if derives_encode(&item.attrs) {
            self.types.insert(self.rule(&item.ident.to_string()));
        }
        for variant in item.variants.iter().filter(|_| item.ident == "Route") {
            let number = variant.attrs.iter().find(|attribute| attribute.path().is_ident("n"));
            let number: syn::LitInt = number.unwrap().parse_args().unwrap();
            self.routes.insert(variant.ident.to_string(), number.base10_parse().unwrap());
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let (Some((_, path, _)), syn::Type::Path(of)) = (&item.trait_, &*item.self_ty) {
            let of = self.rule(&of.path.segments.last().unwrap().ident.to_string());
            match path.segments.last().unwrap().ident.to_string().as_str() {
                "Encode" => drop(self.types.insert(of)),
                "Statement" => drop(self.statements.insert(of, String::new())),
                _ => {}
            }
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        let tokens = item.mac.tokens.clone();
        if item.mac.path.is_ident("byte_string") {
            let name = tokens.into_iter().filter_map(|token| match token {
                proc_macro2::TokenTree::Ident(name) => Some(self.rule(&name.to_string())),
                _ => None,
            });
            let name: Vec<String> = name.collect();
            self.types.extend(name);
        } else if item.mac.path.is_ident("domains") {
            self.table(tokens);
        }
    }

    fn visit_lit_byte_str(&mut self, literal: &'ast syn::LitByteStr) {
        self.domains.extend(String::from_utf8(literal.value()));
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.domains.insert(literal.value());
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
    files
}

/// `CoinBody` as `coin-body`; `time` alone is CDDL's own.
fn kebab(name: &str) -> String {
    if name == "Time" {
        return "unix-time".to_owned();
    }
    let mut kebab = String::new();
    for (at, letter) in name.chars().enumerate() {
        if at > 0 && letter.is_uppercase() {
            kebab.push('-');
        }
        kebab.extend(letter.to_lowercase());
    }
    kebab
}

/// Types that hold others: `signed<t>`, `answer<t>` and the like are generic rules; lists and texts
/// are written out.
const CONTAINERS: [&str; 8] =
    ["Signed", "Attested", "Answer", "Message", "List", "Pockets", "Text", "Bytes"];

/// Types of the purse that are about the card and not about an exchange.
const OF_CARDS: [&str; 6] =
    ["CardId", "CardCertificate", "LogHead", "Presence", "Directive", "Birth"];

#[test]
fn every_type_has_cddl_and_a_vector() {
    let (cddl, declared) = (cddl(), Declared::read());
    let vectors: BTreeSet<String> =
        Valid::all().iter().map(|vector| field(vector, "type").to_owned()).collect();
    let types = declared.types.iter().filter(|name| !CONTAINERS.contains(&name.as_str()));
    let mut count = 0;
    for name in types {
        assert!(cddl.lines().any(|line| line.starts_with(&format!("{name} = "))), "{name}");
        // the associated data of a seal never travels
        assert!(vectors.contains(name) || name == "associated", "no vector of {name}");
        count += 1;
    }
    assert!(count > 60, "only {count} types found");
}

#[test]
fn every_domain_is_in_the_document() {
    let declared = Declared::read();
    let documented: BTreeMap<String, String> = rows()
        .into_iter()
        .filter(|cells| cells[0].starts_with("koban/v1/"))
        .map(|cells| (cells[0].clone(), cells[1].clone()))
        .collect();
    let mut used: BTreeSet<String> =
        declared.domains.iter().filter(|name| name.starts_with("koban/v1/")).cloned().collect();
    used.remove("koban/v1/");
    for kind in kinds::all() {
        let Some(domain) = kind.domain else { continue };
        used.insert(domain.to_owned());
        let statement = documented.get(domain).map(String::as_str);
        assert_eq!(statement, Some(kind.statement()), "{domain}");
    }
    for (name, domain) in &declared.statements {
        let mut kinds = kinds::all().into_iter();
        let kind = kinds.find(|kind| kind.domain.is_some() && kind.statement() == name);
        let known = kind.unwrap_or_else(|| panic!("{name} is no kind")).domain.unwrap();
        assert!(domain.is_empty() || known == domain, "{name}");
    }
    assert_eq!(documented.into_keys().collect::<BTreeSet<_>>(), used);
}

#[test]
fn every_refusal_is_in_the_document() {
    let number = |cells: &[String]| cells.len() == 6 && cells[0].parse::<u16>().is_ok();
    let documented: Vec<_> = rows().into_iter().filter(|cells| number(cells)).collect();
    let code = |code: &Code| {
        let culprit = format!("{:?}", code.culprit()).to_lowercase();
        let (number, status) = (code.number().to_string(), code.status().to_string());
        let (what, remedy) = (code.what().to_owned(), code.remedy().to_owned());
        vec![number, code.name().to_owned(), status, culprit, what, remedy]
    };
    assert_eq!(documented, Code::ALL.iter().map(code).collect::<Vec<_>>());
    let numbers: Vec<u16> = Code::ALL.iter().map(|code| code.number()).collect();
    assert!(numbers.iter().copied().eq(1..=u16::try_from(numbers.len()).unwrap()));
    assert!(cddl().contains(&format!("\ncode = 1..{}\n", numbers.len())));
}

macro_rules! limits {
    ($($name:ident)*) => {[$((stringify!($name), u64::try_from($name).unwrap())),*]};
}

#[test]
#[allow(clippy::useless_conversion, reason = "limits have several types")]
fn every_limit_is_in_the_document() {
    let limits = limits!(
        MESSAGE_BYTES_MAX COINS_MAX DENOMINATION_EXPONENT_MAX AMOUNT_MAX_MINOR CURRENCY_EXPONENT_MAX
        NAME_BYTES_MAX SHORT_BYTES_MAX PURPOSE_BYTES_MAX URL_BYTES_MAX PARTIES_MAX
        CLOCK_SKEW_MAX_S INVOICE_LIFETIME_MAX_S CERTIFICATE_LIFETIME_S NOTED_COINS_MAX
    );
    let of_purses = limits!(
        SEGMENTS POCKETS_MAX LABEL_BYTES_MAX REPORT_ENTRIES_MAX DIRECTIVES_MAX
    );
    let documented: BTreeMap<_, _> =
        rows().into_iter().map(|cells| (cells[0].clone(), cells[1].clone())).collect();
    for (name, value) in limits.into_iter().chain(of_purses) {
        assert_eq!(documented.get(name), Some(&value.to_string()), "{name}");
    }
    let declared = |path: &str| read(path).matches("\npub const ").count();
    assert_eq!(declared("protocol/src/limits.rs"), limits.len(), "an unknown limit");
    let purse = ["mod", "service"].map(|file| format!("protocol/src/offline/purse/{file}.rs"));
    let of_purse: usize = purse.iter().map(|path| declared(path)).sum();
    assert_eq!(of_purse, of_purses.len(), "an unknown limit");
}

#[test]
fn every_sealed_route_is_in_the_document() {
    let cddl = cddl();
    let routes = Declared::read().routes;
    assert_eq!(routes.len(), 12);
    let table: BTreeSet<String> = rows()
        .into_iter()
        .filter(|cells| cells.len() == 3 && cells[1].parse::<u64>().is_ok())
        .map(|cells| cells[1].clone())
        .collect();
    for (name, number) in routes {
        let rule = format!("\n{}-route = {number}", kebab(&name));
        assert!(cddl.contains(&rule), "{rule}");
        assert!(table.contains(&number.to_string()), "{name}");
    }
}

/// `GET /path` of every call in a role's section of the document.
fn documented_calls(section: &str) -> BTreeSet<String> {
    let document = document();
    let section = document.split(&format!("\n### {section}\n")).nth(1).unwrap();
    let section = section.split("\n##").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split('`').next().unwrap().to_owned()).collect()
}

/// `GET /path` of every call that a role's own documentation lists.
fn listed_calls(path: &str) -> BTreeSet<String> {
    let text = read(path);
    let lines = text.lines().filter_map(|line| line.strip_prefix("//! "));
    let calls = lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        let (method, path) = (words.next()?, words.next()?);
        let call = ["GET", "POST", "PUT"].contains(&method) && path.starts_with('/');
        call.then(|| format!("{method} {path}"))
    });
    calls.collect()
}

/// `GET /path` of every route in the payment server's table.
fn payment_calls() -> BTreeSet<String> {
    let text = read("edge-issuer/src/role/payment/routes.rs");
    let text: Vec<&str> = text.split_whitespace().collect();
    let text = text.join(" ");
    let rows = text.split("Action::").skip(1);
    let calls = rows.filter_map(|row| {
        let mut parts = row.split(", ").skip(1);
        let (method, path) = (parts.next()?, parts.next()?.strip_prefix('"')?);
        path.starts_with('/').then(|| format!("{method} {}", path.trim_end_matches('"')))
    });
    calls.collect()
}

#[test]
fn every_call_between_roles_is_in_the_document() {
    for (section, path) in [
        ("Issuer", "edge-issuer/src/role/issuer/mod.rs"),
        ("Bank", "edge-issuer/src/role/bank/mod.rs"),
        ("Register", "edge-issuer/src/role/register/mod.rs"),
        ("Originator", "edge-issuer/src/role/originator/mod.rs"),
    ] {
        let listed = listed_calls(path);
        assert!(listed.len() >= 4, "{path} lists only {listed:?}");
        assert_eq!(documented_calls(section), listed, "{section}");
    }
    let payment = payment_calls();
    assert!(payment.len() >= 10, "{payment:?}");
    assert_eq!(documented_calls("Payment"), payment);
}

#[test]
fn the_tests_that_threats_names_exist() {
    let mut code = String::new();
    for folder in ["protocol", "card", "edge-issuer", "wallet-wasm", "web", "tests", "xtask"] {
        for path in rust_files(&root().join(folder)) {
            code.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    let threats = read("docs/THREATS.md");
    let quoted = threats.split('`').skip(1).step_by(2);
    let is_test = |name: &&str| {
        let name = name.as_bytes();
        name.iter().filter(|byte| **byte == b'_').count() >= 2
            && name.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_')
    };
    let named: Vec<&str> = quoted.filter(is_test).collect();
    assert!(named.len() >= 30, "only {} tests named", named.len());
    let missing: Vec<_> =
        named.into_iter().filter(|name| !code.contains(&format!("fn {name}("))).collect();
    assert_eq!(missing, [""; 0]);
}
