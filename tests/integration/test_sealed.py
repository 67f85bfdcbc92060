"""A compiler that the test has planted reports where it is: the compile stage is as sealed as the run;
and a READY sandbox shows from outside that it is sealed before any job (acceptance point 3; S10-S18,
S22-S36, S38)."""
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

import harness
from harness import wait_until

HERE = Path(__file__).resolve().parent
CANARY = "canary-5d1f7a"


class Report:
    """planted's key=value lines."""

    def __init__(self, text):
        self.lines = [line.split("=", 1) for line in text.splitlines() if "=" in line]
        self.status = dict(value.split(":", 1) for value in self.all("status") if ":" in value)
        self.status = {key: value.strip() for key, value in self.status.items()}

    def all(self, key):
        return [value for name, value in self.lines if name == key]

    def one(self, key):
        values = self.all(key)
        assert len(values) == 1, f"{key}: {values}"
        return values[0]

    def mounts(self):
        """target → (options, filesystem type, superblock options)"""
        found = {}
        for line in self.all("mountinfo"):
            left, right = line.split(" - ")
            fields, kind = left.split(), right.split()
            found[fields[4]] = (set(fields[5].split(",")), kind[0], kind[2])
        return found


@pytest.fixture(scope="module")
def instance(host_before):
    # Not in pytest's own folder, which is closed to the ids of sandboxes.
    with tempfile.TemporaryDirectory(prefix="retort-planted-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        binary = Path(folder) / "planted.bin"
        subprocess.run(["gcc", "-static", "-O1", "-o", binary, HERE / "planted.c"], check=True)
        table = Path(folder) / "languages"
        table.mkdir()
        instance = harness.Instance(languages=harness.planted_languages(table, binary), pool=1,
                                    env={"RETORT_TEST_CANARY": CANARY, "SECRET": CANARY})
        instance.start()
        yield instance
        instance.stop()
        instance.check_clean()


@pytest.fixture(scope="module")
def document(instance):
    run = instance.run("planted", "anything", name="source.planted")
    assert run["verdict"] == "ok", run
    return run


@pytest.fixture(params=["compile", "run"])
def report(request, document):
    return Report(document[request.param]["stderr"])


def test_it_is_nobody(report, instance):
    """S10: inside 1000, outside the slot's own id, and no other id is mapped."""
    assert report.one("ids") == "1000 1000"
    for kind in ("uid_map", "gid_map"):
        inside, outside, count = map(int, report.one(kind).split())
        assert inside == 1000 and count == 1
        assert instance.id_base < outside <= instance.id_base + harness.SLOTS_MAX
    assert set(report.status["Groups"].split()) <= {"1000"}
    assert report.one("setuid") == "EPERM" or report.one("setuid") == "EINVAL"


@pytest.mark.parametrize("kind", ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
def test_it_has_no_capability(report, kind):
    assert int(report.status[kind], 16) == 0


def test_it_has_a_filter(report):
    assert report.status["NoNewPrivs"] == "1"
    assert report.status["Seccomp"] == "2"
    assert report.one("unshare") == "EPERM"
    assert report.one("mount") == "EPERM"


def test_it_has_no_network(report):
    """S12, S25: only a loopback interface, and that is down."""
    assert all(re.fullmatch(r"lo (down|E\w+)", value) or re.fullmatch("E[A-Z]+", value)
               for value in report.all("interface")), report.all("interface")
    assert report.one("connect") in ("EACCES", "ENETUNREACH", "EADDRNOTAVAIL")  # EACCES: Landlock (S37)
    assert report.one("raw socket") == "EPERM"
    assert report.one("vsock") == "EAFNOSUPPORT"


def test_its_root_is_its_own(report):
    """S30-S36: everything of the host is read-only, nosuid and nodev; what is writable is new memory."""
    mounts = report.mounts()
    assert {"/", "/box", "/tmp", "/proc"} <= set(mounts)
    for target, (options, kind, _) in mounts.items():
        assert "nosuid" in options, target
        if "rw" in options:
            assert kind in ("tmpfs", "proc") or target.startswith("/dev/"), (target, kind)
            assert kind != "tmpfs" or target in ("/box", "/tmp", "/dev/shm"), target
        elif not target.startswith("/dev/"):
            assert "nodev" in options or kind == "proc", target
    for writable in ("/box", "/tmp"):
        _, kind, super_options = mounts[writable]
        assert kind == "tmpfs" and "size=" in super_options and "nr_inodes=" in super_options
    assert "sys" not in report.all("root")
    assert report.one("write root") == "EROFS" and report.one("write box") == "ok"
    assert report.one("write usr") in ("EROFS", "ENOENT")
    assert report.one("open shadow") in ("ENOENT", "EACCES")


def test_its_devices(report):
    """S35"""
    allowed = {"null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr", "shm"}
    assert set(report.all("device")) <= allowed


def test_it_sees_no_process_but_its_own(report):
    """S14, S33: pid 1 can be neither read nor traced."""
    pids = [int(name) for name in report.all("process") if name.isdigit()]
    assert len(pids) <= 2
    assert report.one("open memory") in ("EACCES", "ENOENT", "EPERM")
    assert report.one("open environ") in ("EACCES", "ENOENT", "EPERM")


def test_it_has_three_descriptors(report):
    """S5"""
    assert sorted(map(int, report.all("fd"))) == [0, 1, 2]


def test_its_environment_is_built_from_zero(report, document):
    """S38, H41: nothing of the server's."""
    assert not any(CANARY in value for value in report.all("environment"))
    assert CANARY not in str(document)


def test_it_does_not_know_the_host(report):
    assert report.one("host name") != os.uname().nodename
    assert all(line.endswith(":/") for line in report.all("cgroup")), report.all("cgroup")


def test_each_stage_has_a_sandbox_of_its_own(document):
    """S15: the run finds nothing that the compile stage has left but the artifact."""
    assert Report(document["run"]["stderr"]).one("write box") == "ok"
    assert document["compile"]["verdict"] == "ok"


# ---- from outside ----
def one_ready(instance):
    """A READY sandbox's pid 1: it waits, and nothing else is in there."""
    pids = harness.sandbox_processes(instance)
    return pids[0] if pids and not harness.job_processes(instance) else None


@pytest.fixture(scope="module")
def ready(instance, document):
    """A READY sandbox that the test holds still while it looks."""
    pid = wait_until(lambda: one_ready(instance), 60, "a READY sandbox in the pool")
    wait_until(lambda: harness.proc_status(pid)["Seccomp"] == "2", 30, "it is sealed")
    os.kill(pid, signal.SIGSTOP)
    yield pid
    os.kill(pid, signal.SIGCONT)


def test_a_ready_sandbox_is_sealed(ready, instance):
    """S17, S18: capabilities, filter and ids are final before a tenant's byte exists."""
    status = harness.proc_status(ready)
    uids = set(status["Uid"].split())
    assert len(uids) == 1
    assert instance.id_base < int(uids.pop()) <= instance.id_base + harness.SLOTS_MAX
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0, kind
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert status["NSpid"].split()[-1] == "1" and status["Threads"] == "1"


def test_a_ready_sandbox_has_namespaces_of_its_own(ready):
    for kind in ("user", "mnt", "pid", "ipc", "uts", "net", "cgroup"):
        assert os.readlink(f"/proc/{ready}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}"), kind


def test_a_ready_sandbox_has_its_mounts(ready):
    lines = Path(f"/proc/{ready}/mountinfo").read_text().splitlines()
    mounts = {line.split()[4]: set(line.split()[5].split(",")) for line in lines}
    assert {"/", "/box", "/tmp", "/proc"} <= set(mounts)
    assert "ro" in mounts["/"]
    assert not any(target.startswith(("/sys", "/run", "/home", "/srv")) for target in mounts)


def test_a_ready_sandbox_holds_only_its_control_socket(ready):
    """S14: no secret, and no descriptor but the control socket."""
    links = {}
    for fd in os.listdir(f"/proc/{ready}/fd"):
        links[int(fd)] = os.readlink(f"/proc/{ready}/fd/{fd}")
    sockets = [fd for fd, link in links.items() if link.startswith("socket:")]
    assert sockets == [3], links
    assert all(link.endswith("/null") for fd, link in links.items() if fd < 3), links
    assert set(links) <= {0, 1, 2, 3}, links


def test_a_ready_sandbox_is_in_its_cgroup(ready, instance):
    for line in Path(f"/proc/{ready}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if set(controllers.split(",")) & {"memory", "pids", "devices"}:
            assert f"/retort-{instance.id_base}/" in path, line
