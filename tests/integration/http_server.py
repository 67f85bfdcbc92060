"""The test server of the http module (tests/unit/http/http_test_server.c) as a process, and the
fixtures around it, for test_http_server.py and test_http_limits.py."""
import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from raw_http import Connection, request

BUILD = Path(os.environ.get("RETORT_BUILD", Path(__file__).resolve().parents[2] / "build"))
PROGRAM = BUILD / "tests" / "unit" / "http" / "http_test_server"
MIB = 1024 * 1024


class Server:
    def __init__(self, *arguments, keep_freed=True):
        assert PROGRAM.exists(), f"{PROGRAM} is missing: build it, or set RETORT_BUILD"
        environment = dict(os.environ)
        if not keep_freed:  # else what the address sanitizer keeps looks like a leak
            environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        self.process = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, text=True,
                                        env=environment)
        self.port = int(self.process.stdout.readline().split()[1])

    def connect(self, **options):
        return Connection(self.port, **options)

    def ask(self, method, path, **options):
        with self.connect() as c:
            c.send(request(method, path, **options))
            return c.answer(head_only=method == "HEAD")

    def figures(self):
        return json.loads(self.ask("GET", "/stats").body)

    def wait_for(self, condition, seconds=5):
        end = time.monotonic() + seconds
        while not condition(self.figures()):
            assert time.monotonic() < end, self.figures()
            time.sleep(0.02)

    def memory(self):
        """Resident, in bytes."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()

    def cpu_ticks(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def stop(self, with_signal=signal.SIGTERM, within=20):
        """Ends it, once; a sanitizer's complaint is a failing exit status."""
        if self.process.stdout.closed:
            return
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        with self.process.stdout as output:
            assert self.process.wait(within) == 0
            assert "ended" in output.read()


@pytest.fixture(scope="module")
def server():
    instance = Server()
    yield instance
    instance.stop()


@pytest.fixture
def start():
    """start("name=value", …): a server with limits of its own."""
    instances = []

    def begin(*arguments, **options):
        instances.append(Server(*arguments, **options))
        return instances[-1]

    yield begin
    for instance in instances:
        instance.stop()


def fill_until_stuck(c, data, limit):
    """Sends until the server takes nothing for a while; returns how much it took."""
    sent = 0
    c.socket.settimeout(0.5)
    try:
        while sent < limit:
            sent += c.socket.send(data)
    except TimeoutError:
        pass
    c.socket.settimeout(10)
    return sent
