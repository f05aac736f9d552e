//! Layer 0: small values every room may name. Ids, moments, addresses, counters, faults. No I/O, no imports but std.

pub mod activity;
pub mod address;
pub mod certificate;
pub mod counters;
pub mod fault;
pub mod hash;
pub mod ids;
pub mod line;
pub mod tick;

pub use activity::Activity;
pub use address::{Address, ClientAddr};
pub use certificate::{Certificate, Proven};
pub use fault::{Fault, Kind, Side};
pub use ids::{Generation, ListenerId, RouteId, SocketId, UpstreamId};
pub use line::{Line, Place};
pub use tick::Tick;

// What counters are made of. engine/tests/loom_cap.rs compiles their file with loom's in their place.
use std::sync::atomic::{AtomicU32, AtomicU64};
