//! Every language says the same things, and the pages say nothing that is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;

/// Message names with the variables each uses, read off the file's text.
fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    let mut name = String::new();
    for line in language.messages().lines() {
        if let Some((key, _)) = line.split_once(" =").filter(|_| !line.starts_with([' ', '#'])) {
            name = key.to_owned();
            assert!(found.insert(name.clone(), BTreeSet::new()).is_none(), "{name} twice");
        }
        for rest in line.split('$').skip(1) {
            let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
            found.entry(name.clone()).or_default().insert(rest[..end].to_owned());
        }
    }
    found
}

#[test]
fn every_file_parses_without_a_fault() {
    for language in Language::ALL {
        let parsed = FluentResource::try_new(language.messages().to_owned());
        assert!(parsed.is_ok(), "{language:?}: {:?}", parsed.err().map(|(_, faults)| faults));
    }
}

#[test]
fn every_language_has_the_same_messages_with_the_same_variables() {
    let english = messages(Language::English);
    assert!(english.len() > 200);
    assert_eq!(english, messages(Language::Japanese));
}

#[test]
fn every_message_formats_in_every_language() {
    for language in Language::ALL {
        for (name, variables) in messages(language) {
            let mut arguments = FluentArgs::new();
            for variable in &variables {
                arguments.set(variable.clone(), "VALUE");
            }
            let text = find(language, &name, Some(&arguments));
            assert!(text.as_ref().is_some_and(|text| !text.contains('{')), "{name}: {text:?}");
        }
    }
}

#[test]
fn pages_use_only_messages_that_exist_and_use_all_of_them() {
    let mut source = String::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut source);
    let known = messages(Language::English);
    for call in ["t(\"", "t_with(\"", "t_count(\""] {
        for (at, _) in source.match_indices(call) {
            let inside_a_name = source[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let key = source[at + call.len()..].split('"').next().unwrap_or_default();
            assert!(inside_a_name || known.contains_key(key), "no message for {call}{key}");
        }
    }
    for name in known.keys().filter(|name| !name.starts_with("problem-")) {
        assert!(source.contains(&format!("\"{name}\"")), "{name} is never used");
    }
}

fn gather(folder: &Path, source: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, source);
        } else if path.file_name().is_some_and(|name| name != "tests.rs") {
            source.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_problem_has_a_sentence() {
    let known = messages(Language::English);
    for code in koban_protocol::refusal::Code::ALL {
        assert!(known.contains_key(&format!("problem-{}", code.name())), "{code:?}");
    }
    for fault in koban_wallet_wasm::engine::Fault::ALL {
        assert!(known.contains_key(&format!("problem-{}", fault.name())), "{fault:?}");
    }
}

#[test]
fn languages_are_found_by_their_primary_subtag() {
    assert_eq!(Language::from_tag("ja-JP"), Some(Language::Japanese));
    assert_eq!(Language::from_tag("EN-gb"), Some(Language::English));
    assert_eq!(Language::from_tag("fr"), None);
    assert_eq!(Language::from_tag(""), None);
}
