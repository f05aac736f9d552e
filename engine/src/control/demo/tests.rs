//! The origins, spoken to over their sockets.

use super::*;
use crate::base::Generation;
use crate::control::load;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Runs `law` beside the running origins, on a thread of its own, as whoever speaks to them does.
fn beside_origins(law: impl FnOnce(Vec<DemoOrigin>) + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let origins = origins().await.unwrap();
        tokio::task::spawn_blocking(move || law(origins)).await.unwrap();
    });
}

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

fn ask(origin: &DemoOrigin, request_line: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(origin.addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request = format!(
        "{request_line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        origin.addr,
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: application/json"), "{head}");
    assert!(body.ends_with("}\n"), "{body}");
    let answer = Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: serde_json::from_str(body).unwrap(),
    };
    assert_eq!(answer.body["served_by"], origin.name);
    answer
}

fn named<'a>(origins: &'a [DemoOrigin], name: &str) -> &'a DemoOrigin {
    origins.iter().find(|origin| origin.name == name).unwrap()
}

#[test]
fn each_service_shows_its_collection_and_its_items() {
    beside_origins(|origins| {
        assert_eq!(origins.len(), 4);
        for origin in &origins {
            let list = ask(origin, &format!("GET /{}", origin.upstream), "");
            assert_eq!(list.status, 200);
            let items = list.body[origin.upstream].as_array().unwrap();
            assert!(!items.is_empty());
            for item in items {
                let one = ask(origin, &format!("GET /{}/{}", origin.upstream, item["id"]), "");
                assert_eq!((one.status, &one.body["id"]), (200, &item["id"]));
            }
            assert_eq!(ask(origin, "GET /ready", "").status, 200);
        }
    });
}

#[test]
fn what_is_not_there_is_a_404_and_what_is_not_done_a_405() {
    beside_origins(|origins| {
        for origin in &origins {
            for path in ["/0", "/99", "/abc", "/18446744073709551616", "/1/2"] {
                let answer = ask(origin, &format!("GET /{}{path}", origin.upstream), "");
                assert_eq!(answer.status, 404, "{path}");
                assert!(answer.body["error"].is_string());
            }
            assert_eq!(ask(origin, "GET /", "").status, 404);
            assert_eq!(ask(origin, &format!("DELETE /{}", origin.upstream), "").status, 405);
        }
        assert_eq!(ask(named(&origins, "users-1"), "POST /users", "{}").status, 405);
    });
}

#[test]
fn an_order_that_was_added_can_be_read() {
    beside_origins(|origins| {
        let orders = named(&origins, "orders-1");
        let added = ask(orders, "POST /orders", r#"{"user": 2, "product": 3, "more": "is left out"}"#);
        assert_eq!((added.status, &added.body["id"]), (201, &json!(3)));
        assert!(added.head.contains("location: orders/3"), "{}", added.head);
        let read = ask(orders, "GET /orders/3", "");
        assert_eq!(read.body, json!({ "served_by": "orders-1", "id": 3, "user": 2, "product": 3 }));
    });
}

#[test]
fn an_order_that_names_no_user_or_product_is_refused() {
    beside_origins(|origins| {
        let orders = named(&origins, "orders-1");
        for (body, status) in [("", 400), ("{", 400), ("[]", 422), (r#"{"user": 1}"#, 422), ("7", 422)] {
            assert_eq!(ask(orders, "POST /orders", body).status, status, "{body}");
        }
        let long = format!("{{\"user\": 1, \"product\": 2, \"note\": \"{}\"}}", "x".repeat(20_000));
        assert_eq!(ask(orders, "POST /orders", &long).status, 413);
    });
}

#[test]
fn the_oldest_orders_make_room_for_new_ones() {
    beside_origins(|origins| {
        let orders = named(&origins, "orders-1");
        for _ in 0..service::ITEMS_MAX {
            assert_eq!(ask(orders, "POST /orders", r#"{"user": 1, "product": 2}"#).status, 201);
        }
        let list = ask(orders, "GET /orders", "");
        let ids: Vec<_> = list.body["orders"].as_array().unwrap().iter().map(|order| &order["id"]).collect();
        assert_eq!((ids.len(), ids[0]), (service::ITEMS_MAX, &json!(3)));
        assert_eq!(ask(orders, "GET /orders/2", "").status, 404);
    });
}

#[test]
fn the_configuration_names_every_origin_under_its_upstream() {
    let origin = |upstream, name, port| DemoOrigin { upstream, name, addr: ([127, 0, 0, 1], port).into() };
    let origins =
        [origin("users", "users-1", 1), origin("orders", "orders-1", 2), origin("users", "users-2", 3)];
    let text = configuration(&origins, "[::1]:8080".parse().unwrap());
    assert!(text.contains("    bind: \"[::1]:8080\"\n"), "{text}");
    let upstreams = "\
upstreams:
  users:
    endpoints:
      - address: \"127.0.0.1:1\"  # users-1
      - address: \"127.0.0.1:3\"  # users-2
  orders:
    endpoints:
      - address: \"127.0.0.1:2\"  # orders-1
";
    assert!(text.contains(upstreams), "{text}");
}

#[test]
fn the_configuration_compiles_without_a_warning() {
    beside_origins(|origins| {
        let text = configuration(&origins, "127.0.0.1:0".parse().unwrap());
        let config = load::parse("demo.yaml", text).unwrap();
        let (table, warnings) = load::compile(&config, Generation(1), None).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        let named: Vec<_> = table.upstreams.iter().map(|up| (up.name.as_str(), up.endpoints.len())).collect();
        assert_eq!(named, [("users", 2), ("orders", 1), ("products", 1)]);
        assert!(table.gateway.access_log.is_none());
        assert_eq!(table.routes.len(), 4);
    });
}

#[test]
fn the_lines_name_an_address_that_can_be_connected_to() {
    let check = |bind: &str, at: &str| {
        let text = lines(bind.parse().unwrap(), "ringgate");
        let addresses = text.split("http://").skip(1).map(|rest| rest.split('/').next().unwrap());
        assert_eq!(addresses.clone().count(), 7);
        addresses.for_each(|address| assert_eq!(address, at, "{text}"));
    };
    check("127.0.0.1:8080", "127.0.0.1:8080");
    check("0.0.0.0:80", "127.0.0.1:80");
    check("[::]:8080", "[::1]:8080");
    check("192.0.2.1:8080", "192.0.2.1:8080");
}

#[test]
fn the_lines_bring_the_secret_and_the_key_that_the_configuration_knows() {
    assert!(GUARD.contains(SECRET) && GUARD.contains(KEY));
}
