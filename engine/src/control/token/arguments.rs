//! The command line of `ringgate token`.

use super::{Secret, Wanted};
use crate::control::Refused;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command};
use std::path::Path;

/// The command with its options.
pub fn command() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("token")
        .about("Print a signed token for trying things out")
        .arg(option("secret", "TEXT", "The secret; it stays in the shell's history"))
        .arg(option("secret-file", "FILE", "A file with the secret; one line end at its end is dropped"))
        .arg(option("secret-env", "NAME", "An environment variable with the secret"))
        .group(ArgGroup::new("key").args(["secret", "secret-file", "secret-env"]).required(true))
        .arg(option("algorithm", "NAME", "HS256, HS384 or HS512").default_value("HS256"))
        .arg(option("kid", "ID", "The id of the key, for the header"))
        .arg(option("sub", "NAME", "The claim sub: who it is about"))
        .arg(
            option("claim", "NAME=VALUE", "A claim; the value is JSON, or else a text")
                .action(ArgAction::Append),
        )
        .arg(option("expires", "DURATION", "How long it is good, or never").default_value("1h"))
}

/// The token that `given` asks for.
///
/// # Errors
/// Why there is none.
pub fn made(given: &ArgMatches) -> Result<String, Refused> {
    let text = |name: &str| given.get_one::<String>(name).map(String::as_str);
    let key = match (text("secret"), text("secret-file"), text("secret-env")) {
        (Some(secret), _, _) => Secret::Text(secret),
        (_, Some(path), _) => Secret::File(Path::new(path)),
        (_, _, name) => Secret::Env(name.unwrap_or_default()),
    };
    let wanted = Wanted {
        algorithm: text("algorithm").unwrap_or_default(),
        key_id: text("kid"),
        subject: text("sub"),
        claims: given.get_many::<String>("claim").unwrap_or_default().map(String::as_str).collect(),
        expires: text("expires").unwrap_or_default(),
    };
    super::token(&key, &wanted, crate::net::clock::unix_ms() / 1000)
        .map_err(|why| Refused::Runtime(format!("no token: {why}\n")))
}
