//! `tools schema`: writes `config/schema.json` from what the built binary prints, or says that the two differ. Editors
//! read the file, so it is committed; `ringgate schema` derives it from the configuration's types, so it never lies.

use std::path::Path;
use std::process::Command;

/// Where the schema stands in the tree.
pub const PAGE: &str = "config/schema.json";

/// Whether the file is written or only compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// The file is replaced.
    Write,
    /// A file that differs is a failure.
    Check,
}

/// Brings `PAGE` under `root` in line with the schema that `printer` prints, or compares them.
///
/// # Errors
/// When the printer fails or prints no JSON object, when the file cannot be written, or when it differs.
pub fn run(root: &Path, verb: Verb, printer: &mut Command) -> Result<(), String> {
    let output = printer.current_dir(root).output().map_err(|e| format!("{printer:?}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{printer:?}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let tree: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|e| format!("{printer:?} printed no JSON: {e}"))?;
    if !tree.is_object() {
        return Err(format!("{printer:?} printed no schema"));
    }
    let path = root.join(PAGE);
    match verb {
        Verb::Write => std::fs::write(&path, output.stdout).map_err(|e| format!("{}: {e}", path.display())),
        Verb::Check if std::fs::read(&path).ok() == Some(output.stdout) => Ok(()),
        Verb::Check => Err(format!("{PAGE} is not what the types say: run `cargo run -p tools -- schema`")),
    }
}

/// The command that prints the schema: `ringgate schema` of this tree.
pub fn printer() -> Command {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--locked", "-p", "ringgate", "--", "schema"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(text: &str) -> Command {
        let mut command = Command::new("printf");
        command.args(["%s", text]);
        command
    }

    #[test]
    fn the_file_is_what_was_printed_and_a_difference_is_found() {
        let root = std::env::temp_dir().join(format!("tools-schema-{}", std::process::id()));
        std::fs::create_dir_all(root.join("config")).unwrap();
        assert!(run(&root, Verb::Check, &mut echo("{\"a\":1}")).is_err());
        assert_eq!(run(&root, Verb::Write, &mut echo("{\"a\":1}")), Ok(()));
        assert_eq!(run(&root, Verb::Check, &mut echo("{\"a\":1}")), Ok(()));
        assert!(run(&root, Verb::Check, &mut echo("{\"a\":2}")).is_err());
        for bad in ["", "[]", "{"] {
            assert!(run(&root, Verb::Write, &mut echo(bad)).is_err(), "{bad}");
        }
        assert!(run(&root, Verb::Write, &mut Command::new("false")).is_err());
        assert_eq!(std::fs::read(root.join(PAGE)).unwrap(), b"{\"a\":1}");
        std::fs::remove_dir_all(&root).unwrap();
    }
}
