"""One measurement of a gateway under load, repeated while the machine is busy with something else."""

import os
import subprocess
import sys
import time

import targets
import works

REPEATS_MAX = 3
ROOT = os.path.dirname(os.path.dirname(targets.HERE))


def build(package, profile="release"):
    """The binary of a package of the workspace."""
    argv = ["cargo", "build", "--profile", profile, "--locked", "-p", package]
    subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, check=True)
    folder = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    return os.path.join(folder, profile, package)


def cpus():
    """The load's and the gateway's."""
    if len(os.sched_getaffinity(0)) < 2:
        print("one CPU only: the load and the gateways share it, and the figures say little", file=sys.stderr)
    return (sorted(os.sched_getaffinity(0)) * 2)[:2]


class Meter:
    """What is up, and how one measurement is made."""

    def __init__(self, run, load_cpu, max_other, spinners=None):
        self.run, self.load_cpu, self.max_other, self.spinners = run, load_cpu, max_other, spinners

    def own_seconds(self):
        """CPU of everything that belongs to this run, ended loads too."""
        live = sum(t.cpu_seconds() for t in self.run.started if t.process)
        return live + (self.spinners.cpu_seconds() if self.spinners else 0.0) + sum(os.times()[:4])

    def once(self, argv, gateway, secs):
        """`argv` gives for a time in seconds the command of the load and what reads its output."""
        pin = targets.on_cpu(self.load_cpu)
        works.load(*argv(1), pin)
        command, read = argv(secs)
        start, busy, own, cpu = time.monotonic(), targets.machine_busy(), self.own_seconds(), gateway.cpu_seconds()
        cell = works.load(command, read, pin)
        cell["cpu_us"] = (gateway.cpu_seconds() - cpu) * 1e6 / max(cell["requests"], 1)
        other = targets.machine_busy() - busy - (self.own_seconds() - own)
        cell["other"] = max(other / (time.monotonic() - start), 0.0)
        return cell

    def measure(self, argv, gateway, secs):
        """The calmest of a few measurements; most often the first is calm."""
        cells = []
        for _ in range(REPEATS_MAX):
            cells.append(self.once(argv, gateway, secs))
            if cells[-1]["other"] <= self.max_other:
                break
        cell = min(cells, key=lambda cell: cell["other"])
        note = f"  (others used {cell['other']:.2f} cores)" if cell["other"] > self.max_other else ""
        print(f"  {gateway.name:9} {cell['cpu_us']:8.2f} µs/request {cell['rps']:10,.0f} rps {cell['p50']:9,.0f} p50 {cell['p99']:9,.0f} p99{note}", flush=True)
        return cell
