//! One program for the tree. Exit codes: 0 ok, 1 a finding or a failed run, 2 wrong arguments.

use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tools::load::Plan;
use tools::schema::Verb;
use tools::upstream::{Origin, Recording};

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
    /// Write config/schema.json from what `ringgate schema` prints
    Schema {
        /// The root of the tree
        #[arg(long, default_value = ".")]
        root: PathBuf,
        /// Write nothing; fail when the file differs
        #[arg(long)]
        check: bool,
    },
    /// Run the misbehaving origin until it is killed; its first line says where it listens
    Upstream {
        /// The address to listen on
        #[arg(long, default_value = "127.0.0.1:0")]
        bind: SocketAddr,
    },
    /// Hold benches of instructions to a bound on their growth
    Instructions {
        /// Where Callgrind's files are
        folder: PathBuf,
        /// Instructions a thing at the most things over those at the fewest, at most
        #[arg(long)]
        ratio: f64,
        /// Instructions a thing of benches whose name begins with this, at most: `NAME=COUNT`
        #[arg(long)]
        each: Vec<String>,
    },
    /// Load a server on loopback and measure it: closed loop, or a fixed rate
    Load(Plan),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Tidy { root } => tidy(&root),
        Command::Schema { root, check } => schema(&root, if check { Verb::Check } else { Verb::Write }),
        Command::Upstream { bind } => upstream(bind),
        Command::Instructions { folder, ratio, each } => instructions(&folder, ratio, &each),
        Command::Load(plan) => load(&plan),
    };
    match done {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("tools: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn tidy(root: &Path) -> Result<ExitCode, String> {
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

fn schema(root: &Path, verb: Verb) -> Result<ExitCode, String> {
    tools::schema::run(root, verb, &mut tools::schema::printer())?;
    Ok(ExitCode::SUCCESS)
}

fn upstream(bind: SocketAddr) -> Result<ExitCode, String> {
    let origin = Origin::bind(bind, Recording::Off).map_err(|e| format!("cannot listen on {bind}: {e}"))?;
    println!("{}", origin.addr());
    loop {
        std::thread::park();
    }
}

fn instructions(folder: &Path, most: f64, each: &[String]) -> Result<ExitCode, String> {
    let growths = tools::instructions::growths(folder)?;
    let mut fits = true;
    for bound in each {
        let said = || format!("--each {bound}: write NAME=COUNT");
        let (name, count) = bound.split_once('=').ok_or_else(said)?;
        let count: f64 = count.parse().map_err(|_| said())?;
        let mut bounded = growths.iter().filter(|growth| growth.name.starts_with(name)).peekable();
        bounded.peek().ok_or_else(|| format!("--each {bound}: no bench of that name has run"))?;
        for over in bounded.filter(|growth| growth.most() > count) {
            println!("{}: {:.0} instructions each, over {count}", over.name, over.most());
            fits = false;
        }
    }
    for growth in &growths {
        println!("{growth}{}", if growth.ratio() > most { format!(", over {most}") } else { String::new() });
    }
    let held = fits && growths.iter().all(|growth| growth.ratio() <= most);
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn load(plan: &Plan) -> Result<ExitCode, String> {
    let report = tools::load::run(plan)?;
    match plan.json {
        true => println!("{}", report.json()),
        false => print!("{report}"),
    }
    Ok(ExitCode::SUCCESS)
}
