//! A page's `console` blocks as a script: each command is given to one shell, and what it prints is compared with the lines
//! under it. `…` in a line stands for any text; the lines of a command in the background are waited for.

use super::blocks;
use super::support::{Lines, PATIENCE};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// One command with what it prints.
#[derive(Debug)]
pub struct Step {
    /// The line of the page.
    pub line: usize,
    /// The command, a here-document with it.
    pub command: String,
    /// The lines it prints.
    pub prints: Vec<String>,
}

/// The steps of a page, in order.
pub fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in blocks(page).into_iter().filter(|block| block.kind == "console") {
        let mut here: Option<String> = None;
        for (index, line) in block.text.lines().enumerate() {
            let last = steps.last_mut();
            match (line.strip_prefix("$ "), last) {
                (_, Some(step)) if here.is_some() => {
                    step.command += "\n";
                    step.command += line;
                    here = here.filter(|end| end != line);
                }
                (Some(command), _) => {
                    let end = command.split_once("<<'").and_then(|(_, rest)| rest.split_once('\''));
                    here = end.map(|(end, _)| end.to_owned());
                    let (line, command) = (block.line + index, command.to_owned());
                    steps.push(Step { line, command, prints: Vec::new() });
                }
                (None, Some(step)) => step.prints.push(line.to_owned()),
                (None, None) => panic!("line {}: the first line of a block is a command", block.line + index),
            }
        }
        assert!(here.is_none(), "line {}: a here-document does not end", block.line);
    }
    steps.iter_mut().for_each(|step| step.prints.retain(|line| is_compared(line)));
    steps
}

/// Blank lines part steps for the eye; two warnings depend on the machine, as the page says.
fn is_compared(line: &str) -> bool {
    !line.is_empty() && !line.contains(" warn descriptors_low: ") && !line.contains(" warn driver_fallback: ")
}

/// A shell that keeps its folder, its variables and its jobs from one command to the next.
#[derive(Debug)]
pub struct Shell {
    child: Child,
    input: ChildStdin,
    output: Lines,
    /// Lines of the output that were compared.
    seen: usize,
    commands: usize,
}

impl Shell {
    /// One in `folder`, at `home`.
    pub fn start(folder: &Path, home: &Path) -> Shell {
        let mut command = Command::new("bash");
        command.args(["--norc", "--noprofile"]).current_dir(folder).env("HOME", home);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // One stream, as a terminal has. A group of its own, so that nothing of it outlives the test.
        let mut child = command.process_group(0).spawn().expect("bash is there");
        let mut input = child.stdin.take().expect("is piped");
        let output = Lines::of(child.stdout.take().expect("is piped"));
        // Jobs are numbered, as where a person types.
        writeln!(input, "exec 2>&1; set -m").unwrap();
        Shell { child, input, output, seen: 0, commands: 0 }
    }

    /// Gives a command and compares what comes.
    pub fn run(&mut self, step: &Step) {
        let Step { line, command, prints } = step;
        let is_background = command.trim_end().ends_with('&');
        self.commands += 1;
        let end = format!("end of command {}, status ", self.commands);
        writeln!(self.input, "{command}").unwrap();
        if !is_background {
            writeln!(self.input, "echo \"{end}$?\"").unwrap();
        }
        let is_own = |line: &&String| is_compared(line) && !line.starts_with(&end);
        let enough = |lines: &[String]| {
            let is_over = is_background || lines.iter().any(|line| line.starts_with(&end));
            // What a job in the background tells of a command may come after the command's end.
            is_over && lines.iter().filter(is_own).count() >= prints.len()
        };
        let what = format!("start.md:{line}: $ {command}");
        let lines = self.output.wait(&what, |lines| enough(&lines[self.seen..]));
        // As many as were waited for; what came behind them belongs to the next command.
        let mut until = self.seen;
        while !enough(&lines[self.seen..until.min(lines.len())]) {
            until += 1;
        }
        let lines = &lines[self.seen..until.min(lines.len())];
        self.seen += lines.len();
        if let Some(status) = lines.iter().find_map(|line| line.strip_prefix(&end)) {
            let fails =
                command.starts_with("ringgate check") && prints.iter().any(|line| line.contains("error"));
            assert_eq!(status != "0", fails, "{what}\nended with {status} and printed {lines:#?}");
        }
        let came: Vec<&String> = lines.iter().filter(is_own).collect();
        let same =
            came.len() == prints.len() && prints.iter().zip(&came).all(|(page, came)| matches(page, came));
        assert!(same, "{what}\nprints {came:#?}\nand the page says {prints:#?}");
    }
}

impl Drop for Shell {
    /// Ends the shell with all it started.
    fn drop(&mut self) {
        drop(writeln!(self.input, "kill -KILL $(jobs -p) 2>/dev/null; exit"));
        let ended = std::time::Instant::now() + PATIENCE;
        while std::time::Instant::now() < ended && !matches!(self.child.try_wait(), Ok(Some(_))) {
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Whether `came` is what the page says, where `…` is any text.
pub fn matches(page: &str, came: &str) -> bool {
    let mut parts = page.split('…');
    let Some(mut rest) = came.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn a_page_is_read_as_commands_and_what_they_print() {
    let page =
        "```console\n$ cat > a <<'EOF'\n$ no\nEOF\n$ ls\na\n…b\n\n$ true\n```\ntext\n```sh\nnot run\n```\n";
    let steps = steps(page);
    let read: Vec<(&str, usize)> = steps.iter().map(|step| (&*step.command, step.prints.len())).collect();
    assert_eq!(read, [("cat > a <<'EOF'\n$ no\nEOF", 0), ("ls", 2), ("true", 0)]);
    assert_eq!(steps[1].line, 5);
}

#[test]
fn dots_stand_for_any_text_and_nothing_else_does() {
    for (page, came, fits) in [
        ("ok", "ok", true),
        ("ok", "okay", false),
        ("… ok", "2026 ok", true),
        ("a…b…c", "a1b2c", true),
        ("a…b…c", "a1c2b", false),
        ("a…", "b", false),
        ("…c", "abd", false),
    ] {
        assert_eq!(matches(page, came), fits, "{page} {came}");
    }
}
