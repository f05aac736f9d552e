//! The laws of the tree, as data: which room may import which, which crates may be named where, how large a part
//! may grow, what may not be linked. Changing a law is a change of this file and of `docs/ARCHITECTURE.md`.

/// A module of `engine/src` and what it may import of the others.
#[derive(Debug)]
pub struct Room {
    /// Its folder, or its file without `.rs`.
    pub name: &'static str,
    /// Its layer.
    pub layer: u8,
    /// It may import every room of the layers under this one.
    pub under: u8,
    /// Rooms it may import besides.
    pub also: &'static [&'static str],
    /// Rooms it may not import all the same.
    pub except: &'static [&'static str],
}

const fn room(name: &'static str, layer: u8) -> Room {
    Room { name, layer, under: layer, also: &[], except: &[] }
}

/// The layer table.
pub const ROOMS: &[Room] = &[
    room("base", 0),
    room("mem", 1),
    room("wire", 2),
    room("config", 2),
    room("route", 3),
    room("policy", 3),
    room("cache", 3),
    room("balance", 3),
    room("bridge", 3),
    room("reply", 3),
    room("observe", 3),
    room("certs", 3),
    room("table", 4),
    Room { under: 3, ..room("net", 5) },
    Room { under: 3, also: &["certs", "net"], ..room("tls", 5) },
    room("accept", 6),
    room("upstream", 6),
    Room { except: &["accept"], ..room("exchange", 7) },
    Room { except: &["accept"], ..room("conn", 8) },
    room("shard", 9),
    room("control", 10),
    room("main", 11),
];

/// External crates that only some places may name.
#[derive(Debug)]
pub struct External {
    /// As they stand in a path: with `_`, never `-`.
    pub names: &'static [&'static str],
    /// Folders or files (without `.rs`) under `engine/src`.
    pub places: &'static [&'static str],
}

/// Who may name what. A crate that is not listed is free.
pub const EXTERNALS: &[External] = &[
    External { names: &["httparse"], places: &["wire/http1"] },
    External { names: &["serde", "schemars", "glob", "granit_parser", "toml"], places: &["config"] },
    External { names: &["regex", "regex_automata", "regex_syntax"], places: &["route", "policy"] },
    External { names: &["ring"], places: &["policy", "certs", "wire/websocket"] },
    External { names: &["bcrypt", "argon2", "jsonschema", "cel"], places: &["policy"] },
    External { names: &["rustls", "rustls_pki_types"], places: &["certs", "tls"] },
    External { names: &["x509_parser", "arc_swap"], places: &["certs"] },
    External { names: &["flate2", "brotli", "zstd"], places: &["reply"] },
    External {
        names: &["monoio", "io_uring", "libc", "socket2", "core_affinity", "crossbeam", "atomic_waker"],
        places: &["net"],
    },
    External { names: &["tokio"], places: &["net/poll", "control", "main"] },
    External {
        names: &[
            "axum",
            "clap",
            "futures_core",
            "hickory_resolver",
            "http_body_util",
            "hyper",
            "hyper_util",
            "inotify",
            "instant_acme",
            "kube",
            "lapin",
            "rcgen",
            "redis",
            "reqwest",
            "rustls_native_certs",
            "tokio_rustls",
            "tower",
            "tracing",
        ],
        places: &["control", "main"],
    },
    External { names: &["h2", "http"], places: &["upstream/http2", "conn/http2", "net/body/frames"] },
    External { names: &["mimalloc"], places: &["main"] },
    External { names: &["libmimalloc_sys"], places: &["mem/allocator"] },
];

/// Rooms whose code may be `unsafe`, with a note at each site and their number in [`UNSAFE_PAGE`].
pub const UNSAFE_ROOMS: &[&str] = &["net", "mem"];

/// The page that states how many unsafe sites each room has.
pub const UNSAFE_PAGE: &str = "docs/UNSAFE.md";

/// Pages whose paths lead to files of the rooms, or folders.
pub const PAGES: &[&str] = &["docs/ARCHITECTURE.md", "docs/PATH.md"];

/// Lines of a file at most, without its tests.
pub const FILE_LINES_MAX: u32 = 600;

/// Lines of a function at most, from its `fn` to its closing brace.
pub const FUNCTION_LINES_MAX: u32 = 70;

/// Rust files in a folder at most.
pub const FOLDER_FILES_MAX: usize = 14;

/// Crates that may not be linked: C libraries we do not build on, dead ones, one under AGPL.
pub const BANNED_CRATES: &[&str] = &[
    "aws-lc-rs",
    "aws-lc-sys",
    "evalexpr",
    "native-tls",
    "openssl-sys",
    "rsa",
    "rustls-pemfile",
    "serde_yaml",
    "serde_yml",
];

/// Licences (SPDX) that a linked crate may have.
pub const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Beginnings of paths that exist on one machine only. Written in two halves, so that this file keeps the law.
pub const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp", "/wt")];

/// Macros that mark unfinished work.
pub const UNFINISHED_MACROS: &[&str] = &["todo", "unimplemented", "dbg"];

/// A breach that is borne for a while.
#[derive(Debug)]
pub struct Exception {
    /// The law, as the breach prints it.
    pub law: &'static str,
    /// The path, as the breach prints it.
    pub path: &'static str,
    /// The day it was granted, `YYYY-MM-DD`.
    pub since: &'static str,
    /// Why, and what will end it.
    pub reason: &'static str,
}

/// What is borne now. It may only shrink: an exception that no breach needs is a breach.
pub const EXCEPTIONS: &[Exception] = &[];
