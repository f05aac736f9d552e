//! Holds benches of instructions to the bound on how they may grow: reads what Callgrind counted for runs named
//! `NAME_COUNT`, and compares the instructions for each of COUNT things between the fewest and the most of a NAME.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// How one bench grows.
#[derive(Debug, PartialEq)]
pub struct Growth {
    /// Its name, without the count.
    pub name: String,
    /// Instructions a thing by the number of things, ascending.
    pub each: Vec<(u64, f64)>,
}

impl Growth {
    /// Instructions at the most over those at the fewest.
    pub fn ratio(&self) -> f64 {
        match (self.each.first(), self.each.last()) {
            (Some((_, first)), Some((_, last))) => last / first,
            _ => 1.0,
        }
    }
}

impl Growth {
    /// The most instructions a thing, over all numbers of things.
    pub fn most(&self) -> f64 {
        self.each.iter().map(|(_, each)| *each).fold(0.0, f64::max)
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> =
            self.each.iter().map(|(count, each)| format!("{each:.0} at {count}")).collect();
        write!(out, "{}: instructions {}: {:.3} times", self.name, each.join(", "), self.ratio())
    }
}

/// The growth of every bench that has run with two counts or more, from the files somewhere under `folder`.
///
/// # Errors
/// A folder or file that cannot be read, or nothing to compare.
pub fn growths(folder: &Path) -> Result<Vec<Growth>, String> {
    let mut counted: BTreeMap<String, BTreeMap<u64, f64>> = BTreeMap::new();
    gather(folder, &mut counted)?;
    let grown: Vec<Growth> = counted
        .into_iter()
        .filter(|(_, each)| each.len() > 1)
        .map(|(name, each)| Growth { name, each: each.into_iter().collect() })
        .collect();
    match grown.is_empty() {
        true => Err(format!("{}: no bench has run with two counts", folder.display())),
        false => Ok(grown),
    }
}

fn gather(folder: &Path, counted: &mut BTreeMap<String, BTreeMap<u64, f64>>) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.is_dir() {
            gather(&path, counted)?;
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some((name, count)) = run_of(&name) else { continue };
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let total = total(&text).ok_or_else(|| format!("{}: no count of instructions", path.display()))?;
        counted.entry(name.to_owned()).or_default().insert(count, total as f64 / count as f64);
    }
    Ok(())
}

/// Name and count of the run that Callgrind wrote `callgrind.FUNCTION.NAME_COUNT.out` for.
fn run_of(file: &str) -> Option<(&str, u64)> {
    let run = file.strip_prefix("callgrind.")?.strip_suffix(".out")?;
    let (name, count) = run.rsplit_once('_')?;
    Some((name, count.parse().ok().filter(|count| *count > 0)?))
}

/// Instructions of a whole run: the first number of the line of totals, as instructions are the first event.
fn total(text: &str) -> Option<u64> {
    text.lines().find(|line| line.starts_with("events: Ir"))?;
    text.lines().find_map(|line| line.strip_prefix("totals: "))?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_between_the_fewest_and_the_most_of_a_name() {
        let folder = std::env::temp_dir().join(format!("tools-instructions-{}", std::process::id()));
        let write = |name: &str, total: u64| {
            std::fs::create_dir_all(folder.join(name)).unwrap();
            let text = format!("events: Ir Dr\nsummary: 9 9\ntotals: {total} 7\n");
            std::fs::write(folder.join(name).join(format!("callgrind.f.{name}.out")), text).unwrap();
        };
        for (name, total) in [("many_100", 5000), ("many_1000", 55_000), ("many_10", 500), ("lone_7", 70)] {
            write(name, total);
        }
        std::fs::write(folder.join("callgrind.f.many_10.log"), "").unwrap();
        let grown = growths(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let each = vec![(10, 50.0), (100, 50.0), (1000, 55.0)];
        assert_eq!(grown, [Growth { name: "f.many".into(), each }]);
        assert!((grown[0].ratio() - 1.1).abs() < 1e-9 && (grown[0].most() - 55.0).abs() < 1e-9);
        assert_eq!(grown[0].to_string(), "f.many: instructions 50 at 10, 50 at 100, 55 at 1000: 1.100 times");
    }

    #[test]
    fn nothing_to_compare_is_an_error() {
        assert!(growths(Path::new("/nowhere/at/all")).is_err());
        assert_eq!(total("events: Dr\ntotals: 1"), None);
        assert_eq!((run_of("callgrind.f.x.out"), run_of("callgrind.f.x_0.out")), (None, None));
    }
}
