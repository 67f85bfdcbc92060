"""The limits of the http module: deadlines, clients that leave, connections, descriptors, the end.
Driven as in test_http_server.py, with limits of a few milliseconds."""
import os
import resource
import signal
import socket
import struct
import threading
import time

import pytest

from http_server import fill_until_stuck, server, start  # noqa: F401 (fixtures)
from raw_http import request


# ---- deadlines ----


def test_slow_head_h12(start):
    server = start("header_ms=300")
    with server.connect() as c:
        begin = time.monotonic()
        c.send(b"GET /empty HTTP/1.1\r\nHost: localhost\r\n")
        while time.monotonic() - begin < 0.25:  # bytes that keep coming do not prolong it
            c.send(b"X: a\r\n")
            time.sleep(0.02)
        assert c.answer().status == 408
        assert c.closed()
        assert 0.25 < time.monotonic() - begin < 2
    with server.connect() as c:  # nothing sent at all: no answer is owed
        assert c.closed()
        assert c.buffer == b""


def test_keep_alive_time_h12(start):
    server = start("keep_alive_ms=300", "header_ms=700")
    with server.connect() as c:
        for _ in range(3):
            c.send(request("GET", "/empty"))
            assert c.answer().status == 200
            time.sleep(0.1)
        begin = time.monotonic()
        assert c.closed()
        assert 0.1 < time.monotonic() - begin < 1


def test_slow_body_h12(start):
    server = start("body_grace_ms=200", "body_min_bytes_per_s=1000")
    for path in ("/echo", "/sink"):
        with server.connect() as c:
            begin = time.monotonic()
            c.send(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n".encode())
            for _ in range(8):
                c.send_as_far_as_possible(b"x")
                time.sleep(0.05)
            assert c.answer().status == 408
            assert c.closed()
            assert time.monotonic() - begin < 3


def test_total_time_of_a_body_h12(start):
    server = start("body_total_ms=400", "body_min_bytes_per_s=1")
    with server.connect() as c:
        c.send(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
        begin = time.monotonic()
        while time.monotonic() - begin < 0.35:
            c.send(b"x" * 100)
            time.sleep(0.02)
        assert c.answer().status == 408
        assert c.closed()


def test_a_pause_of_ours_is_not_the_clients_slowness(start):
    server = start("body_total_ms=300", "body_grace_ms=200", "body_min_bytes_per_s=1000")
    answer = server.ask("POST", "/late?ms=800", body=b"x" * 100)
    assert answer.body == b"100\n"


def test_client_that_takes_nothing_is_cut_h12(start):
    server = start("write_ms=400")
    with server.connect(receive_buffer=8192) as c:
        c.send(request("GET", "/big?bytes=500000000"))
        server.wait_for(lambda f: f["gone"] == 1 and f["test_http_trouble"]["timeouts"] == 1)
        with pytest.raises((ConnectionResetError, EOFError)):
            c.head()
            while c.fill():
                c.buffer = b""
            raise EOFError


# ---- clients that leave ----


def gone(server):
    return server.figures()["gone"]


@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
@pytest.mark.parametrize("path", ["/slow?ms=60000", "/drip?count=100000"])
def test_client_leaves_h14(server, how, path):
    before = gone(server)
    c = server.connect()
    c.send(request("GET", path))
    time.sleep(0.1)
    begin = time.monotonic()
    if how == "reset":
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how == "half-close":
        c.half_close()
    else:
        c.socket.close()
    server.wait_for(lambda f: f["gone"] == before + 1)
    assert time.monotonic() - begin < 1
    c.socket.close()


def test_client_leaves_with_requests_behind_h14(server):
    """Even where so much is pipelined behind the slow one that it is not read to its end."""
    before = gone(server)
    c = server.connect()
    c.send(request("GET", "/slow?ms=60000") + request("GET", "/show/x") * 2000)
    time.sleep(0.1)
    c.socket.close()
    server.wait_for(lambda f: f["gone"] == before + 1)


def test_client_resets_while_its_body_is_not_read(server):
    before = gone(server)
    c = server.connect()
    c.send(b"POST /late?ms=60000 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000000\r\n\r\n")
    fill_until_stuck(c, b"x" * 65536, 400000000)
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.socket.close()
    server.wait_for(lambda f: f["gone"] == before + 1)


def test_client_leaves_inside_its_body(server):
    before = gone(server)
    c = server.connect()
    c.send(b"POST /sink HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc")
    time.sleep(0.05)
    c.half_close()
    answer = c.answer()
    assert answer.status == 400
    server.wait_for(lambda f: f["gone"] == before + 1)
    c.socket.close()


def test_answer_arrives_after_a_half_close(server):
    """As from `printf … | nc -N`: an answer that is given at once is not lost."""
    for path in ("/show/x", "/whole?bytes=5000000"):
        with server.connect() as c:
            c.send(request("GET", path))
            c.half_close()
            answer = c.answer()
            assert answer.status == 200 and answer.complete
            assert c.closed()


def test_truncated_requests(server):
    for raw in (b"GET / HTTP/1.1\r\nHost: local", request("POST", "/echo", body=b"abc")[:-1],
                b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"):
        with server.connect() as c:
            c.send(raw)
            c.half_close()
            assert c.answer().status == 400
            assert c.closed()


# ---- limits of connections ----


def test_connections_in_all_h13(start):
    server = start("connections=10")
    held = [server.connect() for _ in range(10)]
    for c in held:
        c.send(request("GET", "/empty"))
        assert c.answer().status == 200
    with server.connect() as c:
        answer = c.answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert c.closed()
    for c in held:
        c.socket.close()
    time.sleep(0.2)
    assert server.figures()["test_http_refused"]["total"] == 1


def test_connections_of_one_address_h13(start):
    server = start("connections_per_address=5")
    held = [server.connect() for _ in range(5)]
    for c in held:
        c.send(request("GET", "/empty"))
        assert c.answer().status == 200
    with server.connect() as c:
        assert c.answer().status == 503
    other = socket.create_connection(("127.0.0.1", server.port), 5, source_address=("127.0.0.2", 0))
    other.sendall(request("GET", "/empty"))
    assert other.recv(100).startswith(b"HTTP/1.1 200")
    other.close()
    for c in held:
        c.socket.close()
    time.sleep(0.2)
    assert server.figures()["test_http_refused"]["address"] == 1


def test_descriptors_run_out_h13(start):
    """D50: those who came get a word or wait; nothing spins; and it recovers by itself."""
    server = start("2")
    server.ask("GET", "/empty")
    used = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (used + 8, hard))
    held = [server.connect() for _ in range(40)]
    for c in held:
        c.send_as_far_as_possible(request("GET", "/empty"))
    ticks = server.cpu_ticks()
    time.sleep(1)
    assert server.cpu_ticks() - ticks <= 20, "it spins"
    statuses = []
    for c in held:
        c.socket.settimeout(0.05)
        try:
            statuses.append(c.answer().status)
        except (TimeoutError, ConnectionResetError, EOFError):
            statuses.append(None)
    assert 4 <= statuses.count(200) <= 12
    assert 503 in statuses
    for c in held:
        c.socket.close()
    time.sleep(0.5)
    for _ in range(20):
        assert server.ask("GET", "/empty").status == 200
    assert server.figures()["test_http_refused"]["descriptors"] > 0


# ---- the end ----


def wait_refused(server, seconds=5):
    """Each loop closes its own end of the listening socket; after the last nobody gets in."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            server.connect().socket.close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            pass  # it was in the queue that went
    pytest.fail("connections are still taken")


def test_drain_lets_answers_end(start):
    server = start()
    idle, busy, streaming = server.connect(), server.connect(), server.connect()
    idle.send(request("GET", "/empty"))
    assert idle.answer().status == 200
    busy.send(request("GET", "/slow?ms=500"))
    streaming.send(request("GET", "/drip?count=10"))
    time.sleep(0.1)
    server.process.send_signal(signal.SIGTERM)
    assert idle.closed()
    wait_refused(server)
    answer = busy.answer()
    assert (answer.body, answer.headers["connection"]) == (b"slow\n", "close")
    assert busy.closed()
    assert streaming.answer().body == b"drip\n" * 10
    assert streaming.closed()
    server.stop()


def test_close_at_once_tells_the_handlers(start):
    server = start()
    busy = [server.connect() for _ in range(4)]
    for c, path in zip(busy, ("/slow?ms=60000", "/drip?count=100000", "/slow?ms=60000", "/empty")):
        c.send(request("GET", path))
    time.sleep(0.1)
    server.stop(signal.SIGINT)  # memory that a handler was not told to free is a leak: exit status
    for c in busy:
        c.socket.close()


def test_many_clients_on_both_loops(start):
    """The counters that the loops share come out even; the thread sanitizer runs this one too."""
    server = start("connections_per_address=12")
    rounds, problems = 15, []

    def client(number):
        try:
            for i in range(rounds):
                with server.connect() as c:
                    c.send(request("GET", "/thread") + request("POST", "/echo", body=b"x" * 20000))
                    answer = c.answer()
                    if answer.status == 503:  # over the limit of an address
                        continue
                    assert answer.body == b"there and back\n" and len(c.answer().body) == 20000
                    c.send(request("GET", "/thread" if i % 2 else "/slow?ms=200"))
                    if number % 3:
                        time.sleep(0.005)  # and leaves
                    else:
                        assert c.answer().status == 200
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    server.wait_for(lambda f: f["test_http_connections"]["open"] == 1)
    figures = server.figures()
    refused = figures["test_http_refused"]["address"]
    assert figures["test_http_requests"]["5xx"] == refused
    for _ in range(12):  # every address is free again
        assert server.ask("GET", "/empty").status == 200


def test_figures(start):
    server = start()
    server.ask("GET", "/empty")
    server.ask("GET", "/nowhere")
    with server.connect() as c:
        c.send(b"nonsense\r\n")
        assert c.answer().status == 400
    figures = server.figures()
    requests = figures["test_http_requests"]
    assert (requests["2xx"], requests["4xx"]) == (1, 2)
    assert figures["test_http_trouble"]["parse_errors"] == 1
    assert figures["test_http_connections"]["accepted"] == 4
    assert figures["test_http_bytes"]["received"] > 100
    server.wait_for(lambda f: f["test_http_connections"]["open"] == 1)
