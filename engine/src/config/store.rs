//! `gateway.store`: where limits are shared between machines.

use super::read::section::section;
use super::units::Period;
use super::values::Secret;

section! {
    noun "store";
    /// A Redis that limits with `shared` are counted in together with other machines. No request waits for it.
    pub struct Store {
        /// `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`; port 6379 and database 0 unless given. In a password, `%`, `/`, `@` and
        /// `:` are written as `%25`, `%2F`, `%40` and `%3A`.
        pub address: Secret,
        /// What every key in it begins with; gateways that are to count apart have others.
        pub prefix: String = "ringgate",
        /// What takes longer has failed: a connection, and each answer. From 5ms to 5s.
        pub timeout: Period = "250ms",
        /// How many machines share it, 1 to 10,000. Only what `check` prints of how many may pass too many depends on it.
        pub machines: u32 = "2",
    }
}
