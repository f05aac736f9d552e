//! `gateway.watch`: a change of a configuration file is a reload. The folders that lead to the files are watched, those of
//! symlinks on the way too, so that a file renamed over another and a link that turns elsewhere are seen. What counts is
//! what the paths lead to: an event says only that it is worth a look. A change is taken once it has settled and nobody
//! has the file open for writing, so that one in the middle of being written is not. Of a folder only the comings and
//! goings are told, since an access log may lie in it too. Where the system has no watch to give, the files are looked
//! at once a second.

use super::Office;
use crate::config::Pattern;
use crate::control::load::Files;
use futures_core::Stream;
use inotify::{EventMask, EventOwned, EventStream, Inotify, WatchDescriptor, WatchMask};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ffi::OsString;
use std::future::poll_fn;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

/// How long a change must have been over.
const SETTLE: Duration = Duration::from_millis(200);
/// How often files are looked at whatever is heard of them.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A writer that is heard of no more does not hold a reload up for longer.
const WRITER_MAX: Duration = Duration::from_secs(30);
/// Symlinks followed on the way to a file, as many as the system follows.
const LINKS_MAX: usize = 40;
/// Room for the events that are read at once. What the system has to drop is made up for by the next look.
const EVENT_BYTES: usize = 16 * 1024;

/// The files that are watched.
pub struct Followed {
    read: watch::Receiver<Files>,
    watched: Watched,
}

impl Followed {
    /// Those that `read` names, as they were read last. From here on nothing that happens to them is missed.
    pub fn new(mut read: watch::Receiver<Files>) -> Followed {
        let mut watched = Watched::new();
        watched.lead_to(&read.borrow_and_update().clone());
        Followed { read, watched }
    }
}

/// Orders a reload of `office` when the files change. Ends with the gateway.
pub async fn follow(followed: Followed, office: Office) {
    let Followed { mut read, mut watched } = followed;
    let mut change = None::<(Files, Instant)>;
    loop {
        let settles = change.as_ref().map(|(_, since)| *since + SETTLE);
        let look = settles.unwrap_or_else(|| Instant::now() + LOOK_EVERY);
        tokio::select! {
            told = read.changed() => match told {
                Ok(()) => watched.lead_to(&read.borrow_and_update().clone()),
                Err(_) => return,
            },
            moved = watched.heard() => {
                if moved {
                    let known = read.borrow().clone();
                    watched.lead_to(&known);
                }
            }
            () = tokio::time::sleep_until(look) => {}
        }
        if !office.status().table.gateway.watch {
            change = None;
            continue;
        }
        let known = read.borrow().clone();
        let looked = {
            let known = known.clone();
            // Files may lie on a disk that hangs; the control thread does not.
            spawn_blocking(move || known.now()).await
        };
        let Ok(now) = looked else { return };
        let since = match &change {
            _ if now == known => {
                change = None;
                continue;
            }
            Some((seen, since)) if *seen == now => *since,
            _ => Instant::now(),
        };
        let written = watched.is_written();
        if since.elapsed() < SETTLE || written {
            // While somebody writes, the time begins anew.
            change = Some((now, if written { Instant::now() } else { since }));
            continue;
        }
        change = None;
        // What is wrong with it was told, and is tried again when it has changed once more.
        drop(office.reload().await);
    }
}

/// What is watched: the files themselves, and the folders on the way to them.
struct Watched {
    /// None where the system gives none.
    events: Option<EventStream<Box<[u8]>>>,
    paths: HashMap<WatchDescriptor, PathBuf>,
    /// The files, without a symlink on the way.
    files: Vec<PathBuf>,
    /// Patterns of files, of which new ones may come; their folders are without a symlink on the way too.
    patterns: Vec<Pattern>,
    /// Those that somebody has open for writing, as far as it can be heard, and when it was heard last.
    writers: HashMap<PathBuf, Instant>,
}

impl Watched {
    fn new() -> Watched {
        let room = vec![0; EVENT_BYTES].into_boxed_slice();
        let events = Inotify::init().and_then(|inotify| inotify.into_event_stream(room)).ok();
        Watched {
            events,
            paths: HashMap::new(),
            files: Vec::new(),
            patterns: Vec::new(),
            writers: HashMap::new(),
        }
    }

    /// Watches what leads to `files`, and nothing else. What cannot be watched is looked at.
    fn lead_to(&mut self, files: &Files) {
        let mut folders = BTreeSet::new();
        self.files = files.paths().map(|path| lead(&path, &mut folders)).collect();
        self.patterns = self.files.iter().filter_map(|path| Pattern::of(path)?.ok()).collect();
        let Some(events) = &self.events else { return };
        let mut watches = events.watches();
        let comings = WatchMask::CREATE
            | WatchMask::DELETE
            | WatchMask::MOVED_FROM
            | WatchMask::MOVED_TO
            | WatchMask::CLOSE_WRITE
            | WatchMask::DELETE_SELF
            | WatchMask::MOVE_SELF
            | WatchMask::ONLYDIR;
        let wanted = folders.iter().map(|folder| (folder, comings));
        let writes = WatchMask::MODIFY | WatchMask::CLOSE_WRITE | WatchMask::ATTRIB;
        let wanted = wanted.chain(self.files.iter().map(|file| (file, writes)));
        let paths: HashMap<WatchDescriptor, PathBuf> =
            wanted.filter_map(|(path, mask)| Some((watches.add(path, mask).ok()?, path.clone()))).collect();
        for gone in self.paths.keys().filter(|known| !paths.contains_key(known)) {
            // One that was removed is watched no more anyway.
            let _ = watches.remove(gone.clone());
        }
        self.paths = paths;
    }

    /// Waits for events and takes all that are there. Gives whether a path may lead elsewhere now.
    async fn heard(&mut self) -> bool {
        let Some(events) = &mut self.events else { return std::future::pending().await };
        let mut came = Vec::new();
        let is_over = poll_fn(|cx| {
            loop {
                match Pin::new(&mut *events).poll_next(cx) {
                    Poll::Ready(Some(Ok(event))) => came.push(event),
                    Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(true),
                    Poll::Pending if came.is_empty() => return Poll::Pending,
                    Poll::Pending => return Poll::Ready(false),
                }
            }
        })
        .await;
        if is_over {
            self.events = None;
        }
        let mut moved = false;
        for event in &came {
            moved |= self.note(event);
        }
        moved
    }

    /// Notes who writes. Gives whether something came or went.
    fn note(&mut self, event: &EventOwned) -> bool {
        if event.mask.contains(EventMask::Q_OVERFLOW) {
            return true;
        }
        let Some(path) = self.paths.get(&event.wd) else { return false };
        let path = event.name.as_ref().map_or_else(|| path.clone(), |name| path.join(name));
        // What is created is still empty, unless it is another name of a file that is whole.
        let begun = || path.metadata().is_ok_and(|file| file.is_file() && file.nlink() == 1);
        if event.mask.contains(EventMask::MODIFY)
            || event.mask.contains(EventMask::CREATE) && self.is_ours(&path) && begun()
        {
            self.writers.insert(path, Instant::now());
        } else if !event.mask.contains(EventMask::ATTRIB) {
            self.writers.remove(&path);
        }
        !event.mask.intersects(EventMask::MODIFY | EventMask::ATTRIB | EventMask::CLOSE_WRITE)
    }

    /// Whether somebody has one of the files open for writing.
    fn is_written(&mut self) -> bool {
        self.writers.retain(|_, heard| heard.elapsed() < WRITER_MAX);
        self.writers.keys().any(|path| self.is_ours(path))
    }

    /// Whether it is one of the files, or one that a pattern will find.
    fn is_ours(&self, path: &PathBuf) -> bool {
        let finds = |pattern: &Pattern| {
            let name = path.file_name().and_then(|name| name.to_str());
            path.parent() == Some(pattern.folder()) && name.is_some_and(|name| pattern.takes(name))
        };
        self.files.contains(path) || self.patterns.iter().any(finds)
    }
}

/// Follows `path` link by link; notes each folder in which something on the way may be exchanged. Gives where it ends.
fn lead(path: &Path, folders: &mut BTreeSet<PathBuf>) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let parts = |path: &Path| -> Vec<OsString> {
        path.components().map(|part| part.as_os_str().to_owned()).collect()
    };
    let mut left: VecDeque<OsString> = parts(&absolute).into();
    let (mut at, mut links) = (PathBuf::new(), 0);
    while let Some(part) = left.pop_front() {
        let folder = at.clone();
        match Path::new(&part).components().next() {
            Some(Component::ParentDir) => drop(at.pop()),
            _ => at.push(&part),
        }
        if links < LINKS_MAX
            && let Ok(target) = std::fs::read_link(&at)
        {
            links += 1;
            folders.insert(folder.clone());
            for part in parts(&target).into_iter().rev() {
                left.push_front(part);
            }
            at = folder;
        } else if left.is_empty() {
            folders.insert(folder);
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn each_folder_is_watched_in_which_the_way_to_a_file_may_turn() {
        let root = std::env::temp_dir().join(format!("ringgate-watch-{}", std::process::id()));
        let root = std::path::absolute(root).expect("is a path");
        let (conf, first) = (root.join("conf"), root.join("conf/..first"));
        fs::create_dir_all(&first).expect("a writable folder");
        fs::write(first.join("ringgate.yaml"), "version: 1").expect("a writable folder");
        // As Kubernetes lays a ConfigMap.
        symlink("..first", conf.join("..data")).expect("a link");
        symlink("..data/ringgate.yaml", conf.join("ringgate.yaml")).expect("a link");
        symlink("conf", root.join("etc")).expect("a link");
        let mut folders = BTreeSet::new();
        let file = lead(&root.join("etc/ringgate.yaml"), &mut folders);
        let real = fs::canonicalize(&root).expect("is there");
        assert_eq!(fs::canonicalize(&file).expect("is there"), real.join("conf/..first/ringgate.yaml"));
        for folder in [&root, &conf, &first] {
            assert!(folders.contains(folder), "{} is not in {folders:?}", folder.display());
        }
        fs::remove_dir_all(root).expect("is there");
    }

    #[test]
    fn a_ring_of_links_ends() {
        let root = std::env::temp_dir().join(format!("ringgate-ring-{}", std::process::id()));
        fs::create_dir_all(&root).expect("a writable folder");
        symlink("b", root.join("a")).expect("a link");
        symlink("a", root.join("b")).expect("a link");
        let mut folders = BTreeSet::new();
        lead(&root.join("a"), &mut folders);
        assert!(folders.contains(&root));
        fs::remove_dir_all(root).expect("is there");
    }
}
