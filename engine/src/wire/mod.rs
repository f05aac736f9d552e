//! Layer 2: bytes in, bytes out. What a message looks like, whatever protocol brought it, and how HTTP/1.1 is
//! read and written. No I/O, no clock, no allocation once warm; hostile bytes are faults with a reason.
//!
//! A parsed head is the bytes as they came plus [`Lines`], ranges into them; [`Head`] is the view of both. It is
//! never changed: policies add to [`Edits`], and `http1::encode` writes head and edits into an outgoing buffer.

pub mod cookie;
pub mod date;
pub mod edits;
pub mod field;
pub mod grpc;
pub mod head;
pub mod http1;
pub mod http2;
pub mod method;
pub mod proxy_protocol;
pub mod resp;
pub mod status;
pub mod token;
pub mod uri;
pub mod websocket;

pub use edits::Edits;
pub use field::{Field, FieldSet};
pub use head::{Form, Head, Line, Lines, Span, Version};
pub use method::Method;
