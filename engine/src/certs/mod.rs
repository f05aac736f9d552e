//! Layer 3: certificates. PEM files become identities, identities the terms on which a listener shakes hands; which
//! certificate a client is shown is told by the name it asks for. Pure: `table` reads the files, `tls` shakes hands.

mod client;
mod clients;
mod identity;
mod kin;
mod name;
mod obtained;
mod origin;
mod store;
mod taken;
mod terms;
#[cfg(test)]
mod tests;
mod tickets;
mod tokens;

pub use clients::{Asks, Clients, Unusable};
pub use identity::{Identity, Unfit};
pub use obtained::{ACME_TLS, Obtained, Ordered, Proof};
pub use origin::{Name, OriginTerms, Roots, Trust};
pub use store::Asked;
pub use taken::Taken;
pub use terms::{Sealing, Terms};
pub use tickets::Keys;
pub use tokens::{Published, Tokens};
