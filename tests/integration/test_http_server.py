"""The http module behind a few routes of its own (tests/unit/http/http_test_server.c): what the real
surfaces do not show, such as pipelining behind slow answers and both directions at once."""
import json
import os
import threading
import time

import pytest

from http_server import MIB, fill_until_stuck, server, start  # noqa: F401 (fixtures)
from raw_http import chunk, request
from raw_requests import REQUESTS
from test_raw_requests import check_row


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
    # The memory is given back just after the answer is on its way.
    end = time.monotonic() + 2
    while server.ask("POST", "/echo", body=b"x" * 400000).status == 503:
        assert time.monotonic() < end


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
