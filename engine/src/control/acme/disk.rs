//! What is kept of an issuer: the account, and a file for each certificate that holds its key too, so that both are always of
//! each other. Files are of nobody else, and take the place of the one before at once. One that cannot be used is set
//! aside, never overwritten. All of it blocks, and is called on the blocking pool.

use crate::certs::{Identity, Unfit};
use crate::net::clock;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What a file holds; none where there is none.
///
/// # Errors
/// Why it cannot be read, as the rest of a sentence that begins with the file.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

/// The certificate that `bytes` of a file are.
///
/// # Errors
/// Why they are none, as the rest of a sentence that begins with the file.
pub fn identity(bytes: &[u8]) -> Result<Identity, String> {
    Identity::read(bytes, bytes).map_err(|unfit| match unfit {
        Unfit::Cert(why) | Unfit::Key(why) => why,
    })
}

/// Puts `bytes` in the place of a file at once, in a folder that is made where there is none.
///
/// # Errors
/// Why it cannot be written, as the rest of a sentence that begins with the file.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let written = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let next = beside(path, ".next");
        // One that an end in mid-write left over has a mode that was set then.
        drop(fs::remove_file(&next));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&next, path)?;
        File::open(folder)?.sync_all()
    };
    written().map_err(|error| format!("cannot be written: {error}"))
}

/// Moves a file that cannot be used out of the way; gives where it is now.
///
/// # Errors
/// Why it stays, as the rest of a sentence that begins with the file.
pub fn set_aside(path: &Path) -> Result<PathBuf, String> {
    let aside = beside(path, &format!(".unusable-{}", clock::unix_ms()));
    fs::rename(path, &aside).map_err(|error| format!("cannot be moved: {error}"))?;
    Ok(aside)
}

/// The path with more behind its name.
fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_file_is_of_nobody_else_is_replaced_at_once_and_set_aside_whole() {
        let folder = std::env::temp_dir().join(format!("ringgate-acme-{}", std::process::id()));
        let path = folder.join("a/b/account.json");
        assert_eq!(read(&path), Ok(None));
        for text in ["one", "two"] {
            write(&path, text.as_bytes()).expect("is written");
            assert_eq!(read(&path).expect("is read").as_deref(), Some(text.as_bytes()));
        }
        let mode = |path: &Path| fs::metadata(path).expect("is there").mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().expect("has one"))), (0o600, 0o700));
        let aside = set_aside(&path).expect("is moved");
        assert_eq!((read(&path), fs::read(aside).expect("is there")), (Ok(None), b"two".to_vec()));
        assert!(identity(b"garbage").is_err());
        fs::remove_dir_all(folder).expect("is there");
    }
}
