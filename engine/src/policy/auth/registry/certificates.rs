//! What a consumer's certificates are known by, as the configuration writes it: made one with what certificates are read to
//! (`base/certificate`).

use super::hex_hash;
use crate::config::Consumer;
use crate::policy::auth::flaw::Flaw;
use std::collections::HashMap;
use std::net::IpAddr;

/// What is accepted.
const FORM: &str = "write sha256:HEX, spiffe://DOMAIN/PATH, subject:NAME (RFC 4514), uri:URI, email:ADDRESS, dns:NAME or ip:ADDRESS";

/// The marks of consumer `index`; `known` are those of the consumers before it. Notes what is wrong with them.
pub(super) fn certificates<'g>(
    given: &'g [Consumer],
    index: usize,
    known: &mut HashMap<String, &'g str>,
    mut note: impl FnMut(Flaw),
) -> Vec<String> {
    let mut marks = Vec::new();
    for (item, text) in given[index].certificates.iter().enumerate() {
        let Some(mark) = mark(text) else {
            let message = format!("'{text}' names no certificate");
            note(Flaw::at_item("certificates", item, message, FORM));
            continue;
        };
        match known.insert(mark.clone(), &given[index].name) {
            None => marks.push(mark),
            Some(other) => {
                let message = format!("consumer '{other}' has the same certificates");
                note(Flaw::at_item("certificates", item, message, "give each to one consumer, once"));
            }
        }
    }
    marks
}

fn mark(text: &str) -> Option<String> {
    if text.starts_with("spiffe://") {
        return Some(text.to_owned());
    }
    let (kind, rest) = text.split_once(':')?;
    match kind {
        // With colons, as openssl prints it, or without.
        "sha256" => {
            let digits = rest.replace(':', "").to_ascii_lowercase();
            hex_hash(&digits).map(|_| format!("sha256:{digits}"))
        }
        "ip" => rest.parse::<IpAddr>().ok().map(|address| format!("ip:{address}")),
        "dns" => Some(format!("dns:{}", rest.to_ascii_lowercase())),
        "subject" | "uri" | "email" => Some(text.to_owned()),
        _ => None,
    }
    .filter(|_| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_named_in_one_way_however_they_are_written() {
        let hash = "61".repeat(32);
        let colons = vec!["61"; 32].join(":");
        for (text, expected) in [
            (format!("sha256:{hash}"), Some(format!("sha256:{hash}"))),
            (format!("sha256:{}", colons.to_uppercase()), Some(format!("sha256:{hash}"))),
            ("spiffe://a/b".into(), Some("spiffe://a/b".into())),
            ("dns:A.Test".into(), Some("dns:a.test".into())),
            ("ip:2001:DB8:0::1".into(), Some("ip:2001:db8::1".into())),
            ("ip:10.0.0.256".into(), None),
            ("subject:CN=ann,O=Acme".into(), Some("subject:CN=ann,O=Acme".into())),
            ("uri:https://a/b".into(), Some("uri:https://a/b".into())),
            (format!("sha256:{}", &hash[1..]), None),
            ("CN=ann".into(), None),
            ("cn:ann".into(), None),
            ("dns:".into(), None),
        ] {
            assert_eq!(mark(&text), expected, "{text}");
        }
    }
}
