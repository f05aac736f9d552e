//! `unix:PATH`, for listeners and endpoints alike.

use super::{Address, Check, Pointer};
use crate::base::address::{UNIX, UNIX_PATH_BYTES_MAX};
use crate::config::read::Part;
use std::os::unix::ffi::OsStrExt;

/// The socket that `text` names, if it begins with `unix:`: then none where the path cannot be one, which is noted. A
/// relative path starts at the file that names it.
pub(super) fn unix(check: &mut Check<'_>, at: &Pointer, text: &str) -> Option<Option<Address>> {
    let path = text.strip_prefix(UNIX)?;
    if path.is_empty() || path.ends_with('/') || path.contains('\0') {
        let fix = "write the path of the socket, such as unix:/run/ringgate.sock";
        check.error(at, format!("'{text}' names no socket"), Some(fix.into()));
        return Some(None);
    }
    let place = check.config.origin.place(at, Part::Value);
    let folder = check.config.origin.files.get(usize::from(place.file)).map(|file| file.folder.as_path());
    let path = folder.unwrap_or("".as_ref()).join(path);
    let len = path.as_os_str().as_bytes().len();
    if len > UNIX_PATH_BYTES_MAX {
        let fix = format!("a socket's path has {UNIX_PATH_BYTES_MAX} at most, its folder included");
        check.error(at, format!("'{text}' is a path of {len} bytes"), Some(fix));
        return Some(None);
    }
    Some(Some(Address::Unix(path.into())))
}
