"""A caller of gRPC for the tests: every kind of call through the gateway at 127.0.0.1:PORT. Prints what it has seen hold, a line
each, and ends with 0 if all of it does."""

import queue
import sys
import time

import grpc

PORT = int(sys.argv[1])
channel = grpc.insecure_channel(f"127.0.0.1:{PORT}", options=[("grpc.max_receive_message_length", 64 << 20)])
call = {
    "unary": channel.unary_unary("/test.Echo/Unary"),
    "gather": channel.stream_unary("/test.Echo/Gather"),
    "spread": channel.unary_stream("/test.Echo/Spread"),
    "forever": channel.unary_stream("/test.Echo/Forever"),
    "cancelled": channel.unary_unary("/test.Echo/Cancelled"),
    "chat": channel.stream_stream("/test.Echo/Chat"),
    "nowhere": channel.unary_unary("/test.Nowhere/Unary"),
    "down": channel.unary_unary("/test.Down/Unary"),
}


def holds(name, seen, expected):
    if seen != expected:
        sys.exit(f"{name}: {seen!r}, not {expected!r}")
    print(name, flush=True)


def refused(name, ask, code, details=None):
    try:
        ask()
    except grpc.RpcError as error:
        holds(name, error.code(), code)
        if details is not None:
            holds(name + "'s words", error.details(), details)
        return error
    sys.exit(f"{name}: was answered")


answer, told = call["unary"].with_call(b"abc", metadata=(("x-asks", "me"),), timeout=10)
holds("unary", answer, b"cba")
trailing = dict(told.trailing_metadata())
holds("trailing metadata", (trailing.get("x-trailing"), trailing.get("x-raw-bin")), ("of me", b"\x00\xff"))
holds("an empty message", call["unary"](b"", timeout=10), b"")
large = bytes(range(256)) * 4096 * 5
holds("five mebibytes", call["unary"](large, timeout=30), large[::-1])
refused("an origin's status", lambda: call["unary"](b"fail", timeout=10), grpc.StatusCode.FAILED_PRECONDITION, "as asked: ü")
holds("a stream up", call["gather"](iter([b"a", b"b", b"c" * 100000]), timeout=10), b"ab" + b"c" * 100000)
holds("a stream down", list(call["spread"](b"1000", timeout=10)), [b"%d" % number for number in range(1000)])

# Both ways at once: each answer before the next question.
questions = queue.Queue()
talk = call["chat"](iter(questions.get, None), timeout=10)
for word in (b"one", b"two", b"three"):
    questions.put(word)
    holds("a word of a talk", next(talk), b"heard " + word)
questions.put(None)
holds("the end of a talk", list(talk), [])

endless = call["forever"](b"mark", timeout=30)
holds("a stream without an end", next(endless), b"tick")
endless.cancel()
holds("a cancel reaches the origin", call["cancelled"](b"mark", timeout=10), b"yes")

left = int(call["unary"](b"deadline", timeout=7))
holds("a deadline reaches the origin", 5 <= round(left / 1000) <= 7, True)
began = time.monotonic()
refused("a deadline passes", lambda: call["unary"](b"slow", timeout=0.3), grpc.StatusCode.DEADLINE_EXCEEDED)
holds("in time", time.monotonic() - began < 1.5, True)

refused("no route", lambda: call["nowhere"](b"", timeout=10), grpc.StatusCode.UNIMPLEMENTED, "no_route")
refused("an origin that is down", lambda: call["down"](b"", timeout=10), grpc.StatusCode.UNAVAILABLE, "upstream_connect")
holds("the channel goes on", call["unary"](b"end", timeout=10), b"dne")
