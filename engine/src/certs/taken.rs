//! What files of certificates gave when they could be used last. A reload goes on with it where such a file is broken or gone,
//! so that one of them does not hold up all others, their renewals among them.

use super::identity::Identity;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What was taken, by the paths of the files.
#[derive(Default)]
pub struct Taken {
    pairs: HashMap<(PathBuf, PathBuf), Identity>,
    files: HashMap<PathBuf, Arc<[u8]>>,
}

// Some of it is secret.
impl fmt::Debug for Taken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Taken({} pairs, {} files)", self.pairs.len(), self.files.len())
    }
}

impl Taken {
    /// What the files of a certificate and its key gave.
    pub fn pair(&self, cert: &Path, key: &Path) -> Option<&Identity> {
        self.pairs.get(&(cert.to_owned(), key.to_owned()))
    }

    /// They gave this.
    pub fn take_pair(&mut self, cert: &Path, key: &Path, identity: Identity) {
        self.pairs.insert((cert.to_owned(), key.to_owned()), identity);
    }

    /// What a file of authorities, of revoked certificates or of keys of tickets held.
    pub fn file(&self, path: &Path) -> Option<&Arc<[u8]>> {
        self.files.get(path)
    }

    /// It held this.
    pub fn take_file(&mut self, path: &Path, bytes: Arc<[u8]>) {
        self.files.insert(path.to_owned(), bytes);
    }
}
