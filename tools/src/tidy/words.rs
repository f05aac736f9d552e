//! Words that may not stand: paths of one machine in any tracked file; in Rust, macros of unfinished work and an
//! ignored test without its reason.

use super::Breach;
use super::law::{MACHINE_PATHS, UNFINISHED_MACROS};
use super::source::Source;

/// Looks for machine paths in the bytes of any file.
pub fn check_bytes(path: &str, bytes: &[u8]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, line) in bytes.split(|b| *b == b'\n').enumerate() {
        for machine in MACHINE_PATHS {
            if line.windows(machine.len()).any(|window| window == machine.as_bytes()) {
                let text = format!("`{machine}` exists on one machine only");
                breaches.push(Breach::new("path", path, number as u32 + 1, text));
            }
        }
    }
    breaches
}

/// Looks for unfinished work and ignored tests without a reason; test code is no exception.
pub fn check(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let code = &source.code;
    for (at, token) in code.iter().enumerate() {
        let follows = |n: usize, mark: char| code.get(at + n).is_some_and(|t| t.is_mark(mark));
        let word = token.word().unwrap_or_default();
        if UNFINISHED_MACROS.contains(&word) && follows(1, '!') && !follows(2, '=') {
            let text = format!("`{word}!` marks unfinished work");
            breaches.push(Breach::new("unfinished", &source.path, token.line, text));
        }
        let opens = at >= 1 && (code[at - 1].is_mark('[') || code[at - 1].is_mark(','));
        if word == "ignore" && opens && follows(1, ']') {
            let text = "an ignored test carries its reason: #[ignore = \"…\"]".to_string();
            breaches.push(Breach::new("ignored", &source.path, token.line, text));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_path_is_found_in_any_file_even_a_binary_one() {
        for machine in MACHINE_PATHS {
            let mut bytes = b"\xff\x00\nsee ".to_vec();
            bytes.extend_from_slice(machine.as_bytes());
            let found = check_bytes("a.bin", &bytes);
            assert_eq!((found.len(), found[0].line), (1, 2), "{machine}");
        }
        assert_eq!(check_bytes("a.md", b"/tmp/x, work/ and the root").len(), 0);
    }

    #[test]
    fn unfinished_work_and_bare_ignores_are_found_in_tests_too() {
        let laws = |text: &str| -> Vec<&str> {
            check(&Source::new("a/tests.rs", text)).iter().map(|b| b.law).collect()
        };
        assert_eq!(laws("fn f() { todo!() }"), ["unfinished"]);
        assert_eq!(laws("fn f() { dbg!(a); unimplemented!(\"b\") }"), ["unfinished", "unfinished"]);
        assert_eq!(laws("#[test] #[ignore] fn f() {}"), ["ignored"]);
        assert_eq!(laws("#[cfg_attr(miri, ignore)] fn f() {}"), [""; 0]);
        assert_eq!(laws("#[ignore = \"needs nginx\"] fn f() { let ignore = todo; } // todo!()"), [""; 0]);
    }
}
