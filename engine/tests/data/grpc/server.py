"""An origin of gRPC for the tests: unary and the three kinds of streams, over bytes, so that nothing has to be generated.
Prints its port and serves until its input ends."""

import sys
import time
from concurrent import futures

import grpc


def unary(request, context):
    told = dict(context.invocation_metadata())
    context.set_trailing_metadata((("x-trailing", "of " + told.get("x-asks", "nobody")), ("x-raw-bin", b"\x00\xff")))
    if request == b"fail":
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "as asked: ü")
    if request == b"deadline":
        return str(int(context.time_remaining() * 1000)).encode()
    if request == b"told":
        return " ".join(f"{name}={told[name]}" for name in sorted(told) if name.startswith("x-")).encode()
    if request == b"slow":
        time.sleep(2)
    return request[::-1]


def gather(requests, context):
    return b"".join(requests)


def spread(request, context):
    count = int(request)
    for number in range(count):
        yield b"%d" % number


CANCELLED = []


def forever(request, context):
    context.add_callback(lambda: CANCELLED.append(request))
    while context.is_active():
        yield b"tick"
        time.sleep(0.01)


def cancelled(request, context):
    for _ in range(200):
        if request in CANCELLED:
            return b"yes"
        time.sleep(0.01)
    return b"no"


def chat(requests, context):
    for request in requests:
        yield b"heard " + request


HANDLERS = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "Gather": grpc.stream_unary_rpc_method_handler(gather),
    "Spread": grpc.unary_stream_rpc_method_handler(spread),
    "Forever": grpc.unary_stream_rpc_method_handler(forever),
    "Cancelled": grpc.unary_unary_rpc_method_handler(cancelled),
    "Chat": grpc.stream_stream_rpc_method_handler(chat),
}

server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=[("grpc.max_receive_message_length", 64 << 20)])
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", HANDLERS),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
sys.stdin.read()
server.stop(0)
