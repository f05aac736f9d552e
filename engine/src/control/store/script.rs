//! The script that grants leases: how it is called, and what its answer means. Pure.

use crate::policy::limit::lease::pot::SLOTS;
use crate::policy::limit::lease::{Ask, Grant, Terms, Way};
use crate::wire::resp::{self, ITEMS_MAX, Reply};

/// Its text.
pub const TEXT: &str = include_str!("lease.lua");

/// Keys of one call: what bounds the time for which the store serves nobody else, some tenths of a millisecond.
pub const KEYS_MAX: usize = 64;

/// Arguments before those of the keys, and of each key.
const ARGUMENTS: usize = 5;
const ARGUMENTS_PER_KEY: usize = 4;

/// Numbers of the answer before those of the keys, and of each key.
const NUMBERS: usize = 1;
const NUMBERS_PER_KEY: usize = 6;

const _: () = assert!(NUMBERS + KEYS_MAX * NUMBERS_PER_KEY <= ITEMS_MAX, "an answer is within its bounds");

/// How a call names the script.
#[derive(Debug, Clone, Copy)]
pub enum By<'s> {
    /// By its digest, which the store told when it took the text in.
    Digest(&'s [u8]),
    /// By its text.
    Text,
}

/// Appends a call for `asks`, keys of one limit.
pub fn call(by: By<'_>, terms: &Terms, asks: &[(&[u8], Ask)], out: &mut Vec<u8>) {
    debug_assert!((1..=KEYS_MAX).contains(&asks.len()));
    resp::begin(3 + asks.len() + ARGUMENTS + asks.len() * ARGUMENTS_PER_KEY, out);
    match by {
        By::Digest(digest) => {
            resp::text(b"EVALSHA", out);
            resp::text(digest, out);
        }
        By::Text => {
            resp::text(b"EVAL", out);
            resp::text(TEXT.as_bytes(), out);
        }
    }
    resp::number(asks.len() as u64, out);
    asks.iter().for_each(|(key, _)| resp::text(key, out));
    let way = match terms.way {
        Way::Bucket => b"b",
        Way::Window => b"w",
        Way::Counter => b"c",
        Way::Log => b"l",
    };
    resp::text(way, out);
    let (count, burst) = (u64::from(terms.count), u64::from(terms.burst));
    [count, terms.per / 1000, burst, SLOTS].into_iter().for_each(|number| resp::number(number, out));
    for (_, ask) in asks {
        let numbers = [ask.charge.into(), ask.back.into(), ask.mark, ask.want.into()];
        numbers.into_iter().for_each(|number| resp::number(number, out));
    }
}

/// What `reply` grants to the keys of a call, in order, and the store's time in microseconds; nothing to a key that holds
/// something else in the store. None where it is not an answer of the script to these questions.
pub fn grants(reply: &Reply<'_>, asks: &[(&[u8], Ask)]) -> Option<(u64, Vec<Option<Grant>>)> {
    let Reply::List(Some(items)) = reply else { return None };
    let number = |item: &Reply<'_>| match item {
        Reply::Number(number) => Some(*number),
        _ => None,
    };
    let numbers: Vec<i64> = items.iter().map(number).collect::<Option<_>>()?;
    let (head, rest) = numbers.split_at_checked(NUMBERS)?;
    let (each, []) = rest.as_chunks::<NUMBERS_PER_KEY>() else { return None };
    if each.len() != asks.len() {
        return None;
    }
    let grant = |(numbers, (_, ask)): (&[i64; NUMBERS_PER_KEY], &(&[u8], Ask))| {
        if *numbers == [-1; NUMBERS_PER_KEY] {
            return Some(None);
        }
        let [tokens, paid, retry, room, left, mark] = *numbers;
        let nanos = |micros: i64| u64::try_from(micros).ok().map(|micros| micros.saturating_mul(1000));
        Some(Some(Grant {
            tokens: u32::try_from(tokens).ok().filter(|tokens| *tokens <= ask.want)?,
            paid: paid == 1,
            retry: nanos(retry)?,
            room: u32::try_from(room).ok()?,
            left: if left == -1 { u64::MAX } else { nanos(left)? },
            mark: u64::try_from(mark).ok()?,
        }))
    };
    let grants = each.iter().zip(asks).map(grant).collect::<Option<_>>()?;
    Some((u64::try_from(head[0]).ok()?, grants))
}

/// A call for a key of our own that nobody is counted by. It reads, writes and leaves as all keys of its way do.
#[derive(Debug)]
pub struct Probe {
    key: Vec<u8>,
    terms: Terms,
}

/// Nothing is charged, and one token is wanted, so that it is written whatever the way.
const PROBING: Ask = Ask { charge: 0, back: 0, mark: 0, want: 1, sent: 0 };

/// One for each way of reading what a key holds. No policy has an empty name, so that no key is one that is counted by.
pub fn probes(prefix: &str) -> [Probe; 2] {
    [(Way::Bucket, "bucket"), (Way::Log, "log")].map(|(way, word)| {
        let (count, per) = (1_000_000, 1_000_000_000);
        let key = format!("{prefix}::{word}").into_bytes();
        Probe { key, terms: Terms { way, count, per, burst: count, lease: per } }
    })
}

impl Probe {
    fn asks(&self) -> [(&[u8], Ask); 1] {
        [(&self.key, PROBING)]
    }

    /// Appends its call. By text: a store that was lost may have lost the script too.
    pub fn call(&self, out: &mut Vec<u8>) {
        call(By::Text, &self.terms, &self.asks(), out);
    }

    /// Whether `reply` grants or refuses by its count; false where the key holds something else, none where it is no answer.
    pub fn granted(&self, reply: &Reply<'_>) -> Option<bool> {
        Some(grants(reply, &self.asks())?.1[0].is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(want: u32) -> Ask {
        Ask { charge: 1, back: 2, mark: 3, want, sent: 0 }
    }

    fn numbers(numbers: &[i64]) -> Reply<'static> {
        Reply::List(Some(numbers.iter().map(|number| Reply::Number(*number)).collect()))
    }

    #[test]
    fn a_call_has_its_numbers_in_the_order_of_the_script() {
        let terms = Terms { way: Way::Log, count: 9, per: 60_000_000_000, burst: 9, lease: 1 };
        let mut out = Vec::new();
        call(By::Digest(b"abc"), &terms, &[(b"k1", ask(4)), (b"k2", ask(5))], &mut out);
        let text = String::from_utf8(out).expect("is text");
        let words: Vec<&str> = text.split("\r\n").filter(|word| !word.starts_with(['*', '$'])).collect();
        let expected = "EVALSHA abc 2 k1 k2 l 9 60000000 9 64 1 2 3 4 1 2 3 5 ";
        assert_eq!(words.join(" "), expected);
        assert!(text.starts_with(&format!("*{}\r\n", words.len() - 1)));
    }

    #[test]
    fn an_answer_that_is_not_the_scripts_grants_nothing() {
        let asks: [(&[u8], Ask); 1] = [(b"k", ask(4))];
        let good = grants(&numbers(&[7, 4, 1, 0, 2, -1, 0]), &asks).expect("is one");
        let expected = Grant { tokens: 4, paid: true, retry: 0, room: 2, left: u64::MAX, mark: 0 };
        assert_eq!(good, (7, vec![Some(expected)]));
        let foreign = grants(&numbers(&[7, -1, -1, -1, -1, -1, -1]), &asks).expect("is one");
        assert_eq!(foreign, (7, vec![None]));
        for bad in [
            &[7, 4, 1, 0, 2, -1][..],
            &[7, 4, 1, 0, 2, -1, 0, 0],
            &[7, 5, 1, 0, 2, -1, 0],
            &[7, -1, 1, 0, 2, -1, 0],
            &[7, 4, 1, -3, 2, -1, 0],
            &[7, 4, 1, 0, 2, -2, 0],
            &[7, 4, 1, 0, 2, -1, -1],
            &[-7, 4, 1, 0, 2, -1, 0],
            &[7],
            &[],
        ] {
            assert_eq!(grants(&numbers(bad), &asks), None, "{bad:?}");
        }
        assert_eq!(grants(&Reply::Status(b"OK"), &asks), None);
        assert_eq!(grants(&Reply::List(Some(vec![Reply::Text(None); 7])), &asks), None);
    }
}
