//! gRPC by its own library, client and server: unary calls and the three kinds of streams, metadata, statuses, cancels and
//! deadlines, and what a caller is told when the gateway answers itself.

use super::scripts::{Server, client, python};
use crate::support::{Gateway, each_driver};

#[test]
fn every_kind_of_call_passes_as_it_is_and_the_gateways_own_answers_are_statuses() {
    let Some(python) = python("grpc") else { return };
    let server = Server::start(python, "grpc/server.py");
    each_driver(|driver| {
        let text = format!(
            "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
             listeners: [{{ name: a, bind: 127.0.0.1:0, protocols: [http2] }}]\n\
             upstreams:\n  calls: {{ protocol: http2, endpoints: [{{ address: '{}' }}] }}\n  \
             down: {{ protocol: http2, endpoints: [{{ address: '127.0.0.1:1' }}] }}\n\
             routes:\n- {{ name: calls, match: {{ path: /test.Echo/* }}, to: calls }}\n\
             - {{ name: down, match: {{ path: /test.Down/* }}, to: down }}\n",
            driver.name(),
            server.addr
        );
        let gateway = Gateway::with(&text, 1);
        let told = client(python, "grpc/client.py", gateway.addr().port());
        assert!(told.ends_with("the channel goes on\n"), "{told}");
    });
}

#[test]
fn servers_are_asked_of_their_health_in_their_own_terms() {
    let Some(python) = python("grpc") else { return };
    let well = Server::start(python, "grpc/health.py");
    let mute = Server::start(python, "grpc/server.py");
    each_driver(|driver| {
        let upstream = |name: &str, service: &str| {
            format!(
                "  {name}: {{ protocol: http2, endpoints: [{{ address: '{}' }}, {{ address: '{}' }}], \
                 health: {{ grpc: \"{service}\", interval: 50ms, timeout: 5s, unhealthy: 1 }} }}\n",
                well.addr, mute.addr
            )
        };
        let text = format!(
            "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
             listeners: [{{ name: a, bind: 127.0.0.1:0 }}]\nupstreams:\n{}{}{}{}\
             routes:\n- {{ name: whole, match: {{ path: /test.Echo/* }}, to: whole }}\n\
             - {{ name: rest, match: {{ path: /* }}, to: [{{ upstream: well }}, {{ upstream: ill }}, {{ upstream: nobody }}] }}\n",
            driver.name(),
            upstream("whole", ""),
            upstream("well", "well"),
            upstream("ill", "ill"),
            upstream("nobody", "nobody"),
        );
        let gateway = Gateway::with(&text, 1);
        let out = |line: &String| line.contains(" endpoint_out: ");
        let lines =
            gateway.said().wait("what is out", |lines| lines.iter().filter(|line| out(line)).count() >= 6);
        let of = |server: &Server, upstream: &str| {
            let mark = format!("endpoint {} of upstream {upstream} is out: ", server.addr);
            lines.iter().find_map(|line| line.split_once(&mark)).map(|(_, why)| why.to_owned())
        };
        for upstream in ["whole", "well", "ill", "nobody"] {
            let why = of(&mute, upstream).expect("offers nothing");
            assert!(why.starts_with("the server does not offer grpc.health.v1"), "{why}");
        }
        assert_eq!((of(&well, "whole"), of(&well, "well")), (None, None));
        assert_eq!(of(&well, "ill").as_deref(), Some("the server answers NOT_SERVING"));
        let why = of(&well, "nobody").expect("is not known");
        assert!(why.starts_with("the server does not know the service \"nobody\""), "{why}");
    });
}
