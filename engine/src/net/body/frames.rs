//! Bodies in the frames of HTTP/2, either way and on either side: the reader and the writer of a stream, and its fields as
//! lines. The streams themselves are begun in `conn/http2` and `upstream/http2`.

mod fields;
mod reader;
mod writer;

pub use fields::{lines, put_lines};
pub use reader::{Bounds, FrameReader};
pub use writer::{FrameSender, FrameWriter, Piece};
