//! One program for the tree. Exit codes: 0 ok, 1 a finding or a failed run, 2 wrong arguments.

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "tools", about = "One program for the tree")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Hold the tree to its laws: layers, sizes, unsafe, bans, licences
    Tidy {
        /// The root of the tree
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Tidy { root } => tidy(&root),
    };
    match done {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("tools: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn tidy(root: &std::path::Path) -> Result<ExitCode, String> {
    let breaches = tools::tidy::check(root)?;
    for breach in &breaches {
        println!("{breach}");
    }
    match breaches.len() {
        0 => println!("tidy: the tree keeps its laws"),
        count => println!("tidy: {count} breaches"),
    }
    Ok(if breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
