use super::*;

/// Breaches of the file `path` of `engine/src`, as `law: text`.
fn breaches(path: &str, text: &str) -> Vec<String> {
    let source = Source::new(&format!("engine/src/{path}"), text);
    check(&source).into_iter().map(|b| format!("{}:{} {}", b.law, b.line, b.text)).collect()
}

fn allows(path: &str, text: &str) {
    assert_eq!(breaches(path, text), [""; 0], "{path}: {text}");
}

fn refuses(path: &str, text: &str, expected: &str) {
    let found = breaches(path, text);
    assert!(found.len() == 1 && found[0].contains(expected), "{path}: {text}: {found:?}");
}

#[test]
fn the_table_is_in_order_of_layers() {
    assert!(ROOMS.windows(2).all(|pair| pair[0].layer <= pair[1].layer));
}

#[test]
fn a_room_imports_downwards() {
    allows("mem/pool.rs", "use crate::base::Tick; use super::buf::Buf; use crate::mem::Class;");
    allows("table/mod.rs", "use crate::observe::access_log::Format; use crate::route::Lookup;");
    allows("exchange/run.rs", "use crate::{base, upstream::{call, pool}, net::timer};");
    allows("control/mod.rs", "use crate::shard::Shard; use crate::accept::bind;");
    allows("tls/accept.rs", "use crate::certs::Store; use crate::net::Stream;");
}

#[test]
fn a_room_does_not_import_upwards_or_sideways() {
    refuses("base/tick.rs", "use crate::mem::Buf;", "`base` (layer 0) may not import `mem` (layer 1)");
    refuses("wire/head.rs", "use crate::config::Limits;", "may not import `config`");
    refuses("config/mod.rs", "use crate::wire::Head;", "may not import `wire`");
    refuses("route/host.rs", "use crate::balance::pick;", "may not import `balance`");
    refuses("net/mod.rs", "use crate::table::Table;", "may not import `table`");
    refuses("net/mod.rs", "use crate::route::Lookup;", "may not import `route`");
    refuses("accept/run.rs", "use crate::upstream::call;", "may not import `upstream`");
    refuses("upstream/call.rs", "use crate::accept::run;", "may not import `accept`");
    refuses("exchange/run.rs", "use crate::accept::run;", "may not import `accept`");
    refuses("conn/http1.rs", "use crate::accept::run;", "may not import `accept`");
    refuses("tls/accept.rs", "use crate::policy::Verdict;", "may not import `policy`");
    refuses("shard/run.rs", "use crate::control::load;", "may not import `control`");
}

#[test]
fn paths_are_read_wherever_they_stand() {
    refuses("base/tick.rs", "use crate::{base::a, net::{b, c}, base::d};", "`net`");
    refuses("base/tick.rs", "use crate::{\n  base::{a, b},\n  net,\n};", "layer:3 ");
    refuses("base/tick.rs", "fn f() { crate::net::now() }", "`net`");
    refuses("base/tick.rs", "fn f(a: &mut crate::net::A) {}", "`net`");
    refuses("base/tick.rs", "macro_rules! m { () => { $crate::net::now() } }", "`net`");
    refuses("base/tick.rs", "use super::super::net::now;", "`net`");
    refuses("base/mod.rs", "use super::net::now;", "`net`");
    refuses("base/mod.rs", "use super::{net::now};", "`net`");
    refuses("base/mod.rs", "use self::super::net::now;", "`net`");
    refuses("base/tick.rs", "mod inner { use super::super::super::net::now; }", "`net`");
    allows("base/tick.rs", "mod inner { use super::super::ids; }");
    allows("base/tick.rs", "// use crate::net::now;\nconst A: &str = \"crate::net\";");
}

#[test]
fn an_import_that_hides_its_room_is_refused() {
    refuses("shard/run.rs", "use crate::*;", "`crate::*` is no room");
    refuses("shard/run.rs", "use crate as ringgate;", "`crate::*` is no room");
    refuses("shard/run.rs", "use crate::{self as ringgate};", "no room");
    refuses("shard/run.rs", "use crate::utils::x;", "`crate::utils` is no room");
    refuses("utils/mod.rs", "", "`utils` is no room");
}

#[test]
fn test_code_imports_anything() {
    allows("base/tick.rs", "#[cfg(test)] mod tests { use crate::net::now; use monoio::time; }");
    allows("base/tick/tests.rs", "use crate::net::now;");
}

#[test]
fn a_listed_crate_is_named_only_in_its_place() {
    allows("wire/http1/parse.rs", "use httparse::Status;");
    allows("wire/http1.rs", "use httparse::Status;");
    refuses("wire/http1x.rs", "use httparse::Status;", "`httparse` may be named only in wire/http1");
    refuses("wire/head.rs", "use httparse::Status;", "`httparse` may be named only in wire/http1");
    refuses("table/problem.rs", "fn f() -> serde::Value {}", "only in config");
    refuses("table/problem.rs", "#[derive(serde::Serialize)] struct A;", "only in config");
    refuses("conn/http1.rs", "use libc;", "only in net");
    refuses("conn/http1.rs", "use {libc::c_int, std::io};", "only in net");
    refuses("conn/http1.rs", "use {std::io, libc};", "only in net");
    refuses("conn/http1.rs", "use ::libc::c_int;", "only in net");
    refuses("conn/http1.rs", "extern crate libc;", "only in net");
    refuses("conn/http1.rs", "fn f() { ::libc::close(1) }", "only in net");
    refuses("conn/http1.rs", "fn f() { let a = monoio::spawn(b); }", "only in net");
    refuses("net/timer.rs", "use tokio::io::AsyncRead;", "only in net/poll, control, main");
    allows("net/poll.rs", "use tokio::io::AsyncRead;");
    allows("control/admin.rs", "use tokio::net; use axum::Router;");
    allows("main.rs", "use mimalloc::MiMalloc;");
    refuses("shard/run.rs", "use mimalloc::MiMalloc;", "only in main");
}

#[test]
fn an_own_module_hides_a_crate_of_its_name() {
    allows("net/mod.rs", "mod ring; fn f() { ring::probe() }");
    allows("conn/mod.rs", "use crate::upstream::{http, h2 as other}; fn f() { http::f() }");
    refuses("conn/mod.rs", "use crate::upstream::h2 as other; fn f() { h2::f() }", "`h2`");
    allows("conn/mod.rs", "fn f(ring: u8, http: bool) -> bool { ring > 1 && self.http && x::http::y() }");
}
