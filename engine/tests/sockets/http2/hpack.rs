//! The field compression of HTTP/2 (RFC 7541), written apart from the library's so that replies have a second reader:
//! what a client has to decode, and the few forms in which a test writes its requests.

use std::collections::{HashMap, VecDeque};
use std::sync::LazyLock;

/// A field: name and value.
pub type Field = (String, String);

/// Bits of each byte's code (RFC 7541 Appendix B). The code is canonical: lengths say it all. The last is EOS.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6,
    6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7,
    8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7,
    15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24,
    23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23,
    23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26,
    26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20,
    21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27,
    27, 27, 26, 30,
];

/// The static table (RFC 7541 Appendix A), from 1 on.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// Writes an integer with a prefix of `bits`, below the bits that `first` has (RFC 7541 §5.1).
pub fn put_int(out: &mut Vec<u8>, first: u8, bits: u32, value: usize) {
    let most = (1 << bits) - 1;
    if value < most {
        out.push(first | value as u8);
        return;
    }
    out.push(first | most as u8);
    let mut rest = value - most;
    while rest >= 128 {
        out.push(rest as u8 | 128);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Fields as literals that no table keeps (RFC 7541 §6.2.2).
pub fn plain(fields: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for part in [name.as_ref(), value.as_ref()] {
            put_int(&mut out, 0, 7, part.len());
            out.extend_from_slice(part);
        }
    }
    out
}

/// A field that the table keeps (RFC 7541 §6.2.1).
pub fn kept(name: &str, value: &str) -> Vec<u8> {
    let mut out = plain(&[(name, value)]);
    out[0] = 0x40;
    out
}

/// What a decoder remembers.
#[derive(Debug)]
pub struct Decoder {
    table: VecDeque<Field>,
    most: usize,
    /// What our SETTINGS allow.
    allowed: usize,
    /// Names of fields that came as never indexed (RFC 7541 §6.2.3).
    pub never: Vec<String>,
}

impl Decoder {
    /// A decoder whose table may have so many bytes.
    pub fn new(allowed: usize) -> Decoder {
        // Whoever encodes starts with 4096, and has to say that it uses less (§4.2).
        Decoder { table: VecDeque::new(), most: 4096, allowed, never: Vec::new() }
    }

    /// Decodes a whole field block.
    ///
    /// # Errors
    /// It is none, in these words.
    pub fn decode(&mut self, mut block: &[u8]) -> Result<Vec<Field>, String> {
        let mut fields = Vec::new();
        let mut updates_over = false;
        while let Some(first) = block.first().copied() {
            if first & 0xe0 == 0x20 {
                if updates_over {
                    return Err("a size update behind a field".into());
                }
                self.most = int(&mut block, 5)?;
                if self.most > self.allowed {
                    return Err(format!("a table of {} bytes, and {} are allowed", self.most, self.allowed));
                }
                self.evict(0);
                continue;
            }
            updates_over = true;
            if self.most > self.allowed {
                return Err("no update told of the smaller table".into());
            }
            let field = match first {
                0x80.. => {
                    let at = int(&mut block, 7)?;
                    self.entry(at)?
                }
                0x40..=0x7f => {
                    let field = self.literal(&mut block, 6)?;
                    self.keep(field.clone());
                    field
                }
                _ => self.literal(&mut block, 4)?,
            };
            if first & 0xf0 == 0x10 {
                self.never.push(field.0.clone());
            }
            fields.push(field);
        }
        Ok(fields)
    }

    fn entry(&self, at: usize) -> Result<Field, String> {
        let known = at.checked_sub(1).and_then(|at| STATIC.get(at));
        known
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .or_else(|| self.table.get(at.checked_sub(STATIC.len() + 1)?).cloned())
            .ok_or_else(|| format!("no field has the index {at}"))
    }

    fn literal(&self, block: &mut &[u8], bits: u32) -> Result<Field, String> {
        let name = match int(block, bits)? {
            0 => string(block)?,
            at => self.entry(at)?.0,
        };
        Ok((name, string(block)?))
    }

    fn keep(&mut self, field: Field) {
        let size = field.0.len() + field.1.len() + 32;
        self.evict(size);
        if size <= self.most {
            self.table.push_front(field);
        }
    }

    fn evict(&mut self, room: usize) {
        let size =
            |table: &VecDeque<Field>| -> usize { table.iter().map(|(n, v)| n.len() + v.len() + 32).sum() };
        while !self.table.is_empty() && size(&self.table) + room > self.most {
            self.table.pop_back();
        }
    }
}

fn int(block: &mut &[u8], bits: u32) -> Result<usize, String> {
    let most = (1_usize << bits) - 1;
    let mut take = || -> Result<usize, String> {
        let (first, rest) = block.split_first().ok_or("cut within a number")?;
        *block = rest;
        Ok(usize::from(*first))
    };
    let mut value = take()? & most;
    if value < most {
        return Ok(value);
    }
    for shift in [0, 7, 14, 21] {
        let byte = take()?;
        value += (byte & 127) << shift;
        if byte < 128 {
            return Ok(value);
        }
    }
    Err("a number without end".into())
}

fn string(block: &mut &[u8]) -> Result<String, String> {
    let is_coded = block.first().is_some_and(|first| first & 128 != 0);
    let len = int(block, 7)?;
    let bytes = block.get(..len).ok_or("cut within a string")?;
    *block = &block[len..];
    let bytes = if is_coded { uncoded(bytes)? } else { bytes.to_vec() };
    String::from_utf8(bytes).map_err(|_| "no text".into())
}

/// What Huffman's code wrote (RFC 7541 §5.2).
fn uncoded(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let (mut code, mut bits) = (0_u32, 0_u8);
    for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| u32::from(byte >> at & 1))) {
        (code, bits) = (code << 1 | bit, bits + 1);
        if let Some(symbol) = SYMBOLS.get(&(bits, code)) {
            out.push(u8::try_from(*symbol).map_err(|_| "an EOS within a string")?);
            (code, bits) = (0, 0);
        }
    }
    let is_padding = bits < 8 && code == (1 << bits) - 1;
    if is_padding { Ok(out) } else { Err("padding that is none".into()) }
}

/// The symbols by the length and bits of their codes: of a length they are numbered in order, and the first follows
/// the last of the length before.
static SYMBOLS: LazyLock<HashMap<(u8, u32), usize>> = LazyLock::new(|| {
    let mut symbols = HashMap::new();
    let mut code = 0;
    for length in 1..=30 {
        code <<= 1;
        for (symbol, _) in LENGTHS.iter().enumerate().filter(|(_, own)| **own == length) {
            symbols.insert((length, code), symbol);
            code += 1;
        }
    }
    symbols
});

#[test]
fn the_second_reader_reads_the_examples_of_the_rfc() {
    let unhex = |text: &str| -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    };
    // Appendix C.6: replies with Huffman's code, a table of 256 bytes, and what leaves it.
    let mut decoder = Decoder { most: 256, ..Decoder::new(256) };
    let date = |second: u32| format!("Mon, 21 Oct 2013 20:13:{second} GMT");
    let first =
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
                 1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
    let third = "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7
                 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07";
    let (at_21, at_22) = (date(21), date(22));
    let location = ("location", "https://www.example.com");
    for (block, expected) in [
        (first, vec![(":status", "302"), ("cache-control", "private"), ("date", &at_21), location]),
        (
            "4883 640e ffc1 c0bf",
            vec![(":status", "307"), ("cache-control", "private"), ("date", &at_21), location],
        ),
        (
            third,
            vec![
                (":status", "200"),
                ("cache-control", "private"),
                ("date", &at_22),
                location,
                ("content-encoding", "gzip"),
                ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
            ],
        ),
    ] {
        let decoded = decoder.decode(&unhex(block)).expect("an example of the RFC");
        let seen: Vec<(&str, &str)> = decoded.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(seen, expected);
    }
    for (block, why) in [
        ("80", "index 0"),
        ("bf", "an index of nothing"),
        ("00 85 ffff ffff ff 00", "an EOS"),
        ("00 81 00 00", "padding of zeros"),
        ("3fe2 1f", "a larger table"),
        ("40", "cut"),
    ] {
        assert!(Decoder::new(4096).decode(&unhex(block)).is_err(), "{why}");
    }
}
