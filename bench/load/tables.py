"""Figures of rounds → medians, ratios within a round, goals, and the page that keeps them."""

import datetime
import os
import platform
import statistics
import subprocess

FIGURES = {"cpu_us": "CPU µs/request", "rps": "rps", "p50": "p50 µs", "p99": "p99 µs", "errors": "errors"}


def median(cells, figure):
    return statistics.median(cell[figure] for cell in cells)


def ratio(rounds, name, figure):
    """The median over the rounds of NAME's figure to the best of the others in the same round: the machine's speed drifts
    between rounds and hardly within one."""
    own = [r[name][figure] / min(r[o][figure] for o in r if o != name) for r in rounds if name in r and len(r) > 1]
    return statistics.median(own) if own else None


def table(work, rounds):
    """One workload in Markdown."""
    names = list(rounds[0])
    lines = [f"### {work.name}: {work.text}", "", "| gateway | " + " | ".join(FIGURES.values()) + " | CPU to best other | p50 | p99 |"]
    lines.append("|---|" + "--:|" * (len(FIGURES) + 3))
    for name in names:
        cells = [r[name] for r in rounds]
        row = [f"{median(cells, 'cpu_us'):.2f}", f"{median(cells, 'rps'):,.0f}", f"{median(cells, 'p50'):,.0f}", f"{median(cells, 'p99'):,.0f}"]
        row.append(str(sum(cell["errors"] for cell in cells)))
        ratios = [ratio(rounds, name, figure) for figure in ("cpu_us", "p50", "p99")]
        row += ["" if r is None else f"{r:.2f}" for r in ratios]
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def goals(work, rounds, name):
    """What holds of NAME, a line for each goal, and whether all of them hold."""
    lines, held = [], True
    for figure, limit in work.goals.items():
        found = ratio(rounds, name, figure)
        ok = found is not None and found <= limit
        held = held and ok
        shown = "none" if found is None else f"{found:.2f}"
        lines.append(f"{'held  ' if ok else 'MISSED'} {work.name}: {figure} {shown} of the best other, {limit:.2f} at most")
    errors = sum(r[name]["errors"] for r in rounds)
    if errors:
        lines.append(f"MISSED {work.name}: {errors} errors")
    return lines, held and not errors


def said(*argv):
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        return (done.stdout or done.stderr).strip().splitlines()[0]
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return "unknown"


def machine(root):
    """Where and of what the figures are: without these no number is kept."""
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) // 2**20
    commit = said("git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12")
    return [
        f"- machine: {model}, {os.cpu_count()} CPUs, {memory} GiB, {said('systemd-detect-virt')}",
        f"- kernel: {platform.release()}",
        f"- commit: {commit}",
        f"- peers: {said('nginx', '-v')}; {said('haproxy', '-v')}; {said('wrk', '-v')}",
    ]


def page(root, arguments, tables, checks):
    """The whole report."""
    today = datetime.date.today().isoformat()
    lines = [f"# Load beside nginx and HAProxy, {today}", "", *machine(root), f"- command: `bench/load/run {arguments}`", ""]
    lines.append("Medians over rounds; a ratio is the median of the ratios within a round. CPU is user and system time of the")
    lines.append("gateway's processes; each has one pinned core, the load and the origin share another.")
    lines += ["", *tables]
    if checks:
        lines += ["## Goals", "", "```", *checks, "```", ""]
    return "\n".join(lines)
