"""The http module behind a few routes of its own (tests/unit/http/http_test_server.c): what the real
surfaces do not show, such as both directions at once, and limits of a few milliseconds."""
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

from raw_http import Connection, chunk, request
from raw_requests import REQUESTS
from test_raw_requests import check_row

BUILD = Path(os.environ.get("RETORT_BUILD", Path(__file__).resolve().parents[2] / "build"))
PROGRAM = BUILD / "tests" / "unit" / "http" / "http_test_server"
MIB = 1024 * 1024


class Server:
    def __init__(self, *arguments, keep_freed=True):
        assert PROGRAM.exists(), f"{PROGRAM} is missing: build it, or set RETORT_BUILD"
        environment = dict(os.environ)
        if not keep_freed:  # else what the address sanitizer keeps looks like a leak
            environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        self.process = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, text=True,
                                        env=environment)
        self.port = int(self.process.stdout.readline().split()[1])

    def connect(self, **options):
        return Connection(self.port, **options)

    def ask(self, method, path, **options):
        with self.connect() as c:
            c.send(request(method, path, **options))
            return c.answer(head_only=method == "HEAD")

    def figures(self):
        return json.loads(self.ask("GET", "/stats").body)

    def wait_for(self, condition, seconds=5):
        end = time.monotonic() + seconds
        while not condition(self.figures()):
            assert time.monotonic() < end, self.figures()
            time.sleep(0.02)

    def memory(self):
        """Resident, in bytes."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()

    def cpu_ticks(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def stop(self, with_signal=signal.SIGTERM, within=20):
        """Ends it, once; a sanitizer's complaint is a failing exit status."""
        if self.process.stdout.closed:
            return
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        with self.process.stdout as output:
            assert self.process.wait(within) == 0
            assert "ended" in output.read()


@pytest.fixture(scope="module")
def server():
    instance = Server()
    yield instance
    instance.stop()


@pytest.fixture
def start():
    """start("name=value", …): a server with limits of its own."""
    instances = []

    def begin(*arguments, **options):
        instances.append(Server(*arguments, **options))
        return instances[-1]

    yield begin
    for instance in instances:
        instance.stop()


# ---- the table of raw requests ----


@pytest.mark.parametrize("row", REQUESTS, ids=lambda row: f"{row.rule}-{row.id}".replace(" ", "_"))
def test_raw_request(server, row):
    check_row(row, server.port)


# ---- answers ----


def test_answer_has_its_headers(server):
    answer = server.ask("GET", "/show/a%20b/c?q=1+%2b&x")
    assert answer.status == 200
    assert answer.headers["x-shown"] == "yes"
    assert answer.headers["date"].endswith(" GMT")
    assert len(answer.headers["x-request-id"]) == 36
    assert answer.body == (b"path=/show/a b/c\nrest=a b/c\nquery=q=1+%2b&x\nq=1 +\nfound=1\n"
                           b"peer=127.0.0.1\n")


def test_problem_document(server):
    answer = server.ask("GET", "/nowhere")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = json.loads(answer.body)
    assert problem["instance"] == answer.headers["x-request-id"]
    assert (problem["type"], problem["title"], problem["status"]) == ("/problems/not-found", "Not found", 404)


def test_misdirected_names_the_option_h35(server):
    with server.connect() as c:
        c.send(b"GET /empty HTTP/1.1\r\nHost: evil.example:80\r\n\r\n")
        answer = c.answer()
        assert answer.status == 421
        assert "--host" in json.loads(answer.body)["detail"]
        assert "evil.example" in json.loads(answer.body)["detail"]


def test_method_not_allowed_and_options(server):
    answer = server.ask("PATCH", "/echo")
    assert (answer.status, answer.headers["allow"]) == (405, "POST, PUT, OPTIONS")
    answer = server.ask("OPTIONS", "/slow")
    assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")
    answer = server.ask("OPTIONS", "*")
    assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS")


def test_head_has_the_headers_of_get(server):
    with server.connect() as c:
        for path in ("/show/x", "/whole?bytes=5000", "/big?bytes=100000", "/nowhere"):
            c.send(request("GET", path))
            get = c.answer()
            c.send(request("HEAD", path))
            head = c.answer(head_only=True)
            for volatile in ("date", "x-request-id"):
                get.headers.pop(volatile), head.headers.pop(volatile)
            assert (head.status, head.headers) == (get.status, get.headers)
        c.send(request("GET", "/empty"))  # nothing of a body stood before this answer
        assert c.answer().status == 200


def test_statuses_without_body(server):
    with server.connect() as c:
        for status in (204, 304):
            c.send(request("GET", f"/{status}"))
            answer = c.answer()
            assert answer.status == status
            assert "content-length" not in answer.headers
            assert "transfer-encoding" not in answer.headers
        c.send(request("GET", "/empty"))
        assert c.answer().headers["content-length"] == "0"


def test_streamed_answer_to_1_1_is_chunked_to_1_0_ends_with_the_connection(server):
    with server.connect() as c:
        c.send(request("GET", "/drip") + request("GET", "/empty"))
        answer = c.answer()
        assert (answer.headers["transfer-encoding"], answer.body) == ("chunked", b"drip\n" * 3)
        assert c.answer().status == 200
    with server.connect() as c:
        c.send(request("GET", "/drip", version="1.0", headers=[("Connection", "keep-alive")]))
        answer = c.answer()
        assert "transfer-encoding" not in answer.headers
        assert answer.headers["connection"] == "close"
        assert answer.body == b"drip\n" * 3
        assert c.closed()


def test_pieces_come_as_they_are_made(server):
    with server.connect() as c:
        c.send(request("GET", "/drip?count=4"))
        assert c.head()[0] == 200
        times = []
        for _ in range(4):
            assert c.line() == "5" and c.line() == "drip\n"
            times.append(time.monotonic())
        assert times[3] - times[0] > 0.12


def test_keep_alive_of_1_0(server):
    with server.connect() as c:
        for _ in range(2):
            c.send(request("GET", "/empty", version="1.0", headers=[("Connection", "Keep-Alive")]))
            assert c.answer().headers["connection"] == "keep-alive"
        c.send(request("GET", "/empty", version="1.0"))
        assert c.answer().headers["connection"] == "close"
        assert c.closed()


def test_connection_close_is_kept(server):
    with server.connect() as c:
        c.send(request("GET", "/empty", headers=[("Connection", "close")]) + request("GET", "/empty"))
        assert c.answer().headers["connection"] == "close"
        assert c.closed()


def test_requests_of_a_connection_are_limited_h12(start):
    server = start("requests_per_connection=3")
    with server.connect() as c:
        for last in (False, False, True):
            c.send(request("GET", "/empty"))
            assert ("connection" in c.answer().headers) == last
        assert c.closed()


def test_aborted_answer_is_seen_to_be_incomplete(server):
    with server.connect() as c:
        c.send(request("GET", "/abort"))
        try:
            assert not c.answer().complete
        except ConnectionResetError:
            pass


def test_answer_by_way_of_another_thread(server):
    with server.connect() as c:
        for _ in range(20):
            c.send(request("GET", "/thread"))
            assert c.answer().body == b"there and back\n"


# ---- pipelining ----


def test_pipelined_requests_are_answered_in_order(server):
    with server.connect() as c:
        c.send(b"".join(request("GET", f"/show/{i}") for i in range(100)))
        for i in range(100):
            assert f"rest={i}\n".encode() in c.answer().body


def test_pipelined_behind_slow_ones_of_all_kinds(server):
    with server.connect() as c:
        c.send(request("GET", "/slow?ms=80") + request("GET", "/show/1") + request("GET", "/thread") +
               request("GET", "/big?bytes=300000") + request("POST", "/echo", body=b"body") +
               b"POST /stream HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
               chunk(b"a") + chunk(b"b") + b"0\r\n\r\n" + request("GET", "/show/2"))
        assert c.answer().body == b"slow\n"
        assert b"rest=1\n" in c.answer().body
        assert c.answer().body == b"there and back\n"
        assert c.answer().body == b"b" * 300000
        assert c.answer().body == b"body"
        assert c.answer().body == b"ab"
        assert b"rest=2\n" in c.answer().body


def test_pipelined_requests_are_not_run_at_once(server):
    """A client that pipelines gets one at a time: the second begins after the first has ended."""
    with server.connect() as c:
        begin = time.monotonic()
        c.send(request("GET", "/slow?ms=150") * 2)
        c.answer(), c.answer()
        assert time.monotonic() - begin > 0.29


# ---- bodies ----


def test_chunked_upload_is_collected(server):
    with server.connect() as c:
        c.send(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b"one ", b"two ", b"three"):
            c.send(chunk(piece, b";ext=1"))
            time.sleep(0.01)
        c.send(b"0\r\nX-Trailer: yes\r\n\r\n" + request("GET", "/empty"))
        assert c.answer().body == b"one two three"
        assert c.answer().status == 200


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, MIB])
def test_bodies_of_many_sizes(server, size):
    body = os.urandom(size)
    with server.connect() as c:
        c.send(request("POST", "/echo", body=body))
        assert c.answer().body == body
        c.send(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, size, 10007):
            c.send(chunk(body[at : at + 10007]))
        c.send(b"0\r\n\r\n")
        assert c.answer().body == body


@pytest.mark.parametrize("path", ["/tiny", "/sink-tiny"])
def test_too_large_h8(server, path):
    with server.connect() as c:
        c.send(request("POST", path, body=b"x" * 20))
        assert c.answer().status == 200
    with server.connect() as c:
        c.send(request("POST", path, body=b"x" * 21))
        assert c.answer().status == 413
        assert c.closed()
    with server.connect() as c:
        c.send(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        c.send(chunk(b"x" * 20))
        c.send(chunk(b"x"))
        assert c.answer().status == 413
        assert c.closed()


def test_too_large_reaches_a_client_that_sends_on(server):
    """The refusal must not be lost to a reset while the client is still sending its body."""
    with server.connect() as c:
        c.send(request("POST", "/echo", body=b"x" * (20 * MIB)))  # to its end, without an error
        assert c.answer().status == 413
        assert c.closed()


def test_memory_of_all_bodies_is_limited(start):
    server = start("bodies_bytes=500000")
    with server.connect() as a, server.connect() as b:
        half = request("POST", "/echo", body=b"x" * 400000)
        a.send(half[:-1])
        time.sleep(0.2)
        b.send_as_far_as_possible(half)
        answer = b.answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        a.send(half[-1:])
        assert len(a.answer().body) == 400000
    assert len(server.ask("POST", "/echo", body=b"x" * 400000).body) == 400000


def test_early_answer_ends_the_connection(server):
    with server.connect() as c:
        c.send(b"POST /early HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        answer = c.answer()
        assert (answer.body, answer.headers["connection"]) == (b"early\n", "close")
        c.send_as_far_as_possible(b"x" * 100000 + request("GET", "/empty"))
        c.half_close()
        assert c.closed()


def test_forms(server):
    form = [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]
    assert server.ask("POST", "/form", body=b"a=1+%2B&b=", headers=form).body == b"a=1 +\nb=\n"
    assert server.ask("POST", "/form", body=b"a=%", headers=form).status == 400
    parts = [("Content-Type", "multipart/form-data; boundary=xx")]
    body = b'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--xx--\r\n'
    assert server.ask("POST", "/form", body=body, headers=parts).body == b"a=1\n"
    answer = server.ask("POST", "/form", body=body[:-5], headers=parts)
    assert json.loads(answer.body)["type"] == "/problems/bad-form"


# ---- 100-continue ----

CHECKED = (b"POST /checked HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n"
           b"Expect: 100-continue\r\n%s\r\n")


def test_continue_only_after_the_check_h14(server):
    with server.connect() as c:
        c.send(CHECKED % (4, b"X-Token: yes\r\n"))
        assert c.head()[0] == 100
        c.send(b"body")
        answer = c.answer()
        assert (answer.status, answer.body) == (200, b"body")
    for head, status in ((CHECKED % (4, b""), 403), (CHECKED % (1001, b"X-Token: yes\r\n"), 413),
                         ((CHECKED % (4, b"")).replace(b"/checked", b"/nowhere"), 404)):
        with server.connect() as c:
            c.send(head)
            answer = c.answer()
            assert (answer.status, answer.interim) == (status, [])
            assert answer.headers["connection"] == "close"
            assert c.closed()


def test_continue_of_a_streamed_body_when_it_is_read(server):
    with server.connect() as c:
        begin = time.monotonic()
        c.send(b"POST /late?ms=150 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
               b"Expect: 100-continue\r\n\r\n")
        assert c.head()[0] == 100
        assert time.monotonic() - begin > 0.14
        c.send(b"body")
        assert c.answer().body == b"4\n"


def test_no_continue_when_the_body_is_there_or_for_1_0(server):
    with server.connect() as c:
        c.send(CHECKED % (4, b"X-Token: yes\r\n") + b"body")
        assert c.answer().interim == []
        c.send((CHECKED % (4, b"X-Token: yes\r\n")).replace(b"1.1", b"1.0"))
        time.sleep(0.05)
        c.send(b"body")
        answer = c.answer()
        assert (answer.status, answer.interim) == (200, [])


# ---- streams and back-pressure ----


def test_stream_goes_both_ways_at_once(server):
    with server.connect() as c:
        c.send(b"POST /stream HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert c.head()[0] == 200
        for i in range(20):
            piece = b"piece %d" % i
            c.send(chunk(piece))
            assert int(c.line(), 16) == len(piece)
            assert c.exactly(len(piece) + 2) == piece + b"\r\n"
        c.send(b"0\r\n\r\n" + request("GET", "/empty"))
        assert c.line() == "0" and c.line() == ""
        assert c.answer().status == 200


def fill_until_stuck(c, data, limit):
    """Sends until the server takes nothing for a while; returns how much it took."""
    sent = 0
    c.socket.settimeout(0.5)
    try:
        while sent < limit:
            sent += c.socket.send(data)
    except TimeoutError:
        pass
    c.socket.settimeout(10)
    return sent


def test_memory_is_flat_while_a_client_does_not_read_h12(start):
    server = start("write_ms=60000", keep_freed=False)
    with server.connect(receive_buffer=8192) as c:
        server.ask("GET", "/big?bytes=10000000")
        before = server.memory()
        c.send(request("GET", "/big?bytes=500000000"))
        time.sleep(0.5)
        assert server.memory() - before < 8 * MIB
        ticks = server.cpu_ticks()
        time.sleep(0.5)
        assert server.cpu_ticks() - ticks <= 5, "it spins while it waits for the client"
        assert len(c.exactly(50 * MIB)) == 50 * MIB
        assert server.memory() - before < 8 * MIB


def test_stream_stops_reading_when_the_client_does(start):
    server = start("write_ms=60000", keep_freed=False)
    with server.connect(receive_buffer=8192) as c:
        before = server.memory()
        c.send(b"POST /stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000000\r\n\r\n")
        taken = fill_until_stuck(c, b"x" * 65536, 500000000)
        assert taken < 64 * MIB, "no back-pressure"
        assert server.memory() - before < 8 * MIB
        # It goes on where it stood: as much comes back as went in.
        status, _ = c.head()
        got = 0
        while got < taken:
            size = int(c.line(), 16)
            got += len(c.exactly(size))
            c.exactly(2)
        assert status == 200 and got == taken


def test_large_stream_is_not_changed(server):
    data = os.urandom(MIB) * 8
    with server.connect() as c:
        c.send(b"POST /stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(data))
        sender = threading.Thread(target=c.send, args=(data,))
        sender.start()
        answer = c.answer()
        sender.join()
        assert answer.complete and answer.body == data


def test_paused_reader_takes_nothing(server):
    with server.connect() as c:
        c.send(b"POST /late?ms=700 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000000\r\n\r\n")
        assert fill_until_stuck(c, b"x" * 65536, 400000000) < 64 * MIB


def test_pausing_and_going_on(server):
    body = os.urandom(200000)
    answer = server.ask("POST", "/sink?pause=5", body=body)
    assert answer.body == b"200000\n"


def test_whole_large_answer_to_a_slow_reader(server):
    with server.connect(receive_buffer=8192) as c:
        c.send(request("GET", "/whole?bytes=10000000") + request("GET", "/empty"))
        time.sleep(0.1)
        assert c.answer().body == b"w" * 10000000
        assert c.answer().status == 200


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
