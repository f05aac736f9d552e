use super::*;
use crate::control::diagnostics::tell;
use std::io::{BufRead, BufReader};

/// What is written of the events told in `act`.
fn said(log: Log, act: impl FnOnce(&Diagnostics)) -> Vec<String> {
    let (reader, writer) = io::pipe().unwrap();
    let (diagnostics, teller) = made(log, writer).unwrap();
    tracing::subscriber::with_default(teller, || act(&diagnostics));
    diagnostics.flush();
    drop(diagnostics);
    BufReader::new(reader).lines().map(|line| line.unwrap()).collect()
}

fn json(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn listening() {
    tell!(Listening, { listener = "public", address = %"127.0.0.1:80" }, "listener {} on {}", "public", "127.0.0.1:80");
}

#[test]
fn a_text_line_is_time_level_event_and_message() {
    let lines = said(Log::default(), |_| listening());
    let (time, rest) = lines[0].split_once(' ').unwrap();
    assert_eq!(rest, "info listening: listener public on 127.0.0.1:80");
    assert!(time.len() == 24 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
    assert_eq!(lines.len(), 1);
}

#[test]
fn a_json_line_has_the_events_fields_as_what_they_are() {
    let lines = said(Log { form: Form::Json, ..Log::default() }, |_| {
        tell!(Started, { version = "1", generation = 7_u64, cpus = ?[0, 1] }, "with \"quotes\"\nand lines");
    });
    let told = json(&lines[0]);
    assert_eq!(told["event"], "started");
    assert_eq!(told["level"], "info");
    assert_eq!(told["message"], "with \"quotes\"\nand lines");
    assert_eq!(told["generation"], 7);
    assert_eq!(told["cpus"], "[0, 1]");
    assert_eq!(lines.len(), 1);
}

#[test]
fn what_comes_from_outside_begins_no_line_of_its_own() {
    let lines = said(Log::default(), |_| {
        tell!(NameFound, { name = "x" }, "a\n2026 error refused: forged\u{1b}[2J");
    });
    assert_eq!(lines.len(), 1);
    assert!(lines[0].ends_with("name_found: a\\n2026 error refused: forged\\u{1b}[2J"), "{}", lines[0]);
}

#[test]
fn a_level_takes_those_before_it_and_libraries_are_heard_from_debug_on() {
    let all = || {
        tell!(ShardEnded, { shard = 1_u64 }, "e");
        tell!(NameStale, { name = "n" }, "w");
        tell!(NameFound, { name = "n" }, "i");
        tell!(EndpointsChanged, { upstream = "u" }, "d");
        tracing::warn!(target: "hickory", tries = 3, "of a library");
        tracing::trace!(target: "hickory", "too fine");
    };
    for (level, count) in [(Level::Error, 1), (Level::Warn, 2), (Level::Info, 3), (Level::Debug, 5)] {
        let lines = said(Log { level, form: Form::Text }, |_| all());
        assert_eq!(lines.len(), count, "{level:?}: {lines:#?}");
        if level == Level::Debug {
            let told = "warn library: of a library tries=3 target=hickory";
            assert!(lines[4].ends_with(told), "{}", lines[4]);
        }
    }
}

#[test]
fn level_and_form_change_while_it_runs() {
    let lines = said(Log { level: Level::Error, form: Form::Text }, |diagnostics| {
        listening();
        diagnostics.turn_to(Log { level: Level::Info, form: Form::Json });
        listening();
        diagnostics.turn_to(Log { level: Level::Warn, form: Form::Json });
        listening();
    });
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(json(&lines[0])["address"], "127.0.0.1:80");
}
