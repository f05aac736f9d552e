//! Well-known field names as small numbers, so that looking one up in a head is an array read.
//!
//! `Field::of` finds a name by a perfect hash over its length and three of its bytes, whose multiplier the
//! compiler searches, and one comparison. To add a name, add a line to the list below.

/// A well-known field name, or [`Field::OTHER`]. Names are compared without case (RFC 9110 §5.1).
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Field(u8);

macro_rules! fields {
    ($($id:ident = $name:literal,)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Index { OTHER, $($id,)* }

        /// The names as they are written, by index; the first stands for every other name.
        const NAMES: [&str; Field::COUNT] = ["", $($name,)*];

        impl Field {
            /// Any name not in the list.
            pub const OTHER: Field = Field(Index::OTHER as u8);
            $(
                #[doc = concat!("`", $name, "`")]
                pub const $id: Field = Field(Index::$id as u8);
            )*
            /// Number of values, [`Field::OTHER`] included.
            pub const COUNT: usize = 1 $(+ { let _ = Index::$id; 1 })*;
        }
    };
}

fields! {
    HOST = "Host",
    CONNECTION = "Connection",
    CONTENT_LENGTH = "Content-Length",
    TRANSFER_ENCODING = "Transfer-Encoding",
    EXPECT = "Expect",
    UPGRADE = "Upgrade",
    TE = "TE",
    TRAILER = "Trailer",
    KEEP_ALIVE = "Keep-Alive",
    PROXY_CONNECTION = "Proxy-Connection",
    PROXY_AUTHORIZATION = "Proxy-Authorization",
    PROXY_AUTHENTICATE = "Proxy-Authenticate",
    PROXY_AUTHENTICATION_INFO = "Proxy-Authentication-Info",
    PROXY_STATUS = "Proxy-Status",
    HTTP2_SETTINGS = "HTTP2-Settings",
    VIA = "Via",
    FORWARDED = "Forwarded",
    X_FORWARDED_FOR = "X-Forwarded-For",
    X_FORWARDED_PROTO = "X-Forwarded-Proto",
    X_FORWARDED_HOST = "X-Forwarded-Host",
    X_FORWARDED_PORT = "X-Forwarded-Port",
    X_FORWARDED_PREFIX = "X-Forwarded-Prefix",
    X_REAL_IP = "X-Real-IP",
    X_REQUEST_ID = "X-Request-Id",
    X_API_KEY = "X-API-Key",
    TRACEPARENT = "Traceparent",
    TRACESTATE = "Tracestate",
    BAGGAGE = "Baggage",
    AUTHORIZATION = "Authorization",
    AUTHENTICATION_INFO = "Authentication-Info",
    WWW_AUTHENTICATE = "WWW-Authenticate",
    COOKIE = "Cookie",
    SET_COOKIE = "Set-Cookie",
    USER_AGENT = "User-Agent",
    REFERER = "Referer",
    ORIGIN = "Origin",
    ACCEPT = "Accept",
    ACCEPT_CHARSET = "Accept-Charset",
    ACCEPT_ENCODING = "Accept-Encoding",
    ACCEPT_LANGUAGE = "Accept-Language",
    ACCEPT_RANGES = "Accept-Ranges",
    ALLOW = "Allow",
    CONTENT_TYPE = "Content-Type",
    CONTENT_ENCODING = "Content-Encoding",
    CONTENT_LANGUAGE = "Content-Language",
    CONTENT_LOCATION = "Content-Location",
    CONTENT_RANGE = "Content-Range",
    CONTENT_DISPOSITION = "Content-Disposition",
    DATE = "Date",
    AGE = "Age",
    EXPIRES = "Expires",
    LAST_MODIFIED = "Last-Modified",
    ETAG = "ETag",
    VARY = "Vary",
    PRAGMA = "Pragma",
    WARNING = "Warning",
    CACHE_CONTROL = "Cache-Control",
    IF_MATCH = "If-Match",
    IF_NONE_MATCH = "If-None-Match",
    IF_MODIFIED_SINCE = "If-Modified-Since",
    IF_UNMODIFIED_SINCE = "If-Unmodified-Since",
    IF_RANGE = "If-Range",
    RANGE = "Range",
    MAX_FORWARDS = "Max-Forwards",
    LOCATION = "Location",
    REFRESH = "Refresh",
    RETRY_AFTER = "Retry-After",
    LINK = "Link",
    SERVER = "Server",
    SERVER_TIMING = "Server-Timing",
    X_POWERED_BY = "X-Powered-By",
    STRICT_TRANSPORT_SECURITY = "Strict-Transport-Security",
    ALT_SVC = "Alt-Svc",
    PRIORITY = "Priority",
    IDEMPOTENCY_KEY = "Idempotency-Key",
    RATELIMIT = "RateLimit",
    RATELIMIT_POLICY = "RateLimit-Policy",
    X_RATELIMIT_LIMIT = "X-RateLimit-Limit",
    X_RATELIMIT_REMAINING = "X-RateLimit-Remaining",
    X_RATELIMIT_RESET = "X-RateLimit-Reset",
    GRPC_STATUS = "Grpc-Status",
    GRPC_MESSAGE = "Grpc-Message",
    GRPC_TIMEOUT = "Grpc-Timeout",
    SEC_WEBSOCKET_KEY = "Sec-WebSocket-Key",
    SEC_WEBSOCKET_ACCEPT = "Sec-WebSocket-Accept",
    SEC_WEBSOCKET_VERSION = "Sec-WebSocket-Version",
    SEC_WEBSOCKET_PROTOCOL = "Sec-WebSocket-Protocol",
    SEC_WEBSOCKET_EXTENSIONS = "Sec-WebSocket-Extensions",
    ACCESS_CONTROL_REQUEST_METHOD = "Access-Control-Request-Method",
    ACCESS_CONTROL_REQUEST_HEADERS = "Access-Control-Request-Headers",
    ACCESS_CONTROL_ALLOW_ORIGIN = "Access-Control-Allow-Origin",
    ACCESS_CONTROL_ALLOW_CREDENTIALS = "Access-Control-Allow-Credentials",
    ACCESS_CONTROL_ALLOW_METHODS = "Access-Control-Allow-Methods",
    ACCESS_CONTROL_ALLOW_HEADERS = "Access-Control-Allow-Headers",
    ACCESS_CONTROL_EXPOSE_HEADERS = "Access-Control-Expose-Headers",
    ACCESS_CONTROL_MAX_AGE = "Access-Control-Max-Age",
}

impl Field {
    /// The field of a name, without case. `name` is a token, as every parsed name is; control bytes in it may
    /// be taken for letters. *Cost*: one hash, one comparison, a few ns.
    #[inline]
    pub fn of(name: &[u8]) -> Field {
        let len = name.len();
        if !(LEN_MIN..=LEN_MAX).contains(&len) {
            return Field::OTHER;
        }
        let index = SLOTS[slot(name, MULTIPLIER)];
        if index != 0 && same(name, &KNOWN[index as usize]) { Field(index) } else { Field::OTHER }
    }

    /// The name in its usual spelling; empty for [`Field::OTHER`].
    pub fn name(self) -> &'static str {
        NAMES[self.index()]
    }

    /// The place of this field in an array of [`Field::COUNT`].
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of well-known fields; [`Field::OTHER`] may be a member like any.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct FieldSet(u128);

impl FieldSet {
    /// No field.
    pub const EMPTY: FieldSet = FieldSet(0);

    /// Fields between two neighbours only: never forwarded in either direction (RFC 9110 §7.6.1), with the
    /// framing and the credentials meant for a proxy.
    pub const HOP_BY_HOP: FieldSet = FieldSet::of(&[
        Field::CONNECTION,
        Field::KEEP_ALIVE,
        Field::PROXY_CONNECTION,
        Field::PROXY_AUTHENTICATE,
        Field::PROXY_AUTHENTICATION_INFO,
        Field::PROXY_AUTHORIZATION,
        Field::TE,
        Field::TRANSFER_ENCODING,
        Field::UPGRADE,
        Field::HTTP2_SETTINGS,
    ]);

    /// The set of `fields`.
    pub const fn of(fields: &[Field]) -> FieldSet {
        let mut set = FieldSet::EMPTY;
        let mut at = 0;
        while at < fields.len() {
            set = set.with(fields[at]);
            at += 1;
        }
        set
    }

    /// This set and `field`.
    #[inline]
    #[must_use]
    pub const fn with(self, field: Field) -> FieldSet {
        FieldSet(self.0 | 1 << field.0)
    }

    /// This set without `field`.
    #[inline]
    #[must_use]
    pub const fn without(self, field: Field) -> FieldSet {
        FieldSet(self.0 & !(1 << field.0))
    }

    /// The members of both.
    #[inline]
    #[must_use]
    pub const fn and(self, other: FieldSet) -> FieldSet {
        FieldSet(self.0 | other.0)
    }

    /// Adds `field`.
    #[inline]
    pub fn insert(&mut self, field: Field) {
        self.0 |= 1 << field.0;
    }

    /// Whether `field` is a member.
    #[inline]
    pub const fn contains(self, field: Field) -> bool {
        self.0 >> field.0 & 1 != 0
    }

    /// Whether the two have a member in common.
    #[inline]
    pub const fn meets(self, other: FieldSet) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is no member.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

const LEN_MIN: usize = 2;
const LEN_MAX: usize = 32;
const SLOT_BITS: u32 = 10;

/// A name in lower case, padded, so that it is compared eight bytes at a time.
struct Known {
    len: usize,
    lower: [u8; LEN_MAX],
}

const _: () = assert!(Field::COUNT <= 128, "a FieldSet has 128 bits");

static KNOWN: [Known; Field::COUNT] = {
    let mut known = [const { Known { len: 0, lower: [0; LEN_MAX] } }; Field::COUNT];
    let mut index = 1;
    while index < Field::COUNT {
        let name = NAMES[index].as_bytes();
        assert!(name.len() >= LEN_MIN && name.len() <= LEN_MAX, "a name's length is in LEN_MIN..=LEN_MAX");
        known[index].len = name.len();
        let mut at = 0;
        while at < name.len() {
            known[index].lower[at] = name[at].to_ascii_lowercase();
            at += 1;
        }
        index += 1;
    }
    known
};

/// The multiplier under which no two names share a slot.
const MULTIPLIER: u32 = {
    let mut multiplier: u32 = 0x9e37_79b1;
    while !fits(multiplier) {
        multiplier = multiplier.wrapping_mul(0x2c92_77b5).wrapping_add(2);
    }
    multiplier
};

/// Slot of a name → index of the field, 0 where there is none.
static SLOTS: [u8; 1 << SLOT_BITS] = {
    let mut slots = [0; 1 << SLOT_BITS];
    let mut index = 1;
    while index < Field::COUNT {
        slots[slot(NAMES[index].as_bytes(), MULTIPLIER)] = index as u8;
        index += 1;
    }
    slots
};

const fn fits(multiplier: u32) -> bool {
    let mut taken = [false; 1 << SLOT_BITS];
    let mut index = 1;
    while index < Field::COUNT {
        let slot = slot(NAMES[index].as_bytes(), multiplier);
        if taken[slot] {
            return false;
        }
        taken[slot] = true;
        index += 1;
    }
    true
}

/// Length, first, last and three-quarter byte tell all names apart (`X-Forwarded-Host` and `-Port` by the last).
#[inline]
const fn slot(name: &[u8], multiplier: u32) -> usize {
    let len = name.len();
    let key = u32::from_le_bytes([name[0] | 0x20, name[len * 3 / 4] | 0x20, name[len - 1] | 0x20, len as u8]);
    (key.wrapping_mul(multiplier) >> (32 - SLOT_BITS)) as usize
}

/// Sets the bit that tells lower from upper case in each of eight bytes; it is set in `-` and digits as it is.
const CASE: u64 = 0x2020_2020_2020_2020;

/// Whether `name` is `known` but for case. Words overlap at the end instead of a loop over single bytes.
#[inline]
fn same(name: &[u8], known: &Known) -> bool {
    let len = name.len();
    if len != known.len {
        return false;
    }
    if len < 8 {
        let mut equal = true;
        for (byte, lower) in name.iter().zip(&known.lower) {
            equal &= byte | 0x20 == *lower;
        }
        return equal;
    }
    let mut at = 0;
    while at + 8 < len {
        if word(name, at) | CASE != word(&known.lower, at) {
            return false;
        }
        at += 8;
    }
    word(name, len - 8) | CASE == word(&known.lower, len - 8)
}

#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for (index, name) in NAMES.iter().enumerate().skip(1) {
            let field = Field(index as u8);
            assert_eq!(Field::of(name.as_bytes()), field, "{name}");
            assert_eq!(Field::of(name.to_ascii_lowercase().as_bytes()), field, "{name}");
            assert_eq!(Field::of(name.to_ascii_uppercase().as_bytes()), field, "{name}");
            assert_eq!(field.name(), *name);
        }
    }

    #[test]
    fn a_name_that_differs_in_one_byte_is_another() {
        for name in &NAMES[1..] {
            for at in 0..name.len() {
                let mut other = name.as_bytes().to_vec();
                other[at] = b'~';
                assert_eq!(Field::of(&other), Field::OTHER, "{name} at {at}");
            }
            let longer = format!("{name}s");
            assert!(Field::of(longer.as_bytes()) != Field::of(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn lengths_outside_the_list_are_other() {
        assert_eq!(Field::of(b""), Field::OTHER);
        assert_eq!(Field::of(b"a"), Field::OTHER);
        assert_eq!(Field::of(&[b'a'; 300]), Field::OTHER);
    }

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let set = FieldSet::of(&[Field::HOST, Field::ACCESS_CONTROL_MAX_AGE]);
        for index in 0..Field::COUNT {
            let field = Field(index as u8);
            assert_eq!(set.contains(field), field == Field::HOST || field == Field::ACCESS_CONTROL_MAX_AGE);
        }
        assert!(!set.without(Field::HOST).contains(Field::HOST));
        assert!(FieldSet::EMPTY.is_empty());
    }
}
