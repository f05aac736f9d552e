//! The demo's lines, pasted one after the other into a shell.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn each_line_of_the_demo_shows_what_it_says() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringgate"));
    command.args(["demo", "--bind", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut demo = Demo(command.spawn().unwrap());
    let said = BufReader::new(demo.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut lines = Vec::new();
    for line in said {
        let is_last = line.starts_with("for ");
        if !lines.is_empty() || line.starts_with('#') {
            lines.push(line);
        }
        if is_last {
            break;
        }
    }
    let output = Command::new("bash").arg("-c").arg(lines.join("\n")).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let statuses: Vec<&str> = printed.lines().filter(|line| line.starts_with("HTTP/1.1 ")).collect();
    assert_eq!(statuses.len(), 3, "{printed}");
    for (line, status) in statuses.iter().zip(["401", "200", "403"]) {
        assert!(line.contains(status), "{line} is not a {status}: {printed}");
    }
    for part in
        ["\"served_by\": \"users-", "Slide rule", "WWW-Authenticate: Bearer", "RateLimit: ", "orders.write"]
    {
        assert!(printed.contains(part), "no {part} in {printed}");
    }
    assert!(printed.ends_with("200\n200\n200\n429\n"), "{printed}");
}
