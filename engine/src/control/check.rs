//! `ringgate check FILE`: reads and compiles as `run` would, starts nothing, prints every problem.

use super::budget::{Budget, Means};
use super::load;
use crate::base::Generation;
use crate::config::{Problems, Severity};
use std::path::Path;

/// The report, and whether the file can be run.
#[derive(Debug)]
pub struct Report {
    /// Problems and warnings, in reading order.
    pub problems: Problems,
    /// Routes, upstreams and listeners, when it can be run.
    pub counts: Option<[usize; 3]>,
    /// What it may take at worst, likewise.
    pub budget: Option<Budget>,
}

/// Checks the configuration at `path`.
pub fn check(path: &Path) -> Report {
    match load::read(path).and_then(|config| load::compile(&config, Generation(1), None)) {
        Ok((table, mut warnings)) => {
            let budget = Budget::of(&table, Means::here());
            warnings.extend(budget.problems(path));
            Report {
                counts: Some([table.listeners.len(), table.routes.len(), table.upstreams.len()]),
                problems: Problems(warnings),
                budget: Some(budget),
            }
        }
        Err(problems) => Report { problems, counts: None, budget: None },
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
        text + &self.budget.map(|budget| budget.to_string()).unwrap_or_default()
    }
}
