"""Every row of raw_requests.py against the studio listener (H1-H8, H11, H20, H35)."""
from collections import Counter

import pytest

from raw_http import Connection
from raw_requests import HIDDEN, REQUESTS


def check_row(row, port, host="127.0.0.1"):
    """Whole, with a request hidden behind it; then byte by byte, which must not make a difference."""
    with Connection(port, host) as c:
        c.send_as_far_as_possible(row.data + HIDDEN)
        answer = c.answer()
        assert answer.status == row.status, answer.body
        assert answer.complete
        if row.closes:
            assert answer.headers.get("connection") == "close"
            assert c.closed(), "something was answered after the refusal: %r" % c.buffer
        else:
            assert "connection" not in answer.headers
            assert c.answer().status == 200
    if len(row.data) > 1000:
        return
    with Connection(port, host) as c:
        for i in range(len(row.data)):
            c.send_as_far_as_possible(row.data[i : i + 1])
        c.send_as_far_as_possible(HIDDEN)
        assert c.answer().status == row.status
        if row.closes:
            assert c.closed()
        else:
            assert c.answer().status == 200


def test_the_table_covers_each_rule():
    rows = Counter(row.rule for row in REQUESTS if row.status >= 400)
    assert len(REQUESTS) >= 60
    assert len({row.id for row in REQUESTS}) == len(REQUESTS)
    for rule in ("H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8"):
        assert rows[rule] >= 3, rule


@pytest.mark.parametrize("row", REQUESTS, ids=lambda row: f"{row.rule}-{row.id}".replace(" ", "_"))
def test_raw_request(studio, row):
    check_row(row, studio.port, studio.host)
