//! The store that limits are shared through.

use std::fmt;
use std::time::Duration;

/// Where it is, and how it is spoken to.
#[derive(Clone, PartialEq, Eq)]
pub struct Store {
    /// A name or an address.
    pub host: Box<str>,
    /// Its port.
    pub port: u16,
    /// The number of the database.
    pub database: u32,
    /// The user to sign in as; none is the store's default one.
    pub user: Option<Box<str>>,
    /// Its password; none does not sign in.
    pub password: Option<Box<str>>,
    /// What every key begins with.
    pub prefix: Box<str>,
    /// What takes longer has failed.
    pub timeout: Duration,
    /// How many machines share it.
    pub machines: u32,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({self})")
    }
}

/// As it may be shown: without user and password.
impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Store { host, port, database, .. } = self;
        match host.contains(':') {
            true => write!(f, "redis://[{host}]:{port}/{database}"),
            false => write!(f, "redis://{host}:{port}/{database}"),
        }
    }
}
