//! What is answered: one function a page. Texts are for people and balancers, JSON for programs. Whatever grows with the
//! configuration is put together on the blocking pool.

use super::explain;
use super::gate::{Gate, pass};
use super::live::Live;
use super::orders::{self, problems};
use super::scrape;
use super::upstreams::{generations, look};
use crate::control::office::Status;
use crate::net::clock;
use crate::table::{End, Here, Route, RouteTimeouts, Table};
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::sync::Arc;

/// Bytes of a request's body at most.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// The pages, in the order in which `/` lists them.
const PAGES: &[(&str, &str)] = &[
    ("/healthz", "200 while the process runs"),
    ("/readyz", "200 while requests may be sent here, 503 once the end has begun"),
    ("/metrics", "metrics for Prometheus, or as OpenMetrics for whoever accepts them"),
    ("/generations", "tables in use"),
    ("/upstreams", "endpoints as the shards see them: exchanges, idle connections, marks"),
    ("/routes", "routes of the current table"),
    ("/config", "the configuration that it was compiled from, without secrets"),
];

/// What can be asked and ordered, by POST.
const ORDERS: &[(&str, &str)] = &[
    ("POST /explain", "what would become of a request: {\"request\": \"GET http://HOST/PATH\"}"),
    ("POST /reload", "reads the file again and waits until all shards serve it, or tells why not"),
    ("POST /drain", "ends the gateway; ?delay=5s&timeout=30s in place of what the file says"),
];

/// All pages behind the gate.
pub fn router(gate: Gate) -> Router {
    let live = gate.live.clone();
    Router::new()
        .route("/", get(index))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(scrape::show))
        .route("/generations", get(show_generations))
        .route("/upstreams", get(show_upstreams))
        .route("/routes", get(show_routes))
        .route("/config", get(show_config))
        .route("/explain", post(explain::show))
        .route("/reload", post(orders::reload))
        .route("/drain", post(orders::drain))
        .fallback(|| async { (StatusCode::NOT_FOUND, "no such page; / lists them\n") })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(gate, pass))
        .with_state(live)
}

async fn index() -> String {
    PAGES.iter().chain(ORDERS).map(|(path, what)| format!("{path:<15}{what}\n")).collect()
}

async fn ready(State(live): State<Arc<Live>>) -> Response {
    match live.office.status().phase.is_ready() {
        false => (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response(),
        true => "ready\n".into_response(),
    }
}

async fn show_generations(State(live): State<Arc<Live>>) -> Response {
    let seen = generations(&live.shared).await;
    let status = live.office.status();
    let in_use = status.living.iter().rev().map(|living| {
        json!({
            "generation": living.generation.0,
            "since_unix_ms": living.since_unix_ms,
            "until_unix_ms": living.until_unix_ms,
            "held_by_shards": living.held_by,
        })
    });
    let refused = status
        .refused
        .as_ref()
        .map(|refusal| json!({ "at_unix_ms": refusal.at_unix_ms, "problems": problems(&refusal.problems) }));
    let mut shards = seen.generations;
    shards.sort_unstable();
    let shards = shards.iter().map(|(shard, generation)| json!({ "shard": shard, "generation": generation }));
    json_of(json!({
        "current": status.table.generation.0,
        "in_use": in_use.collect::<Vec<_>>(),
        "shards": shards.collect::<Vec<_>>(),
        "silent_shards": seen.silent,
        "reloads": status.reloads,
        "refusals": status.refusals,
        "refused": refused,
    }))
}

async fn show_upstreams(State(live): State<Arc<Live>>) -> Response {
    let seen = look(&live.shared).await;
    aside(move || seen.told(&live, clock::coarse())).await
}

async fn show_routes(State(live): State<Arc<Live>>) -> Response {
    let status = live.office.status();
    aside(move || routes(&status)).await
}

async fn show_config(State(live): State<Arc<Live>>) -> Response {
    let status = live.office.status();
    aside(move || (*status.config).clone()).await
}

fn routes(status: &Status) -> Value {
    let table = &status.table;
    // Routes stand in the table in file order.
    let written =
        |route: &Route| status.config["routes"].get(route.id.index()).cloned().unwrap_or(Value::Null);
    let routes = table.routes.iter().map(|route| {
        json!({
            "name": route.name,
            "ends": ends(table, &route.end),
            "timeouts_ms": timeouts(&route.timeouts),
            "written": written(route),
        })
    });
    json!({ "generation": table.generation.0, "routes": routes.collect::<Vec<_>>() })
}

fn ends(table: &Table, end: &End) -> Value {
    match end {
        End::To(split) => {
            let side = |target: &crate::route::split::Target| json!({ "upstream": table.upstream(target.upstream).name, "weight": target.weight });
            split.targets().iter().map(side).collect()
        }
        End::Here(here) => match &**here {
            Here::Redirect(redirect) => json!({ "redirect": redirect.status }),
            Here::Respond(respond) => json!({ "respond": respond.status }),
        },
    }
}

fn timeouts(timeouts: &RouteTimeouts) -> Value {
    let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    json!({
        "connect": millis(timeouts.connect),
        "first_byte": millis(timeouts.first_byte),
        "between_bytes": millis(timeouts.between_bytes),
        "total": timeouts.total.map(millis),
    })
}

/// A page that `make` puts together on the blocking pool.
async fn aside(make: impl FnOnce() -> Value + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(move || json_of(make())).await {
        Ok(response) => response,
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be made\n").into_response(),
    }
}

pub(super) fn json_of(value: Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], format!("{value:#}\n")).into_response()
}
