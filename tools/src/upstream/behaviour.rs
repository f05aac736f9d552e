//! What the origin does with a request, read from its path. Numbers stand in the path, rarer ones in the query.
//! A path that names no behaviour is a 404, so that a test with a typing error fails.

use super::reply::unhex;
use super::seen::Request;
use std::time::Duration;

/// One way to answer or not to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// `/`, `/ok`: 200 with the body `ok`.
    Ok,
    /// `/echo`: 200 whose body is the request's head, then its decoded body.
    Echo,
    /// `/echo-json`: the same as JSON: `method`, `target`, `version`, `fields` (pairs), `body`, `trailers`.
    EchoJson,
    /// `/bytes/N`: 200 with N bytes of [`super::pattern`].
    Bytes(u64),
    /// `/chunked/N?size=K`: N bytes in chunks of K (1000).
    Chunked(u64, u64),
    /// `/trailers`: a chunked `hello` with the trailer `X-Checksum`.
    Trailers,
    /// `/slow-head/MS`: half a head, a pause, the rest.
    SlowHead(Duration),
    /// `/slow-body/MS/N`: N bytes, each after a pause.
    SlowBody(Duration, u64),
    /// `/status/N`: that status, its number as the body where it may have one.
    Status(u16),
    /// `/close-delimited/N`: N bytes that end with the connection.
    CloseDelimited(u64),
    /// `/reset-before-head`: RST in place of an answer.
    ResetBeforeHead,
    /// `/close-before-head`: FIN in place of an answer.
    CloseBeforeHead,
    /// `/reset-mid-body?after=K`: RST after K (1000) of 100,000 bytes.
    ResetMidBody(u64),
    /// `/cut-chunked?after=K`: K (1000) bytes in a chunk, then FIN without a last chunk.
    CutChunked(u64),
    /// `/cut-length?after=K`: FIN after K (1000) of 100,000 bytes.
    CutLength(u64),
    /// `/early-answer`: the whole answer before the body is read; the connection stays open and what comes is read.
    EarlyAnswer,
    /// `/early-answer-close`: the same, then the connection is closed with the body unread.
    EarlyAnswerClose,
    /// `/100-continue`: a 100 before the body is read, whether asked for or not, then as `/echo`.
    Continue,
    /// `/103`: early hints, then 200.
    EarlyHints,
    /// `/many-1xx/N`: N early hints, then 200.
    ManyInterim(u64),
    /// `/204-with-body`: a 204 with Content-Length 5 and five bytes, which break the next answer.
    NoContentWithBody,
    /// `/304`: a 304 with Content-Length 1000 and, rightly, no body.
    NotModified,
    /// `/extra-bytes`: a whole answer and, behind it, another one that nobody asked for.
    ExtraBytes,
    /// `/close-after`: a keep-alive answer, then FIN at once.
    CloseAfter,
    /// `/reset-after`: a keep-alive answer, then RST at once.
    ResetAfter,
    /// `/once`: an answer to the first request of a connection; later ones are read and the connection is closed.
    Once,
    /// `/raw/HEX`: these bytes and no other. `/raw-close/HEX`: then FIN. `/raw-torn/MS/HEX`, `/raw-torn-close/MS/HEX`: each byte
    /// in a write of its own, with a pause between them.
    Raw(Vec<u8>, Option<Duration>, After),
    /// `/script/NAME`: the bytes given to `Origin::script`. `/script-close/NAME`: then FIN. `/script-reset/NAME`: then RST.
    Script(String, After),
    /// `/held/AT/NAME`: the first AT bytes of that script; the rest once `Origin::release` is called.
    /// `/held-close/AT/NAME`: then FIN.
    Held(usize, String, After),
    /// `/upgrade`: 101 to the protocol asked for, then every byte comes back; 426 when none was asked for.
    Upgrade,
    /// `/upgrade-unasked`: 101 to websocket, asked for or not.
    UpgradeUnasked,
    /// `/never`: reads everything, answers nothing.
    Never,
    /// `/no-read`: reads no further than the head, answers nothing.
    NoRead,
    /// `/http10`: an HTTP/1.0 answer that ends with the connection.
    Http10,
    /// `/big-head/N`: an answer with one field of N bytes.
    BigHead(u64),
    /// `/many-fields/N`: an answer with N fields.
    ManyFields(u64),
    /// Anything else: 404.
    Unknown,
}

/// What happens to a connection after exact bytes were sent on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It waits for the next request.
    Keep,
    /// It is closed.
    Close,
    /// It is reset, once the bytes had time to arrive.
    Reset,
}

impl Behaviour {
    /// What `request` asks for: by its field `X-Origin`, else by its path.
    pub fn of(request: &Request) -> Behaviour {
        match request.value("x-origin") {
            Some(path) => Behaviour::parse(&path),
            None => Behaviour::parse(request.target()),
        }
    }

    /// The behaviour that a path names; an absolute-form target's authority is passed over.
    pub fn parse(target: &str) -> Behaviour {
        let path = target
            .strip_prefix("http://")
            .map_or(target, |rest| rest.find('/').map_or("/", |at| &rest[at..]));
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        simple(&parts)
            .or_else(|| counted(&parts, query))
            .or_else(|| exact(&parts))
            .unwrap_or(Behaviour::Unknown)
    }

    /// Whether the request's body is read before the answer.
    pub(super) fn reads_body_first(&self) -> bool {
        use Behaviour::*;
        !matches!(self, EarlyAnswer | EarlyAnswerClose | Continue | NoRead | Never | Upgrade | UpgradeUnasked)
    }
}

/// Paths of one word.
fn simple(parts: &[&str]) -> Option<Behaviour> {
    use Behaviour::*;
    let [word] = parts else { return None };
    Some(match *word {
        "" | "ok" => Ok,
        "echo" => Echo,
        "echo-json" => EchoJson,
        "trailers" => Trailers,
        "reset-before-head" => ResetBeforeHead,
        "close-before-head" => CloseBeforeHead,
        "early-answer" => EarlyAnswer,
        "early-answer-close" => EarlyAnswerClose,
        "100-continue" => Continue,
        "103" => EarlyHints,
        "204-with-body" => NoContentWithBody,
        "304" => NotModified,
        "extra-bytes" => ExtraBytes,
        "close-after" => CloseAfter,
        "reset-after" => ResetAfter,
        "once" => Once,
        "upgrade" => Upgrade,
        "upgrade-unasked" => UpgradeUnasked,
        "never" => Never,
        "no-read" => NoRead,
        "http10" => Http10,
        _ => return None,
    })
}

/// Paths with numbers.
fn counted(parts: &[&str], query: &str) -> Option<Behaviour> {
    use Behaviour::*;
    let number = |at: usize| parts.get(at)?.parse::<u64>().ok();
    let option = |name: &str, default: u64| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(n, _)| *n == name).find_map(|(_, v)| v.parse().ok()).unwrap_or(default)
    };
    Some(match (parts[0], parts.len()) {
        ("bytes", 2) => Bytes(number(1)?),
        ("chunked", 2) => Chunked(number(1)?, option("size", 1000).max(1)),
        ("slow-head", 2) => SlowHead(Duration::from_millis(number(1)?)),
        ("slow-body", 3) => SlowBody(Duration::from_millis(number(1)?), number(2)?),
        ("status", 2) => Status(u16::try_from(number(1)?).ok()?),
        ("close-delimited", 2) => CloseDelimited(number(1)?),
        ("many-1xx", 2) => ManyInterim(number(1)?),
        ("big-head", 2) => BigHead(number(1)?),
        ("many-fields", 2) => ManyFields(number(1)?),
        ("reset-mid-body", 1) => ResetMidBody(option("after", 1000)),
        ("cut-chunked", 1) => CutChunked(option("after", 1000)),
        ("cut-length", 1) => CutLength(option("after", 1000)),
        _ => return None,
    })
}

/// Paths that carry or name exact bytes.
fn exact(parts: &[&str]) -> Option<Behaviour> {
    use Behaviour::*;
    let pause = |at: usize| Some(Duration::from_millis(parts.get(at)?.parse().ok()?));
    Some(match (parts[0], parts.len()) {
        ("raw", 2) => Raw(unhex(parts[1])?, None, After::Keep),
        ("raw-close", 2) => Raw(unhex(parts[1])?, None, After::Close),
        ("raw-torn", 3) => Raw(unhex(parts[2])?, Some(pause(1)?), After::Keep),
        ("raw-torn-close", 3) => Raw(unhex(parts[2])?, Some(pause(1)?), After::Close),
        ("script", 2) => Script(parts[1].to_string(), After::Keep),
        ("script-close", 2) => Script(parts[1].to_string(), After::Close),
        ("script-reset", 2) => Script(parts[1].to_string(), After::Reset),
        ("held", 3) => Held(parts[1].parse().ok()?, parts[2].to_string(), After::Keep),
        ("held-close", 3) => Held(parts[1].parse().ok()?, parts[2].to_string(), After::Close),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, expected: Behaviour) {
        assert_eq!(Behaviour::parse(target), expected, "{target}");
    }

    #[test]
    fn a_path_names_its_behaviour() {
        check("/", Behaviour::Ok);
        check("/echo?a=b", Behaviour::Echo);
        check("http://a.example/echo", Behaviour::Echo);
        check("http://a.example", Behaviour::Ok);
        check("/bytes/17", Behaviour::Bytes(17));
        check("/chunked/5?size=2", Behaviour::Chunked(5, 2));
        check("/chunked/5?size=0", Behaviour::Chunked(5, 1));
        check("/slow-body/3/4", Behaviour::SlowBody(Duration::from_millis(3), 4));
        check("/cut-length?after=0", Behaviour::CutLength(0));
        check("/raw/4142", Behaviour::Raw(b"AB".to_vec(), None, After::Keep));
        check("/raw-torn/2/41", Behaviour::Raw(b"A".to_vec(), Some(Duration::from_millis(2)), After::Keep));
        check("/script-close/a", Behaviour::Script("a".to_string(), After::Close));
        check("/held/7/a", Behaviour::Held(7, "a".to_string(), After::Keep));
    }

    #[test]
    fn a_path_that_names_none_is_unknown() {
        for target in
            ["/nope", "/bytes", "/bytes/x", "/bytes/1/2", "/raw/4", "/raw/zz", "/echo/", "*", "/status/99999"]
        {
            check(target, Behaviour::Unknown);
        }
    }
}
