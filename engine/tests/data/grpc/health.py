"""An origin of gRPC that answers of its health by grpc.health.v1: SERVING for all of it and for `well`, NOT_SERVING for
`ill`, and of no other service does it know. Messages are bytes, so that nothing has to be generated. Prints its port and
serves until its input ends."""

import sys
from concurrent import futures

import grpc

STATUSES = {b"": b"\x08\x01", b"\x0a\x04well": b"\x08\x01", b"\x0a\x03ill": b"\x08\x02"}


def check(request, context):
    if request not in STATUSES:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
    return STATUSES[request]


def unary(request, context):
    return request[::-1]


server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
unary_unary = grpc.unary_unary_rpc_method_handler
server.add_generic_rpc_handlers((
    grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": unary_unary(check)}),
    grpc.method_handlers_generic_handler("test.Echo", {"Unary": unary_unary(unary)}),
))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
sys.stdin.read()
server.stop(0)
