//! The log of the process, from the binary: what it tells at the start and at the end, in both forms, and what its refusals
//! teach.

use super::support::{Driver, Gateway, Setup, run_to_end};
use serde_json::Value;
use std::net::TcpListener;

/// A setup before nobody, with this `log`.
fn text(log: &str) -> String {
    format!(
        "log: {log}\n{}",
        Setup::before(&[])
            .text(Driver::Epoll)
            .replace("endpoints: []", "endpoints: [{ address: \"127.0.0.1:1\" }]")
    )
}

#[test]
fn json_tells_the_start_and_the_end_with_fields() {
    // The form is asked for behind the text that the rig waits for.
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = port.local_addr().unwrap();
    drop(port);
    let text = text("{ format: json }").replace("127.0.0.1:0", &addr.to_string());
    let mut gateway = Gateway::told(&text, addr, &[]);
    let started = |lines: &[String]| -> Option<Value> {
        let read = |line: &String| serde_json::from_str::<Value>(line).expect("each line is JSON");
        lines.iter().map(read).find(|event| event["event"] == "started")
    };
    let lines = gateway.said().wait("the start", |lines| started(lines).is_some());
    let event = started(&lines).unwrap();
    assert_eq!(
        (&event["level"], &event["generation"], &event["shards"]),
        (&"info".into(), &1.into(), &1.into())
    );
    assert!(event["driver"] == "epoll" && event["descriptors"].as_u64() > Some(0), "{event}");
    gateway.terminate();
    assert!(gateway.exit().success());
    let said = gateway.said().ended();
    let mut names: Vec<Value> =
        said.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone()).collect();
    // That depends on the machine.
    names.retain(|name| name != "descriptors_low");
    assert_eq!(names, ["listening", "started", "draining", "ended"]);
}

#[test]
fn a_level_leaves_out_what_is_beneath_it() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = port.local_addr().unwrap();
    drop(port);
    let text = text("{ level: warn }").replace("127.0.0.1:0", &addr.to_string());
    let mut gateway = Gateway::told(&text, addr, &[]);
    gateway.terminate();
    assert!(gateway.exit().success());
    let said = gateway.said().ended();
    assert!(said.iter().all(|line| line.contains(" warn descriptors_low: ")), "{said:#?}");
}

/// Runs a configuration that is refused at run time; gives the one line it says.
fn refusal(text: &str) -> String {
    let (output, _) = run_to_end("run", text);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    let line = said.lines().find(|line| line.contains("refused")).unwrap_or_else(|| panic!("{said}"));
    line.to_owned()
}

#[test]
fn refusals_say_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let bind = |addr: &str| text("{}").replace("127.0.0.1:0", addr);
    let said = refusal(&bind(&format!("127.0.0.1:{port}")));
    assert!(said.contains("Address already in use") && said.contains(&format!("sport = :{port}")), "{said}");
    // An address for documentation: no machine has it.
    let said = refusal(&bind("192.0.2.1:0"));
    assert!(said.contains("no interface has 192.0.2.1"), "{said}");
    let said =
        refusal(&text("{ format: json }").replace("path: \"stdout\"", "path: \"/nowhere/access.log\""));
    let event: Value = serde_json::from_str(&said).expect("is JSON");
    assert_eq!((&event["event"], &event["level"]), (&"refused".into(), &"error".into()));
    assert!(event["message"].as_str().unwrap().contains("its folder is not there"), "{said}");
}

#[test]
fn a_file_that_is_not_there_is_told_by_its_name_with_what_to_do() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ringgate"))
        .args(["run", "-f", "nowhere.yaml"])
        .output()
        .expect("the binary runs");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("cannot read 'nowhere.yaml': no such file") && said.contains("help: "), "{said}");
}
