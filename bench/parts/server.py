"""A `retort serve` of our own: started on a free port, waited for, and ended."""
import http.client
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from .cpu import Meter

START_MAX = 90  # asks every tool for its version first
END_MAX = 20


class ServerFailed(Exception):
    pass


@dataclass
class Memory:
    """KiB, of server and spawner together and apart; `after` is the same after the load."""
    server_pss: int
    server_rss: int
    spawner_pss: int
    spawner_rss: int
    ready: int  # sandboxes that waited meanwhile
    after: Optional["Memory"] = None

    @property
    def pss(self):
        return self.server_pss + self.spawner_pss

    @property
    def rss(self):
        return self.server_rss + self.spawner_rss


def _rollup(pid):
    found = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii", errors="replace") as lines:
        for line in lines:
            key, _, value = line.partition(":")
            if key in ("Rss", "Pss"):
                found[key] = int(value.split()[0])
    return found["Pss"], found["Rss"]


class Server:
    """Context: entered, it answers and its pool is full; left, it is gone."""

    def __init__(self, binary, languages, scratch, options):
        self.folder = Path(tempfile.mkdtemp(dir=scratch))
        self.folder.chmod(0o755)
        self.scratch = self.folder / "bare"  # where the bare side works
        self.scratch.mkdir()
        self.log = self.folder / "serve.log"
        toolchains = Path(binary).parent / "toolchains"
        self.command = [str(binary), "serve", "--studio", "127.0.0.1:0",
                        "--data", str(self.folder / "data"), "--languages", str(languages)]
        if toolchains.is_dir():
            self.command += ["--toolchains", str(toolchains)]
        self.command += options
        self.process = self.meter = self.host = self.port = self.server_pid = None

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        self._end()

    def _start(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RETORT_")}
        with open(self.log, "wb") as log:
            # A session of its own: Ctrl+C is for the bench, which then ends the server in order.
            self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=log,
                                            stdin=subprocess.DEVNULL, env=environment,
                                            start_new_session=True)
        self.host, self.port = self._read_address()
        self.server_pid = self._find_server()
        service = re.search(r"service (retort-\d+)", self._log_text())
        if not service:
            raise ServerFailed(f"the log does not name the service\n{self._log_text()}")
        self.meter = Meter(self.server_pid, self.process.pid, service.group(1))
        self._wait_for_pool()

    def _read_address(self):
        deadline, text = time.monotonic() + START_MAX, b""
        descriptor = self.process.stdout.fileno()
        while time.monotonic() < deadline:
            if select.select([descriptor], [], [], 0.5)[0]:
                piece = os.read(descriptor, 4096)
                if not piece:
                    break
                text += piece
            found = re.search(rb"^studio http://([0-9.]+):(\d+)\n", text, re.MULTILINE)
            if found:
                return found.group(1).decode(), int(found.group(2))
        raise ServerFailed(f"{' '.join(self.command)} did not start\n{self._log_text()}")

    def _log_text(self):
        return self.log.read_text(errors="replace")[-4000:]

    def _find_server(self):
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        for child in children:
            try:
                words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"server-process" in words:
                return int(child)
        raise ServerFailed("the server's process was not found among the spawner's children")

    def get(self, path):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def _wait_for_pool(self):
        """Until as many sandboxes are READY as there will be."""
        deadline, last, since = time.monotonic() + 30, -1, 0.0
        while time.monotonic() < deadline:
            sandboxes = self.get("/stats")["sandboxes"]
            if sandboxes["filling"] or sandboxes["ready"] != last:
                last, since = sandboxes["ready"], time.monotonic()
            elif time.monotonic() - since > 1.5:  # the figures are renewed once a second
                return
            time.sleep(0.1)
        raise ServerFailed(f"the pool did not come to rest\n{self._log_text()}")

    def require(self, name):
        languages = self.get("/api/v1/languages")
        rows = languages if isinstance(languages, list) else languages["languages"]
        row = next((r for r in rows if r["name"] == name), None)
        if not row or row["state"] != "ready":
            raise ServerFailed(f"language {name}: {row['reason'] if row else 'not in the table'}")

    def memory(self):
        """When the pool is full."""
        self._wait_for_pool()
        ready = self.get("/stats")["sandboxes"]["ready"]
        return Memory(*_rollup(self.server_pid), *_rollup(self.process.pid), ready)

    def check_alive(self):
        """A server that was replaced meanwhile would make every figure wrong."""
        if self.process.poll() is not None or not os.path.exists(f"/proc/{self.server_pid}"):
            raise ServerFailed(f"the server went away under load\n{self._log_text()}")

    def _end(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(END_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)
