//! Connection caps, held before a byte is parsed: the listener's and the process's. Both counts are exact on the
//! machine and touched only here and when the connection ends.

use crate::base::counters::{Capped, Slot};
use std::sync::Arc;

/// The caps of one listener.
#[derive(Debug, Clone)]
pub struct Admit {
    /// The listener's count and cap.
    pub listener: (Arc<Capped>, u32),
    /// The process's count and cap.
    pub process: (Arc<Capped>, u32),
}

/// A place under both caps, for as long as the connection lives.
#[derive(Debug)]
pub struct Admission {
    _listener: Slot<Arc<Capped>>,
    _process: Slot<Arc<Capped>>,
}

impl Admit {
    /// A place, or none when a cap is reached.
    pub fn admit(&self) -> Option<Admission> {
        let (count, cap) = &self.listener;
        let listener = Slot::take(count.clone(), *cap)?;
        let (count, cap) = &self.process;
        let process = Slot::take(count.clone(), *cap)?;
        Some(Admission { _listener: listener, _process: process })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_takes_no_place_under_either_cap() {
        let (listener, process) = (Arc::new(Capped::default()), Arc::new(Capped::default()));
        let admit = Admit { listener: (listener.clone(), 5), process: (process.clone(), 2) };
        let held: Vec<_> = std::iter::from_fn(|| admit.admit()).collect();
        assert_eq!((held.len(), listener.now(), process.now()), (2, 2, 2));
        drop(held);
        assert_eq!((listener.now(), process.now()), (0, 0));
    }
}
