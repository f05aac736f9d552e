//! The command: reads the files as `run` would, starts nothing, and prints. Exit codes: 0 whatever becomes of the
//! request, 1 a bad configuration, 2 what is no request.

use super::against::{Change, changes};
use super::request::{self, Malformed};
use super::trace::{Ground, Listing, Station, explain};
use super::written::{self, Side, Written};
use crate::base::{ClientAddr, Generation, ListenerId};
use crate::config::Config;
use crate::control::resolve::{self, Names};
use crate::control::{Refused, load};
use crate::net::clock;
use crate::table::Table;
use serde_json::json;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// What is asked.
#[derive(Debug)]
pub struct Command {
    /// The request, as it was typed.
    pub request: String,
    /// Its fields.
    pub fields: Vec<String>,
    /// The configuration.
    pub file: PathBuf,
    /// Another one, to compare with.
    pub against: Option<PathBuf>,
    /// The listener's name; the first one unless given.
    pub listener: Option<String>,
    /// Where the client is.
    pub client: String,
    /// Which routes are listed.
    pub listing: Listing,
    /// Whether names are looked up, as `run` does at its start.
    pub resolve: bool,
    /// How it is shown.
    pub printed: Printed,
}

/// How a report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Printed {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What is printed for `command`.
///
/// # Errors
/// [`Refused::Configuration`] with all problems of a file, [`Refused::Runtime`] for what is no request.
pub async fn run(command: &Command) -> Result<String, Refused> {
    let bytes = request::read(&command.request, &command.fields).map_err(told)?;
    let client = client(&command.client).map_err(told)?;
    let (config, table) = table(&command.file, command.resolve).await?;
    let listener = listener(&table, command.listener.as_deref()).map_err(told)?;
    let ground = |table, listener| Ground {
        table,
        listener,
        now: clock::now(),
        unix_ms: clock::unix_ms(),
        keys: &[],
        station: &Station::at_rest,
    };
    let report = explain(&ground(&table, listener), &bytes, client, command.listing).map_err(told)?;
    let Some(file) = &command.against else {
        return Ok(match command.printed {
            Printed::Text => report.to_string(),
            Printed::Json => format!("{:#}\n", report.json()),
        });
    };
    let (other_config, other) = self::table(file, command.resolve).await?;
    // A listener that was renamed is told as a change; the request comes in all the same.
    let name = &table.listeners[listener.index()].name;
    let listener = self::listener(&other, Some(name)).unwrap_or(ListenerId(0));
    let after = explain(&ground(&other, listener), &bytes, client, command.listing).map_err(told)?;
    let before = Side { config: &config, table: &table, report: &report };
    Ok(compared(command, file, before, Side { config: &other_config, table: &other, report: &after }))
}

fn compared(command: &Command, file: &Path, before: Side<'_>, after: Side<'_>) -> String {
    let written = written::differences(before, after);
    let (before, after) = (before.report, after.report);
    let changes = changes(before, after);
    if command.printed == Printed::Json {
        let changes: Vec<_> = changes.iter().map(Change::json).collect();
        let written: Vec<_> = written.iter().map(Written::json).collect();
        return format!(
            "{:#}\n",
            json!({ "before": before.json(), "after": after.json(), "changes": changes, "written": written })
        );
    }
    let mut text = format!("{before}\nwith {}:\n", file.display());
    match (changes.is_empty(), written.is_empty()) {
        (true, true) => text.push_str("  nothing changes for this request\n"),
        (true, false) => text.push_str("  nothing that is told above changes\n"),
        _ => {}
    }
    for change in &changes {
        let _ = writeln!(text, "  {change}");
    }
    for part in &written {
        let _ = writeln!(text, "  written otherwise in {part}");
    }
    text
}

fn told(malformed: Malformed) -> Refused {
    Refused::Runtime(malformed.to_string())
}

async fn table(file: &Path, resolve: bool) -> Result<(Config, Table), Refused> {
    let config = load::read(file).map_err(Refused::Configuration)?;
    let (mut table, _) = load::compile(&config, Generation(1), None).map_err(Refused::Configuration)?;
    match resolve {
        true => drop(Names::settled(&mut table).await),
        false => resolve::read_into(&mut table),
    }
    Ok((config, table))
}

/// The listener of this name; the first one unless there is one.
///
/// # Errors
/// For a name that no listener has.
pub fn listener(table: &Table, name: Option<&str>) -> Result<ListenerId, Malformed> {
    let at = match name {
        None => Some(0),
        Some(name) => table.listeners.iter().position(|listener| listener.name == name),
    };
    at.map(|at| ListenerId(at as u32)).ok_or_else(|| {
        let known: Vec<&str> = table.listeners.iter().map(|listener| listener.name.as_str()).collect();
        Malformed {
            message: format!("there is no listener '{}'", name.unwrap_or_default()),
            fix: format!("known listeners: {}", known.join(", ")),
        }
    })
}

/// Where a client is: an address, with or without a port, or `unix`.
///
/// # Errors
/// For what is none of these.
pub fn client(text: &str) -> Result<ClientAddr, Malformed> {
    if text == "unix" {
        return Ok(ClientAddr::Unix);
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let alone = bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0));
    alone.or_else(|_| text.parse()).map(ClientAddr::Ip).map_err(|_| Malformed {
        message: format!("client '{text}' is no address"),
        fix: "write an address, such as 203.0.113.7 or 203.0.113.7:4711, or unix".into(),
    })
}
