"""A client of WebSocket over HTTP/2 (RFC 8441) for the tests, by the `h2` package: through the gateway at 127.0.0.1:PORT. Two tunnels
and a plain request share one connection."""

import socket
import sys

import h2.config
import h2.connection
import h2.events
import h2.settings

PORT = int(sys.argv[1])
sock = socket.create_connection(("127.0.0.1", PORT), timeout=10)
conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
conn.initiate_connection()
sock.sendall(conn.data_to_send())
heads, bodies, ended = {}, {}, set()


def wait(holds):
    while not holds():
        data = sock.recv(65536)
        assert data, "the connection ended"
        for event in conn.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                heads[event.stream_id] = dict(event.headers)
            elif isinstance(event, h2.events.DataReceived):
                bodies[event.stream_id] = bodies.get(event.stream_id, b"") + event.data
                conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                ended.add((event.stream_id, type(event).__name__))
        sock.sendall(conn.data_to_send())


def frame(opcode, payload):
    """A frame of a client, masked by zeros (RFC 6455 5.2)."""
    length = len(payload)
    head = bytes([0x80 | opcode, 0x80 | length]) if length < 126 else bytes([0x80 | opcode, 0x80 | 126]) + length.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


def ask(stream, method, path, *more):
    fields = [(":method", method), (":scheme", "http"), (":authority", "gateway.test"), (":path", path), *more]
    conn.send_headers(stream, fields, end_stream=method == "GET")
    sock.sendall(conn.data_to_send())


wait(lambda: conn.remote_settings.get(h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL) == 1)
WEBSOCKET = ((":protocol", "websocket"), ("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat"))
for tunnel in (1, 3):
    ask(tunnel, "CONNECT", "/ws", *WEBSOCKET)
ask(5, "GET", "/plain")
wait(lambda: {1, 3, 5} <= heads.keys())
for tunnel in (1, 3):
    assert heads[tunnel][":status"] == "200", heads[tunnel]
    assert heads[tunnel]["sec-websocket-protocol"] == "chat", heads[tunnel]
    assert not {"connection", "upgrade", "sec-websocket-accept"} & heads[tunnel].keys(), heads[tunnel]
assert heads[5][":status"] == "200", heads[5]
for tunnel, word in ((1, b"one"), (3, b"three" * 1000)):
    conn.send_data(tunnel, frame(1, word))
sock.sendall(conn.data_to_send())
wait(lambda: bodies.get(1, b"").endswith(b"one") and bodies.get(3, b"").endswith(b"three" * 1000))
# A close is answered by a close, and the origin's end ends the stream.
conn.send_data(1, frame(8, (4002).to_bytes(2, "big") + b"over"))
sock.sendall(conn.data_to_send())
wait(lambda: (1, "StreamEnded") in ended)
assert bodies[1].endswith(bytes([0x88, 6]) + (4002).to_bytes(2, "big") + b"over"), bodies[1]
# Another tunnel is not touched; a reset of it reaches the origin.
conn.send_data(3, frame(1, b"still"))
sock.sendall(conn.data_to_send())
wait(lambda: bodies[3].endswith(b"still"))
conn.reset_stream(3, 8)
# What is no WebSocket is no tunnel.
ask(7, "CONNECT", "/ws", (":protocol", "other"))
wait(lambda: 7 in heads)
assert heads[7][":status"] == "400", heads[7]
