//! Any bytes as a configuration: YAML, or TOML when they begin with `#!toml`. Reading and building end without a
//! panic; what is refused has a problem that can be printed; what is taken builds the same table twice.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::base::{Generation, ListenerId, Tick};
use ringgate::config::Memory;
use ringgate::route::{Facts, Scratch};
use ringgate::table::Table;
use ringgate::table::build::{self, Means};
use ringgate::wire::head::{Head, Lines};

fuzz_target!(|bytes: &[u8]| {
    let name = if bytes.starts_with(b"#!toml") { "x.toml" } else { "x.yaml" };
    let memory = Memory::default()
        .file(name, bytes)
        .file("more.yaml", "routes: [{ name: more, to: a }]\nupstreams: { a: { endpoints: [] } }\n")
        .file("secret", "hidden-value\n")
        .env("NAME", "hidden-value");
    let config = match memory.read(name) {
        Ok(config) => config,
        Err(problems) => {
            let told = problems.to_string();
            assert!(problems.refuse() && !told.is_empty(), "a refusal says why");
            assert!(!told.contains("hidden-value") || contains(bytes, b"hidden-value"), "{told}");
            let _ = problems.json();
            return;
        }
    };
    let build = |generation, previous: Option<&Table>| {
        let mut means = Means { files: &mut Memory::default(), now: Tick(1), offset: 0 };
        build::build(&config, Generation(generation), previous, &mut means)
    };
    let first = build(1, None);
    let previous = first.as_ref().ok().map(|(table, _)| table);
    match (&first, build(2, previous)) {
        (Ok((first, warnings)), Ok((second, again))) => {
            assert_eq!(*warnings, again);
            assert_eq!(first.routes.len(), second.routes.len());
            let lines = Lines::new();
            let (host, path, head) = (b"api.example.com", b"/api/orders/7", Head::new(b"", &lines));
            let facts = Facts { host, path, method: b"GET", head, listener: ListenerId(0) };
            let _ = first.lookup.lookup(&facts, &Scratch::default());
        }
        (Err(problems), Err(again)) => assert_eq!(problems.to_string(), again.to_string()),
        _ => panic!("one configuration gives one answer"),
    }
});

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
