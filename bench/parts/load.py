"""Closed-loop clients: each sends its next job when the answer to the last is there."""
import threading
import time
from dataclasses import dataclass, field

JOBS_MAX = 200_000  # of one client in one window: no loop here is without an end


@dataclass
class Window:
    rate: float = 0.0  # jobs a second
    count: int = 0
    seconds: list = field(default_factory=list)  # each job's
    details: list = field(default_factory=list)  # what each job told


class _Client(threading.Thread):
    def __init__(self, job, seconds, barrier):
        super().__init__(daemon=True)
        self.job, self.length, self.barrier = job, seconds, barrier
        self.took, self.details, self.failure, self.rate = [], [], None, 0.0

    def run(self):
        try:
            self.barrier.wait(30)
            began = now = time.perf_counter()
            while now < began + self.length and len(self.took) < JOBS_MAX:
                self.details.append(self.job())
                before, now = now, time.perf_counter()
                self.took.append(now - before)
            self.rate = len(self.took) / (now - began)
        except Exception as failure:  # told by the thread that waits
            self.failure = failure


def window(make_job, clients, seconds):
    """`make_job()` gives each client a job of its own (it holds the connection); the job is called
    until the time is over, at least once. The rate is the sum of the clients' own rates, so that the
    moment in which only the last one is still at work does not count against any."""
    jobs = [make_job() for _ in range(clients)]
    barrier = threading.Barrier(clients)
    threads = [_Client(job, seconds, barrier) for job in jobs]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(seconds + 120)
            if thread.is_alive():
                raise TimeoutError("a client got no answer for two minutes")
    finally:
        for job in jobs:
            getattr(job, "close", lambda: None)()
    result = Window()
    for thread in threads:
        if thread.failure:
            raise thread.failure
        result.rate += thread.rate
        result.count += len(thread.took)
        result.seconds += thread.took
        result.details += thread.details
    return result
