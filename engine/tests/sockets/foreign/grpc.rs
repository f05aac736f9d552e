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
