//! What is kept of an issuer: the account, and a file for each certificate that holds its key too, so that both are always of
//! each other. Files are of nobody else, and take the place of the one before at once. One that cannot be used is set
//! aside, never overwritten. All of it blocks, and is called on the blocking pool.

use crate::certs::{Identity, Unfit};
use crate::net::{clock, refused_to_make_files_in};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
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
        make(folder)?;
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

/// Makes a folder and those above it that are not there, each of nobody else. The umask takes no right of ours away: without
/// the one to enter it a folder would be of no use.
fn make(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    folder.parent().map_or(Ok(()), make)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => {
            made?;
            // Where the umask took nothing there is nothing to set, and a filter of system calls need not know that one.
            match fs::metadata(folder)?.permissions().mode() & 0o777 {
                0o700 => Ok(()),
                _ => fs::set_permissions(folder, Permissions::from_mode(0o700)),
            }
        }
    }
}

/// Whether files can be written in a folder, which is made where there is none: writes one and takes it away.
///
/// # Errors
/// Why they cannot, as the rest of a sentence that begins with the folder.
pub fn try_out(folder: &Path) -> Result<(), String> {
    let path = folder.join("probe");
    write(&path, b"Whether files can be written here.\n")?;
    fs::remove_file(&path).map_err(|error| format!("lets no file be removed: {error}"))
}

/// Why nothing could be kept in a folder that need not be there yet, as the rest of a sentence that begins with it. Nothing is
/// written: what only writing shows is not found.
pub fn unfit(folder: &Path) -> Option<String> {
    let is_there = |folder: &&Path| fs::symlink_metadata(folder).is_ok();
    let nearest =
        folder.ancestors().map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above });
    let nearest = nearest.clone().find(is_there).or_else(|| nearest.last())?;
    if nearest.is_file() {
        return Some(match nearest == folder {
            true => "is a file, not a folder".to_owned(),
            false => format!("lies below '{}', which is a file", nearest.display()),
        });
    }
    refused_to_make_files_in(nearest).map(|error| match nearest == folder {
        true => format!("cannot be written: {error}"),
        false => format!("cannot be made in '{}': {error}", nearest.display()),
    })
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

    #[test]
    fn a_folder_that_nothing_could_be_kept_in_is_told_before_anything_is_written() {
        let folder = std::env::temp_dir().join(format!("ringgate-acme-unfit-{}", std::process::id()));
        let below = folder.join("a/b");
        assert_eq!((unfit(&below), try_out(&below)), (None, Ok(())));
        assert_eq!(fs::read_dir(&below).expect("is made").count(), 0, "nothing is left there");
        let file = folder.join("file");
        fs::write(&file, "").expect("a writable folder");
        assert_eq!(unfit(&file).as_deref(), Some("is a file, not a folder"));
        let told = format!("lies below '{}', which is a file", file.display());
        assert_eq!(unfit(&file.join("a")), Some(told));
        assert!(try_out(&file.join("a")).is_err_and(|why| why.starts_with("cannot be written: ")));
        fs::remove_dir_all(folder).expect("is there");
    }

    #[test]
    fn folders_can_be_entered_whatever_the_umask_takes() {
        const FOLDER: &str = "RINGGATE_TEST_FOLDER";
        if let Some(folder) = std::env::var_os(FOLDER) {
            return write(&Path::new(&folder).join("a/b/account.json"), b"one").expect("is written");
        }
        let folder = std::env::temp_dir().join(format!("ringgate-acme-umask-{}", std::process::id()));
        // Once more, in a process of its own: the umask is the whole process's.
        let name = "control::acme::disk::tests::folders_can_be_entered_whatever_the_umask_takes";
        let mut again = std::process::Command::new("sh");
        again.args(["-c", "umask 0117; exec \"$0\" --exact \"$1\""]);
        again.arg(std::env::current_exe().expect("is known")).arg(name).env(FOLDER, &folder);
        assert!(again.output().expect("runs").status.success());
        for made in [folder.clone(), folder.join("a"), folder.join("a/b")] {
            assert_eq!(fs::metadata(&made).expect("is there").mode() & 0o777, 0o700, "{}", made.display());
        }
        fs::remove_dir_all(folder).expect("is there");
    }
}
