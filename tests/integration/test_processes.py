"""The server has no privileges, the spawner one thread: read back from /proc (point 7; S2, S4, S6, S8)."""
import os
from pathlib import Path

import pytest

import harness


@pytest.fixture
def server(retort):
    return harness.proc_status(retort.server_pid)


@pytest.fixture
def spawner(retort):
    return harness.proc_status(retort.spawner_pid)


def test_the_server_has_an_unprivileged_id(retort, server):
    assert retort.server_uid != 0
    assert server["Uid"].split() == [str(retort.server_uid)] * 4
    gids = set(server["Gid"].split())
    assert len(gids) == 1 and gids != {"0"}
    assert server["Groups"] == ""


@pytest.mark.parametrize("kind", ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
def test_the_server_has_no_capability(server, kind):
    assert int(server[kind], 16) == 0


def test_the_server_can_gain_nothing_and_has_a_filter(server):
    assert server["NoNewPrivs"] == "1"
    assert server["Seccomp"] == "2"


def test_every_thread_of_the_server_is_confined(retort):
    """A filter is a thread's own: one that was set too late would miss some."""
    tasks = list(Path(f"/proc/{retort.server_pid}/task").iterdir())
    assert len(tasks) >= 2  # two event loops
    for task in tasks:
        status = (task / "status").read_text()
        assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status
        assert "CapEff:\t0000000000000000" in status


def test_the_spawner_has_one_thread(spawner):
    assert spawner["Threads"] == "1"


def test_the_server_is_a_program_of_its_own(retort):
    """It was exec'd: what the spawner read as root is not in its memory, and no name of a file of the
    spawner's is in its arguments."""
    server, spawner = retort.server_pid, retort.spawner_pid
    assert os.readlink(f"/proc/{server}/ns/mnt") == os.readlink(f"/proc/{spawner}/ns/mnt")
    first = Path(f"/proc/{server}/cmdline").read_bytes()
    assert first != Path(f"/proc/{spawner}/cmdline").read_bytes()


def test_the_server_holds_no_listening_socket_but_the_studios(retort):
    """Every TCP socket it listens on has the one port."""
    inodes = set()
    for fd in os.listdir(f"/proc/{retort.server_pid}/fd"):
        try:
            target = os.readlink(f"/proc/{retort.server_pid}/fd/{fd}")
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    ports = set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    assert ports == {retort.port}


def test_the_data_folder_is_the_servers_alone(retort):
    """S8: 0700, and its own."""
    status = retort.data.stat()
    assert status.st_mode & 0o777 == 0o700
    assert status.st_uid == retort.server_uid


def test_the_server_has_no_terminal(retort):
    """It leads a session of its own, so no terminal of the starter's can become its own."""
    fields = Path(f"/proc/{retort.server_pid}/stat").read_text().rsplit(")", 1)[1].split()
    session, terminal = int(fields[3]), int(fields[4])
    assert (session, terminal) == (retort.server_pid, 0)


def test_what_the_starter_left_open_stays_out(serve, tmp_path):
    """S5: neither the server nor a sandbox inherits a descriptor of whoever started us."""
    secret = tmp_path / "secret"
    secret.write_text("x")
    with open(secret) as file:
        os.set_inheritable(file.fileno(), True)
        os.dup2(file.fileno(), 77)
        try:
            instance = serve(langs="python", inherit=(77,))
        finally:
            os.close(77)
    for pid in [instance.server_pid, *harness.sandbox_processes(instance)]:
        links = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        assert str(secret) not in links
