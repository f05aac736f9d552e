//! `when:`, the condition under which a policy applies, in CEL (the Common Expression Language). Parsed and checked when
//! it is loaded: names that are no variables, functions that are none, loops within loops are problems then. A variable is
//! made when it is read. Cost is bounded by the nodes of an expression and of its loops, and by what its variables take
//! to make. A condition that cannot be told, since a claim that it reads is missing, a type does not fit or its cost is
//! past the bound, gives none: the chain refuses the request.

mod check;
mod meant;
mod variables;

use super::{Facts, Passage, Phase};
use cel::{Context, Env, Program, Value};
use std::sync::Arc;
use variables::Variables;

/// A compiled condition.
#[derive(Debug)]
pub struct When(Program);

/// What a shard evaluates with.
#[derive(Default)]
pub struct Evaluator(Option<Arc<Env>>);

impl std::fmt::Debug for Evaluator {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Evaluator(..)")
    }
}

impl When {
    /// Compiles the condition of a policy that is asked in `phase`.
    ///
    /// # Errors
    /// What is wrong with it, and what is accepted.
    pub fn compile(text: &str, phase: Phase) -> Result<When, (String, String)> {
        check::text(text)?;
        let program = Env::stdlib().compile(text).map_err(|errors| {
            let first = errors.errors.first();
            let (column, why) = first.map_or((0, "it is not CEL"), |error| (error.pos.1, error.msg.as_str()));
            let why = why.lines().next().unwrap_or_default();
            let message = format!("'{text}' is no condition: {why}, at character {}", column.max(0) + 1);
            (
                message,
                "write CEL, such as request.method == \"POST\" && !(\"x-batch\" in request.headers)"
                    .to_owned(),
            )
        })?;
        check::tree(program.expression(), phase)?;
        Ok(When(program))
    }

    /// Whether it holds for a request; none if it cannot be told.
    pub fn holds(&self, facts: &Facts<'_>, passage: &Passage, evaluator: &mut Evaluator) -> Option<bool> {
        let env = evaluator.0.get_or_insert_with(|| Arc::new(Env::stdlib()));
        let variables = Variables::new(facts, &passage.principal);
        let mut context = Context::with_env(Arc::clone(env));
        context.set_variable_resolver(&variables);
        match self.0.execute(&context) {
            Ok(Value::Bool(holds)) => Some(holds),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
