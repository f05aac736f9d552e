//! `ringgate explain`: what becomes of a request that nobody sent. `request` reads what was typed into the bytes of a
//! head, `trace` leads them past the code of the path, phase by phase, and `text` and `json` show the [`Report`].
//! [`explain`] needs a table and, of each upstream that is asked for, its endpoints with their balancing state: those
//! at rest of a file, or those of a gateway that runs. `policies` tells what a route's policies say of it, `secrets` what of
//! the request is not shown, `written` what two files write otherwise. It spends nothing and sends nothing.

mod against;
mod command;
mod json;
mod phases;
mod policies;
mod report;
mod request;
mod secrets;
mod text;
mod trace;
mod written;

#[cfg(test)]
mod tests;

pub use command::{Command, Printed, client, listener, run};
pub use report::{Outcome, Phase, Report, Row, Verdict};
pub use request::{Malformed, read as read_request};
pub use trace::{Ground, Listing, Station, explain};
