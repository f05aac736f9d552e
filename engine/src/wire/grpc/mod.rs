//! gRPC as bytes (PROTOCOL-HTTP2.md and PROTOCOL-WEB.md of gRPC): where its frames begin, the frame that carries trailers in
//! a body, and the base64 that a body may be written in. All state is in the structs, so that a body may be torn at every
//! byte. `exchange/grpc` is the one that calls it.

pub mod frame;
pub mod text;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
