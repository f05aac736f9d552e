//! Each YAML block of the guide is a configuration that builds without a warning, and the commented default shows every key.

use super::{blocks, page, pages, root};
use ringgate::base::{Generation, Tick};
use ringgate::config::{self, Memory};
use ringgate::table::{build, missing_at};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

#[test]
fn every_configuration_of_the_guide_is_taken_as_it_stands() {
    // The system's roots, where a page relies on them.
    let ca =
        CertificateDer::from_pem_slice(include_bytes!("../data/origins/ca.pem")).expect("is a certificate");
    let mut count = 0;
    for name in pages() {
        // A lone comment is what editors read.
        let yaml = |block: &super::Block| {
            block.kind == "yaml" && block.text.lines().any(|line| !line.starts_with('#'))
        };
        for block in blocks(&page(&name)).into_iter().filter(yaml) {
            let place = format!("{name}:{}", block.line);
            let config = Memory::default().file(&place, block.text).read(&place);
            let config = config.unwrap_or_else(|problems| panic!("{problems}"));
            let mut files = Memory::default().root(&ca);
            let mut means = build::Means { files: &mut files, now: Tick(1), offset: 0 };
            let built = build::build(&config, Generation(1), None, &mut means);
            let (_, warnings) = built.unwrap_or_else(|problems| panic!("{problems}"));
            assert_eq!(warnings, [], "{place}");
            count += 1;
        }
    }
    assert!(count >= 12, "{count}");
}

/// A walk through the schema, by the keys that lead to each section.
fn walk(defs: &Value, schema: &Value, way: &[&str], seen: &mut dyn FnMut(&[&str])) {
    let Some(name) = schema["$ref"].as_str() else {
        for key in ["anyOf", "oneOf"] {
            schema[key].as_array().into_iter().flatten().for_each(|choice| walk(defs, choice, way, seen));
        }
        for within in ["items", "additionalProperties"].into_iter().filter_map(|key| schema.get(key)) {
            walk(defs, within, &[way, &["*"]].concat(), seen);
        }
        return;
    };
    // What is defined elsewhere, JSON Schema itself, is no section.
    if !name.starts_with("#/$defs/") {
        return;
    }
    let properties = defs[name.trim_start_matches("#/$defs/")]["properties"].as_object().expect("a section");
    for (key, schema) in properties {
        let way = [way, &[key.as_str()]].concat();
        let is_missing = missing_at(&way).is_some() || missing_at(&[&way[..], &["*"]].concat()).is_some();
        if !is_missing {
            seen(&way);
            walk(defs, schema, &way, seen);
        }
    }
}

/// A line of the default without what makes it a comment.
fn shown(line: &str) -> &str {
    let line = line.strip_prefix("# ").unwrap_or(line);
    line.strip_prefix("such as ").unwrap_or(line)
}

#[test]
fn the_default_shows_every_key_that_works() {
    let text = std::fs::read_to_string(root().join("config/ringgate.yaml")).unwrap();
    let schema: Value = serde_json::from_str(&config::schema()).unwrap();
    let of = |section: &str| -> String {
        let begins = |line: &&str| {
            let key = shown(line).split(':').next().unwrap_or_default();
            line.contains(':')
                && !key.is_empty()
                && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        let heading = |line: &&str| shown(line).starts_with(&format!("{section}:"));
        let mut lines = text.lines().skip_while(|line| !(begins(line) && heading(line)));
        let first = lines.next().unwrap_or_default().to_owned();
        lines.take_while(|line| !begins(line)).fold(first, |section, line| section + "\n" + line)
    };
    let mut absent = Vec::new();
    walk(&schema["$defs"], &schema, &[], &mut |way| {
        let key = format!("{}:", way[way.len() - 1]);
        let section = of(way[0]);
        let stands = section.match_indices(&key).any(|(at, _)| {
            let before = section[..at].chars().next_back();
            before.is_none_or(|char| !char.is_ascii_alphanumeric() && char != '_' && char != '-')
        });
        // Policies and consumers are shown by an example of their own, which the default names.
        let elsewhere = matches!(way, ["policies" | "consumers", _, ..]);
        if !stands && !elsewhere {
            absent.push(way.join("."));
        }
    });
    assert!(absent.is_empty(), "config/ringgate.yaml does not show {absent:#?}");
}
