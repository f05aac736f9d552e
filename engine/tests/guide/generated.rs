//! What is written from the code is current: the page of every key, the table of events.

use super::{check_text, page};
use ringgate::control::diagnostics::Event;
use ringgate::control::reference;
use std::fmt::Write;

#[test]
fn the_page_of_every_key_is_what_the_types_say() {
    check_text("docs/operator/reference.md", &reference::markdown());
}

const BEGIN: &str = "<!-- events: written by `RINGGATE_BLESS=1 cargo test -p ringgate --test guide` -->\n";
const END: &str = "<!-- end of events -->";

#[test]
fn the_table_of_events_is_the_list_of_the_code() {
    let mut table = String::from("\n| event | level | fields | when |\n|---|---|---|---|\n");
    for event in Event::ALL {
        let fields: Vec<String> = event.fields().iter().map(|field| format!("`{field}`")).collect();
        let level = event.level().as_str().to_lowercase();
        let (name, fields, when) = (event.name(), fields.join(", "), event.when().trim());
        let _ = writeln!(table, "| `{name}` | {level} | {fields} | {when} |");
    }
    table.push('\n');
    let text = page("logs.md");
    let (before, rest) = text.split_once(BEGIN).expect("the table's beginning");
    let (_, after) = rest.split_once(END).expect("the table's end");
    check_text("docs/operator/logs.md", &format!("{before}{BEGIN}{table}{END}{after}"));
}
