//! TLS of upstreams: roots, names and certificates, read and checked here. Equal terms are the ones of the table before,
//! so that connections and tickets go on; others begin anew.

use super::super::tls;
use super::{Check, Means, Pointer, Table};
use crate::certs::{Identity, Name, OriginTerms, Roots, Trust};
use crate::config::listener::Cert;
use crate::config::upstream::{OriginTls, RootsFrom};
use std::collections::HashMap;
use std::path::PathBuf;

/// The terms of a table's upstreams while they are made. Roots are read once, whoever names them.
pub(super) struct Secured<'p> {
    previous: HashMap<&'p str, &'p OriginTerms>,
    /// By file; none are the system's. What could not be used is told once.
    roots: HashMap<Option<PathBuf>, Option<Roots>>,
}

impl<'p> Secured<'p> {
    pub(super) fn new(previous: Option<&'p Table>) -> Secured<'p> {
        let upstreams = previous.into_iter().flat_map(|table| &table.upstreams);
        let known = upstreams.filter_map(|known| Some((known.name.as_str(), known.tls.as_ref()?)));
        Secured { previous: known.collect(), roots: HashMap::new() }
    }

    /// The terms of upstream `name`; notes what is wrong with them.
    pub(super) fn terms(
        &mut self,
        check: &mut Check<'_>,
        (at, name): (&Pointer, &str),
        (given, http2): (&OriginTls, bool),
        means: &mut Means<'_>,
    ) -> Option<OriginTerms> {
        let trust = if given.verify {
            self.roots(check, &at.key("roots"), &given.roots, means).map(Trust::Roots)
        } else {
            let message = format!("whoever answers at an address of upstream '{name}' is believed");
            let fix = "remove 'verify: false', and name who vouches for the servers by 'roots'";
            check.warn(&at.key("verify"), message, Some(fix.into()));
            if given.roots != RootsFrom::System {
                let fix = Some("remove 'verify: false', or 'roots'".into());
                check.warn_at_key(&at.key("roots"), "'roots' plays no part".into(), fix);
            }
            Some(Trust::Anyone)
        };
        let shown = shown(check, at, given, means);
        let server_name = given.server_name.as_deref().map(|text| {
            let server_name = Name::parse(text);
            if server_name.is_none() {
                let fix = "write a host name or an address, without scheme and port";
                let message = format!("'{text}' is not the name of a server");
                check.error(&at.key("server_name"), message, Some(fix.into()));
            }
            server_name
        });
        let server_name = match server_name {
            Some(server_name) => Some(server_name?),
            None => None,
        };
        let previous = self.previous.get(name).copied();
        // What is written is spoken: nothing else is offered (RFC 7301).
        let protocol: &[u8] = if http2 { b"h2" } else { b"http/1.1" };
        Some(OriginTerms::new(trust?, server_name, shown?.as_ref(), &[protocol], previous))
    }

    fn roots(
        &mut self,
        check: &mut Check<'_>,
        at: &Pointer,
        given: &RootsFrom,
        means: &mut Means<'_>,
    ) -> Option<Roots> {
        let file = match given {
            RootsFrom::System => None,
            RootsFrom::File(file) => Some(file.0.clone()),
        };
        if let Some(known) = self.roots.get(&file) {
            return known.clone();
        }
        let roots = match given {
            RootsFrom::System => of_system(check, at, means),
            RootsFrom::File(path) => {
                let fix = "give a PEM file with the certificates of those who vouch for the servers";
                tls::roots(check, at, (path, fix), means)
            }
        };
        self.roots.insert(file, roots.clone());
        roots
    }
}

fn of_system(check: &mut Check<'_>, at: &Pointer, means: &mut Means<'_>) -> Option<Roots> {
    let (roots, why) = match means.files.roots() {
        Ok(certs) => (Roots::of(certs), String::new()),
        Err(why) => (None, format!(": {why}")),
    };
    if roots.is_none() {
        let fix = "install them (Debian: ca-certificates), or name a PEM file by 'roots'";
        check.error(at, format!("the system has no root certificates{why}"), Some(fix.into()));
    }
    roots
}

/// What is shown to servers that ask: none where none is written, nothing where that is wrong.
fn shown(
    check: &mut Check<'_>,
    at: &Pointer,
    given: &OriginTls,
    means: &mut Means<'_>,
) -> Option<Option<Identity>> {
    let lone = |check: &mut Check<'_>, has: &str, lacks: &str| {
        let message = format!("'{has}' stands without '{lacks}'");
        check.error_at_key(&at.key(has), message, Some(format!("add '{lacks}', or remove '{has}'")));
        None
    };
    match (&given.cert, &given.key) {
        (None, None) => Some(None),
        (Some(_), None) => lone(check, "cert", "key"),
        (None, Some(_)) => lone(check, "key", "cert"),
        (Some(cert), Some(key)) => {
            let pair = Cert { cert: cert.clone(), key: key.clone() };
            tls::identity(check, at, &pair, means).map(Some)
        }
    }
}
