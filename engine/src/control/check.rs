//! `ringgate check FILE`: reads and compiles as `run` would, starts nothing, prints every problem.

use super::budget::{Budget, Means};
use super::load;
use crate::base::{Address, Generation};
use crate::config::policy::limit::Failure;
use crate::config::read::{Part, Pointer};
use crate::config::{Config, Problem, Problems, Severity};
use crate::policy::limit::Share;
use crate::policy::limit::lease::{Terms, Way};
use crate::table::Table;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The report, and whether the file can be run.
#[derive(Debug)]
pub struct Report {
    /// Problems and warnings, in reading order.
    pub problems: Problems,
    /// Routes, upstreams and listeners, when it can be run.
    pub counts: Option<[usize; 3]>,
    /// What it may take at worst, likewise.
    pub budget: Option<Budget>,
    /// How many may pass too many by each limit that machines share, a line each.
    pub shared: Vec<String>,
}

/// Checks the configuration at `path`.
pub fn check(path: &Path) -> Report {
    let compiled = load::read(path).and_then(|config| {
        let (table, warnings) = load::compile(&config, Generation(1), None)?;
        Ok((folders(&config, &table), table, warnings))
    });
    match compiled {
        Ok((folders, table, mut warnings)) => {
            warnings.extend(folders);
            let mut warnings = Problems(warnings).sorted().0;
            let budget = Budget::of(&table, Means::here());
            warnings.extend(budget.problems(path));
            Report {
                counts: Some([table.listeners.len(), table.routes.len(), table.upstreams.len()]),
                problems: Problems(warnings),
                budget: Some(budget),
                shared: shared(&table),
            }
        }
        Err(problems) => Report { problems, counts: None, budget: None, shared: Vec::new() },
    }
}

impl Report {
    /// The report as an operator reads it, with the source line of each problem.
    pub fn text(&self, path: &Path) -> String {
        let mut text = String::new();
        for problem in &self.problems.0 {
            text += &problem.to_string();
            text.push('\n');
        }
        let errors = self.problems.0.iter().filter(|problem| problem.severity == Severity::Error).count();
        text += &match self.counts {
            Some([listeners, routes, upstreams]) => {
                format!(
                    "{}: ok ({listeners} listeners, {routes} routes, {upstreams} upstreams)\n",
                    path.display()
                )
            }
            None => format!("{}: {errors} errors, nothing was started\n", path.display()),
        };
        text += &self.budget.as_ref().map(Budget::to_string).unwrap_or_default();
        self.shared.iter().for_each(|line| text += &format!("  {line}\n"));
        text
    }
}

/// Files that `run` makes in folders that are not there, or not there yet.
fn folders(config: &Config, table: &Table) -> Vec<Problem> {
    let top = Pointer::default();
    let mut made: Vec<(Pointer, &Path)> = Vec::new();
    let log = table.gateway.access_log.as_ref().map(|log| log.path.as_str()).filter(|path| *path != "stdout");
    made.extend(log.map(|path| (top.key("access_log").key("path"), Path::new(path))));
    for (index, listener) in table.listeners.iter().enumerate() {
        let at = top.key("listeners").item(index).key("bind");
        let one_of = |number| if config.origin.is_list(&at) { at.item(number) } else { at.clone() };
        made.extend(listener.bind.iter().enumerate().filter_map(|(number, address)| match address {
            Address::Unix(path) => Some((one_of(number), &**path)),
            Address::Tcp(_) => None,
        }));
    }
    let folder =
        |path: &Path| path.parent().filter(|folder| !folder.as_os_str().is_empty()).map(Path::to_owned);
    made.retain(|(_, path)| folder(path).is_some_and(|folder| !folder.is_dir()));
    let problem = |(at, path): (Pointer, &Path)| {
        let message = match config.origin.is_drawn(&at) {
            true => "the folder of this file is not there".to_owned(),
            false => format!("the folder of '{}' is not there", path.display()),
        };
        let fix = "make it before the start: the gateway makes the file, not its folder";
        config.origin.problem(
            Severity::Warning,
            config.origin.place(&at, Part::Value),
            message,
            Some(fix.into()),
        )
    };
    made.into_iter().map(problem).collect()
}

/// What machines together let pass of each shared limit.
fn shared(table: &Table) -> Vec<String> {
    let Some(store) = &table.gateway.store else { return Vec::new() };
    let machines = store.machines;
    let line = |share: &Arc<Share>| {
        let Share { name, terms, failure, .. } = &**share;
        let Terms { count, per, burst, .. } = *terms;
        let time = Duration::from_nanos(per);
        let limit = match terms.way {
            Way::Bucket => format!("{burst} at once and {count} in {time:?}"),
            Way::Window | Way::Counter => format!("{count} in a window of {time:?}"),
            Way::Log => format!("{count} in any {time:?}"),
        };
        let over = terms.overshoot(machines);
        let alone = match (terms.overshoot_alone(machines, *failure), failure) {
            (None, _) => "all pass".to_owned(),
            (Some(_), Failure::Closed) => "none pass but what is leased".to_owned(),
            (Some(times), _) => format!("each counts for itself, {times} times that at most"),
        };
        format!(
            "shared limit {name}: {machines} machines together let pass at most {over} more than {limit}; \
             while the store does not answer, {alone}"
        )
    };
    table.policies.shares().map(line).collect()
}
