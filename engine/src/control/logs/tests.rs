//! The thread with real rings, files, sockets and /dev/full.

use super::*;
use crate::net::ring::ring;
use crate::observe::lines::BATCH_BYTES;
use crate::observe::{Lines, Sink};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

const PATIENCE: Duration = Duration::from_secs(20);

/// A folder of one test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ringgate-logs-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn still() -> Tick {
    Tick(0)
}

/// A shard's end of a ring with room for `batches`, and the log thread's.
fn pair(batches: usize) -> (ShardEnd, Feed) {
    let (sender, receiver) = ring(batches);
    let counts = Arc::new(Counts::default());
    (ShardEnd { sender, counts: counts.clone() }, Feed { ring: receiver, counts })
}

struct ShardEnd {
    sender: ring::Sender,
    counts: Arc<Counts>,
}

impl ShardEnd {
    fn lines(self) -> Lines {
        let sink: Sink = Box::new(move |batch| self.sender.send(batch));
        Lines::new(sink, self.counts)
    }
}

fn push(lines: &mut Lines, shard: usize, number: usize) {
    lines.push(|_, out| out.extend_from_slice(format!("{shard} {number} {:>60}\n", "x").as_bytes()));
}

/// The numbers of the lines of `shard`, in the order of the text. Checks that every line is whole.
fn numbers(text: &str, shard: usize) -> Vec<usize> {
    assert!(text.is_empty() || text.ends_with('\n'));
    let shard = shard.to_string();
    let parts = text.lines().map(|line| {
        let parts: Vec<_> = line.split_whitespace().collect();
        assert_eq!((parts.len(), parts[2]), (3, "x"), "{line}");
        (parts[0], parts[1].parse().unwrap())
    });
    parts.filter(|(of, _)| *of == shard).map(|(_, number)| number).collect()
}

fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("not so within ten seconds");
}

#[test]
fn each_shards_lines_keep_their_order_and_none_is_lost() {
    const LINES: usize = 20_000;
    let folder = Folder::new();
    let path = folder.file("access.log");
    let (shards, feeds): (Vec<_>, Vec<_>) = (0..3).map(|_| pair(4096)).unzip();
    let counts: Vec<_> = feeds.iter().map(|feed| feed.counts.clone()).collect();
    let logs = Logs::start(Target::File(path.clone()), feeds, still).unwrap();
    thread::scope(|scope| {
        for (shard, end) in shards.into_iter().enumerate() {
            scope.spawn(move || {
                let mut lines = end.lines();
                (0..LINES).for_each(|number| push(&mut lines, shard, number));
            });
        }
    });
    assert!(logs.stop(PATIENCE));
    let text = fs::read_to_string(&path).unwrap();
    for (shard, counts) in counts.iter().enumerate() {
        assert_eq!(numbers(&text, shard), (0..LINES).collect::<Vec<_>>());
        assert_eq!(counts.log_drops.now(), 0);
    }
}

#[test]
fn a_full_ring_drops_whole_batches_and_counts_each_line() {
    const LINES: usize = 5_000;
    let folder = Folder::new();
    let path = folder.file("access.log");
    let (end, feed) = pair(3);
    let counts = feed.counts.clone();
    let mut lines = end.lines();
    (0..LINES).for_each(|number| push(&mut lines, 0, number));
    drop(lines);
    let logs = Logs::start(Target::File(path.clone()), vec![feed], still).unwrap();
    assert!(logs.stop(PATIENCE));

    let text = fs::read_to_string(&path).unwrap();
    let written = numbers(&text, 0);
    assert_eq!(written, (0..written.len()).collect::<Vec<_>>());
    assert!(text.len() >= 3 * BATCH_BYTES, "three batches found room");
    assert_eq!(written.len() as u64 + counts.log_drops.now(), LINES as u64);
}

#[test]
fn rotation_loses_nothing_and_leaves_the_old_file_alone() {
    const LINES: usize = 30_000;
    let folder = Folder::new();
    let path = folder.file("access.log");
    let (end, feed) = pair(4096);
    let logs = Logs::start(Target::File(path.clone()), vec![feed], still).unwrap();
    let mut lines = end.lines();
    let mut old = Vec::new();
    for number in 0..LINES {
        push(&mut lines, 0, number);
        if number % 3_000 == 2_999 {
            lines.flush();
            let moved = folder.file(&format!("access.log.{number}"));
            fs::rename(&path, &moved).unwrap();
            assert!(logs.reopen());
            wait_until(|| path.exists());
            old.push((moved.clone(), fs::metadata(&moved).unwrap().len()));
        }
    }
    drop(lines);
    assert!(logs.stop(PATIENCE));

    let mut text = String::new();
    for (path, len) in &old {
        assert_eq!(fs::metadata(path).unwrap().len(), *len);
        text.push_str(&fs::read_to_string(path).unwrap());
    }
    text.push_str(&fs::read_to_string(&path).unwrap());
    assert_eq!(numbers(&text, 0), (0..LINES).collect::<Vec<_>>());
}

#[test]
fn a_target_that_cannot_be_opened_leaves_the_old_one() {
    let folder = Folder::new();
    let (path, other) = (folder.file("access.log"), folder.file("other.log"));
    let (end, feed) = pair(8);
    let logs = Logs::start(Target::File(path.clone()), vec![feed], still).unwrap();
    let mut lines = end.lines();
    let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());

    assert!(logs.redirect(Target::File(folder.file("missing/access.log"))));
    push(&mut lines, 0, 0);
    lines.flush();
    wait_until(|| size(&path) > 0);
    assert!(logs.redirect(Target::File(other.clone())));
    wait_until(|| other.exists());
    push(&mut lines, 0, 1);
    drop(lines);
    assert!(logs.stop(PATIENCE));
    assert_eq!(numbers(&fs::read_to_string(&path).unwrap(), 0), [0]);
    assert_eq!(numbers(&fs::read_to_string(&other).unwrap(), 0), [1]);
    assert!(Logs::start(Target::File(folder.file("missing/a")), vec![], still).is_err());
}

#[test]
fn a_pipe_that_nobody_reads_is_refused_and_not_waited_for() {
    let folder = Folder::new();
    let pipe = folder.file("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(Target::File(pipe.clone()).probe().is_err());
    let _reader = fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    assert!(Target::File(pipe).probe().is_ok());
}

#[test]
fn a_new_file_is_not_for_everyone_to_read_and_an_old_one_is_appended_to() {
    let folder = Folder::new();
    let path = folder.file("access.log");
    for number in 0..2 {
        let (end, feed) = pair(8);
        let logs = Logs::start(Target::File(path.clone()), vec![feed], still).unwrap();
        push(&mut end.lines(), 0, number);
        assert!(logs.stop(PATIENCE));
    }
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o137, 0);
    assert_eq!(numbers(&fs::read_to_string(&path).unwrap(), 0), [0, 1]);
}

#[test]
fn on_a_full_disk_every_line_is_counted_and_the_thread_ends() {
    let (end, feed) = pair(64);
    let logs = Logs::start(Target::named("/dev/full"), vec![feed], still).unwrap();
    let mut lines = end.lines();
    (0..1_000).for_each(|number| push(&mut lines, 0, number));
    drop(lines);
    let lost = logs.lost().clone();
    assert!(logs.stop(PATIENCE));
    assert_eq!(lost.now(), 1_000);
}

/// An outlet into a socket that takes few bytes at a time and never waits, and the socket's other end.
fn socket(patience: Duration) -> (Outlet, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let file = File::from(OwnedFd::from(ours));
    (Outlet::of(Target::Stdout, file, patience), theirs)
}

fn batch(numbers: std::ops::Range<usize>) -> Vec<u8> {
    numbers.flat_map(|number| format!("0 {number} {:>60}\n", "x").into_bytes()).collect()
}

#[test]
fn a_slow_reader_gets_every_line() {
    let (mut outlet, mut theirs) = socket(PATIENCE);
    let reader = thread::spawn(move || {
        let mut text = String::new();
        theirs.read_to_string(&mut text).unwrap();
        text
    });
    for start in (0..50_000).step_by(10_000) {
        outlet.write(&batch(start..start + 10_000)).unwrap();
    }
    drop(outlet);
    assert_eq!(numbers(&reader.join().unwrap(), 0), (0..50_000).collect::<Vec<_>>());
}

#[test]
fn a_line_begun_before_a_failure_is_ended_before_the_next_one() {
    let (mut outlet, mut theirs) = socket(Duration::ZERO);
    let first = outlet.write(&batch(0..50_000)).unwrap_err();
    assert_eq!(first.cause.kind(), io::ErrorKind::WouldBlock);
    let second = outlet.write(&batch(50_000..50_010)).unwrap_err();
    assert_eq!(second.lines, 10);

    theirs.set_nonblocking(true).unwrap();
    let mut read = Vec::new();
    assert_eq!(theirs.read_to_end(&mut read).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    outlet.write(&batch(60_000..60_010)).unwrap();
    drop(outlet);
    theirs.read_to_end(&mut read).unwrap();

    let seen = numbers(&String::from_utf8(read).unwrap(), 0);
    let whole = 50_000 - first.lines as usize;
    assert_eq!(seen, (0..whole).chain(60_000..60_010).collect::<Vec<_>>());
}

#[test]
fn a_reader_that_went_away_costs_lines_and_no_more() {
    let (mut outlet, theirs) = socket(Duration::ZERO);
    outlet.write(&batch(0..5)).unwrap();
    drop(theirs);
    let loss = outlet.write(&batch(5..12)).unwrap_err();
    assert_eq!((loss.lines, loss.cause.kind()), (7, io::ErrorKind::BrokenPipe));
    assert_eq!(outlet.abandon(), 0);
}

#[test]
fn a_reader_that_stopped_reading_does_not_keep_the_process() {
    let folder = Folder::new();
    let pipe = folder.file("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    // Both ways, so that neither end waits for the other to be opened.
    let held = fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let (end, feed) = pair(64);
    let logs = Logs::start(Target::File(pipe), vec![feed], still).unwrap();
    let mut lines = end.lines();
    (0..5_000).for_each(|number| push(&mut lines, 0, number));
    drop(lines);
    assert!(!logs.stop(Duration::from_millis(50)));
    drop(held);
}
