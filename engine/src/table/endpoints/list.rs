//! A file of endpoints: one `host:port [weight] [priority]` a line, `#` begins a comment, blank lines are passed over.
//! Control reads such files and watches them; this is how their text is understood. All of a file or nothing.

use super::{ENDPOINTS_MAX, Source, Target};

/// A line that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// From 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub fix: String,
}

/// Flaws told of one file; past it the rest is noise.
const FLAWS_MAX: usize = 20;

/// Reads the text of a file of endpoints.
///
/// # Errors
/// The flaws, in order of their lines.
pub fn read(text: &[u8]) -> Result<Vec<Source>, Vec<Flaw>> {
    let mut sources = Vec::new();
    let mut flaws = Vec::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        match source(line) {
            Ok(source) => sources.extend(source),
            Err((message, fix)) => flaws.push(Flaw { line: index as u32 + 1, message, fix }),
        }
        if sources.len() > ENDPOINTS_MAX {
            let message = format!("there are more than {ENDPOINTS_MAX} endpoints");
            flaws.push(Flaw { line: index as u32 + 1, message, fix: "divide them among upstreams".into() });
        }
        if flaws.len() == FLAWS_MAX || sources.len() > ENDPOINTS_MAX {
            break;
        }
    }
    if flaws.is_empty() { Ok(sources) } else { Err(flaws) }
}

fn source(line: &[u8]) -> Result<Option<Source>, (String, String)> {
    const FORM: &str = "write HOST:PORT [WEIGHT] [PRIORITY], such as 10.0.0.7:8080 2 0";
    let line = std::str::from_utf8(line).map_err(|_| ("the line is not UTF-8".into(), FORM.into()))?;
    let line = line.split('#').next().unwrap_or_default();
    let mut words = line.split_ascii_whitespace();
    let Some(address) = words.next() else { return Ok(None) };
    let target = Target::parse(address).map_err(|(what, fix)| (format!("'{address}' {what}"), fix))?;
    let mut number = |name: &str, default: u32, least: u32| match words.next() {
        None => Ok(default),
        Some(word) => match word.parse::<u32>() {
            Ok(number) if number >= least && word.bytes().all(|byte| byte.is_ascii_digit()) => Ok(number),
            _ => {
                Err((format!("'{word}' is not a {name}"), format!("a {name} is a whole number from {least}")))
            }
        },
    };
    let weight = number("weight", 1, 1)?;
    let priority = number("priority", 0, 0)?;
    match words.next() {
        Some(word) => Err((format!("'{word}' is one word too many"), FORM.into())),
        None => Ok(Some(Source { target, weight, priority })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Result<Vec<String>, Vec<String>> {
        match read(text.as_bytes()) {
            Ok(sources) => {
                let line =
                    |source: &Source| format!("{} {} {}", source.target, source.weight, source.priority);
                Ok(sources.iter().map(line).collect())
            }
            Err(flaws) => Err(flaws.iter().map(|flaw| format!("{}: {}", flaw.line, flaw.message)).collect()),
        }
    }

    #[test]
    fn a_line_is_an_address_with_weight_and_priority() {
        let text = "# all of them\n10.0.0.7:80\n\n  a.test:81\t2 # spare\r\n[::1]:82 3 1";
        let expected = ["10.0.0.7:80 1 0", "a.test:81 2 0", "[::1]:82 3 1"].map(String::from);
        assert_eq!(lines(text), Ok(expected.to_vec()));
        assert_eq!(lines(""), Ok(vec![]));
    }

    #[test]
    fn every_bad_line_is_told_with_its_number() {
        let text = "10.0.0.7:80\n10.0.0.7\na:80 0\na:80 1 -1\na:80 1 1 1\na:80 x\n";
        let expected = [
            "2: '10.0.0.7' is not a host and a port",
            "3: '0' is not a weight",
            "4: '-1' is not a priority",
            "5: '1' is one word too many",
            "6: 'x' is not a weight",
        ];
        assert_eq!(lines(text), Err(expected.map(String::from).to_vec()));
        assert_eq!(read(b"a:80\n\xff\xfe:80").unwrap_err()[0].line, 2);
    }

    #[test]
    fn a_file_without_end_is_refused_early() {
        let text = "10.0.0.7:80\n".repeat(100_000);
        assert_eq!(lines(&text), Err(vec!["1025: there are more than 1024 endpoints".to_owned()]));
        assert_eq!(read("?\n".repeat(1000).as_bytes()).unwrap_err().len(), FLAWS_MAX);
    }
}
