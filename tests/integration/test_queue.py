"""Hang-ups, waiting, and no place (acceptance point 4; H14, H15)."""
import resource
import threading

import pytest

import harness
from harness import PROMISE, read_answer, run_body, wait_until
from programs import ALL

SLEEPS = ALL["python"]["sleeps"]
HELLO = ALL["python"]["hello"]
LONG = {"limits": {"run": {"wall_ms": 60_000}}}


def begin_sleeper(instance):
    """A run that holds its place until its client leaves; returns once its program is there."""
    before = set(harness.job_processes(instance))
    sock = instance.begin_run("python", SLEEPS, **LONG)
    wait_until(lambda: set(harness.job_processes(instance)) - before, 60, "the sleeper's process")
    return sock


@pytest.fixture
def one_place(serve):
    """A server on which one run at a time may be in a sandbox."""
    def start(**options):
        return serve(langs="python", runs=1, **options)
    return start


def test_who_hangs_up_kills_the_run(retort):
    """H14, promised within a second."""
    sock = begin_sleeper(retort)
    sock.close()
    wait_until(lambda: not harness.job_processes(retort), PROMISE, "the program is dead")


def test_who_hangs_up_during_the_compile_kills_it(retort):
    """A template bomb would do; an include of an endless file does too."""
    sock = retort.begin_run("c", '#include "/dev/zero"\n' * 3)
    wait_until(lambda: harness.job_processes(retort), 60, "the compiler's process")
    sock.close()
    wait_until(lambda: not harness.job_processes(retort), PROMISE, "the compiler is dead")


def test_a_waiting_run_whose_client_left_never_starts(one_place):
    """First come, first served: had it started, it would hold the one place, and the third would wait
    for ever."""
    instance = one_place(queue_wait="60s")
    first = begin_sleeper(instance)
    second = instance.begin_run("python", SLEEPS, **LONG)
    third = instance.begin_run("python", HELLO)
    second.close()
    first.close()
    status, _, body = read_answer(third)
    assert status == 200 and b'"ok"' in body
    assert not harness.job_processes(instance)


def test_without_a_place_it_waits_and_then_says_so(one_place):
    instance = one_place(queue_wait="300ms")
    first = begin_sleeper(instance)
    try:
        answer = instance.post_run(run_body("python", HELLO))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["type"].rsplit("/", 1)[-1] == "busy"
        form = instance.compile_form(HELLO, lang="python")
        assert form.status_code == 503 and int(form.headers["retry-after"]) >= 1
    finally:
        first.close()
    wait_until(lambda: instance.post_run(run_body("python", HELLO)).status_code == 200, 30,
               "a place again")


def test_who_waits_is_served_when_a_place_is_free(one_place):
    instance = one_place(queue_wait="60s")
    first = begin_sleeper(instance)
    second = instance.begin_run("python", HELLO)
    first.close()
    status, _, body = read_answer(second)
    assert status == 200 and b'"verdict":"ok"' in body.replace(b'": "', b'":"')


def test_a_full_queue_refuses_at_once(one_place):
    """H15: fast, not after queue_wait."""
    instance = one_place(queue_wait="600s", queue_max=1)
    first = begin_sleeper(instance)
    sockets = [instance.begin_run("python", HELLO) for _ in range(6)]
    answers = []
    lock = threading.Lock()

    def read(sock):
        answer = read_answer(sock)
        with lock:
            answers.append(answer)

    threads = [threading.Thread(target=read, args=(s,), daemon=True) for s in sockets]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answers) >= 5, 30, "five refusals while the place is taken")
    assert all(status == 503 and "retry-after" in headers for status, headers, _ in answers)
    first.close()
    for thread in threads:
        thread.join(60)
    assert sorted(status for status, _, _ in answers) == [200] + [503] * 5


def test_when_no_sandbox_can_be_made(serve):
    """503, and recovery by itself: the spawner is out of descriptors for a while."""
    instance = serve(langs="python", pool=0)
    assert instance.run("python", HELLO)["verdict"] == "ok"
    pid = instance.spawner_pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (harness.open_descriptors(pid) + 5, before[1]))
    try:
        answer = instance.post_run(run_body("python", HELLO))
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["type"].rsplit("/", 1)[-1] == "unavailable"
        assert instance.compile_form(HELLO, lang="python").status_code == 503
        assert instance.get("/-/live").status_code == 200
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    wait_until(lambda: instance.post_run(run_body("python", HELLO)).status_code == 200, 30, "recovery")


def test_many_at_once_are_all_answered(retort):
    """More than there are places: each gets its own output."""
    sockets = [retort.begin_run("python", f"print({i})") for i in range(40)]
    for i, sock in enumerate(sockets):
        status, _, body = read_answer(sock)
        assert status == 200 and b'"%d\\n"' % i in body
        sock.close()


def test_hang_ups_at_any_moment_leave_nothing(retort):
    """Thirty clients that leave before, during and after their program's start."""
    for i in range(30):
        sock = retort.begin_run("python", SLEEPS, **LONG)
        if i % 3 == 1:
            wait_until(lambda: harness.job_processes(retort), 60, "a process")
        elif i % 3 == 2:
            retort.get("/-/live")
        sock.close()
    wait_until(lambda: not harness.job_processes(retort), 2 * PROMISE, "all of them are dead")
    assert retort.run("python", HELLO)["verdict"] == "ok"
