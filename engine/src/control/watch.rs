//! `gateway.watch`: a change of a configuration file is a reload. The folders that lead to the files are watched, those of
//! symlinks on the way too, so that a file renamed over another and a link that turns elsewhere are seen. What counts is
//! what the paths lead to: an event says only that it is worth a look. A change is taken once it has settled and nobody
//! has the file open for writing, so that one in the middle of being written is not. Where the system has no watch to
//! give, the files are looked at once a second.

use super::load::Files;
use super::office::Office;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
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
/// Events that wait at most. One that is lost is made up for by the next look.
const EVENTS: usize = 1024;

/// The files that are watched.
pub struct Followed {
    read: watch::Receiver<Files>,
    events: mpsc::Receiver<Event>,
    folders: Folders,
}

impl Followed {
    /// Those that `read` names, as they were read last. From here on nothing that happens to them is missed.
    pub fn new(mut read: watch::Receiver<Files>) -> Followed {
        let (give, events) = mpsc::channel(EVENTS);
        let mut folders = Folders::new(give);
        folders.lead_to(&read.borrow_and_update().clone());
        Followed { read, events, folders }
    }
}

/// Orders a reload of `office` when the files change. Ends with the gateway.
pub async fn follow(followed: Followed, office: Office) {
    let Followed { mut read, mut events, mut folders } = followed;
    let mut writers = HashMap::<PathBuf, Instant>::new();
    let mut change = None::<(Files, Instant)>;
    loop {
        let settles = change.as_ref().map(|(_, since)| *since + SETTLE);
        let look = settles.unwrap_or_else(|| Instant::now() + LOOK_EVERY);
        tokio::select! {
            told = read.changed() => match told {
                Ok(()) => folders.lead_to(&read.borrow_and_update().clone()),
                Err(_) => return,
            },
            event = events.recv() => {
                let mut next = event;
                while let Some(event) = next {
                    note(&mut writers, event);
                    next = events.try_recv().ok();
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
        writers.retain(|_, heard| heard.elapsed() < WRITER_MAX);
        let written = folders.files.iter().any(|file| writers.contains_key(file));
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

/// Who has a file open for writing, as far as it can be heard.
fn note(writers: &mut HashMap<PathBuf, Instant>, event: Event) {
    let writes = match event.kind {
        EventKind::Modify(ModifyKind::Data(_)) => true,
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::From | RenameMode::Both))
        | EventKind::Remove(_) => false,
        _ => return,
    };
    for path in event.paths {
        if writes {
            writers.insert(path, Instant::now());
        } else {
            writers.remove(&path);
        }
    }
}

/// The folders that are watched.
struct Folders {
    /// None where the system gives none.
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    /// The files themselves, without a symlink on the way.
    files: Vec<PathBuf>,
}

impl Folders {
    fn new(give: mpsc::Sender<Event>) -> Folders {
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if let Ok(event) = event {
                let _ = give.try_send(event);
            }
        });
        Folders { watcher: watcher.ok(), watched: BTreeSet::new(), files: Vec::new() }
    }

    /// Watches those that lead to `files`, and no others.
    fn lead_to(&mut self, files: &Files) {
        let mut wanted = BTreeSet::new();
        self.files = files.paths().map(|path| lead(path, &mut wanted)).collect();
        let Some(watcher) = &mut self.watcher else { return };
        for gone in self.watched.difference(&wanted) {
            // A folder that was removed is watched no more anyway.
            let _ = watcher.unwatch(gone);
        }
        // A folder that cannot be watched is looked at.
        self.watched.retain(|folder| wanted.contains(folder));
        for folder in wanted {
            if !self.watched.contains(&folder) && watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok()
            {
                self.watched.insert(folder);
            }
        }
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
