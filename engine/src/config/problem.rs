//! What is wrong with a configuration, and how it is told. Reading, deciders' `compile` and the table's build
//! hand out `Problem`s; control prints them as text for people or as JSON for programs. It stands in this
//! room, the lowest that reports one; `table` passes it on.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// It is taken, but probably not what was meant.
    Warning,
}

/// One finding at one place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Error or warning.
    pub severity: Severity,
    /// The file, as it was named; empty when no file is at fault.
    pub file: String,
    /// From 1; 0 when it is about the file as a whole.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Characters from `column` that are at fault; at least 1 where `line` is.
    pub width: u32,
    /// What is wrong, the value included unless it is secret.
    pub message: String,
    /// What is accepted, or what to do.
    pub fix: Option<String>,
    /// The source line; `None` where there is none or where it shows a secret.
    pub excerpt: Option<String>,
}

impl Problem {
    /// An error without a place, as for a file that cannot be read.
    pub fn of_file(file: &str, message: impl Into<String>, fix: Option<String>) -> Problem {
        Problem {
            severity: Severity::Error,
            file: file.to_owned(),
            line: 0,
            column: 0,
            width: 0,
            message: message.into(),
            fix,
            excerpt: None,
        }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "severity": self.severity.word(),
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "fix": self.fix,
        })
    }
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// As rustc prints one: place and message, the source line with carets, the help.
impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(out, "{}:", self.file)?;
            if self.line > 0 {
                write!(out, "{}:{}:", self.line, self.column)?;
            }
            write!(out, " ")?;
        }
        writeln!(out, "{}: {}", self.severity.word(), self.message)?;
        if let Some(excerpt) = &self.excerpt {
            write_excerpt(out, self, excerpt)?;
        }
        match &self.fix {
            Some(fix) => writeln!(out, "  help: {fix}"),
            None => Ok(()),
        }
    }
}

/// Long lines are cut to this many characters around the fault, so that one minified file does not flood a
/// terminal.
const EXCERPT_CHARS_MAX: usize = 120;

fn write_excerpt(out: &mut fmt::Formatter<'_>, at: &Problem, excerpt: &str) -> fmt::Result {
    let column = at.column.max(1) as usize - 1;
    let from = column.saturating_sub(EXCERPT_CHARS_MAX / 2);
    let from = if column < EXCERPT_CHARS_MAX { 0 } else { from };
    // A tab or an escape sequence would shift the carets or write to the terminal.
    let shown: String = excerpt
        .chars()
        .skip(from)
        .take(EXCERPT_CHARS_MAX)
        .map(|char| if char == '\t' || char.is_control() { ' ' } else { char })
        .collect();
    let shown = shown.trim_end();
    let room = shown.chars().count().saturating_sub(column - from).max(1);
    let carets = (at.width.max(1) as usize).min(room);
    writeln!(out, "{:>5} | {shown}", at.line)?;
    writeln!(out, "      | {}{}", " ".repeat(column - from), "^".repeat(carets))
}

/// Findings in the order they were met.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Whether one of them refuses the configuration.
    pub fn refuse(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Puts them into reading order: file by file as first met, then line and column. Equal ones are told once.
    pub fn sorted(mut self) -> Problems {
        let mut files: Vec<String> = Vec::new();
        for problem in &self.0 {
            if !files.contains(&problem.file) {
                files.push(problem.file.clone());
            }
        }
        let rank = |file: &str| files.iter().position(|known| known == file);
        self.0.sort_by_key(|problem| (rank(&problem.file), problem.line, problem.column));
        self.0.dedup();
        self
    }

    /// A JSON array of objects with `severity`, `file`, `line`, `column`, `message` and `fix`.
    pub fn json(&self) -> String {
        serde_json::Value::Array(self.0.iter().map(Problem::json).collect()).to_string()
    }
}

/// All of them, a blank line between, and a closing count.
impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(out, "{problem}")?;
        }
        let errors = self.0.iter().filter(|problem| problem.severity == Severity::Error).count();
        let warnings = self.0.len() - errors;
        match (errors, warnings) {
            (0, 0) => Ok(()),
            (_, 0) => writeln!(out, "{}", counted(errors, "error")),
            (0, _) => writeln!(out, "{}", counted(warnings, "warning")),
            _ => writeln!(out, "{}, {}", counted(errors, "error"), counted(warnings, "warning")),
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown_key() -> Problem {
        Problem {
            severity: Severity::Error,
            file: "config/x.yaml".into(),
            line: 12,
            column: 5,
            width: 8,
            message: "unknown key 'endpoint' in upstream 'orders'".into(),
            fix: Some("did you mean 'endpoints'?".into()),
            excerpt: Some("    endpoint: [a:1]".into()),
        }
    }

    #[test]
    fn a_problem_reads_as_place_message_carets_and_help() {
        let expected = "\
config/x.yaml:12:5: error: unknown key 'endpoint' in upstream 'orders'
   12 |     endpoint: [a:1]
      |     ^^^^^^^^
  help: did you mean 'endpoints'?
";
        assert_eq!(unknown_key().to_string(), expected);
    }

    #[test]
    fn carets_end_with_the_line_and_controls_never_reach_the_terminal() {
        let problem =
            Problem { column: 1, width: 400, excerpt: Some("\u{1b}[31m\tx".into()), ..unknown_key() };
        let text = problem.to_string();
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains("| ^^^^^^^\n"), "{text}");
    }

    #[test]
    fn a_long_line_is_cut_around_the_fault() {
        let excerpt = format!("{}bad", "x".repeat(1_000_000));
        let problem = Problem { column: 1_000_001, width: 3, excerpt: Some(excerpt), ..unknown_key() };
        let text = problem.to_string();
        assert!(text.contains("bad\n") && text.len() < 400, "{}", text.len());
    }

    #[test]
    fn problems_come_in_reading_order_and_once() {
        let late = Problem { line: 20, ..unknown_key() };
        let sorted = Problems(vec![late.clone(), unknown_key(), late.clone()]).sorted();
        assert_eq!(sorted.0, [unknown_key(), late]);
        assert!(sorted.to_string().ends_with("2 errors\n"));
    }

    #[test]
    fn json_has_the_place_and_the_fix() {
        let json = Problems(vec![unknown_key()]).json();
        assert!(json.contains("\"line\":12") && json.contains("\"fix\":\"did you mean 'endpoints'?\""));
    }
}
