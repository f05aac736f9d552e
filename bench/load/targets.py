"""The processes under test: started from a template on a free loopback port, checked, measured, stopped by process id."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CERTS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "engine", "tests", "data")
SIZES = {"/1k": 1024, "/100k": 100 * 1024, "/1m": 1024 * 1024}
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pair(run):
    """A certificate and its key in one file, as HAProxy wants them."""
    path = os.path.join(run, "pair.pem")
    if not os.path.exists(path):
        with open(path, "w") as f:
            f.write("".join(open(os.path.join(CERTS, name)).read() for name in ("tls-a.pem", "tls-a.key")))
    return path


def on_cpu(cpu):
    """What a child does before its program runs: pins itself and, where it may, steps ahead of what else runs here."""

    def prepare():
        os.sched_setaffinity(0, {cpu})
        try:
            os.setpriority(os.PRIO_PROCESS, 0, -20)
            # Priorities count only within an autogroup; the group's own weight is what others feel.
            with open("/proc/self/autogroup", "w") as f:
                f.write("-20")
        except OSError:
            pass

    return prepare


class Target:
    """One gateway, or the origin behind all of them."""

    def __init__(self, name, argv, template, cpu, patience=10):
        """`patience`: seconds in which it must listen."""
        self.name, self.argv, self.template, self.cpu, self.process = name, argv, template, cpu, None
        self.patience = patience

    def start(self, run, **values):
        self.port, self.h2, self.tls = free_port(), free_port(), free_port()
        values = dict(values, RUN=run, PORT=str(self.port), H2=str(self.h2), TLS=str(self.tls), PAIR=pair(run), CERTS=CERTS, DRIVER=values.get("DRIVER", "auto"), USER="user root;" if os.geteuid() == 0 else "")
        # A value may depend on the port.
        values = {name: value(self.port) if callable(value) else value for name, value in values.items()}
        with open(os.path.join(HERE, self.template)) as f:
            text = re.sub(r"@([A-Z0-9]+)@", lambda m: values[m.group(1)], f.read())
        config = os.path.join(run, self.template[: -len(".in")])
        with open(config, "w") as f:
            f.write(text)
        self.log = os.path.join(run, self.name + ".out")
        argv = [config if word == "CONFIG" else word for word in self.argv]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=run, preexec_fn=on_cpu(self.cpu)
            )
        for _ in range(self.patience * 20):
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return self
            except OSError:
                time.sleep(0.05)
        with open(self.log, errors="replace") as log:
            said = log.read()[-2000:]
        self.stop()
        raise RuntimeError(f"{self.name} does not start: {' '.join(argv)}\n{said}")

    def stop(self):
        if not self.process:
            return
        for send in (signal.SIGTERM, signal.SIGKILL):
            for pid in tree(self.process.pid):
                try:
                    os.kill(pid, send)
                except OSError:
                    pass
            try:
                self.process.wait(5)
                break
            except subprocess.TimeoutExpired:
                pass
        self.process = None

    def cpu_seconds(self):
        return sum(cpu_of(pid) for pid in tree(self.process.pid))

    def check(self):
        """Function before speed: a gateway that does not do the work is not measured."""
        for path, size in SIZES.items():
            status, body = self.ask("GET", path)
            if status != 200 or len(body) != size:
                raise RuntimeError(f"{self.name}: GET {path}: {status}, {len(body)} bytes; see {self.log}")
        status, body = self.ask("POST", "/post", b"x" * 16384)
        if status != 200 or len(body) != 1024:
            raise RuntimeError(f"{self.name}: POST /post: {status}, {len(body)} bytes; see {self.log}")

    def ask(self, method, path, body=None, host="127.0.0.1"):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            client.request(method, path, body=body, headers={"Host": host})
            answer = client.getresponse()
            return answer.status, answer.read()
        finally:
            client.close()


def tree(root):
    """A process and its living descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat(entry)
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def stat(pid):
    """Fields of /proc/PID/stat from the third on; none for a process that is gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            text = f.read()
        return text[text.rindex(")") + 2 :].split()
    except OSError:
        return None


def cpu_of(pid):
    fields = stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def machine_busy():
    """CPU seconds that all processors were busy, since boot; what the hypervisor took counts."""
    with open("/proc/stat") as f:
        user, nice, system, _idle, _wait, irq, softirq, steal = map(int, f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


class Spinners:
    """A loop of the lowest class on each CPU, so that none halts: on a virtual machine waking a halted CPU is dear, and a
    gateway that is slow pays it more often. Not the default: where two CPUs are threads of one core, a loop slows the other."""

    def __init__(self, cpus):
        self.processes = [subprocess.Popen(["python3", "-c", "while True: pass"], preexec_fn=self.idle(cpu)) for cpu in cpus]

    @staticmethod
    def idle(cpu):
        def prepare():
            os.sched_setaffinity(0, {cpu})
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))

        return prepare

    def cpu_seconds(self):
        return sum(cpu_of(p.pid) for p in self.processes)

    def stop(self):
        for p in self.processes:
            p.kill()
            p.wait()


def files(run):
    """The origin's large bodies."""
    os.makedirs(os.path.join(run, "files"))
    for path, size in SIZES.items():
        if size > 1024:
            with open(os.path.join(run, "files") + path, "wb") as f:
                f.write((b"abcdefghijklmnopqrstuvwxyz" * (size // 26 + 1))[:size])


class Run:
    """The folder of a run and all that was started in it."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="ringgate-load-")
        self.started = []
        files(self.path)

    def start(self, target, **values):
        self.started.append(target)
        return target.start(self.path, **values)

    def close(self):
        for target in reversed(self.started):
            target.stop()
        shutil.rmtree(self.path, ignore_errors=True)
