//! What of a request a report does not show: values by which somebody signs in, of whatever policy the table has, and
//! those that are secrets wherever they stand. A report is pasted into tickets; a token in it would let others in.

use super::phases::shown;
use crate::config::read::NOT_SHOWN;
use crate::policy::Kind;
use crate::table::Table;
use crate::wire::uri::is_named;

/// Fields that are secrets whatever a configuration says.
const FIELDS: [&[u8]; 5] =
    [b"authorization", b"proxy-authorization", b"cookie", b"x-api-key", b"x-forwarded-authorization"];

/// Query parameters likewise (RFC 6750 §2.3).
const PARAMETERS: [&[u8]; 1] = [b"access_token"];

/// Names whose values are not shown.
#[derive(Debug, Default)]
pub(super) struct Secrets<'t> {
    fields: Vec<&'t [u8]>,
    cookies: Vec<&'t [u8]>,
    parameters: Vec<&'t [u8]>,
}

impl<'t> Secrets<'t> {
    /// Those of a table.
    pub fn of(table: &'t Table) -> Secrets<'t> {
        let mut all =
            Secrets { fields: FIELDS.to_vec(), cookies: Vec::new(), parameters: PARAMETERS.to_vec() };
        for policy in &table.policies.all {
            let Kind::SignIn(method) = &policy.kind else { continue };
            for (kind, name) in method.by.secrets() {
                match kind {
                    "cookie" => all.cookies.push(name),
                    "query" => all.parameters.push(name),
                    _ => all.fields.push(name),
                }
            }
        }
        all
    }

    /// Whether a field of this name holds one.
    pub fn has_field(&self, name: &[u8]) -> bool {
        self.fields.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Whether a cookie of this name does.
    pub fn has_cookie(&self, name: &[u8]) -> bool {
        self.cookies.contains(&name)
    }

    /// A target as it may be shown: the values of secret parameters are left out.
    pub fn target(&self, target: &[u8]) -> String {
        let Some(mark) = target.iter().position(|byte| *byte == b'?') else { return shown(target) };
        let (path, query) = target.split_at(mark);
        let pairs = query[1..].split(|byte| *byte == b'&').map(|pair| {
            let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
            if pair.len() > name.len() && self.parameters.iter().any(|known| is_named(name, known)) {
                format!("{}={NOT_SHOWN}", shown(name))
            } else {
                shown(pair)
            }
        });
        format!("{}?{}", shown(path), pairs.collect::<Vec<_>>().join("&"))
    }
}
