//! All cells of a limit by key, in stripes with a lock each. Asked once for each key and shard; what is done under the
//! lock is bounded.
//!
//! The number of cells is bounded. When a stripe has made all of its own, a new key gets one that is at rest; a few are
//! looked at, in turn. When those are busy too, the key shares the overflow cell. Keys that came back often keep
//! theirs for a while though they rest, up to three quarters of all, so that a flood of keys that come once does not
//! push them out.

use super::rule::Rule;
use super::{Arc, AtomicU32, AtomicU64, Cell, KEEP_NS, KNOWN_USES, Key, Lease, Mutex, Ordering};
use hashbrown::HashTable;

/// Cells that are looked at for one at rest: where one in four is, all but one search in a hundred finds it.
const LOOKS: usize = 16;

/// Stripes at most; a power of two.
const STRIPES_MAX: usize = 64;

/// Cells of a stripe at least, before there are two.
const STRIPE_CELLS_MIN: usize = 512;

/// Bytes of a cell with its counts of references, which lie on a cache line of their own.
const CELL_BYTES: usize = size_of::<Cell>() + align_of::<Cell>();

/// Bytes of what a key takes besides: its place and its index, in tables that are up to half empty.
const PLACE_BYTES: usize = 2 * (size_of::<(Key, Arc<Cell>)>() + (size_of::<u32>() + 1) * 8 / 7);

/// All cells of a limit.
#[derive(Debug)]
pub struct Stripes {
    stripes: Box<[Stripe]>,
    /// Cells of a stripe at most.
    room: AtomicU32,
    /// Slots of a cell's ring.
    slots: usize,
    leased: bool,
    overflow: Arc<Cell>,
    known: AtomicU32,
    known_max: AtomicU32,
    tally: Tally,
}

#[derive(Debug)]
#[repr(align(128))]
struct Stripe(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    /// Indexes into `cells`, by key.
    by_key: HashTable<u32>,
    cells: Vec<(Key, Arc<Cell>)>,
    /// Which is looked at next.
    hand: usize,
    /// The latest moment seen: a cell that is given away begins no earlier.
    latest: u64,
}

/// What became of first sights; for the metrics.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Tally {
    /// Cells made.
    pub made: AtomicU64,
    /// Cells given to another key.
    pub reused: AtomicU64,
    /// Times a key found none.
    pub overflowed: AtomicU64,
    /// Times a shard asked.
    pub asked: AtomicU64,
}

/// What a shard's first sight of a key gives.
#[derive(Debug)]
pub enum Sight {
    /// The key's cell.
    Own(Arc<Cell>),
    /// The cell of all that found none: do not keep it as the key's.
    Overflow,
}

impl Stripes {
    /// Room for `keys` at least. In several stripes each has some room to spare, since keys spread by chance. Nothing is
    /// allocated for a cell before it is needed. `slots` is the ring of a log, 0 for others.
    pub fn new(keys: u32, slots: usize, rule: &Rule, now: u64) -> Stripes {
        Stripes::of(Cell::new(slots), keys, slots, rule, now)
    }

    /// The same for a limit that other machines share: each cell has a lease.
    pub fn leased(keys: u32, slots: usize, rule: &Rule, now: u64) -> Stripes {
        Stripes::of(Cell::leased(slots), keys, slots, rule, now)
    }

    fn of(overflow: Cell, keys: u32, slots: usize, rule: &Rule, now: u64) -> Stripes {
        let stripes = (keys as usize / STRIPE_CELLS_MIN).next_power_of_two().clamp(1, STRIPES_MAX);
        rule.fresh(&overflow, now);
        let made = Stripes {
            stripes: (0..stripes).map(|_| Stripe(Mutex::new(Held::default()))).collect(),
            room: AtomicU32::new(0),
            slots,
            leased: overflow.lease.is_some(),
            overflow: Arc::new(overflow),
            known: AtomicU32::new(0),
            known_max: AtomicU32::new(0),
            tally: Tally::default(),
        };
        made.resize(keys);
        made
    }

    /// Makes room for `keys`. Where that is less than before, cells that were made stay.
    pub fn resize(&self, keys: u32) {
        let keys = keys.max(1);
        let stripes = u32::try_from(self.stripes.len()).expect("at most STRIPES_MAX");
        let mean = keys.div_ceil(stripes);
        // Four standard deviations.
        let room = if stripes == 1 { keys } else { mean.saturating_add(4 * mean.isqrt()) };
        self.room.store(room, Ordering::Relaxed);
        self.known_max.store(keys - keys.div_ceil(4), Ordering::Relaxed);
    }

    /// Cells at most.
    pub fn room(&self) -> usize {
        self.room.load(Ordering::Relaxed) as usize * self.stripes.len()
    }

    /// Slots of a cell's ring.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Calls `then` with each cell, a stripe at a time under its lock. Who holds a cell spends from it meanwhile.
    pub fn each(&self, then: impl Fn(&Cell)) {
        then(&self.overflow);
        for stripe in &self.stripes {
            let held = stripe.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            held.cells.iter().for_each(|(_, cell)| then(cell));
        }
    }

    /// Bytes that a key takes at most, wherever it is met.
    pub fn key_bytes(&self) -> usize {
        let lease = if self.leased { size_of::<Lease>() } else { 0 };
        CELL_BYTES + PLACE_BYTES + self.slots * size_of::<AtomicU64>() + lease
    }

    /// What became of first sights.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The cell of all that found none.
    pub fn overflow(&self) -> &Arc<Cell> {
        &self.overflow
    }

    fn stripe(&self, key: Key) -> &Mutex<Held> {
        &self.stripes[key.1 as usize & (self.stripes.len() - 1)].0
    }

    /// The cell of a key that the asking shard does not hold: the one it has, a new one, one at rest.
    pub fn sight(&self, key: Key, rule: &Rule, now: u64) -> Sight {
        let mut held = self.stripe(key).lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        self.tally.asked.fetch_add(1, Ordering::Relaxed);
        held.latest = held.latest.max(now);
        if let Some(at) = held.find(key) {
            return Sight::Own(held.cells[at].1.clone());
        }
        if held.cells.len() < self.room.load(Ordering::Relaxed) as usize {
            let cell = if self.leased { Cell::leased(self.slots) } else { Cell::new(self.slots) };
            let cell = Arc::new(cell);
            rule.fresh(&cell, held.latest);
            held.push(key, cell.clone());
            self.tally.made.fetch_add(1, Ordering::Relaxed);
            return Sight::Own(cell);
        }
        for _ in 0..LOOKS.min(held.cells.len()) {
            let at = held.hand;
            held.hand = (at + 1) % held.cells.len();
            if !self.is_free(&mut held, at, rule) {
                continue;
            }
            let before = std::mem::replace(&mut held.cells[at].0, key);
            held.forget(before, at);
            held.index(key, at);
            let cell = held.cells[at].1.clone();
            rule.fresh(&cell, held.latest);
            cell.uses.store(0, Ordering::Relaxed);
            self.tally.reused.fetch_add(1, Ordering::Relaxed);
            return Sight::Own(cell);
        }
        self.tally.overflowed.fetch_add(1, Ordering::Relaxed);
        Sight::Overflow
    }

    /// Whether a cell may be given away: no shard holds it, it is at rest, and its key is not kept.
    fn is_free(&self, held: &mut Held, at: usize, rule: &Rule) -> bool {
        let latest = held.latest;
        // The only reference: whoever had another has put it down, with all it wrote, and gets one here only.
        let Some(cell) = Arc::get_mut(&mut held.cells[at].1) else { return false };
        match rule.rest(cell, latest) {
            Some(rest) if cell.known.load(Ordering::Relaxed) && rest < KEEP_NS => false,
            Some(_) => {
                self.unknow(cell);
                true
            }
            None => false,
        }
    }

    /// The cell of a key, if it has one; for those who only look.
    pub fn look(&self, key: Key) -> Option<Arc<Cell>> {
        let held = self.stripe(key).lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        held.find(key).map(|at| held.cells[at].1.clone())
    }

    /// A cell as a new key would get it, for those who only look.
    pub(super) fn fresh(&self, rule: &Rule, now: u64) -> Cell {
        let cell = Cell::new(self.slots);
        rule.fresh(&cell, now);
        cell
    }

    /// Whether a key that was used so often is to be kept though it rests, as far as there is room for such.
    pub(super) fn know(&self, cell: &Cell) -> bool {
        if cell.known.load(Ordering::Relaxed) {
            return true;
        }
        if cell.uses.load(Ordering::Relaxed) < KNOWN_USES {
            return false;
        }
        if self.known.fetch_add(1, Ordering::Relaxed) >= self.known_max.load(Ordering::Relaxed)
            || cell.known.swap(true, Ordering::Relaxed)
        {
            self.known.fetch_sub(1, Ordering::Relaxed);
        }
        cell.known.load(Ordering::Relaxed)
    }

    /// A known key has been away for too long.
    pub(super) fn unknow(&self, cell: &Cell) {
        if cell.known.swap(false, Ordering::Relaxed) {
            self.known.fetch_sub(1, Ordering::Relaxed);
        }
        cell.uses.store(0, Ordering::Relaxed);
    }
}

impl Held {
    fn find(&self, key: Key) -> Option<usize> {
        self.by_key.find(key.0, |at| self.cells[*at as usize].0 == key).map(|at| *at as usize)
    }

    /// Puts a cell in at a place drawn by its key, so that keys that came together, such as known ones, do not stand
    /// together where one at rest is looked for.
    fn push(&mut self, key: Key, cell: Arc<Cell>) {
        let last = self.cells.len();
        self.cells.push((key, cell));
        let at = (key.0 >> 32) as usize % (last + 1);
        if at < last {
            let moved = self.cells[at].0;
            self.forget(moved, at);
            self.cells.swap(at, last);
            self.index(moved, last);
        }
        self.index(key, at);
    }

    fn index(&mut self, key: Key, at: usize) {
        let cells = &self.cells;
        let at = u32::try_from(at).expect("a stripe has fewer cells than 32 bits count");
        self.by_key.insert_unique(key.0, at, |at| cells[*at as usize].0.0);
    }

    fn forget(&mut self, key: Key, at: usize) {
        if let Ok(entry) = self.by_key.find_entry(key.0, |other| *other as usize == at) {
            entry.remove();
        }
    }
}
