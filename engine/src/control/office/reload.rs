//! A reload up to the moment where it takes effect: the files are read and compiled on the blocking pool, names are looked up,
//! new sockets bound, beside the gateway that runs on. What goes wrong here has changed nothing.

use super::publish::older_counts;
use crate::base::Generation;
use crate::config::read::{Part, Pointer};
use crate::config::{Config, Problem, Problems, Severity};
use crate::control::bind::{Fresh, Known, Refusal, bind};
use crate::control::load::{self, Files};
use crate::control::logs::Target;
use crate::control::resolve::{Keeper, Names, Seen};
use crate::net::driver::Driver;
use crate::shard::Shared;
use crate::table::{Admin, DriverChoice, Table};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// What cannot change while the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// How many shards run.
    pub shards: usize,
    /// How many there are where nothing is said: one a CPU.
    pub shards_auto: usize,
    /// What they wait with.
    pub driver: Driver,
}

/// What a reload begins with.
#[derive(Debug)]
pub struct Beginning {
    /// The file.
    pub file: PathBuf,
    /// The number that the table gets if it is published.
    pub generation: Generation,
    /// The tables that something still holds, newest first: the one that is served is there.
    pub alive: Vec<Arc<Table>>,
    /// The sockets that are open.
    pub open: Known,
    /// What cannot change.
    pub fixed: Fixed,
    /// Where names are counted.
    pub shared: Arc<Shared>,
    /// Who keeps names.
    pub keeper: Option<Keeper>,
}

/// A table that only has to be published.
#[derive(Debug)]
pub struct Prepared {
    /// The table.
    pub table: Table,
    /// What it was compiled from, without secrets.
    pub shown: Value,
    /// Its new sockets.
    pub fresh: Fresh,
    /// The names of its endpoints.
    pub names: Option<Names>,
    /// What is probably not meant.
    pub warnings: Vec<Problem>,
    /// Where its log goes, if elsewhere than before.
    pub log: Option<Target>,
}

/// Prepares what the file says now. Tells which files it read, in any case.
///
/// # Errors
/// All problems.
pub async fn prepare(beginning: Beginning) -> (Files, Result<Prepared, Problems>) {
    let Beginning { file, generation, alive, open, fixed, shared, keeper } = beginning;
    let path = file.clone();
    let compiling = spawn_blocking(move || {
        let (config, mut files) = load::gather(&path);
        let mut compiled = config.and_then(|config| compile(config, generation, &alive, fixed, &mut files));
        if let Ok(compiled) = &mut compiled {
            compiled.table.arm(&shared.meters);
        }
        (files, compiled)
    });
    let (files, compiled) = match compiling.await {
        Ok(compiled) => compiled,
        Err(error) => (Files::default(), Err(of_file(&file, format!("it cannot be compiled: {error}")))),
    };
    let Compiled { mut table, config, warnings, log } = match compiled {
        Ok(compiled) => compiled,
        Err(problems) => return (files, Err(problems)),
    };
    let seen = match keeper {
        Some(keeper) => keeper.seen().await,
        None => Seen::default(),
    };
    let names = Names::next(&mut table, &seen).await;
    // Last, so that a socket that waits for nobody listens for as short a time as can be.
    let difference = open.difference(&table);
    let bound = spawn_blocking(move || bind(difference, fixed.shards)).await;
    let prepared = match bound {
        Ok(Ok(fresh)) => Ok(Prepared { table, shown: config.origin.shown(), fresh, names, warnings, log }),
        Ok(Err(refusal)) => Err(Problems(vec![unbound(&config, &refusal)])),
        Err(error) => Err(of_file(&file, format!("its addresses cannot be bound: {error}"))),
    };
    (files, prepared)
}

struct Compiled {
    table: Table,
    config: Config,
    warnings: Vec<Problem>,
    log: Option<Target>,
}

fn compile(
    config: Config,
    generation: Generation,
    alive: &[Arc<Table>],
    fixed: Fixed,
    files: &mut Files,
) -> Result<Compiled, Problems> {
    let previous = alive.first().map(|table| &**table);
    let (mut table, warnings) = load::compile_of(&config, generation, previous, files)?;
    older_counts(alive, &mut table);
    let mut problems = needs_a_restart(&config, &table, fixed);
    let served_at = previous.map(|previous| previous.admin.as_ref().map(Admin::fixed));
    if served_at.is_some_and(|before| before != table.admin.as_ref().map(Admin::fixed)) {
        let message = "'admin' is another now: only a restart changes more of it than the token".to_owned();
        let fix = "restart the gateway, or write what was there until then".to_owned();
        problems.push(problem(&config, &Pointer::default().key("admin"), message, fix));
    }
    let log = Target::of(&table);
    let log = if previous.map(Target::of) == Some(log.clone()) { None } else { Some(log) };
    if let Some(Err(error)) = log.as_ref().map(Target::probe) {
        let at = Pointer::default().key("access_log").key("path");
        let message = format!("the access log cannot be opened: {error}");
        problems.push(problem(&config, &at, message, "write a path that the gateway may write to".into()));
    }
    match problems.is_empty() {
        true => Ok(Compiled { table, config, warnings, log }),
        false => Err(Problems(problems).sorted()),
    }
}

/// What the file says of things that are made once. It is refused: a gateway either runs what its file says, or says why not.
fn needs_a_restart(config: &Config, table: &Table, fixed: Fixed) -> Vec<Problem> {
    let at = |key: &str| Pointer::default().key("gateway").key(key);
    let mut problems = Vec::new();
    let shards = table.gateway.shards.map_or(fixed.shards_auto, |shards| shards as usize);
    if shards != fixed.shards {
        let message =
            format!("'shards' is {shards} now, and {} run: only a restart changes it", fixed.shards);
        let fix = format!("restart the gateway, or write {} until then", fixed.shards);
        problems.push(problem(config, &at("shards"), message, fix));
    }
    let (runs, fits) = match (table.gateway.driver, fixed.driver) {
        (DriverChoice::Epoll, Driver::IoUring(_)) => ("io_uring", false),
        (DriverChoice::IoUring, Driver::Epoll) => ("epoll", false),
        _ => ("", true),
    };
    if !fits {
        let message = format!("the shards run on {runs}: only a restart changes 'driver'");
        let fix = format!("restart the gateway, or write {runs} until then");
        problems.push(problem(config, &at("driver"), message, fix));
    }
    problems
}

fn unbound(config: &Config, refusal: &Refusal) -> Problem {
    let listener = Pointer::default().key("listeners").item(refusal.wanted.listener().index()).key("bind");
    let list = config.origin.is_list(&listener);
    let at = if list { listener.item(refusal.wanted.index) } else { listener };
    problem(config, &at, refusal.to_string(), "free the address, or write another one".into())
}

fn problem(config: &Config, at: &Pointer, message: String, fix: String) -> Problem {
    let origin = &config.origin;
    origin.problem(Severity::Error, origin.place(at, Part::Value), origin.redacted(message), Some(fix))
}

fn of_file(file: &Path, message: String) -> Problems {
    Problems(vec![Problem::of_file(&file.display().to_string(), message, None)])
}
