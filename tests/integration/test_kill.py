"""Deaths at any moment (acceptance point 5; S9, S46, S50, S51, S82, D53), and a thousand runs."""
import contextlib
import json
import os
import signal
import time
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import harness
from harness import LONG, PROMISE, read_answer, wait_until
from programs import ALL

GONE = 2 * PROMISE  # "within 2 s"
SLEEPS, HELLO = ALL["python"]["sleeps"], ALL["python"]["hello"]
LIMITS = {"limits": {"run": {"wall_ms": 60_000}}}


def begin_runs(instance, count=2):
    sockets = [instance.begin_run("python", SLEEPS, **LIMITS) for _ in range(count)]
    wait_until(lambda: len(harness.job_processes(instance)) >= count, 60, "the programs' processes")
    return sockets


def close(sockets):
    for sock in sockets:
        sock.close()


def is_gone(pid):
    return harness.proc_status(pid) is None


def answers(instance):
    with contextlib.suppress(Exception):
        return instance.run("python", HELLO)["verdict"] == "ok"
    return False


def test_the_server_is_killed(serve):
    """Every sandbox dies; the server is started again on the kept sockets."""
    instance = serve(langs="python")
    sockets = begin_runs(instance)
    programs, server = harness.job_processes(instance), instance.server_pid
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: all(map(is_gone, programs)), GONE, "the programs are dead")
    wait_until(lambda: answers(instance), 60, "the next server answers on the same port")
    assert instance.server_pid != server
    assert instance.process.poll() is None
    close(sockets)


def test_the_spawner_is_killed(serve):
    """The server and every sandbox end; the next start sweeps what is left."""
    instance = serve(langs="python")
    sockets = begin_runs(instance)
    programs, server = harness.sandbox_processes(instance), instance.server_pid
    os.kill(instance.spawner_pid, signal.SIGKILL)
    instance.process.wait()
    wait_until(lambda: all(map(is_gone, programs)), GONE, "every sandboxed process is dead")
    wait_until(lambda: is_gone(server), GONE, "the server has ended")
    close(sockets)
    restart_and_check(instance)


def test_both_are_killed(serve):
    instance = serve(langs="python")
    sockets = begin_runs(instance)
    programs = harness.sandbox_processes(instance)
    os.kill(instance.server_pid, signal.SIGKILL)
    os.kill(instance.spawner_pid, signal.SIGKILL)
    instance.process.wait()
    wait_until(lambda: all(map(is_gone, programs)), GONE, "every sandboxed process is dead")
    close(sockets)
    restart_and_check(instance)


def restart_and_check(instance):
    """S82: after the next start nothing of the former life is there."""
    former = [path for path in harness.cgroups_named(f"retort-{instance.id_base}")
              if path.count("/") > 5]
    instance.start()
    assert answers(instance)
    still = set(former) & set(harness.cgroups_named(f"retort-{instance.id_base}"))
    assert not still, still


@pytest.mark.parametrize("kind, limits, verdict", [
    ("sleeps", {"wall_ms": 2000}, ("time_limit", "wall")),
    ("spins", {"cpu_ms": 1500, "wall_ms": 60_000}, ("time_limit", "cpu")),
], ids=["wall", "cpu"])
def test_limits_hold_while_the_server_is_stopped(serve, kind, limits, verdict):
    """S46: the spawner kills, and its word is the verdict when the server goes on."""
    instance = serve(langs="python", watchdog="0")
    sock = instance.begin_run("python", ALL["python"][kind], limits={"run": limits})
    programs = wait_until(lambda: harness.job_processes(instance), 60, "the program's process")
    server = instance.server_pid
    os.kill(server, signal.SIGSTOP)
    try:
        wait_until(lambda: all(map(is_gone, programs)), 2 * PROMISE, "the limit ends the program")
    finally:
        os.kill(server, signal.SIGCONT)
    status, _, body = read_answer(sock)
    run = json.loads(body)
    assert status == 200
    assert (run["verdict"], run["run"]["limit"]) == verdict, run


def test_memory_holds_while_the_server_is_stopped(serve):
    instance = serve(langs="python", watchdog="0")
    # It hogs only after a second, so that the server is stopped by then.
    source = "import time\ntime.sleep(1)\n" + ALL["python"]["hogs"]
    sock = instance.begin_run("python", source, limits={"run": {"memory_bytes": 64 << 20}})
    programs = wait_until(lambda: harness.job_processes(instance), 60, "the program's process")
    server = instance.server_pid
    os.kill(server, signal.SIGSTOP)
    try:
        wait_until(lambda: all(map(is_gone, programs)), 2 * PROMISE, "the limit ends the program")
    finally:
        os.kill(server, signal.SIGCONT)
    _, _, body = read_answer(sock)
    assert b"memory_limit" in body


def test_a_server_without_a_beat_is_replaced(serve):
    """S9: after `watchdog`; every sandbox dies with it."""
    instance = serve(langs="python", watchdog="3s")
    sockets = begin_runs(instance, 1)
    programs, server = harness.job_processes(instance), instance.server_pid
    os.kill(server, signal.SIGSTOP)
    wait_until(lambda: is_gone(server), 2 * PROMISE, "the silent server is killed")
    wait_until(lambda: all(map(is_gone, programs)), GONE, "its programs are dead")
    wait_until(lambda: answers(instance), 60, "the next server answers")
    close(sockets)


def test_a_waiting_sandbox_that_died_is_replaced(serve):
    """Nothing of the job has begun in it: the client does not notice."""
    instance = serve(langs="python")
    ready = wait_until(lambda: harness.sandbox_processes(instance), 60, "sandboxes wait")
    os.kill(instance.spawner_pid, signal.SIGSTOP)
    for pid in harness.sandbox_processes(instance):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: all(map(is_gone, ready)), GONE, "they are dead")
    sock = instance.begin_run("python", HELLO)
    time.sleep(0.3)
    os.kill(instance.spawner_pid, signal.SIGCONT)
    assert b'"verdict":"ok"' in read_answer(sock)[2]


def test_a_pause_of_both_is_no_silence(serve):
    """A stopped host (or Ctrl-Z) stops the spawner too: the server has not been silent then."""
    instance = serve(langs="python", watchdog="3s")
    server, spawner = instance.server_pid, instance.spawner_pid
    os.kill(spawner, signal.SIGSTOP)
    os.kill(server, signal.SIGSTOP)
    time.sleep(5)
    os.kill(spawner, signal.SIGCONT)
    time.sleep(0.5)
    os.kill(server, signal.SIGCONT)
    assert answers(instance)
    assert instance.server_pid == server


def test_a_drain_refuses_new_connections(serve):
    """Nobody waits for a server that has ended to answer."""
    instance = serve(langs="python", drain="30s")
    sock = instance.begin_run("python", "import time\ntime.sleep(2)\nprint('whole')\n")
    wait_until(lambda: harness.job_processes(instance), 60, "the program's process")
    instance.process.terminate()

    def refused():
        try:
            socket.create_connection((instance.host, instance.port), timeout=1).close()
        except ConnectionRefusedError:
            return True
        return False

    wait_until(refused, 2 * PROMISE, "a new connection is refused")
    assert b"whole" in read_answer(sock)[2]
    assert instance.stop() == 0


def test_sigterm_ends_everything(serve):
    """D53: what runs is answered, then nothing is left and the exit code is 0."""
    instance = serve(langs="python", drain="30s")
    sock = instance.begin_run("python", "import time\ntime.sleep(1)\nprint('whole')\n")
    wait_until(lambda: harness.job_processes(instance), 60, "the program's process")
    instance.process.terminate()
    status, _, body = read_answer(sock)
    assert status == 200 and b"whole" in body
    sock.close()
    assert instance.stop() == 0
    assert not harness.wait_until_clean(instance)


def test_an_end_that_finds_a_sleeper(serve):
    """What does not finish within `drain` is killed."""
    instance = serve(langs="python", drain="500ms")
    sockets = begin_runs(instance, 1)
    assert instance.stop() == 0
    assert not harness.wait_until_clean(instance)
    close(sockets)


def test_kills_one_after_the_other(serve):
    """The server dies while sandboxes begin, run and end; the service goes on (five a minute are
    allowed)."""
    instance = serve(langs="python")
    stop = threading.Event()

    def send():
        while not stop.is_set():
            answers(instance)

    threads = [threading.Thread(target=send, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        server = instance.server_pid
        os.kill(server, signal.SIGKILL)
        wait_until(lambda: is_gone(server), GONE, "it is dead")
        wait_until(lambda: answers(instance), 60, "the next server answers")
    stop.set()
    for thread in threads:
        thread.join(120)
    assert not harness.job_processes(instance)


def test_a_thousand_runs_leave_nothing(serve):
    """num_cgroups, mounts, descriptors and memory are where they were."""
    instance = serve(langs="python", env={
        "ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=1:malloc_context_size=0"})
    spawner, server = instance.spawner_pid, instance.server_pid

    def figures():
        return {"cgroups of ours": len(harness.cgroups_named(f"retort-{instance.id_base}")),
                "memory cgroups": harness.num_cgroups()["memory"],
                "mounts": len(harness.mounts()),
                "spawner descriptors": harness.open_descriptors(spawner),
                "server descriptors": harness.open_descriptors(server),
                "processes": len(harness.sandbox_processes(instance)),
                "spawner MiB": harness.resident_bytes(spawner) >> 20,
                "server MiB": harness.resident_bytes(server) >> 20}
    # What may differ: the pool is filled at its own pace, and dead cgroups of others come and go.
    slack = {"cgroups of ours": 8, "memory cgroups": 24, "mounts": 0, "spawner descriptors": 24,
             "server descriptors": 8, "processes": 4, "spawner MiB": 8, "server MiB": 32}

    def runs(count):
        with ThreadPoolExecutor(4) as pool, instance.client() as client:
            body = harness.run_body("python", "print(1)")
            done = list(pool.map(lambda _: client.post("/api/v1/runs", json=body), range(count)))
        assert all(a.status_code == 200 and a.json()["verdict"] == "ok" for a in done)

    def settled():
        now = figures()
        return now if all(now[k] <= before[k] + slack[k] for k in now) else None

    runs(100)  # slots, threads and buffers are there
    before = figures()
    runs(10_000 if LONG else 1000)
    try:
        wait_until(settled, 30, "the figures are where they were")
    except AssertionError as err:
        raise AssertionError(f"before {before}\nafter  {figures()}") from err
