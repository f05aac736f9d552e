//! Metrics: plain numbers in dense arrays that each shard writes for itself, merged when somebody scrapes. `cells` is what is
//! counted of a name, `meters` which names are counted, `histogram` how durations are, `text` how it is written, `page`
//! what is on it. Pure: control collects what the page shows, and writes it on the blocking pool.

pub mod cells;
pub mod histogram;
pub mod meters;
pub mod page;
pub mod text;

pub use cells::{EndpointCells, ListenerCells, Met, RouteCells, UpstreamCells};
pub use meters::{Meter, Meters};
