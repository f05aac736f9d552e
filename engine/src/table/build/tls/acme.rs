//! Certificates that the gateway obtains by itself: issuers and names are checked here, nothing is asked of anybody. What was
//! obtained for the same names goes on being shown.

use super::super::listeners::speaks;
use super::{Check, Means, Pointer, Table, config};
use crate::base::Address;
use crate::certs::{Obtained, Ordered, OriginTerms, Roots, Trust};
use crate::config::listener::ClientAuth;
use crate::config::listener::acme::{Issuer as GivenIssuer, Obtain};
use crate::policy::auth::base64url;
use crate::policy::auth::keys::KeyAddress;
use crate::table::Listener;
use crate::table::acme::{Acme, Challenge, ExternalAccount, Issuer, Order};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Names of one certificate: what Let's Encrypt takes.
const NAMES_MAX: usize = 100;

/// What a table obtains, while it is made.
pub(in crate::table::build) struct Orders<'p> {
    previous: Option<&'p Acme>,
    /// By their names; none where one is wrong.
    issuers: HashMap<String, Option<Arc<Issuer>>>,
    used: Vec<String>,
    orders: Vec<Order>,
    /// Each name with the place of its order.
    names: HashMap<(String, String), usize>,
}

impl<'p> Orders<'p> {
    /// Checks the issuers; notes what is wrong with them.
    pub(in crate::table::build) fn new(
        check: &mut Check<'_>,
        previous: Option<&'p Table>,
        means: &mut Means<'_>,
    ) -> Orders<'p> {
        let previous = previous.map(|table| &table.acme);
        let all = Pointer::default().key("acme");
        let (mut issuers, mut folders) = (HashMap::new(), HashMap::new());
        for (name, given) in &check.config.acme.0 {
            check.name(&all.key(name), name);
            let issuer = issuer(check, &all.key(name), (name, given), (previous, means));
            if let Some(issuer) = &issuer
                && let Some(other) = folders.insert(issuer.folder.clone(), name)
            {
                let message = format!("issuers '{other}' and '{name}' would keep their accounts in one file");
                let fix = "give each a 'storage' of its own, or write one of them";
                check.error_at_key(&all.key(name), message, Some(fix.into()));
            }
            issuers.insert(name.clone(), issuer.map(|issuer| known(previous, issuer)));
        }
        Orders { previous, issuers, used: Vec::new(), orders: Vec::new(), names: HashMap::new() }
    }

    /// The certificates that listener `name` is to show; notes what is wrong with them.
    ///
    /// # Errors
    /// When one is wrong.
    pub(super) fn of(
        &mut self,
        check: &mut Check<'_>,
        at: &Pointer,
        (name, given): (&str, &config::listener::Tls),
    ) -> Result<Vec<Ordered>, ()> {
        let wanted = given.acme.iter().flat_map(|wanted| &wanted.0).enumerate();
        let ordered: Vec<Option<Ordered>> = wanted
            .map(|(index, wanted)| {
                let at = check.one_of(&at.key("acme"), index);
                let names = names(check, &at.key("names"), wanted);
                let issuer = self.issuer(check, &at, wanted)?;
                let by_handshake = issuer.challenge == Challenge::Handshake;
                if by_handshake && given.client_auth == ClientAuth::Required {
                    let message = format!(
                        "no issuer gets through to listener '{name}': it has no certificate of a client"
                    );
                    let fix = "write client_auth: optional, or challenge: http-01 for the issuer";
                    check.error_at_key(&at, message, Some(fix.into()));
                }
                let order = self.order(check, &at, (issuer, names?))?;
                Some(Ordered { names: order.names.clone(), obtained: order.obtained.clone(), by_handshake })
            })
            .collect();
        ordered.into_iter().collect::<Option<_>>().ok_or(())
    }

    /// The file that keeps a certificate of these orders.
    pub(super) fn file(&self, ordered: &Ordered) -> String {
        let order = self.orders.iter().find(|order| Arc::ptr_eq(&order.obtained, &ordered.obtained));
        order.map(|order| order.file().display().to_string()).unwrap_or_default()
    }

    /// Ends the work: whether issuers find the listeners that they look for.
    pub(in crate::table::build) fn finish(self, check: &mut Check<'_>, listeners: &[Listener]) -> Acme {
        let all = Pointer::default().key("acme");
        let challenge = |name: &String| {
            let issuer = self.issuers.get(name).and_then(Option::as_ref);
            issuer.map(|issuer| issuer.challenge)
        };
        let mut by_http = false;
        for name in check.config.acme.names().map(str::to_owned).collect::<Vec<_>>() {
            if !self.used.contains(&name) {
                let fix = "name it in 'acme' of a listener's 'tls', or remove it";
                check.warn_at_key(
                    &all.key(&name),
                    format!("issuer '{name}' issues nothing"),
                    Some(fix.into()),
                );
            } else if challenge(&name) == Some(Challenge::Http) {
                by_http = true;
                answers_http(check, &all.key(&name).key("challenge"), &name, listeners);
            }
        }
        let tokens = self.previous.and_then(|previous| previous.tokens.clone());
        Acme { orders: self.orders, tokens: by_http.then(|| tokens.unwrap_or_default()) }
    }

    fn issuer(&mut self, check: &mut Check<'_>, at: &Pointer, wanted: &Obtain) -> Option<Arc<Issuer>> {
        let config = check.config;
        let known = config.acme.names();
        let name = match (&wanted.issuer, known.clone().next()) {
            (Some(name), _) if self.issuers.contains_key(name) => name.clone(),
            (Some(name), _) => {
                let fix = check.meant(name, known, "issuers");
                check.error(&at.key("issuer"), format!("there is no issuer '{name}'"), Some(fix));
                return None;
            }
            (None, Some(only)) if self.issuers.len() == 1 => only.to_owned(),
            (None, Some(_)) => {
                let fix = check.meant("", known, "issuers");
                let message = "there are several issuers, and none is named".to_owned();
                check.error_at_key(at, message, Some(format!("add 'issuer'; {fix}")));
                return None;
            }
            (None, None) => {
                let fix = "add 'acme: { letsencrypt: { storage: /var/lib/ringgate } }' at the top level";
                check.error_at_key(at, "there is no issuer".into(), Some(fix.into()));
                return None;
            }
        };
        self.used.push(name.clone());
        self.issuers.get(&name).cloned().flatten()
    }

    /// The order for these names: one that another listener has too, or a new one.
    fn order(
        &mut self,
        check: &mut Check<'_>,
        at: &Pointer,
        (issuer, names): (Arc<Issuer>, Box<[Box<str>]>),
    ) -> Option<&Order> {
        let folder = issuer.folder.display().to_string();
        let key = |name: &str| (folder.clone(), name.to_owned());
        let mut found = None;
        for (index, name) in names.iter().enumerate() {
            match self.names.get(&key(name)) {
                Some(place) if self.orders[*place].names == names => found = Some(*place),
                Some(_) => {
                    let message = format!("'{name}' is a name of two certificates");
                    let fix = "write the same names in the same order wherever it is shown, or the name once";
                    let place = check.one_of(&at.key("names"), index);
                    check.error(&place, message, Some(fix.into()));
                    return None;
                }
                None => {}
            }
        }
        let place = found.unwrap_or_else(|| {
            let place = self.orders.len();
            self.names.extend(names.iter().map(|name| (key(name), place)));
            let obtained = self.obtained(&names);
            self.orders.push(Order { issuer, names, obtained });
            place
        });
        self.orders.get(place)
    }

    /// What was obtained for these names before, also by another issuer: better than nothing until that one has issued. Else
    /// it begins with what is for the most of them, and of such with what is good for the longest.
    fn obtained(&self, names: &[Box<str>]) -> Arc<Obtained> {
        let before = self.previous.into_iter().flat_map(|previous| &previous.orders);
        let same = before.clone().find(|order| *order.names == *names).map(|order| &order.obtained);
        let is_free = |obtained: &&Arc<Obtained>| {
            self.orders.iter().all(|order| !Arc::ptr_eq(&order.obtained, obtained))
        };
        if let Some(obtained) = same.filter(is_free) {
            return obtained.clone();
        }
        let obtained = Obtained::default();
        let shares = |order: &'_ &Order| order.obtained.shares(names);
        if let Some(alike) = before.filter(|order| shares(order).is_some()).max_by_key(shares) {
            obtained.begin_with(&alike.obtained);
        }
        Arc::new(obtained)
    }
}

/// The issuer of the table before, where it is equal.
fn known(previous: Option<&Acme>, issuer: Issuer) -> Arc<Issuer> {
    let known = previous.into_iter().flat_map(|previous| &previous.orders).map(|order| &order.issuer);
    known.into_iter().find(|known| ***known == issuer).cloned().unwrap_or_else(|| Arc::new(issuer))
}

fn issuer(
    check: &mut Check<'_>,
    at: &Pointer,
    (name, given): (&str, &GivenIssuer),
    (previous, means): (Option<&Acme>, &mut Means<'_>),
) -> Option<Issuer> {
    let folder = directory(check, &at.key("directory"), &given.directory);
    let contact: Vec<String> = given.contact.iter().flat_map(|contact| contact.0.clone()).collect();
    for (index, text) in contact.iter().enumerate() {
        if !text.strip_prefix("mailto:").is_some_and(|to| to.contains('@') && !to.contains([' ', ',', '?'])) {
            let message = format!("'{text}' is no address that an issuer writes to");
            let fix = "write one such as mailto:ops@example.com";
            check.error(&check.one_of(&at.key("contact"), index), message, Some(fix.into()));
        }
    }
    let external = match &given.external_account {
        None => Some(None),
        Some(given) => {
            let key = base64url::decode(given.hmac.0.trim_end_matches('=').as_bytes());
            if key.as_ref().is_none_or(Vec::is_empty) {
                let message = "'hmac' is not a key in base64url".into();
                let fix = "give it as the issuer shows it, best as \"${env:NAME}\"";
                check.error(&at.key("external_account").key("hmac"), message, Some(fix.into()));
            }
            key.map(|key| Some(ExternalAccount { kid: given.kid.clone(), key }))
        }
    };
    if let Some(before) = given.renew_before {
        check.period(at, "renew_before", before);
    }
    let trust = roots(check, at, given, means).map(Trust::Roots);
    let before = previous.into_iter().flat_map(|previous| &previous.orders);
    let before = before.map(|order| &order.issuer).find(|issuer| issuer.name == name);
    let terms = OriginTerms::new(trust?, None, None, &[b"http/1.1"], before.map(|issuer| &issuer.terms));
    Some(Issuer {
        name: name.to_owned(),
        directory: given.directory.clone(),
        folder: given.storage.0.join(folder?),
        contact,
        challenge: match given.challenge {
            config::listener::acme::Challenge::Http01 => Challenge::Http,
            config::listener::acme::Challenge::TlsAlpn01 => Challenge::Handshake,
        },
        terms,
        external: external?,
        renew_before: given.renew_before.map(|before| before.0),
    })
}

/// The name of the folder for what a directory issues; notes that it is no address.
fn directory(check: &mut Check<'_>, at: &Pointer, given: &str) -> Option<String> {
    match KeyAddress::parse(given) {
        Ok(KeyAddress { is_https: true, host, port, target, .. }) => Some(folder(&host, port, &target)),
        _ => {
            let message = format!("'{given}' is not the address of a directory");
            let fix = "write its https: address, such as https://acme-v02.api.letsencrypt.org/directory";
            check.error(at, message, Some(fix.into()));
            None
        }
    }
}

/// The name of the folder for a directory, of no other one's: `+` stands for `/`, `_` before a port.
fn folder(host: &str, port: u16, target: &str) -> String {
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let mut name = String::new();
    for letter in format!("{}{port}{target}", host.to_ascii_lowercase()).chars() {
        match letter {
            '/' => name.push('+'),
            ':' => name.push('_'),
            '.' | '-' => name.push(letter),
            _ if letter.is_ascii_alphanumeric() => name.push(letter),
            _ => letter.to_string().bytes().for_each(|byte| name.push_str(&format!("%{byte:02X}"))),
        }
    }
    name
}

/// Who vouches for the directory's server; notes what is wrong with it.
fn roots(check: &mut Check<'_>, at: &Pointer, given: &GivenIssuer, means: &mut Means<'_>) -> Option<Roots> {
    let Some(file) = &given.roots else {
        let roots = means.files.roots().ok().and_then(Roots::of);
        if roots.is_none() {
            let fix = "install them (Debian: ca-certificates), or name a PEM file by 'roots'";
            check.error_at_key(at, "the system has no root certificates".into(), Some(fix.into()));
        }
        return roots;
    };
    let fix = "give a PEM file with the certificates of those who vouch for the directory's server";
    super::roots(check, &at.key("roots"), (file, fix), means)
}

/// The names of a certificate, in lower case; notes those that are none.
fn names(check: &mut Check<'_>, at: &Pointer, wanted: &Obtain) -> Option<Box<[Box<str>]>> {
    let mut names: Vec<Box<str>> = Vec::new();
    let mut is_good = true;
    for (index, text) in wanted.names.0.iter().enumerate() {
        let name = text.to_ascii_lowercase();
        let (message, fix) = if names.iter().any(|known| **known == *name) {
            (format!("'{text}' stands twice"), "write it once")
        } else if name.starts_with("*.") {
            let fix = "write each host, or name files with such a certificate under 'certs'";
            (
                format!("'{text}' is a wildcard, which can be proved neither by http-01 nor by tls-alpn-01"),
                fix,
            )
        } else if name.parse::<IpAddr>().is_ok() {
            (format!("'{text}' is an address"), "write a host name")
        } else if !is_host_name(&name) {
            let fix = "write a host name such as api.example.com, letters beyond ASCII as xn--";
            (format!("'{text}' is not a host name"), fix)
        } else {
            names.push(name.into());
            continue;
        };
        is_good = false;
        check.error(&check.one_of(at, index), message, Some(fix.into()));
    }
    if names.len() > NAMES_MAX {
        let message = format!("{} names are too many for one certificate", names.len());
        check.error_at_key(at, message, Some(format!("write {NAMES_MAX} at most, and several certificates")));
    }
    (is_good && names.len() <= NAMES_MAX).then(|| names.into())
}

/// Whether it is a host name (RFC 1123 §2.1).
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let last_is_a_number =
        name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    name.len() <= 253 && name.split('.').all(is_label) && !last_is_a_number
}

/// Whether an issuer that asks by http is answered.
fn answers_http(check: &mut Check<'_>, at: &Pointer, name: &str, listeners: &[Listener]) {
    let plain = |listener: &&Listener| listener.tls.is_none() && listener.speaks.http1;
    // Which of them have TLS that could not be built is not known here; what is wrong with it is told already.
    let is_given = |listener: &config::Listener| listener.tls.is_none() && speaks(listener).http1;
    if !check.config.listeners.iter().any(is_given) {
        let message = format!("issuer '{name}' asks by http, which no listener speaks");
        let fix = "add a listener without 'tls', 'bind: 0.0.0.0:80', or write challenge: tls-alpn-01";
        check.error(at, message, Some(fix.into()));
        return;
    }
    let at_80 = |address: &Address| matches!(address, Address::Tcp(address) if address.port() == 80);
    if !listeners.iter().filter(plain).any(|listener| listener.bind.iter().any(at_80)) {
        let message = format!("issuer '{name}' asks at port 80, which no listener without 'tls' binds");
        let fix = "bind it, or see that what comes to port 80 of the names reaches such a listener";
        check.warn(at, message, Some(fix.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::{folder, is_host_name};

    #[test]
    fn no_two_directories_have_the_same_folder() {
        assert_eq!(folder("acme.example", 443, "/directory"), "acme.example+directory");
        assert_eq!(folder("Localhost", 14000, "/dir"), "localhost_14000+dir");
        assert_eq!(folder("a_1", 443, "/a+b_c?d=%20"), "a%5F1+a%2Bb%5Fc%3Fd%3D%2520");
        let all =
            [("a", 1, "/"), ("a_1", 443, "/"), ("a", 443, "/x/y"), ("a", 443, "/x-y"), ("a", 443, "/x?y")];
        let more = [("a", 443, "/x/y/"), ("a", 443, "/x+y"), ("a", 443, "/x%2By"), ("::1", 443, "/")];
        let folders: std::collections::HashSet<String> =
            all.iter().chain(&more).map(|(host, port, target)| folder(host, *port, target)).collect();
        assert_eq!(folders.len(), all.len() + more.len(), "{folders:?}");
    }

    #[test]
    fn a_host_name_is_labels_of_letters_digits_and_hyphens() {
        for good in ["api.example.com", "a", "xn--bcher-kva.example", "1.example", "a-b.c"] {
            assert!(is_host_name(good), "{good}");
        }
        let long = format!("{}.example", "a".repeat(64));
        for bad in
            ["", ".", "a.", ".a", "a..b", "-a.b", "a-.b", "a_b.c", "bücher.example", "1.2", "a/b", &long]
        {
            assert!(!is_host_name(bad), "{bad}");
        }
    }
}
