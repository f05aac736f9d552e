//! `ringgate reload` and `ringgate drain`: one request to the administration interface of a running gateway, whose address
//! and token stand in its file. Written by hand: one request, one answer that ends with the connection.

use crate::base::Address;
use crate::config::Problems;
use crate::control::load;
use crate::control::run::Refused;
use crate::table::{Admin, Token};
use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long an answer is waited for. A reload looks names up and waits for every shard.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// What a running gateway answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: String,
}

/// Has the gateway of the file at `path` read it again; gives the generation that all its shards serve then.
///
/// # Errors
/// `Configuration` with the problems of a file that cannot be used; `Runtime` with what the gateway said or that it could
/// not be reached.
pub fn reload(path: &Path) -> Result<u64, Refused> {
    let answer = ask(&admin(path)?, "/reload")?;
    let told: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    match (answer.status, told["generation"].as_u64(), told["text"].as_str()) {
        (200, Some(generation), _) => Ok(generation),
        (422, _, Some(text)) => Err(Refused::Reload(text.to_owned())),
        _ => Err(unexpected(&answer)),
    }
}

/// Has the gateway of the file at `path` end; what is none is as its file says.
///
/// # Errors
/// As [`reload`].
pub fn drain(path: &Path, delay: Option<&str>, timeout: Option<&str>) -> Result<(), Refused> {
    let pairs = [("delay", delay), ("timeout", timeout)];
    let query: Vec<String> =
        pairs.iter().filter_map(|(name, value)| Some(format!("{name}={}", (*value)?))).collect();
    let answer = ask(&admin(path)?, &format!("/drain?{}", query.join("&")))?;
    if answer.status == 202 { Ok(()) } else { Err(unexpected(&answer)) }
}

fn unexpected(answer: &Answer) -> Refused {
    if answer.status == 401 {
        let message =
            "the token in the file is not the one the gateway runs with: SIGHUP has it read the file again";
        return Refused::Runtime(message.to_owned());
    }
    Refused::Runtime(format!("the gateway answered {}: {}", answer.status, answer.body.trim_end()))
}

/// The interface that the file at `path` tells of.
fn admin(path: &Path) -> Result<Admin, Refused> {
    load::admin(path).map_err(Refused::Configuration)?.ok_or_else(|| {
        let message = "there is no 'admin', by which a running gateway could be reached";
        let fix = "add 'admin: { bind: 127.0.0.1:9900 }' and restart it; SIGHUP and SIGTERM work without"
            .to_owned();
        let file = path.display().to_string();
        Refused::Configuration(Problems(vec![crate::config::Problem::of_file(&file, message, Some(fix))]))
    })
}

fn ask(admin: &Admin, target: &str) -> Result<Answer, Refused> {
    let unreached = |error: io::Error| {
        Refused::Runtime(format!("the gateway cannot be reached at {}: {error}; is it running?", admin.bind))
    };
    let request = request(admin.token.as_ref(), target);
    let answered = match &admin.bind {
        Address::Tcp(addr) => {
            let addr = reachable(*addr);
            TcpStream::connect_timeout(&addr, PATIENCE).and_then(|stream| {
                stream.set_read_timeout(Some(PATIENCE))?;
                exchange(stream, &request)
            })
        }
        Address::Unix(path) => UnixStream::connect(path).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            exchange(stream, &request)
        }),
    };
    let bytes = answered.map_err(unreached)?;
    parse(&bytes).ok_or_else(|| Refused::Runtime(format!("what listens at {} is no gateway", admin.bind)))
}

/// Where an address that stands for all of a machine's own is reached from that machine.
fn reachable(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, addr.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, addr.port()).into(),
        _ => addr,
    }
}

fn request(token: Option<&Token>, target: &str) -> String {
    let token = token.map_or(String::new(), |token| format!("Authorization: Bearer {}\r\n", token.text()));
    format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\n{token}Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

fn exchange(mut stream: impl Read + Write, request: &str) -> io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_what_stands_behind_its_head() {
        let answer =
            parse(b"HTTP/1.1 422 Unprocessable\r\nContent-Length: 2\r\n\r\nno").expect("is an answer");
        assert_eq!((answer.status, answer.body.as_str()), (422, "no"));
        for bad in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 2"] {
            assert!(parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_of_all_is_reached_on_loopback() {
        for (bound, reached) in
            [("0.0.0.0:9", "127.0.0.1:9"), ("[::]:9", "[::1]:9"), ("10.0.0.1:9", "10.0.0.1:9")]
        {
            let addr = |text: &str| text.parse::<SocketAddr>().expect("is an address");
            assert_eq!(reachable(addr(bound)), addr(reached));
        }
    }
}
