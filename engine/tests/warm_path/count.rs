//! The allocator of this test: the system's, counting for each thread apart. A thread is found by the name that
//! the kernel knows it by, so that a real shard can be counted from outside without its knowing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Threads counted at most; later ones share the last slot.
const THREADS: usize = 256;
/// Backtraces kept of allocations in trapped spans: of all, and of one.
const SEEN_MAX: usize = 64;
const SEEN_A_SPAN: usize = 4;

#[derive(Debug)]
struct Slot {
    /// The kernel's number of the thread; 0 while no thread has it.
    tid: AtomicU32,
    calls: AtomicU64,
    live_bytes: AtomicI64,
    largest: AtomicU64,
    /// How many of the next allocations are to be told about.
    trapped: AtomicUsize,
}

static SLOTS: [Slot; THREADS] = [const {
    Slot {
        tid: AtomicU32::new(0),
        calls: AtomicU64::new(0),
        live_bytes: AtomicI64::new(0),
        largest: AtomicU64::new(0),
        trapped: AtomicUsize::new(0),
    }
}; THREADS];
static SLOTS_USED: AtomicU32 = AtomicU32::new(0);
static SEEN: [OnceLock<Backtrace>; SEEN_MAX] = [const { OnceLock::new() }; SEEN_MAX];
static SEEN_USED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: Cell<Option<usize>> = const { Cell::new(None) };
    /// Set while a backtrace is taken, which allocates itself.
    static LOOKING: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is handed to the system's allocator as it came; counting touches atomics and constant
// thread-locals without a destructor, which never allocate.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    // SAFETY: as the trait asks of whoever calls.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: as the trait asks of whoever calls.
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        own().live_bytes.fetch_sub(layout.size() as i64, Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    // SAFETY: as the trait asks of whoever calls.
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        own().live_bytes.fetch_sub(layout.size() as i64, Relaxed);
        took(size);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

fn own() -> &'static Slot {
    let index = OWN.get().unwrap_or_else(|| {
        let index = (SLOTS_USED.fetch_add(1, Relaxed) as usize).min(THREADS - 1);
        // SAFETY: gettid has no argument and cannot fail.
        #[allow(unsafe_code)]
        let tid = unsafe { libc::gettid() };
        SLOTS[index].tid.store(tid as u32, Relaxed);
        OWN.set(Some(index));
        index
    });
    &SLOTS[index]
}

fn took(bytes: usize) {
    if LOOKING.get() {
        return;
    }
    let slot = own();
    slot.calls.fetch_add(1, Relaxed);
    slot.live_bytes.fetch_add(bytes as i64, Relaxed);
    slot.largest.fetch_max(bytes as u64, Relaxed);
    let trapped = slot.trapped.load(Relaxed);
    if trapped > 0 {
        slot.trapped.store(trapped - 1, Relaxed);
        LOOKING.set(true);
        if let Some(free) = SEEN.get(SEEN_USED.fetch_add(1, Relaxed)) {
            let _ = free.set(Backtrace::force_capture());
        }
        LOOKING.set(false);
    }
}

/// A thread of this process, seen from outside.
#[derive(Clone, Copy)]
pub struct Thread(&'static Slot);

/// What a thread has allocated in a span.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// Allocations and reallocations.
    pub calls: u64,
    /// Bytes allocated and not freed again, by the same thread.
    pub live_bytes: i64,
    /// Bytes of the largest allocation.
    pub largest: u64,
    seen: usize,
}

impl Thread {
    /// The running thread that the kernel knows as `name`.
    pub fn named(name: &str) -> Option<Thread> {
        let tasks = fs::read_dir("/proc/self/task").ok()?;
        let tid = tasks.flatten().find_map(|task| {
            let comm = fs::read_to_string(task.path().join("comm")).ok()?;
            if comm.trim_end() == name { task.file_name().to_str()?.parse::<u32>().ok() } else { None }
        })?;
        SLOTS.iter().find(|slot| slot.tid.load(Relaxed) == tid).map(Thread)
    }

    /// Starts a span.
    pub fn begin(self) -> Span {
        self.0.largest.store(0, Relaxed);
        let (calls, live_bytes) = (self.0.calls.load(Relaxed), self.0.live_bytes.load(Relaxed));
        Span { thread: self, calls, live_bytes, seen: SEEN_USED.load(Relaxed) }
    }

    /// Starts a span in which whoever allocates is told by [`Span::end`].
    pub fn trap(self) -> Span {
        let span = self.begin();
        self.0.trapped.store(SEEN_A_SPAN, Relaxed);
        span
    }
}

/// What a thread does between [`Thread::begin`] and [`Span::end`].
pub struct Span {
    thread: Thread,
    calls: u64,
    live_bytes: i64,
    seen: usize,
}

impl Span {
    /// Ends it.
    pub fn end(self) -> Taken {
        self.thread.0.trapped.store(0, Relaxed);
        self.so_far()
    }

    /// What was taken since it began.
    pub fn so_far(&self) -> Taken {
        let slot = self.thread.0;
        Taken {
            calls: slot.calls.load(Relaxed) - self.calls,
            live_bytes: slot.live_bytes.load(Relaxed) - self.live_bytes,
            largest: slot.largest.load(Relaxed),
            seen: self.seen,
        }
    }
}

impl Taken {
    /// Where the first allocations of a trapped span came from: those frames that are the engine's own.
    pub fn culprits(&self) -> String {
        let own = |seen: &Backtrace| {
            let text = seen.to_string();
            let lines =
                text.lines().filter(|line| line.contains("engine/src/") || line.contains("ringgate::"));
            lines
                .filter(|line| !line.contains("closure_env"))
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        };
        let seen = SEEN[self.seen.min(SEEN_MAX)..].iter().take(SEEN_A_SPAN);
        seen.filter_map(OnceLock::get).map(|seen| own(seen) + "\n").collect()
    }
}
