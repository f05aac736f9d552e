//! RESP2, as Redis speaks it: commands out, replies in. `control/store` is the only one that calls it. Every number that a
//! reply announces is bounded before it is believed: whoever answers may be no Redis at all.
//!
//! Source: the Redis serialization protocol specification, version 2.

/// Bytes of a line at most: a status, an error, a number.
const LINE_BYTES_MAX: usize = 1024;

/// Bytes of a text at most.
const TEXT_BYTES_MAX: usize = 4096;

/// Items of a list at most.
pub const ITEMS_MAX: usize = 1024;

/// Bytes of a reply at most, with all that is in it: where more have come, it never ends.
pub const REPLY_BYTES_MAX: usize = 64 * 1024;

/// A reply, or an item of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<'b> {
    /// `+OK`
    Status(&'b [u8]),
    /// `-ERR …`, without its dash.
    Error(&'b [u8]),
    /// `:7`
    Number(i64),
    /// A text; none for nil.
    Text(Option<&'b [u8]>),
    /// A list of items that are no lists; none for nil.
    List(Option<Vec<Reply<'b>>>),
}

/// Bytes that are no reply, or one past its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Appends a command.
pub fn command(arguments: &[&[u8]], out: &mut Vec<u8>) {
    begin(arguments.len(), out);
    arguments.iter().for_each(|argument| text(argument, out));
}

/// Appends the beginning of a command of so many arguments; each follows by [`text`] or [`number`].
pub fn begin(arguments: usize, out: &mut Vec<u8>) {
    line(b'*', arguments as u64, out);
}

/// Appends an argument of a command.
pub fn text(argument: &[u8], out: &mut Vec<u8>) {
    line(b'$', argument.len() as u64, out);
    out.extend_from_slice(argument);
    out.extend_from_slice(b"\r\n");
}

/// Appends an argument that is a number.
pub fn number(argument: u64, out: &mut Vec<u8>) {
    text(itoa::Buffer::new().format(argument).as_bytes(), out);
}

fn line(kind: u8, length: u64, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The reply that `bytes` begin with, and its length; none where more bytes are needed.
///
/// # Errors
/// [`Malformed`] as soon as it is certain that no further bytes make it a reply within its bounds.
pub fn reply(bytes: &[u8]) -> Result<Option<(Reply<'_>, usize)>, Malformed> {
    let mut read = Reading { bytes, at: 0 };
    match read.reply(true) {
        Ok(reply) if read.at <= REPLY_BYTES_MAX => Ok(Some((reply, read.at))),
        Err(Stop::Short) if bytes.len() <= REPLY_BYTES_MAX => Ok(None),
        _ => Err(Malformed),
    }
}

/// Why reading stops.
enum Stop {
    /// More bytes are needed.
    Short,
    Malformed,
}

struct Reading<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reading<'b> {
    fn reply(&mut self, lists: bool) -> Result<Reply<'b>, Stop> {
        let kind = *self.bytes.get(self.at).ok_or(Stop::Short)?;
        if !matches!(kind, b'+' | b'-' | b':' | b'$' | b'*') || (kind == b'*' && !lists) {
            return Err(Stop::Malformed);
        }
        self.at += 1;
        let line = self.line()?;
        Ok(match kind {
            b'+' => Reply::Status(line),
            b'-' => Reply::Error(line),
            b':' => Reply::Number(integer(line)?),
            b'$' => Reply::Text(self.text(line)?),
            _ => match length(line, ITEMS_MAX)? {
                None => Reply::List(None),
                // Nothing is made room for before it has come.
                Some(items) => {
                    let mut list = Vec::new();
                    for _ in 0..items {
                        list.push(self.reply(false)?);
                    }
                    Reply::List(Some(list))
                }
            },
        })
    }

    /// The rest of a line, without its end.
    fn line(&mut self) -> Result<&'b [u8], Stop> {
        let rest = &self.bytes[self.at..];
        let seen = &rest[..rest.len().min(LINE_BYTES_MAX + 2)];
        let Some(end) = memchr::memchr2(b'\r', b'\n', seen) else {
            return Err(if rest.len() > LINE_BYTES_MAX { Stop::Malformed } else { Stop::Short });
        };
        match (rest[end], rest.get(end + 1)) {
            (b'\r', Some(b'\n')) if end <= LINE_BYTES_MAX => {
                self.at += end + 2;
                Ok(&rest[..end])
            }
            (b'\r', None) if end <= LINE_BYTES_MAX => Err(Stop::Short),
            _ => Err(Stop::Malformed),
        }
    }

    /// The text whose length stands in `line`.
    fn text(&mut self, line: &[u8]) -> Result<Option<&'b [u8]>, Stop> {
        let Some(length) = length(line, TEXT_BYTES_MAX)? else { return Ok(None) };
        let rest = &self.bytes[self.at..];
        let (text, end) = rest.split_at_checked(length).ok_or(Stop::Short)?;
        match end {
            [b'\r', b'\n', ..] => {
                self.at += length + 2;
                Ok(Some(text))
            }
            [] | [b'\r'] => Err(Stop::Short),
            _ => Err(Stop::Malformed),
        }
    }
}

/// A whole number: a sign where it is negative, digits, and nothing else.
fn integer(line: &[u8]) -> Result<i64, Stop> {
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Stop::Malformed);
    }
    let text = std::str::from_utf8(line).map_err(|_| Stop::Malformed)?;
    text.parse().map_err(|_| Stop::Malformed)
}

/// A length up to `most`; none for nil.
fn length(line: &[u8], most: usize) -> Result<Option<usize>, Stop> {
    match integer(line)? {
        -1 => Ok(None),
        length => {
            let length = usize::try_from(length).ok().filter(|length| *length <= most);
            length.map(Some).ok_or(Stop::Malformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Result<Option<Reply<'_>>, Malformed>) {
        let whole = reply(bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]);
        let seen = whole.clone().map(|reply| reply.map(|(reply, _)| reply));
        assert_eq!(seen, expected, "{shown:?}");
        let Ok(Some((_, length))) = whole else { return };
        assert_eq!(length, bytes.len(), "{shown:?}");
        for cut in 0..length {
            assert_eq!(reply(&bytes[..cut]), Ok(None), "{shown:?} cut at {cut}");
        }
    }

    #[test]
    fn replies_are_read_whole_or_not_yet() {
        let list = |items| Ok(Some(Reply::List(Some(items))));
        check(b"+OK\r\n", Ok(Some(Reply::Status(b"OK"))));
        check(b"-NOSCRIPT No matching script.\r\n", Ok(Some(Reply::Error(b"NOSCRIPT No matching script."))));
        check(b":-7\r\n", Ok(Some(Reply::Number(-7))));
        check(b"$4\r\na\r\nb\r\n", Ok(Some(Reply::Text(Some(b"a\r\nb")))));
        check(b"$-1\r\n", Ok(Some(Reply::Text(None))));
        check(b"*-1\r\n", Ok(Some(Reply::List(None))));
        check(b"*0\r\n", list(vec![]));
        check(
            b"*3\r\n:1\r\n$1\r\nx\r\n-E\r\n",
            list(vec![Reply::Number(1), Reply::Text(Some(b"x")), Reply::Error(b"E")]),
        );
        assert_eq!(reply(b"+A\r\n+B\r\n"), Ok(Some((Reply::Status(b"A"), 4))), "one after another");
    }

    #[test]
    fn what_is_no_reply_is_found_at_once() {
        let long = [b"+".as_slice(), &[b'x'; LINE_BYTES_MAX + 1]].concat();
        let endless = b"*1024\r\n$4000\r\n".to_vec();
        for bytes in [
            b"HTTP/1.1 400 Bad Request\r\n".as_slice(),
            b"\x15\x03\x01\x00\x02",
            b"+A\n",
            b"+A\rB",
            b":\r\n",
            b":+1\r\n",
            b":1x\r\n",
            b":99999999999999999999\r\n",
            b"$4097\r\n",
            b"$-2\r\n",
            b"$1\r\nxy",
            b"*1025\r\n",
            b"*1\r\n*1\r\n",
            &long,
        ] {
            check(bytes, Err(Malformed));
        }
        check(&endless, Ok(None));
        let much = [endless, vec![b'x'; REPLY_BYTES_MAX]].concat();
        check(&much, Err(Malformed));
    }

    #[test]
    fn a_command_is_a_list_of_texts() {
        let mut out = Vec::new();
        command(&[b"SET", b"a\r\nb", b""], &mut out);
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$4\r\na\r\nb\r\n$0\r\n\r\n");
        out.clear();
        begin(1, &mut out);
        number(42, &mut out);
        assert_eq!(out, b"*1\r\n$2\r\n42\r\n");
    }
}
