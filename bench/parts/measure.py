"""Rounds of one workload: the two sides take turns, with every number of clients."""
import http.client
import itertools
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field

from . import load
from .cpu import Reading

_numbers = itertools.count(int(time.time() * 1000))  # no source is ever the same as another


class WrongAnswer(Exception):
    """A program did not do what it should have: then no figure means anything."""


class ApiJob:
    """One keep-alive connection to POST /api/v1/runs."""

    def __init__(self, workload, server):
        self.workload = workload
        self.connection = http.client.HTTPConnection(server.host, server.port, timeout=90)

    def __call__(self):
        w = self.workload
        body = json.dumps({"language": w.language, "files": [
            {"name": w.entry, "content": w.source(next(_numbers))}]}).encode()
        self.connection.request("POST", "/api/v1/runs", body, {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise WrongAnswer(f"{w.name}: {response.status} {answer[:400]!r}")
        answer = json.loads(answer)
        if (answer["verdict"], answer["cached"]) != ("ok", False) or \
                answer["run"]["stdout"] != w.output:
            raise WrongAnswer(f"{w.name}: {json.dumps(answer)[:1000]}")
        compile_ms = answer["compile"]["wall_ms"] if answer["compile"] else 0.0
        return {"queue": answer["queue_ms"], "compile": compile_ms,
                "run": answer["run"]["wall_ms"]}

    def close(self):
        self.connection.close()


class BareJob:
    """The same as a user does it: a fresh folder, the compiler, the program, and the folder goes."""

    def __init__(self, workload, scratch):
        self.workload, self.scratch = workload, scratch

    def __call__(self):
        w = self.workload
        folder = tempfile.mkdtemp(dir=self.scratch)
        if w.entry:
            with open(f"{folder}/{w.entry}", "w", encoding="utf-8") as file:
                file.write(w.source(next(_numbers)))
        took = {"queue": 0.0, "compile": 0.0, "run": 0.0}
        for stage, argv in w.bare(folder):
            began = time.perf_counter()
            status, output = spawn(argv)
            took[stage] = (time.perf_counter() - began) * 1000
            if status != 0 or output != ("" if stage == "compile" else w.output):
                raise WrongAnswer(f"{w.name}, bare {argv}: status {status}, {output[:400]!r}")
        for name in os.listdir(folder):
            os.unlink(f"{folder}/{name}")
        os.rmdir(folder)
        return took


def spawn(argv):
    """posix_spawn, its output to a pipe that is read to the end, waitpid."""
    reader, writer = os.pipe()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, writer, 1),
        (os.POSIX_SPAWN_DUP2, writer, 2)])
    os.close(writer)
    parts = []
    while part := os.read(reader, 65536):
        parts.append(part)
    os.close(reader)
    _, status = os.waitpid(pid, 0)
    return status, b"".join(parts).decode(errors="replace")


@dataclass
class Side:
    """All rounds of one side with one number of clients."""
    rates: list = field(default_factory=list)
    count: int = 0
    seconds: list = field(default_factory=list)
    details: list = field(default_factory=list)
    used: Reading = field(default_factory=Reading)

    def add(self, window, used):
        self.rates.append(window.rate)
        self.count += window.count
        self.seconds += window.seconds
        self.details += window.details
        self.used = self.used + used


@dataclass
class Row:
    clients: int
    ours: Side = field(default_factory=Side)
    bare: Side = field(default_factory=Side)


@dataclass
class Result:
    workload: object
    rows: list


def _turn(side, make_job, clients, seconds, meter, sandboxed):
    before = meter.read()
    window = load.window(make_job, clients, seconds)
    client = meter.read().client  # before the waiting, which is not the load's
    if sandboxed:
        meter.settle()
    used = meter.read() - before
    used.client = client - before.client
    side.add(window, used)


def workload(w, server, clients, rounds):
    """Warm up both sides, then the rounds; who begins changes with each."""
    sides = {
        "ours": lambda: ApiJob(w, server),
        "bare": lambda: BareJob(w, server.scratch),
    }
    for make_job in sides.values():
        load.window(make_job, 2, min(0.5, w.seconds))
    server.meter.settle()
    rows = [Row(n) for n in clients]
    for number in range(rounds):
        print(f"bench/run: {w.name}, round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for row in rows:
            order = ("ours", "bare") if number % 2 == 0 else ("bare", "ours")
            for name in order:
                _turn(getattr(row, name), sides[name], row.clients, w.seconds, server.meter,
                      name == "ours")
    server.check_alive()
    return Result(w, rows)
