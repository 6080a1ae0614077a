"""
A whole local stack of the tests' own, started by deploy/local/up like anybody's: free ports, a folder for it alone.

    stack = Stack(folder, VR_RATE_LIMIT_API="5")   # more settings for the services
    stack.start()
    stack.url, stack.env, stack.run("vr-auth", "editor", "list")
    stack.kill("market"); stack.wait_ready("market")
    stack.stop()
"""

import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
from pathlib import Path

import redis
import requests

from support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
SANITIZER_REPORT = re.compile(r"^.*(ERROR: \w+Sanitizer|runtime error: )", re.M)
SERVICES = ("auth", "market", "wizard", "webhook")


def is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def free_ports():
    """A front door's and a demo's port, whose block of inner ports (deploy/local/stack.bash) is free too."""
    while True:
        port = random.randrange(4000, 9000)
        block = 10000 + 16 * (port % 1400)
        wanted = [port, port + 10000, *range(block, block + 16)]
        if len(set(wanted)) == len(wanted) and all(map(is_free, wanted)):
            return port, port + 10000


def thread_states(pid):
    """Of all its threads, as /proc has them: "R", "S", "T"…"""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {(task / "stat").read_text().rsplit(")", 1)[1].split()[0] for task in tasks}


class Stack:
    def __init__(self, folder, **settings):
        self.folder = Path(folder)
        self.settings = settings
        self.env = {}  # what a shell has after `. $VR_DATA_DIR/env`; set once started

    # --- life ---

    def start(self):
        """Ports of a stopped stack stay its own: a second start() is the same stack come back."""
        if "VR_HTTP_PORT" not in self.settings:
            port, demo_port = free_ports()
            self.settings |= {"VR_HTTP_PORT": str(port), "VR_DEMO_PORT": str(demo_port)}
        outer = {name: value for name, value in os.environ.items() if not name.startswith("VR_")}
        if "VR_BUILD_DIR" in os.environ:
            outer["VR_BUILD_DIR"] = os.environ["VR_BUILD_DIR"]
        told = subprocess.run([ROOT / "deploy/local/up"], env=outer | self.settings | {"VR_DATA_DIR": str(self.folder)},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert told.returncode == 0, told.stdout
        listing = subprocess.run(["sh", "-c", ". ./env && env -0"], cwd=self.folder, env=outer, stdout=subprocess.PIPE, check=True)
        self.env = dict(line.split("=", 1) for line in listing.stdout.decode().split("\0") if line)
        return self

    def stop(self):
        """Also the moment at which sanitized programs tell what they leaked."""
        subprocess.run([ROOT / "deploy/local/down"], env=os.environ | {"VR_DATA_DIR": str(self.folder)},
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        for log in sorted((self.folder / "log").glob("*.log")):
            report = SANITIZER_REPORT.search(log.read_text(errors="replace"))
            assert not report, f"{log}:\n{report.string[report.start():report.start() + 4000]}"

    # --- where things are ---

    @property
    def url(self):
        return self.env["VR_PUBLIC_URL"]

    @property
    def demo_url(self):
        return f"http://localhost:{self.env['VR_DEMO_PORT']}"

    def management_url(self, service):
        return self.env[f"VR_{service.upper()}_MANAGEMENT_URL"]

    def log(self, service):
        """The text of its log so far."""
        return (self.folder / "log" / f"{service}.log").read_text(errors="replace")

    def log_lines(self, service, action=None):
        """Its log's JSON lines, or those of one event.action."""
        lines = [json.loads(line) for line in self.log(service).splitlines() if line.startswith("{")]
        return [line for line in lines if action is None or line.get("event.action") == action]

    # --- looking in ---

    def run(self, *command, **options):
        """A command as an operator's shell would run it; its output, parsed when it is JSON."""
        told = subprocess.run(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30,
                              check=False, **options)
        assert told.returncode == 0, f"{command}: {told.returncode}\n{told.stdout}{told.stderr}"
        try:
            return json.loads(told.stdout)
        except ValueError:
            return told.stdout

    def metrics(self, service):
        """The text of its /metrics."""
        return requests.get(self.management_url(service) + "/metrics", timeout=5).text

    def metric(self, service, name, **labels):
        """The sum of the samples of that name with (at least) these labels."""
        total = 0.0
        for line in self.metrics(service).splitlines():
            sample, _, value = line.rpartition(" ")
            if sample.partition("{")[0] == name and all(f'{key}="{label}"' in sample for key, label in labels.items()):
                total += float(value)
        return total

    def query(self, service, sql, *parameters):
        """Rows of a service's database, read only: for what must hold, never to get something done."""
        path = self.env[f"VR_{service.upper()}_DATABASE_URL"].removeprefix("sqlite:")
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql, parameters)]
        finally:
            database.close()

    def redis(self):
        return redis.Redis.from_url(self.env["VR_REDIS_URL"], decode_responses=True)

    # --- faults: service is also redis, kafka, nginx or demo ---

    def pid(self, service):
        return int((self.folder / "pid" / service).read_text())

    def kill(self, service, number=signal.SIGKILL):
        """The supervisor starts it again; returns the pid it had."""
        pid = self.pid(service)
        os.kill(pid, number)
        return pid

    def pause(self, service):
        """Returns when it stands still: until its main thread has run, the others go on."""
        pid = self.kill(service, signal.SIGSTOP)
        until(lambda: thread_states(pid) == {"T"}, what=f"{service} stands still")

    def resume(self, service):
        self.kill(service, signal.SIGCONT)

    def hold_down(self, service):
        """Stopped, and not started again until let_up()."""
        subprocess.run(["s6-svc", "-wD", "-T", "15000", "-d", self.folder / "service" / service], check=True)

    def let_up(self, service):
        subprocess.run(["s6-svc", "-u", self.folder / "service" / service], check=True)

    def restart(self, service, number=signal.SIGTERM):
        """Ends it and waits until another process is there and ready."""
        old = self.kill(service, number)
        until(lambda: self.pid(service) != old, 20, f"{service} restarted")
        self.wait_ready(service)

    def is_ready(self, service):
        if service == "redis":
            return self._answers_ping()
        if service == "kafka":
            return not is_free(int(self.env["VR_BROKER_PORT"]))
        urls = {"nginx": f"http://127.0.0.1:{self.env['VR_HTTP_PORT']}/", "demo": f"http://127.0.0.1:{self.env['VR_DEMO_PORT']}/"}
        try:
            return requests.get(urls.get(service) or self.management_url(service) + "/readyz", timeout=2).ok
        except requests.RequestException:
            return False

    def _answers_ping(self):
        try:
            return self.redis().ping()
        except redis.RedisError:
            return False

    def wait_ready(self, *services, seconds=30):
        for service in services or SERVICES:
            until(lambda service=service: self.is_ready(service), seconds, f"{service} ready")
