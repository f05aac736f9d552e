//! gRPC as bytes (PROTOCOL-HTTP2.md and PROTOCOL-WEB.md of gRPC): where its frames begin, the frame that carries trailers in
//! a body, and the base64 that a body may be written in. All state is in the structs, so that a body may be torn at every
//! byte. `exchange/grpc` is the one that calls it; both sides of HTTP/2 ask which bodies are of gRPC.

pub mod frame;
pub mod text;

/// The media type of messages, before what says in which form they are.
pub const KIND: &[u8] = b"application/grpc";

/// Whether a Content-Type says that a body holds messages of gRPC, in whatever form. It has no case (RFC 9110 §8.3.1).
pub fn is_of_grpc(kind: &[u8]) -> bool {
    kind.get(..KIND.len()).is_some_and(|front| front.eq_ignore_ascii_case(KIND))
}

#[cfg(test)]
pub mod reference;
#[cfg(test)]
mod tests;
