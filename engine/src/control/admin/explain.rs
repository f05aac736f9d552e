//! `POST /explain`: what would become of a request, as `ringgate explain --json` tells it, by the table that is served now and
//! with the endpoints that the shards have. Nothing is spent and nothing is sent.

use super::live::Live;
use super::pages::json_of;
use super::upstreams::{Seen, look};
use crate::base::ClientAddr;
use crate::control::explain::{Ground, Listing, Malformed, Station, client, explain, listener, read_request};
use crate::net::clock;
use crate::policy::auth::keys::News;
use crate::table::{Table, Upstream};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// 200 with the report, or 400 for what is no request.
pub async fn show(State(live): State<Arc<Live>>, body: Bytes) -> Response {
    let asked = match Asked::read(&body) {
        Ok(asked) => asked,
        Err(why) => return refused(&why),
    };
    let seen = look(&live.shared).await;
    let keys: Vec<News> = live.jwks.seen().iter().map(|seen| seen.news.clone()).collect();
    let told = spawn_blocking(move || report(&live.office.status().table, &asked, (&seen, &keys)));
    match told.await {
        Ok(Ok(report)) => json_of(report),
        Ok(Err(why)) => refused(&why),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be made\n").into_response(),
    }
}

fn refused(why: &Malformed) -> Response {
    (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response()
}

fn report(table: &Table, asked: &Asked, (seen, keys): (&Seen, &[News])) -> Result<Value, Malformed> {
    let bytes = read_request(&asked.request, &asked.fields)?;
    let listener = listener(table, asked.listener.as_deref())?;
    let station = |upstream: &Upstream| {
        let endpoints = seen.endpoints(&upstream.name).unwrap_or(&upstream.endpoints);
        Station::of(upstream, endpoints.clone())
    };
    let (now, unix_ms) = (clock::now(), clock::unix_ms());
    let ground = Ground { table, listener, now, unix_ms, keys, station: &station };
    Ok(explain(&ground, &bytes, asked.client, asked.listing)?.json())
}

/// What is asked.
#[derive(Debug)]
struct Asked {
    request: String,
    fields: Vec<String>,
    listener: Option<String>,
    client: ClientAddr,
    listing: Listing,
}

const EXAMPLE: &str = r#"send {"request": "GET http://api.example.com/orders/7"}, and where wanted "fields": ["Name: value"], "client", "listener", "all": true"#;

fn malformed(message: impl Into<String>) -> Malformed {
    Malformed { message: message.into(), fix: EXAMPLE.into() }
}

impl Asked {
    fn read(body: &[u8]) -> Result<Asked, Malformed> {
        let of: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|error| malformed(format!("the body is no JSON object: {error}")))?;
        let mut asked = Asked {
            request: String::new(),
            fields: Vec::new(),
            listener: None,
            client: client("127.0.0.1")?,
            listing: Listing::Fitting,
        };
        for (key, value) in of {
            match (key.as_str(), value) {
                ("request", Value::String(text)) => asked.request = line(&key, text)?,
                ("fields", Value::Array(fields)) => {
                    asked.fields = fields.into_iter().map(field).collect::<Result<_, _>>()?;
                }
                ("client", Value::String(text)) => asked.client = client(&text)?,
                ("listener", Value::String(name)) => asked.listener = Some(name),
                ("all", Value::Bool(true)) => asked.listing = Listing::All,
                ("all", Value::Bool(false)) => {}
                ("request" | "client" | "listener", _) => {
                    return Err(malformed(format!("'{key}' is not a string")));
                }
                ("fields", _) => return Err(malformed("'fields' is not a list")),
                ("all", _) => return Err(malformed("'all' is neither true nor false")),
                _ => return Err(malformed(format!("unknown key '{}'", key.escape_debug()))),
            }
        }
        if asked.request.is_empty() { Err(malformed("there is no 'request'")) } else { Ok(asked) }
    }
}

/// A text without line breaks, which would make another request of it.
fn line(what: &str, text: String) -> Result<String, Malformed> {
    match text.contains(['\r', '\n']) {
        true => Err(malformed(format!("'{what}' holds a line break"))),
        false => Ok(text),
    }
}

fn field(value: Value) -> Result<String, Malformed> {
    match value {
        Value::String(text) if text.contains(':') => line("fields", text),
        _ => Err(malformed(r#"each of 'fields' is a text such as "Accept: text/html""#)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_question_is_told_with_the_way_to_ask() {
        for (body, why) in [
            ("", "the body is no JSON object: EOF while parsing a value at line 1 column 0"),
            ("{}", "there is no 'request'"),
            (r#"{"request": 7}"#, "'request' is not a string"),
            (r#"{"request": "GET /\r\nHost: b"}"#, "'request' holds a line break"),
            (
                r#"{"request": "/", "fields": ["a"]}"#,
                r#"each of 'fields' is a text such as "Accept: text/html""#,
            ),
            (r#"{"request": "/", "fields": ["a: b\nc: d"]}"#, "'fields' holds a line break"),
            (r#"{"request": "/", "all": 1}"#, "'all' is neither true nor false"),
            (r#"{"request": "/", "file": "/etc/passwd"}"#, "unknown key 'file'"),
            (r#"{"request": "/", "client": "nobody"}"#, "client 'nobody' is no address"),
        ] {
            let refused = Asked::read(body.as_bytes()).map(|_| ()).expect_err(body);
            assert_eq!(refused.message, why, "{body}");
        }
        let whole = r#"{"request": "GET http://a/x", "fields": ["A: b"], "client": "unix", "listener": "l", "all": true}"#;
        let asked = Asked::read(whole.as_bytes()).expect("is a question");
        assert_eq!((asked.client, asked.listing), (ClientAddr::Unix, Listing::All));
    }
}
