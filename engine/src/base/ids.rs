//! Newtypes for indexes into one generation's table, and for the generation itself.

/// Number of a compiled table. It only grows; the first table of a process is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Generation(pub u64);

/// Index of a route within one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RouteId(pub u32);

/// Index of an upstream within one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UpstreamId(pub u32);

/// Index of a listener within one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId(pub u32);

/// A listening address of the process, with one socket a shard or one in all. Never given twice: it goes on through reloads
/// for as long as some listener is bound there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketId(pub u64);

macro_rules! index {
    ($($id:ident),*) => {$(
        impl $id {
            /// The id as an index into its table's list.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}
index!(RouteId, UpstreamId, ListenerId);
