//! One demo service: a collection in memory, read as a list or by id; orders can be added. Every answer is JSON
//! and names the instance that gave it.

use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Json, Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

/// Items kept; the oldest make room for new ones.
pub const ITEMS_MAX: usize = 1_000;

/// Bytes of a request body read.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// What a service holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collection {
    Users,
    Orders,
    Products,
}

impl Collection {
    /// The first part of its paths, and the name of its upstream.
    pub fn name(self) -> &'static str {
        match self {
            Collection::Users => "users",
            Collection::Orders => "orders",
            Collection::Products => "products",
        }
    }

    /// What it holds at first, with ids from 1.
    fn items(self) -> VecDeque<Value> {
        let items = match self {
            Collection::Users => vec![
                json!({ "id": 1, "name": "Ada Lovelace" }),
                json!({ "id": 2, "name": "Grace Hopper" }),
                json!({ "id": 3, "name": "Katherine Johnson" }),
            ],
            Collection::Orders => {
                vec![json!({ "id": 1, "user": 1, "product": 3 }), json!({ "id": 2, "user": 3, "product": 1 })]
            }
            Collection::Products => vec![
                json!({ "id": 1, "name": "Slide rule", "price_cents": 2_900 }),
                json!({ "id": 2, "name": "Punched cards, box of 2,000", "price_cents": 1_450 }),
                json!({ "id": 3, "name": "Difference engine, kit", "price_cents": 1_700_000 }),
            ],
        };
        items.into()
    }
}

#[derive(Debug)]
struct Items {
    kept: VecDeque<Value>,
    last_id: u64,
}

/// One instance of a service.
#[derive(Debug)]
pub struct Service {
    collection: Collection,
    name: &'static str,
    items: Mutex<Items>,
}

impl Service {
    /// An instance with its first items.
    pub fn new(collection: Collection, name: &'static str) -> Service {
        let kept = collection.items();
        let last_id = kept.len() as u64;
        Service { collection, name, items: Mutex::new(Items { kept, last_id }) }
    }

    /// Serves `listener` until the runtime ends.
    pub async fn serve(self, listener: TcpListener) {
        // Answers are small and written at once: waiting for more to send would only delay them.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        // It never returns: an accept that fails is tried again.
        let _ = axum::serve(listener, self.router()).await;
    }

    fn router(self) -> Router {
        let list = format!("/{}", self.collection.name());
        let methods = match self.collection {
            Collection::Orders => get(show_all).merge(post(add)),
            Collection::Users | Collection::Products => get(show_all),
        };
        Router::new()
            .route(&list, methods)
            .route(&format!("{list}/{{id}}"), get(show))
            .route("/ready", get(ready))
            .fallback(unknown)
            .method_not_allowed_fallback(refused)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(Arc::new(self))
    }

    /// An answer: `members` after the instance's name, indented for a human at a terminal.
    fn answer(&self, status: StatusCode, members: Value) -> Response {
        let mut object = serde_json::Map::new();
        object.insert("served_by".into(), self.name.into());
        if let Value::Object(members) = members {
            object.extend(members);
        }
        (status, [(CONTENT_TYPE, "application/json")], format!("{:#}\n", Value::Object(object)))
            .into_response()
    }

    fn error(&self, status: StatusCode, text: &str) -> Response {
        self.answer(status, json!({ "error": text }))
    }
}

async fn show_all(State(service): State<Arc<Service>>) -> Response {
    let items = service.items.lock().await;
    service.answer(StatusCode::OK, json!({ service.collection.name(): items.kept }))
}

async fn show(State(service): State<Arc<Service>>, Path(id): Path<String>) -> Response {
    let items = service.items.lock().await;
    // A search from the front: there are few, and an id is no index once the oldest have made room.
    let found = id.parse::<u64>().ok().and_then(|id| items.kept.iter().find(|item| item["id"] == id));
    match found {
        Some(item) => service.answer(StatusCode::OK, item.clone()),
        None => service.error(StatusCode::NOT_FOUND, &format!("no such id in {}", service.collection.name())),
    }
}

async fn add(State(service): State<Arc<Service>>, body: Result<Json<Value>, JsonRejection>) -> Response {
    let order = match body {
        Ok(Json(order)) => order,
        Err(rejection) => return service.error(rejection.status(), &rejection.body_text()),
    };
    let (Some(user), Some(product)) = (order["user"].as_u64(), order["product"].as_u64()) else {
        let text = "an order names a user and a product: {\"user\": 1, \"product\": 2}";
        return service.error(StatusCode::UNPROCESSABLE_ENTITY, text);
    };
    let mut items = service.items.lock().await;
    items.last_id += 1;
    let id = items.last_id;
    let item = json!({ "id": id, "user": user, "product": product });
    if items.kept.len() >= ITEMS_MAX {
        items.kept.pop_front();
    }
    items.kept.push_back(item.clone());
    // Relative, since the service does not know under which prefix the gateway shows it (RFC 9110 §10.2.2).
    let location = [(LOCATION, format!("{}/{id}", service.collection.name()))];
    (location, service.answer(StatusCode::CREATED, item)).into_response()
}

async fn ready(State(service): State<Arc<Service>>) -> Response {
    service.answer(StatusCode::OK, json!({ "ready": true }))
}

async fn unknown(State(service): State<Arc<Service>>) -> Response {
    service.error(StatusCode::NOT_FOUND, "no such path")
}

async fn refused(State(service): State<Arc<Service>>) -> Response {
    service.error(StatusCode::METHOD_NOT_ALLOWED, "no such method on this path")
}
