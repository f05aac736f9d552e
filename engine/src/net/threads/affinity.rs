//! CPUs of the inherited affinity mask, pinning a shard to one of them, and what gives way to shards.

use crate::net::sys;

/// The CPUs this process may run on, in order; never empty.
pub fn cpus() -> Vec<usize> {
    let ids: Vec<usize> =
        core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect();
    if ids.is_empty() { vec![0] } else { ids }
}

/// Lets every other thread go first where CPUs are short, from now on and for good: for a thread that does one long thing that
/// nobody waits for by the millisecond.
pub fn give_way() {
    sys::give_way();
}

/// Pins this thread to `cpu`; false where the system refuses, and the thread then floats.
pub fn pin(cpu: usize) -> bool {
    core_affinity::set_for_current(core_affinity::CoreId { id: cpu })
}
