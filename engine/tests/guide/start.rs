//! The first page, as somebody follows it: in a new folder, with the built binary, on free ports.

use super::console::{Shell, Step, steps};
use super::{page, root};
use std::net::TcpListener;
use std::path::Path;

/// With this the page's build is run too, as on a clean machine; else the binary that is there stands for it.
const BUILD: &str = "RINGGATE_GUIDE_BUILD";

#[test]
fn the_first_page_prints_what_it_says() {
    let home = std::env::temp_dir().join(format!("ringgate-guide-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    let ports: Vec<TcpListener> = (0..2).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let free = |index: usize| ports[index].local_addr().unwrap().to_string();
    let (demo, gateway) = (free(0), free(1));
    let binary = Path::new(env!("CARGO_BIN_EXE_ringgate")).parent().unwrap().display().to_string();
    let builds = std::env::var_os(BUILD).is_some();
    let set = |text: &str| {
        let text = text.replace("127.0.0.1:9000", &demo).replace("127.0.0.1:8080", &gateway);
        if builds { text } else { text.replace("$PWD/target/release", &binary) }
    };
    drop(ports);
    let steps = steps(&page("start.md"));
    assert!(steps.len() > 10, "{steps:#?}");
    let mut shell = Shell::start(&root(), &home);
    for Step { line, command, prints } in steps {
        if command.starts_with("cargo build") && !builds {
            assert_eq!(command, "cargo build --release -p ringgate", "the build is what builds the binary");
            continue;
        }
        let prints = prints.iter().map(|line| set(line)).collect();
        shell.run(&Step { line, command: set(&command), prints });
    }
    drop(shell);
    std::fs::remove_dir_all(&home).unwrap();
}
