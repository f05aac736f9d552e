//! Any bytes as a file of endpoints: all of it is taken or nothing, whatever is refused has its line, and what is taken
//! means the same when it is written out again and makes a set within bounds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::table::endpoints::{ENDPOINTS_MAX, assemble, read_list};

fuzz_target!(|bytes: &[u8]| {
    let lines = bytes.split(|byte| *byte == b'\n').count();
    let sources = match read_list(bytes) {
        Ok(sources) => sources,
        Err(flaws) => {
            assert!(!flaws.is_empty());
            for flaw in flaws {
                assert!((1..=lines).contains(&(flaw.line as usize)));
                assert!(!flaw.message.is_empty() && !flaw.fix.is_empty());
            }
            return;
        }
    };
    let written: Vec<String> = sources
        .iter()
        .map(|source| format!("{} {} {}", source.target, source.weight, source.priority))
        .collect();
    assert_eq!(read_list(written.join("\n").as_bytes()).as_ref(), Ok(&sources));
    let set = assemble(sources.iter(), |_| &[]);
    assert!(set.len() <= sources.len().min(ENDPOINTS_MAX));
    assert!(set.iter().all(|endpoint| endpoint.weight > 0));
    assert!(set.windows(2).all(|pair| (0..=1).contains(&(pair[1].priority - pair[0].priority))));
});
