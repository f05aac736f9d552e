//! Where a route's requests end: upstreams that exist, with weights, conditions and what makes them sticky; or an
//! answer of the route's own.

use super::{Check, PERIOD_MIN, Period, Pointer, Slots, Told, UpstreamId, answers, config, rewrites};
use crate::base::hash;
use crate::config::rewrite::Rewrite as GivenRewrite;
use crate::config::target::{Sticky as GivenSticky, Target as GivenTarget, To, When as GivenWhen};
use crate::config::values::Named;
use crate::route::split::{Split, Sticky, Target, When};
use crate::table::{End, Here};
use std::collections::HashMap;
use std::time::Duration;

/// Upstreams by name.
pub(super) type Ids<'c> = HashMap<&'c str, UpstreamId>;

/// The end of a route; notes what is wrong with it.
pub(super) fn build(check: &mut Check<'_>, at: &Pointer, given: &config::Route, ids: &Ids<'_>) -> End {
    let name = &given.name;
    let ends = [given.to.is_some(), given.respond.is_some(), given.redirect.is_some()];
    match ends.iter().filter(|given| **given).count() {
        0 => {
            let fix = "add 'to: UPSTREAM'";
            check.error(at, format!("route '{name}' goes nowhere"), Some(fix.into()));
        }
        1 => {}
        _ => {
            let fix = "keep one of 'to', 'respond' and 'redirect'";
            check.error(at, format!("route '{name}' has more than one end"), Some(fix.into()));
        }
    }
    if given.respond.is_some() || given.redirect.is_some() {
        let GivenRewrite { strip_prefix, prefix, path, regex, host } = &given.rewrite;
        let rewrites =
            [strip_prefix, prefix, path, host].iter().any(|text| text.is_some()) || regex.is_some();
        let kept = [
            ("rewrite", rewrites),
            ("sticky", given.sticky.is_some()),
            ("upgrade", !given.upgrade.is_empty()),
            ("grpc_web", given.grpc_web),
        ];
        for (key, _) in kept.iter().filter(|(_, written)| *written) {
            let message = format!("route '{name}' has '{key}' and sends nothing on");
            check.error_at_key(&at.key(key), message, Some("remove it, or add 'to: UPSTREAM'".into()));
        }
        if check.config.origin.is_written(&at.key("timeouts")) {
            let message = format!("route '{name}' has 'timeouts' and waits for no upstream");
            check.warn_at_key(&at.key("timeouts"), message, Some("remove it".into()));
        }
    }
    match (&given.to, &given.respond, &given.redirect) {
        (None, Some(respond), None) => {
            End::Here(Box::new(Here::Respond(answers::build(check, &at.key("respond"), respond))))
        }
        (None, None, Some(redirect)) => {
            let redirect = rewrites::redirect(check, &at.key("redirect"), given, redirect);
            End::Here(Box::new(Here::Redirect(redirect)))
        }
        (to, ..) => End::To(split(check, at, given, to.as_ref(), ids)),
    }
}

fn split(
    check: &mut Check<'_>,
    at: &Pointer,
    given: &config::Route,
    to: Option<&To>,
    ids: &Ids<'_>,
) -> Split {
    let sticky = given.sticky.as_ref().and_then(|sticky| self::sticky(check, &at.key("sticky"), sticky));
    let at_to = at.key("to");
    let targets = match to {
        None => Vec::new(),
        Some(To::One(upstream)) => {
            let upstream = target(check, &at_to, upstream, ids);
            upstream.map(|upstream| Target { upstream, weight: 1, name: 0, when: None }).into_iter().collect()
        }
        Some(To::Several(list)) => {
            weights(check, &at_to, &given.name, list);
            let each = list
                .iter()
                .enumerate()
                .filter_map(|(index, one)| several(check, &at_to.item(index), one, ids));
            each.collect()
        }
    };
    if given.grpc_web {
        match to {
            Some(To::One(upstream)) => takes_calls(check, &at_to, upstream),
            Some(To::Several(list)) => list.iter().enumerate().for_each(|(index, one)| {
                takes_calls(check, &at_to.item(index).key("upstream"), &one.upstream);
            }),
            None => {}
        }
    }
    if sticky.is_some() && targets.iter().filter(|target| target.weight > 0).count() == 1 {
        let message = format!("'sticky' of route '{}' has nothing to choose from", given.name);
        check.warn_at_key(
            &at.key("sticky"),
            message,
            Some("give 'to' several upstreams with weights".into()),
        );
    }
    Split::new(targets, sticky)
}

/// A target's share: one with `when` gets what fits and no more, unless it says otherwise.
fn weight(target: &GivenTarget) -> u32 {
    target.weight.unwrap_or(u32::from(target.when.is_none()))
}

fn weights(check: &mut Check<'_>, at: &Pointer, name: &str, list: &[GivenTarget]) {
    if list.is_empty() {
        let fix = "write the name of an upstream, or a list of upstreams with weights";
        check.error(at, format!("route '{name}' has no target"), Some(fix.into()));
    } else if list.iter().all(|target| weight(target) == 0) {
        let (message, fix) = match list.iter().any(|target| target.when.is_some()) {
            true => (
                format!("route '{name}' sends what fits no 'when' nowhere"),
                "add an upstream without 'when'",
            ),
            false => {
                let fix = "give at least one upstream a weight above 0";
                (format!("the weights of route '{name}' are all zero"), fix)
            }
        };
        check.error(at, message, Some(fix.into()));
    }
    if list.iter().try_fold(0_u32, |sum, target| sum.checked_add(weight(target))).is_none() {
        let fix = "give smaller weights; only their ratio counts";
        check.error(at, format!("the weights of route '{name}' are too large"), Some(fix.into()));
    }
    for (index, one) in list.iter().enumerate() {
        let again = |other: &GivenTarget| other.upstream == one.upstream && weight(other) > 0;
        if weight(one) > 0 && list[..index].iter().any(again) {
            let message = format!("upstream '{}' has two weights in route '{name}'", one.upstream);
            check.error(&at.item(index).key("upstream"), message, Some("add them up".into()));
        }
    }
}

fn several(check: &mut Check<'_>, at: &Pointer, given: &GivenTarget, ids: &Ids<'_>) -> Option<Target> {
    let upstream = target(check, &at.key("upstream"), &given.upstream, ids);
    let when = given.when.as_ref().map(|when| self::when(check, &at.key("when"), when));
    let name = hash::stable(given.upstream.as_bytes());
    Some(Target { upstream: upstream?, weight: weight(given), name, when })
}

/// Notes where calls of gRPC would reach an upstream that takes none: they need HTTP/2.
fn takes_calls(check: &mut Check<'_>, at: &Pointer, upstream: &str) {
    let config = check.config;
    let of = config.upstreams.0.iter().find(|(name, _)| name == upstream);
    if of.is_some_and(|(_, of)| of.protocol != config::listener::Protocol::Http2) {
        let message = format!("upstream '{upstream}' takes no calls of gRPC, which 'grpc_web' makes");
        let fix = format!("add 'protocol: http2' to upstream '{upstream}', or remove 'grpc_web'");
        check.error(at, message, Some(fix));
    }
}

fn target(check: &mut Check<'_>, at: &Pointer, upstream: &str, ids: &Ids<'_>) -> Option<UpstreamId> {
    let id = ids.get(upstream).copied();
    if id.is_none() {
        let fix = check.meant(upstream, check.config.upstreams.names(), "upstreams");
        check.error(at, format!("there is no upstream '{upstream}'"), Some(fix));
    }
    id
}

fn when(check: &mut Check<'_>, at: &Pointer, given: &GivenWhen) -> When {
    if given.headers.0.is_empty() && given.cookies.0.is_empty() {
        let fix = "add 'headers: { NAME: VALUE }' or 'cookies: { NAME: VALUE }', or remove 'when'";
        check.error_at_key(at, "'when' says nothing".into(), Some(fix.into()));
    }
    let mut when = When::default();
    wanted(check, &at.key("headers"), &given.headers, |name, text, told, slots| {
        when.field(name, text, told, slots)
    });
    wanted(check, &at.key("cookies"), &given.cookies, |name, text, told, slots| {
        when.cookie(name, text, told, slots)
    });
    when
}

fn wanted(
    check: &mut Check<'_>,
    at: &Pointer,
    given: &Named<String>,
    mut ask: impl FnMut(&str, &str, Told, &mut Slots) -> Result<(), String>,
) {
    for (name, text) in &given.0 {
        let at = at.key(name);
        check.token(&at, name);
        if let Err(reason) = ask(name, text, check.told(&at), &mut check.slots) {
            let fix = "write an expression without look-around and back-references, or 'exact:TEXT'";
            check.error(&at, format!("'{text}' {reason}"), Some(fix.into()));
        }
    }
}

/// The seconds that a cookie lives: it knows no shorter time.
fn max_age(check: &mut Check<'_>, at: &Pointer, ttl: Period) -> u64 {
    let ttl = check.period(at, "ttl", ttl);
    if ttl < Duration::from_secs(1) && ttl >= PERIOD_MIN {
        let fix = "write 1s or more: a cookie's age is told in whole seconds";
        check.error(&at.key("ttl"), "'ttl' is under a second".into(), Some(fix.into()));
    }
    ttl.as_secs()
}

fn sticky(check: &mut Check<'_>, at: &Pointer, given: &GivenSticky) -> Option<Sticky> {
    match (&given.cookie, &given.header) {
        (Some(cookie), None) => {
            check.token(&at.key("cookie"), cookie);
            let max_age = given.ttl.map(|ttl| max_age(check, at, ttl));
            Some(Sticky::Cookie { name: cookie.clone(), max_age })
        }
        (None, Some(header)) => {
            check.token(&at.key("header"), header);
            if given.ttl.is_some() {
                let message = "'ttl' is a cookie's".to_owned();
                check.error_at_key(&at.key("ttl"), message, Some("remove it".into()));
            }
            Some(Sticky::Field(header.clone()))
        }
        _ => {
            let fix = "write { cookie: NAME, ttl: 1h } or { header: NAME }";
            check.error_at_key(at, "'sticky' needs one of 'cookie' and 'header'".into(), Some(fix.into()));
            None
        }
    }
}
