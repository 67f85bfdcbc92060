"""Whose CPU time it was.

Server and spawner: their process clocks, which count what /proc/PID/stat counts, but in nanoseconds
and not in steps of 10 ms. Sandboxes: the cgroup that all of them are below; where there is none, the
children that the spawner has reaped. A sandbox runs for a moment before it has entered its cgroup;
`strays` is that part: what the reaped children used beyond what the cgroup saw.
"""
import os
import resource
import time
from dataclasses import dataclass, fields
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
CPUACCT = Path("/sys/fs/cgroup/cpuacct")


@dataclass
class Reading:
    """Seconds, of which only differences mean something."""
    server: float = 0.0
    spawner: float = 0.0
    sandboxes: float = 0.0
    reaped: float = 0.0   # the spawner's ended children, which are sandboxes
    client: float = 0.0   # this process: the load generator
    bare: float = 0.0     # its ended children: the bare side
    machine: float = 0.0  # all that was not idle, by everybody

    def __sub__(self, other):
        return Reading(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))

    def __add__(self, other):
        return Reading(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def strays(self):
        return max(0.0, self.reaped - self.sandboxes)

    @property
    def ours(self):
        return self.server + self.spawner + self.sandboxes + self.strays


def _stat(pid):
    """user, system, children's user, children's system, in seconds."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    after_name = text[text.rindex(")") + 2:].split()
    return [int(x) / TICKS for x in after_name[11:15]]


def _process(pid):
    """All threads, ended ones too: the clock that clock_getcpuclockid(3) gives."""
    return time.clock_gettime((~pid << 3) | 2)


def _machine():
    with open("/proc/stat", encoding="ascii") as lines:
        user, nice, system, _, _, irq, softirq, *_ = map(int, next(lines).split()[1:])
    return (user + nice + system + irq + softirq) / TICKS


class Meter:
    def __init__(self, server_pid, spawner_pid, service):
        self.server_pid, self.spawner_pid = server_pid, spawner_pid
        usage = CPUACCT / service / "cpuacct.usage"
        self.usage = usage if usage.exists() else None

    def sandboxes(self):
        if self.usage:
            return int(self.usage.read_text(encoding="ascii")) / 1e9
        return sum(_stat(self.spawner_pid)[2:])

    def read(self):
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return Reading(server=_process(self.server_pid), spawner=_process(self.spawner_pid),
                       sandboxes=self.sandboxes(), reaped=sum(_stat(self.spawner_pid)[2:]),
                       client=time.process_time(), bare=children.ru_utime + children.ru_stime,
                       machine=_machine())

    def settle(self, quiet=0.15, most=2.0):
        """Waits until what was started in the background (refills, cleaning) has come to rest: work
        that was moved there counts too."""
        deadline = time.monotonic() + most
        last, since = None, 0.0
        while time.monotonic() < deadline:
            now = (self.sandboxes(), _process(self.spawner_pid))
            moved = last is None or now[0] - last[0] > 50e-6 or now[1] - last[1] > 200e-6
            if moved:
                last, since = now, time.monotonic()
            elif time.monotonic() - since >= quiet:
                return
            time.sleep(0.025)
