"""What the tests drive retort with: instances of the real binary, requests, and looks at the host."""
import contextlib
import ctypes
import glob
import http.client
import itertools
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import httpx

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("RETORT_BUILD", REPOSITORY / "build")).resolve()
BINARY = BUILD / "retort"
LANGUAGES = REPOSITORY / "languages"
# What languages/*/prepare.sh made; every server of the tests reads the same.
TOOLCHAINS = Path(os.environ.get("RETORT_TOOLCHAINS", REPOSITORY / "build" / "toolchains")).resolve()
LONG = bool(os.environ.get("RETORT_TEST_LONG"))

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
SLOTS_MAX = 65_534  # host ids id_base+1 … id_base+65534 (S10)
PROMISE = 5  # a promised number of seconds is tested at five times the promise (S84)
START_SECONDS = 60

SUM = ('public class X { public static void Main() { int sum = 0; for(int i = 0; i < 1000; i++) '
       'sum += i; System.Console.WriteLine("Sum: " + sum); } }')


def wait_until(condition, seconds, what):
    """Polls until condition() is true, and returns what it gave; fails with words after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


# ---- the host, through /proc and /sys ----
def proc_status(pid):
    """/proc/PID/status as a dictionary, or None when the process is gone (or a zombie)."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    fields = {key: value.strip() for key, value in fields.items()}
    return None if fields.get("State", "Z")[0] in "ZX" else fields


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def pids_of_ids(first, last):
    """Every live process whose real uid lies in first … last."""
    found = []
    for pid in all_pids():
        status = proc_status(pid)
        if status and first <= int(status["Uid"].split()[0]) <= last:
            found.append(pid)
    return found


def children_of(pid):
    return [p for p in all_pids() if (s := proc_status(p)) and int(s["PPid"]) == pid]


def cgroups_named(prefix):
    """Folders of the service in every hierarchy, with all below them."""
    tops = glob.glob(f"/sys/fs/cgroup/{prefix}*") + glob.glob(f"/sys/fs/cgroup/*/{prefix}*")
    found = []
    for top in tops:
        found.extend(folder for folder, _, _ in os.walk(top))
    return sorted(found)


def mounts():
    return sorted(Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines())


def num_cgroups():
    """/proc/cgroups: controller → how many groups, dead ones included."""
    rows = (line.split() for line in Path("/proc/cgroups").read_text().splitlines()[1:])
    return {row[0]: int(row[2]) for row in rows}


def open_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_bytes(pid):
    return int(proc_status(pid)["VmRSS"].split()[0]) * 1024


def scratch_folders():
    return sorted(p for p in glob.glob("/run/retort*/*") if not p.endswith(".lock"))


def host_state():
    return {"mounts": mounts(), "scratch": scratch_folders()}


def host_difference(before, after):
    found = []
    for kind in before:
        found += [f"{kind}: {item}" for item in after[kind] if item not in before[kind]]
    return found


# ---- one server ----
class StartFailed(Exception):
    """`retort serve` ended before it listened."""

    def __init__(self, code, log):
        super().__init__(f"retort serve ended with {code}:\n{log}")
        self.code, self.log = code, log


def _end_with_the_tests():
    """A test run that is killed leaves no server: SIGTERM when the parent dies."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Instance:
    """One `retort serve`. Options become flags: Instance(queue_wait="1s") gives --queue-wait 1s."""

    _numbers = itertools.count()

    def __init__(self, env=None, languages=LANGUAGES, args=(), langs=None, studio="127.0.0.1:0",
                 data=None, id_base=None, inherit=(), **options):
        self.number = next(self._numbers)
        self.inherit = inherit
        # Ids of this test process alone: far from a real server's, and from other test runs'.
        share = (os.getpid() % 100) * 128 + self.number % 128
        self.id_base = id_base or 1_000_000_000 + share * 65_536
        self.folder = Path(tempfile.mkdtemp(prefix="retort-test-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.data = Path(data) if data else self.folder / "data"
        self.environment = dict(os.environ, **{k: str(v) for k, v in (env or {}).items()})
        self.flags = ["--studio", studio, "--data", str(self.data), "--languages", str(languages),
                      "--toolchains", str(TOOLCHAINS), "--id-base", str(self.id_base)]
        if langs:
            self.flags += ["--langs", langs]
        for name, value in options.items():
            self.flags += ["--" + name.replace("_", "-"), str(value)]
        self.flags += list(args)
        self.process = None
        self.lines = []
        self.log_path = self.folder / "stderr"
        self.host = self.port = self.url = None
        self.server_uid = self._server_uid()

    def _server_uid(self):
        """`retort` where that user exists, else id_base (S8)."""
        try:
            return pwd.getpwnam("retort").pw_uid
        except KeyError:
            return self.id_base

    # ---- life ----
    def start(self):
        self.lines = []
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(BINARY), "serve", *self.flags], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=log, text=True,
                                            env=self.environment, cwd="/", pass_fds=self.inherit,
                                            preexec_fn=_end_with_the_tests)
        listening = threading.Event()
        threading.Thread(target=self._read_stdout, args=(self.process, listening), daemon=True).start()
        if not listening.wait(START_SECONDS) or not self.url:
            code = self.process.poll()
            self.kill()
            raise StartFailed(code if code is not None else self.process.returncode, self.log())
        return self

    def _read_stdout(self, process, listening):
        for line in process.stdout:
            self.lines.append(line)
            if line.startswith("studio http://"):
                self.url = line.split()[1].rstrip("/")
                self.host, port = self.url.removeprefix("http://").rsplit(":", 1)
                self.port = int(port)
                listening.set()
        process.wait()
        listening.set()

    def stop(self, seconds=10 * PROMISE):
        """SIGTERM, and the exit code; whoever does not end in time is killed."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            for pid in self.service_pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"did not end within {seconds} s of SIGTERM:\n{self.log()}")
        return self.process.returncode

    def kill(self):
        if self.process and self.process.poll() is None:
            for pid in self.service_pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()

    def check_clean(self):
        """Nothing is left of it on the host, and no sanitizer spoke."""
        left = wait_until_clean(self)
        log = self.log()
        words = ("ERROR: AddressSanitizer", "WARNING: ThreadSanitizer", "runtime error:",
                 "Assertion `", "ERROR: LeakSanitizer")
        spoken = [line for line in log.splitlines() if any(word in line for word in words)]
        assert not spoken, f"{spoken[0]}\n{log[-6000:]}"
        assert not left, f"left behind: {left}\n{log[-3000:]}"
        shutil.rmtree(self.folder, ignore_errors=True)
        # The range's lock file stays for the next server of these ids, and there will be none.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"/run/retort/ids-{self.id_base}.lock")

    # ---- what it is ----
    @property
    def spawner_pid(self):
        return self.process.pid

    @property
    def server_pid(self):
        """The child that is not a sandbox: it has the server's uid."""
        def find():
            for pid in children_of(self.spawner_pid):
                status = proc_status(pid)
                if status and int(status["Uid"].split()[0]) == self.server_uid:
                    return pid
            return None
        return wait_until(find, START_SECONDS, "a server process of the instance's own uid")

    def service_pids(self):
        pids = [self.process.pid]
        for pid in children_of(self.process.pid):
            status = proc_status(pid)
            if status and int(status["Uid"].split()[0]) == self.server_uid:
                pids.append(pid)
        return pids

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    # ---- requests ----
    def client(self, **options):
        return httpx.Client(base_url=self.url, timeout=options.pop("timeout", 120), **options)

    def get(self, path, **options):
        with self.client() as client:
            return client.get(path, **options)

    def compile_form(self, code, lang=None, stdin=None, **options):
        """POST /compile with WebCompile's form."""
        form = {"code": code}
        if lang is not None:
            form["lang"] = lang
        if stdin is not None:
            form["stdin"] = stdin
        with self.client() as client:
            return client.post("/compile", data=form, **options)

    def post_run(self, body, **options):
        """POST /api/v1/runs with a document, or with bytes as they are."""
        with self.client() as client:
            if isinstance(body, (bytes, str)):
                return client.post("/api/v1/runs", content=body,
                                   headers={"Content-Type": "application/json"}, **options)
            return client.post("/api/v1/runs", json=body, **options)

    def run(self, language, source, name=None, **fields):
        """One run that must be answered with 200; returns the document."""
        answer = self.post_run(run_body(language, source, name, **fields))
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}\n{self.log()[-2000:]}"
        return answer.json()

    def begin_run(self, language, source, name=None, path="/api/v1/runs", **fields):
        """Sends a run on a connection of its own and does not wait: → socket, to read or to close."""
        body = json.dumps(run_body(language, source, name, **fields)).encode()
        sock = socket.create_connection((self.host, self.port), timeout=120)
        sock.sendall(b"POST %s HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n" % (path.encode(), self.host.encode(), self.port,
                                                      len(body)) + body)
        return sock


def read_answer(sock):
    """→ (status, headers, body) of the answer that comes on a socket of begin_run."""
    response = http.client.HTTPResponse(sock)
    response.begin()
    return response.status, response.headers, response.read()


def run_body(language, source, name=None, **fields):
    names = {"c": "main.c", "csharp": "Main.cs", "python": "main.py", "go": "main.go"}
    file = {"name": name or names.get(language, "main"), "content": source}
    return {"language": language, "files": [file], **fields}


def raw(instance, data, read=True):
    """Sends bytes as they are; → everything the server answers until it closes or is idle."""
    with socket.create_connection((instance.host, instance.port), timeout=30) as sock:
        sock.sendall(data)
        if not read:
            return b""
        parts = []
        while part := sock.recv(65536):
            parts.append(part)
        return b"".join(parts)


# ---- what is left of an instance ----
def sandbox_processes(instance):
    """Host pids of everything in the instance's sandboxes."""
    return [pid for pid in pids_of_ids(instance.id_base + 1, instance.id_base + SLOTS_MAX)
            if pid not in (instance.spawner_pid,)]


def job_processes(instance):
    """Those of them that are not a pid 1 that waits: tenants' programs."""
    found = []
    for pid in sandbox_processes(instance):
        status = proc_status(pid)
        if status and status.get("NSpid", "").split()[-1:] != ["1"]:
            found.append(pid)
    return found


def leftovers(instance):
    """What should not be there once the instance has ended."""
    left = [f"process {pid}" for pid in sandbox_processes(instance)]
    left += [f"cgroup {path}" for path in cgroups_named(f"retort-{instance.id_base}")]
    left += [f"mount {line}" for line in mounts() if str(instance.folder) in line]
    return left


def wait_until_clean(instance, seconds=2 * PROMISE):
    """Polls leftovers(): → those that are still there after `seconds`."""
    end = time.monotonic() + seconds
    while (left := leftovers(instance)) and time.monotonic() < end:
        time.sleep(0.02)
    return left


# ---- language tables of the tests' own ----
def languages_without(folder, language, tool):
    """A copy of one language whose tool is not on this host: → folder of the table."""
    table = Path(folder) / "languages"
    shutil.copytree(LANGUAGES / language, table / language)
    ini = table / language / "language.ini"
    text, count = re.subn(rf"(?m)^{tool}\s*=.*$", f"{tool} = /nothing/of/that/name/{tool}",
                          ini.read_text(encoding="utf-8"))
    assert count == 1, f"{ini} has no tool {tool}"
    ini.write_text(text, encoding="utf-8")
    return table


def planted_languages(folder, binary):
    """A table whose one language has `binary` as its compiler, and what that leaves as its program."""
    language = Path(folder) / "planted"
    language.mkdir()
    shutil.copy(binary, language / "planted")
    (language / "language.ini").write_text("""
[language]
title = planted by a test
extensions = .planted
entry = source.planted
artifact = native planted
packages = none

[compile]
command = /opt/planted {artifact}
mounts = {folder}/planted:/opt/planted

[run]
command = {artifact}
""", encoding="utf-8")
    return Path(folder)


# ---- the command line ----
def retort(*args, env=None, timeout=120, **options):
    """Runs `retort ARGS` to its end: → subprocess.CompletedProcess with text."""
    return subprocess.run([str(BINARY), *map(str, args)], capture_output=True, text=True,
                          stdin=options.pop("stdin", subprocess.DEVNULL), timeout=timeout,
                          env=dict(os.environ, **(env or {})), cwd="/", check=False, **options)
