//! Connections that control itself makes to servers it asks things of.

use super::resolve::addresses;
use crate::table::Resolver;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// One connection attempt at most.
const CONNECT: Duration = Duration::from_secs(3);
/// Addresses of a name that are tried at most.
const TRIED: usize = 4;

/// A connection to `host`, which is looked up as `rule` says.
///
/// # Errors
/// Why there is none, as a sentence without its end.
pub async fn connect(host: &str, port: u16, rule: &Resolver) -> Result<TcpStream, String> {
    let mut last = "it has no address".to_owned();
    for found in addresses(host, port, rule).await?.into_iter().take(TRIED) {
        match timeout(CONNECT, TcpStream::connect(found)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = format!("no connection to {found}: {error}"),
            Err(_) => last = format!("no connection to {found} within {CONNECT:?}"),
        }
    }
    Err(last)
}

/// An error with what is behind it.
pub fn shown(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// A connection that is driven beside a question, and closed with it, also where that is given up.
#[derive(Debug)]
pub struct Driven(JoinHandle<()>);

impl Driven {
    /// Drives it until this is dropped.
    pub fn new<E>(driver: impl Future<Output = Result<(), E>> + Send + 'static) -> Driven {
        // What went wrong with it is told to whoever asks.
        Driven(tokio::spawn(async { drop(driver.await) }))
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.0.abort();
    }
}
