//! Which route a request takes: the first stage of the path.

use super::context::Context;
use super::plan;
use crate::observe::{Phase, Reason};
use crate::route::{Facts, Match, Miss};
use crate::table::Route;
use crate::wire::head::Head;

/// The route of a request, and which pattern of its match took the path. The end of a phase, whatever comes of it.
pub fn find<'c>(ctx: &'c Context<'c>, head: Head<'_>, path: &[u8]) -> Result<(&'c Route, usize), Reason> {
    let found = look_up(ctx, head, path);
    ctx.mark(Phase::Route);
    found
}

fn look_up<'c>(ctx: &'c Context<'c>, head: Head<'_>, path: &[u8]) -> Result<(&'c Route, usize), Reason> {
    let table = ctx.table;
    if table.policies.has_cors
        && let Some(found) = plan::preflight(ctx, head, path)
    {
        return Ok(took(ctx, found));
    }
    let found = table.lookup.lookup(&Facts::of(head, path, ctx.peer.listener), &ctx.lent.routing);
    let found = found.map_err(|miss| match miss {
        Miss::NoRoute => Reason::NoRoute,
        Miss::Method(allowed) => {
            ctx.allowed.set(allowed);
            Reason::MethodNotAllowed
        }
    })?;
    Ok(took(ctx, found))
}

fn took<'c>(ctx: &'c Context<'c>, found: Match) -> (&'c Route, usize) {
    ctx.route.set(Some(found.route));
    ctx.pattern.set(found.path);
    (ctx.table.route(found.route), usize::from(found.path))
}
