//! What can be ordered: a reload, and the end. `ringgate reload` and `ringgate drain` come here too.

use super::live::Live;
use super::pages::json_of;
use crate::config::Problems;
use crate::config::read::decode::Scalar;
use crate::config::units::Period;
use crate::control::office::Drain;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

/// Waits until all shards serve what the file says now: 200 with the generation, or 422 with the problems.
pub async fn reload(State(live): State<Arc<Live>>) -> Response {
    match live.office.reload().await {
        Ok(generation) => json_of(json!({ "generation": generation.0 })),
        Err(refused) => {
            let text: String = refused.0.iter().map(|problem| format!("{problem}")).collect();
            let told = json_of(json!({ "problems": problems(&refused), "text": text }));
            (StatusCode::UNPROCESSABLE_ENTITY, told).into_response()
        }
    }
}

/// Begins the end: 202, or 409 where it has begun already.
pub async fn drain(State(live): State<Arc<Live>>, RawQuery(query): RawQuery) -> Response {
    let drain = match asked(query.as_deref().unwrap_or_default()) {
        Ok(drain) => drain,
        Err(why) => return (StatusCode::BAD_REQUEST, why).into_response(),
    };
    match live.office.drain(drain).await {
        true => (StatusCode::ACCEPTED, "draining\n").into_response(),
        false => (StatusCode::CONFLICT, "the gateway is ending already\n").into_response(),
    }
}

fn asked(query: &str) -> Result<Drain, String> {
    let mut drain = Drain::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let period = || match Period::parse(value) {
            Ok(period) => Ok(Some(period.0)),
            Err(_) => Err(format!("'{value}' is not a duration such as 5s or 500ms\n")),
        };
        match name {
            "delay" => drain.delay = period()?,
            "timeout" => drain.within = period()?,
            _ => return Err(format!("'{name}' is neither delay nor timeout\n")),
        }
    }
    Ok(drain)
}

/// Problems as programs read them.
pub fn problems(problems: &Problems) -> Value {
    serde_json::from_str(&problems.json()).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_drain_is_as_the_query_says_or_refused() {
        let (five, thirty) = (Some(Duration::from_secs(5)), Some(Duration::from_secs(30)));
        assert_eq!(asked(""), Ok(Drain::default()));
        assert_eq!(asked("delay=5s&timeout=30s"), Ok(Drain { delay: five, within: thirty }));
        for bad in ["delay=5", "delay", "timeout=x", "wait=5s"] {
            assert!(asked(bad).is_err(), "{bad}");
        }
    }
}
