"""Tables of many routes over many hosts, in the words of each gateway, and a request for each of them in shuffled order.

Ten services a host and three routes a service, as gateways have them: all below the service, a collection by its exact
path, and all below one item of it. Only what all three can say: no templates, no expressions."""

import random

PER_HOST = 30


def routes(count):
    """(host, path, whether it stands for all below it, a path that it takes), each route once."""
    rows = []
    for index in range(count):
        host, service = f"api-{index // PER_HOST}.example.com", f"/api/service-{index // 3 % 10}"
        rows.append(
            [
                (host, service, True, f"{service}/health/live"),
                (host, f"{service}/items", False, f"{service}/items"),
                (host, f"{service}/items/12345", True, f"{service}/items/12345/orders"),
            ][index % 3]
        )
    return rows


def shuffled(count):
    """`host path` of a request for each route; the same order each time."""
    asked = [f"{host} {path}" for host, _, _, path in routes(count)]
    random.Random(4711).shuffle(asked)
    return asked


def ringgate(rows):
    line = '- {{ name: r{0}, match: {{ host: {1}, path: "{2}{3}" }}, to: be }}'
    return "\n".join(line.format(at, host, path, "/*" if below else "") for at, (host, path, below, _) in enumerate(rows))


def nginx(rows, port):
    by_host = {}
    for host, path, below, _ in rows:
        by_host.setdefault(host, []).append(f"location {'' if below else '= '}{path}{'/' if below else ''} {{ proxy_pass http://be; }}")
    server = "server {{ listen 127.0.0.1:{0}; server_name {1};\n{2}\n}}"
    return "\n".join(server.format(port, host, "\n".join(places)) for host, places in by_host.items())


def haproxy(rows):
    """A map for `map_beg`, which takes the longest beginning of host and path."""
    return "\n".join(f"{host}{path}{'/' if below else ''} be" for host, path, below, _ in rows) + "\n"
