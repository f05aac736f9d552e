//! The canonical path (RFC 3986 §6.2.2): escapes of unreserved characters decoded, other escapes in upper case, dot
//! segments removed. `%2F` is never decoded, since it may mean something to the origin; neither is `//`, unless a
//! [`PathRule`] says that it means nothing. What has two readings is refused, so that matching, policy and origin see the
//! same path.

/// Why a path cannot be made canonical; the client sees 400.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum PathFault {
    /// A `%` without two hexadecimal digits behind it.
    Escape,
    /// `%00`, which ends a string for some readers.
    Nul,
    /// `..` above the root.
    AboveRoot,
    /// No `/` at its front.
    NotAbsolute,
    /// `//`, where that is refused.
    DoubleSlash,
    /// `%2F` or `%5C`, where that is refused.
    EscapedSlash,
}

impl PathFault {
    /// The reason as logs show it.
    pub fn reason(self) -> &'static str {
        match self {
            PathFault::Escape => "path_escape",
            PathFault::Nul => "path_nul",
            PathFault::AboveRoot => "path_above_root",
            PathFault::NotAbsolute => "path_not_absolute",
            PathFault::DoubleSlash => "path_double_slash",
            PathFault::EscapedSlash => "path_escaped_slash",
        }
    }

    /// The status a client sees.
    pub fn status(self) -> u16 {
        400
    }
}

/// What becomes of `//`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DoubleSlash {
    /// It stays.
    #[default]
    Keep,
    /// It is `/`.
    Merge,
    /// The path is refused.
    Refuse,
}

/// What is done about paths that some origins read otherwise than they are written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PathRule {
    /// What becomes of `//`.
    pub double_slash: DoubleSlash,
    /// Whether `%2F` and `%5C` are refused, which some origins decode.
    pub refuses_escaped_slash: bool,
}

impl PathRule {
    /// The canonical form of `path` under this rule, as [`canonical`].
    ///
    /// # Errors
    /// As [`canonical`], and what the rule refuses.
    pub fn canonical<'a>(self, path: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], PathFault> {
        if self == PathRule::default() { canonical(path, scratch) } else { self.strictly(path, scratch) }
    }

    #[inline(never)]
    fn strictly<'a>(self, path: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], PathFault> {
        let is_double = path.windows(2).any(|pair| pair == b"//");
        if is_double && self.double_slash == DoubleSlash::Refuse {
            return Err(PathFault::DoubleSlash);
        }
        let merges = is_double && self.double_slash == DoubleSlash::Merge;
        let path = if merges { rebuilt(path, true, scratch) } else { canonical(path, scratch) }?;
        let slash = |escape: &[u8]| matches!(escape, b"%2F" | b"%5C");
        if self.refuses_escaped_slash && path.windows(3).any(slash) {
            return Err(PathFault::EscapedSlash);
        }
        Ok(path)
    }
}

/// The canonical form of `path`, which is `path` itself when nothing has to change, else built in `scratch`. Applied
/// to its own answer it changes nothing. *Cost*: one search over the bytes; no copy in the usual case.
pub fn canonical<'a>(path: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], PathFault> {
    if path.first() != Some(&b'/') {
        return Err(PathFault::NotAbsolute);
    }
    if is_settled(path) {
        return Ok(path);
    }
    rebuilt(path, false, scratch)
}

/// The canonical form of `path`, in `scratch`. `merges` leaves empty segments out.
fn rebuilt<'a>(path: &[u8], merges: bool, scratch: &'a mut Vec<u8>) -> Result<&'a [u8], PathFault> {
    if path.first() != Some(&b'/') {
        return Err(PathFault::NotAbsolute);
    }
    scratch.clear();
    let mut segments = path[1..].split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        if merges && segment.is_empty() && segments.peek().is_some() {
            continue;
        }
        let start = scratch.len();
        scratch.push(b'/');
        decode(segment, scratch)?;
        match &scratch[start + 1..] {
            b"." => scratch.truncate(start),
            b".." => {
                scratch.truncate(start);
                let parent = scratch.iter().rposition(|byte| *byte == b'/').ok_or(PathFault::AboveRoot)?;
                scratch.truncate(parent);
            }
            _ => continue,
        }
        // A dot segment at the end leaves the slash that stood before it: `/a/..` is `/`.
        if segments.peek().is_none() {
            scratch.push(b'/');
        }
    }
    Ok(scratch)
}

/// Whether `path` is canonical already. Which bytes stand in it is not looked at.
pub fn is_canonical(path: &[u8]) -> bool {
    path.first() == Some(&b'/') && is_settled(path)
}

/// Whether there is no dot segment, and every escape is one that stays as it is. `path` starts with `/`.
fn is_settled(path: &[u8]) -> bool {
    memchr::memchr2_iter(b'%', b'.', path).all(|at| match path[at] {
        b'%' => matches!(escape(path, at), Some(byte) if !is_unreserved(byte) && byte != 0
            && !path[at + 1].is_ascii_lowercase() && !path[at + 2].is_ascii_lowercase()),
        _ => path[at - 1] != b'/' || !starts_with_dot_segment(&path[at..]),
    })
}

fn starts_with_dot_segment(rest: &[u8]) -> bool {
    // `.%2e` needs no arm: its escape is not canonical by itself.
    matches!(rest, [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..])
}

/// Appends `segment` with its escapes normalised.
fn decode(segment: &[u8], out: &mut Vec<u8>) -> Result<(), PathFault> {
    let mut at = 0;
    while at < segment.len() {
        if segment[at] != b'%' {
            out.push(segment[at]);
            at += 1;
            continue;
        }
        match escape(segment, at).ok_or(PathFault::Escape)? {
            0 => return Err(PathFault::Nul),
            byte if is_unreserved(byte) => out.push(byte),
            _ => {
                let (high, low) = (segment[at + 1], segment[at + 2]);
                out.extend_from_slice(&[b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
            }
        }
        at += 3;
    }
    Ok(())
}

/// The byte that the escape at `at` stands for.
fn escape(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    match bytes.get(at + 1..at + 3)? {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

/// RFC 3986 §2.3: what means the same escaped or not.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: Result<&str, PathFault>) {
        let mut scratch = Vec::new();
        let found = canonical(path.as_bytes(), &mut scratch).map(<[u8]>::to_vec);
        assert_eq!(found, expected.map(|text| text.as_bytes().to_vec()), "{path}");
        if let Ok(once) = found {
            let mut scratch = Vec::new();
            assert_eq!(canonical(&once, &mut scratch), Ok(&once[..]), "{path} is canonical once made so");
        }
    }

    #[test]
    fn what_is_canonical_is_given_back_without_a_copy() {
        for path in [
            "/", "//", "/a/b.c", "/a.", "/.a", "/..a", "/a..", "/...", "/a//b/", "/%2F", "/a%20b", "/%25",
            "/;a=b,c",
        ] {
            check(path, Ok(path));
            let mut scratch = Vec::new();
            let same = canonical(path.as_bytes(), &mut scratch).map(<[u8]>::as_ptr);
            assert_eq!(same, Ok(path.as_ptr()), "{path}");
            assert!(is_canonical(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn a_rule_says_what_slashes_mean_that_have_two_readings() {
        let merge = PathRule { double_slash: DoubleSlash::Merge, ..PathRule::default() };
        let refuse = PathRule { double_slash: DoubleSlash::Refuse, refuses_escaped_slash: true };
        for (path, merged, refused) in [
            ("/a/b", Ok("/a/b"), Ok("/a/b")),
            ("//", Ok("/"), Err(PathFault::DoubleSlash)),
            ("//a///b//", Ok("/a/b/"), Err(PathFault::DoubleSlash)),
            ("/a//../b", Ok("/b"), Err(PathFault::DoubleSlash)),
            ("/a/.//%62", Ok("/a/b"), Err(PathFault::DoubleSlash)),
            ("/a%2fb", Ok("/a%2Fb"), Err(PathFault::EscapedSlash)),
            ("/a%5Cb", Ok("/a%5Cb"), Err(PathFault::EscapedSlash)),
            ("/a%252Fb", Ok("/a%252Fb"), Ok("/a%252Fb")),
            ("//..", Err(PathFault::AboveRoot), Err(PathFault::DoubleSlash)),
        ] {
            for (rule, expected) in [(merge, merged), (refuse, refused)] {
                let mut scratch = Vec::new();
                let found = rule.canonical(path.as_bytes(), &mut scratch);
                assert_eq!(found, expected.map(str::as_bytes), "{path} {rule:?}");
            }
        }
    }

    #[test]
    fn escapes_are_decoded_only_where_they_mean_the_same() {
        check("/%61%2D%7e%5F%30", Ok("/a-~_0"));
        check("/%2f", Ok("/%2F"));
        check("/a%2fb%5c", Ok("/a%2Fb%5C"));
        check("/%c3%a9", Ok("/%C3%A9"));
        check("/%252e", Ok("/%252e"));
        check("/%2561", Ok("/%2561"));
        check("/%3f%23%0a", Ok("/%3F%23%0A"));
    }

    #[test]
    fn dot_segments_are_removed_however_they_are_spelt() {
        for (path, expected) in [
            ("/.", "/"),
            ("/./", "/"),
            ("/a/.", "/a/"),
            ("/a/./b", "/a/b"),
            ("/a/..", "/"),
            ("/a/../", "/"),
            ("/a/../b", "/b"),
            ("/a/b/../../c", "/c"),
            ("/a/b/..", "/a/"),
            ("/a//../b", "/a/b"),
            ("//..", "/"),
            ("//../a", "/a"),
            ("/%2e/a", "/a"),
            ("/a/%2E%2e/b", "/b"),
            ("/a/.%2e/b", "/b"),
            ("/a/%2e./b", "/b"),
            ("/a/b/%2e%2E", "/a/"),
            ("/a/..%2f", "/a/..%2F"),
            ("/a/.../b", "/a/.../b"),
            ("/a/..;/b", "/a/..;/b"),
            ("/.a/..b/.", "/.a/..b/"),
        ] {
            check(path, Ok(expected));
        }
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        for path in ["/%", "/%4", "/%zz", "/a%2", "/%%34%31", "/%-1", "/% 1", "/a%+0", "/%2/e"] {
            check(path, Err(PathFault::Escape));
        }
        for path in ["/..", "/../a", "/a/../..", "/a/../../b", "/./..", "/%2e%2e/", "/a/b/../../../c"] {
            check(path, Err(PathFault::AboveRoot));
        }
        check("/%00", Err(PathFault::Nul));
        check("/a%00.html", Err(PathFault::Nul));
        for path in ["", "a", "*", "%2F", "./a"] {
            check(path, Err(PathFault::NotAbsolute));
            assert!(!is_canonical(path.as_bytes()), "{path}");
        }
    }
}
