//! What is written from the code is current: the page of every key, the tables of events and of answers.

use super::{check_text, page};
use ringgate::control::diagnostics::Event;
use ringgate::control::reference;
use ringgate::exchange::Answer;
use ringgate::observe::{Phase, Reason};
use std::fmt::Write;

#[test]
fn the_page_of_every_key_is_what_the_types_say() {
    check_text("docs/operator/reference.md", &reference::markdown());
}

/// Holds the table of `what` on a page to `table`.
fn check_table(name: &str, what: &str, table: &str) {
    let begin =
        format!("<!-- {what}: written by `RINGGATE_BLESS=1 cargo test -p ringgate --test guide` -->\n");
    let end = format!("<!-- end of {what} -->");
    let text = page(name);
    let (before, rest) = text.split_once(&begin).expect("the table's beginning");
    let (_, after) = rest.split_once(&end).expect("the table's end");
    check_text(&format!("docs/operator/{name}"), &format!("{before}{begin}\n{table}\n{end}{after}"));
}

#[test]
fn the_table_of_events_is_the_list_of_the_code() {
    let mut table = String::from("| event | level | fields | when |\n|---|---|---|---|\n");
    for event in Event::ALL {
        let fields: Vec<String> = event.fields().iter().map(|field| format!("`{field}`")).collect();
        let level = event.level().as_str().to_lowercase();
        let (name, fields, when) = (event.name(), fields.join(", "), event.when().trim());
        let _ = writeln!(table, "| `{name}` | {level} | {fields} | {when} |");
    }
    check_table("logs.md", "events", &table);
}

#[test]
fn the_table_of_answers_is_that_of_the_code() {
    let mut answers: Vec<(Option<u16>, &str, &str)> = Reason::all()
        .into_iter()
        .filter(|(reason, _)| *reason != Reason::Ok)
        .map(|(reason, when)| (Answer::of(reason).map(|answer| answer.status), reason.as_str(), when.trim()))
        .collect();
    // Those without an answer last, the others by their status.
    answers.sort_by_key(|(status, ..)| status.unwrap_or(u16::MAX));
    let mut table = String::from("| status | `reason` in body and log | when |\n|---|---|---|\n");
    for (status, reason, when) in answers {
        let status = match status {
            // It is the origin's.
            Some(0) => "500 to 599".to_owned(),
            Some(status) => status.to_string(),
            None => "none".to_owned(),
        };
        let _ = writeln!(table, "| {status} | `{reason}` | {when} |");
    }
    check_table("answers.md", "answers", &table);
}

#[test]
fn the_table_of_phases_is_that_of_the_code() {
    let mut table = String::from("| phase | what it is |\n|---|---|\n");
    for (name, meaning) in Phase::NAMES.iter().zip(Phase::MEANINGS) {
        let _ = writeln!(table, "| `{name}` | {} |", meaning.trim());
    }
    check_table("metrics.md", "phases", &table);
}
