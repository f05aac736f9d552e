"""What is measured: the workloads, how their load is made, and what must hold of Ringgate's ratio to the best other."""

import json
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


class Work:
    """One workload. `goals` maps a figure to the most that Ringgate's ratio to the best of the others may be."""

    def __init__(self, name, text, path, connections, goals, rate=None, flags=(), streams=None, secure=False):
        self.name, self.text, self.path, self.connections = name, text, path, connections
        self.goals, self.rate, self.flags = goals, rate, list(flags)
        self.streams, self.secure = streams, secure

    def argv(self, gateway, secs, tools):
        """The command of the load, and what reads its output."""
        if self.streams:
            scheme, port = ("https", gateway.tls) if self.secure else ("http", gateway.h2)
            # It warms up by itself, and counts what came after.
            argv = ["h2load", "-t1", f"-c{self.connections}", f"-m{self.streams}", f"-D{secs}"]
            return argv + [f"{scheme}://127.0.0.1:{port}{self.path}"], read_h2load
        url = f"https://127.0.0.1:{gateway.tls}{self.path}" if self.secure else f"http://127.0.0.1:{gateway.port}{self.path}"
        if self.rate:
            argv = [tools, "load", "--json", "--url", url, "--connections", str(self.connections)]
            return argv + ["--rate", str(self.rate), "--seconds", str(secs), "--warmup", "0"], read_tools
        argv = ["wrk", "-t1", f"-c{self.connections}", f"-d{secs}s", "--latency", "--timeout", "5s"]
        return argv + self.flags + [url], read_wrk


WORKS = [
    Work("get-1k", "GET 1 KiB, 64 connections", "/1k", 64, {"cpu_us": 0.80}),
    Work("get-1k-1000", "GET 1 KiB, 1,000 connections", "/1k", 1000, {"cpu_us": 0.70}),
    Work("post-16k", "POST 16 KiB, 64 connections", "/post", 64, {"cpu_us": 0.85}, flags=["-s", os.path.join(HERE, "post.lua")]),
    Work("get-100k", "GET 100 KiB, 64 connections", "/100k", 64, {"cpu_us": 0.70}),
    Work("get-1m", "GET 1 MiB, 16 connections", "/1m", 16, {"cpu_us": 0.95}),
    Work("close", "GET 1 KiB, a connection for each request, 64 at once", "/1k", 64, {"cpu_us": 1.0}, flags=["-H", "Connection: close"]),
    Work("h2-1k", "GET 1 KiB over HTTP/2, 8 connections of 16 streams", "/1k", 8, {"cpu_us": 0.85}, streams=16),
    Work("h2-1k-tls", "the same over TLS", "/1k", 8, {"cpu_us": 0.85}, streams=16, secure=True),
    Work("get-1k-tls", "GET 1 KiB over TLS, 64 connections", "/1k", 64, {"cpu_us": 0.92}, secure=True),
    Work("get-1m-tls", "GET 1 MiB over TLS, 16 connections", "/1m", 16, {"cpu_us": 1.0}, secure=True),
    Work("close-tls", "GET 1 KiB over TLS, a handshake for each request, 64 at once", "/1k", 64, {"cpu_us": 1.0}, flags=["-H", "Connection: close"], secure=True),
    Work("rate-2000", "GET 1 KiB, 2,000 a second at fixed moments", "/1k", 64, {"p50": 1.05, "p99": 1.05}, rate=2000),
    Work("rate-10000", "GET 1 KiB, 10,000 a second at fixed moments", "/1k", 64, {"p50": 1.05, "p99": 1.05}, rate=10000),
]


def read_wrk(text):
    """wrk's figures; a run with errors says so in `errors`."""
    unit = {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}
    quantile = lambda q: next((float(v) * unit[u] for v, u in re.findall(rf"\s{q}%\s+([\d.]+)(us|ms|s|m)\b", text)), float("nan"))
    requests = re.search(r"(\d+) requests in", text)
    if not requests:
        raise RuntimeError("wrk said:\n" + text)
    errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", text)))
    errors += sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", text)))
    rps = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    return {"requests": int(requests.group(1)), "rps": rps, "p50": quantile(50), "p99": quantile(99), "errors": errors}


def read_h2load(text):
    """h2load's figures. It tells no quantiles."""
    found = re.search(r"finished in ([\d.]+)(us|ms|s|m), ([\d.]+) req/s", text)
    requests = re.search(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", text)
    if not found or not requests:
        raise RuntimeError("h2load said:\n" + text)
    done, succeeded = int(requests.group(1)), int(requests.group(2))
    codes = re.search(r"status codes: (\d+) 2xx", text)
    errors = done - min(succeeded, int(codes.group(1)))
    return {"requests": done, "rps": float(found.group(3)), "p50": float("nan"), "p99": float("nan"), "errors": errors}


def read_tools(text):
    """The figures of `tools load --json`."""
    j = json.loads(text)
    errors = j["errors"] + j["unanswered"]
    return {"requests": j["requests"], "rps": j["rps"], "p50": j["p50_us"], "p99": j["p99_us"], "errors": errors}


def load(argv, read, preexec):
    """Runs one load to its end."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, preexec_fn=preexec)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}:\n{done.stdout}{done.stderr}")
    return read(done.stdout)
