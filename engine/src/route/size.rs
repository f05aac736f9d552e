//! How much memory a look-up takes: its tables, which all shards share, and the caches of its expressions, which grow on
//! each shard as requests come. For `ringgate check`; hash maps are counted with their free places.

use super::Lookup;
use super::automaton::cache_bytes_max;
use std::mem::size_of_val;

/// The size of a look-up. Bytes are those of its tables, to within some per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Hosts that rules name, wildcards among them; every host counts as one.
    pub hosts: usize,
    /// Pairs of a host and a path.
    pub paths: usize,
    /// Bytes of the tables, without the expressions.
    pub table_bytes: usize,
    /// Automata: one a host with expressions among its paths, one for each different expression of a condition.
    pub automata: usize,
    /// Bytes of all automata.
    pub automata_bytes: usize,
    /// Bytes of the largest one.
    pub automaton_bytes_max: usize,
    /// Bytes that their caches may grow to on each shard.
    pub cache_bytes_max: usize,
}

impl Lookup {
    /// Its size.
    pub fn size(&self) -> Size {
        let path_automata = self.paths.hosts.iter().filter_map(|host| host.expressions.as_ref());
        let automata = path_automata.map(|found| &found.automaton).chain(&self.guards.automata);
        let bytes: Vec<usize> = automata.map(|automaton| automaton.bytes()).collect();
        Size {
            hosts: self.paths.hosts.len(),
            paths: self.paths.takers.len(),
            table_bytes: self.table_bytes(),
            automata: bytes.len(),
            automata_bytes: bytes.iter().sum(),
            automaton_bytes_max: bytes.iter().copied().max().unwrap_or(0),
            cache_bytes_max: cache_bytes_max(bytes.len()),
        }
    }
    fn table_bytes(&self) -> usize {
        let paths = &self.paths;
        let trees = size_of_val(&*paths.trees.bytes) + size_of_val(&*paths.trees.table);
        self.hosts.bytes() + size_of_val(&*paths.hosts) + trees + size_of_val(&*paths.takers)
    }
}
