//! `tools load`: an HTTP/1.1 load client, many connections on one thread. Without `--rate` each connection sends its
//! next request when an answer is complete (closed loop). With it, requests are due at fixed moments whatever the
//! answers do, and a latency counts from the moment a request was due, so that a stall is seen by all that had to wait
//! (no coordinated omission). CPU is read from /proc for the processes named with `--pid`, over the measured time only.

use clap::Args;
use std::net::SocketAddr;
use std::time::Duration;

mod answer;
mod client;
mod cpu;
mod histogram;
mod report;
mod run;

pub use histogram::Histogram;
pub use report::{Errors, Report};
pub use run::run;

/// What is sent, how, and for how long.
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// Where to, `http://ADDRESS:PORT/PATH`; loopback only
    #[arg(long)]
    pub url: Url,
    /// Connections at once
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Seconds measured
    #[arg(long, default_value_t = 5.0, value_parser = seconds)]
    pub seconds: f64,
    /// Seconds before them that are not measured
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    pub warmup: f64,
    /// Requests a second, sent at fixed moments; none: as fast as answers come
    #[arg(long)]
    pub rate: Option<u32>,
    /// The method
    #[arg(long, default_value = "GET")]
    pub method: String,
    /// Bytes of the request's body
    #[arg(long, default_value_t = 0)]
    pub body_bytes: usize,
    /// A further field, `Name: value`; may be given again
    #[arg(long)]
    pub field: Vec<String>,
    /// A connection for each request
    #[arg(long)]
    pub close: bool,
    /// A process whose CPU is measured, with its children; may be given again
    #[arg(long)]
    pub pid: Vec<u32>,
    /// Print one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// The address and path of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Its address, on loopback.
    pub addr: SocketAddr,
    /// The path and query, from its `/` on.
    pub path: String,
}

impl std::str::FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Url, String> {
        let rest = text.strip_prefix("http://").ok_or("it starts with http://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let addr: SocketAddr =
            authority.parse().map_err(|_| "an address and a port, no name: 127.0.0.1:8080")?;
        if !addr.ip().is_loopback() {
            return Err("load is made on loopback only".to_string());
        }
        Ok(Url { addr, path: if path.is_empty() { "/" } else { path }.to_string() })
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds")?;
    if (0.0..=86_400.0).contains(&seconds) { Ok(seconds) } else { Err("0 to 86400 seconds".to_string()) }
}

impl Plan {
    /// A closed loop of GETs at `url`, for callers other than the command line.
    pub fn new(url: Url) -> Plan {
        Plan {
            url,
            connections: 1,
            seconds: 1.0,
            warmup: 0.0,
            rate: None,
            method: "GET".to_string(),
            body_bytes: 0,
            field: Vec::new(),
            close: false,
            pid: Vec::new(),
            json: false,
        }
    }

    fn warmup_time(&self) -> Duration {
        Duration::from_secs_f64(self.warmup)
    }

    fn measured_time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// The bytes of every request.
    fn request(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.url.path, self.url.addr);
        let mut field = |line: &str| head.extend([line, "\r\n"]);
        field("User-Agent: tools-load");
        field("Accept: */*");
        if self.body_bytes > 0 {
            field(&format!("Content-Length: {}", self.body_bytes));
        }
        if self.close {
            field("Connection: close");
        }
        self.field.iter().for_each(|line| field(line));
        field("");
        let mut request = head.into_bytes();
        request.resize(request.len() + self.body_bytes, b'x');
        request
    }
}

#[cfg(test)]
mod tests;
