"""WebCompile's page and its one route, as its README has them (acceptance point 1; H30, H34)."""
import html
import json
import re
import subprocess
import time

import pytest

import harness
from harness import PROMISE, SUM

KEYS = ["Output", "LatencyInMS", "ErrorString", "Timeout"]
LAST_LINE = re.compile(r"Code Execution: \d+ ms\n\Z")
SIZE_ERROR = "Code must be greater than 0 and less than max limit"


def curl(*args):
    done = subprocess.run(["curl", "-sS", "-i", *args], capture_output=True, timeout=120, check=True)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    return head.decode(), body


def answer_of(response):
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/json")
    answer = response.json()
    assert list(answer) == KEYS
    assert type(answer["LatencyInMS"]) is int and type(answer["Timeout"]) is bool
    return answer


def test_the_page_has_the_sum_program(client):
    page = client.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["x-content-type-options"] == "nosniff"
    text = html.unescape(page.text)
    assert "<textarea" in text and "sum += i" in text


def test_the_page_runs_only_its_own_scripts(client):
    """H34: default-src 'self'."""
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy


@pytest.mark.parametrize("how", ["--data-urlencode", "--form-string"], ids=["urlencoded", "multipart"])
def test_sum_by_curl(retort, how):
    head, body = curl(how, f"code={SUM}", f"{retort.url}/compile")
    assert head.startswith("HTTP/1.1 200")
    assert not body.endswith(b"\n")
    answer = json.loads(body)
    assert list(answer) == KEYS
    assert re.fullmatch(r"Sum: 499500\nCode Execution: \d+ ms\n", answer["Output"])
    assert answer["ErrorString"] == "" and answer["Timeout"] is False
    assert type(answer["LatencyInMS"]) is int and answer["LatencyInMS"] > 0


def test_a_form_without_content_type_is_a_form(retort):
    """wire-formats 0.2: missing Content-Type and no '{' at the start."""
    body = b"code=class+X+%7B+static+void+Main()+%7B+System.Console.Write(7);+%7D+%7D"
    answer = harness.raw(retort, b"POST /compile HTTP/1.1\r\nHost: %s:%d\r\nConnection: close\r\n"
                         b"Content-Length: %d\r\n\r\n" % (retort.host.encode(), retort.port, len(body))
                         + body)
    assert b'"Output":"7' in answer.replace(b'": "', b'":"')


def test_stderr_is_the_error_string(retort):
    answer = answer_of(retort.compile_form(
        'class X { static int Main() { System.Console.Write("out"); '
        'System.Console.Error.Write("err"); return 3; } }'))
    assert answer["ErrorString"] == "err"
    assert re.fullmatch(r"out\n?Code Execution: \d+ ms\n", answer["Output"])


def test_a_compile_error_has_the_compilers_words_and_no_last_line(retort):
    answer = answer_of(retort.compile_form("public class X { public static void Main() { int x = y; } }"))
    assert "error CS0103" in answer["ErrorString"]
    assert "Code Execution" not in answer["Output"]
    assert answer["Timeout"] is False


def test_time_out_with_the_output_so_far(retort):
    """5 s for both stages, tested at five times that."""
    began = time.monotonic()
    answer = answer_of(retort.compile_form(
        'class X { static void Main() { System.Console.WriteLine("so far"); '
        'System.Console.Out.Flush(); while(true) System.Threading.Thread.Sleep(100); } }'))
    assert time.monotonic() - began < 5 * PROMISE
    assert answer["Timeout"] is True
    assert answer["Output"].startswith("so far\n")
    assert "Code Execution" not in answer["Output"]


@pytest.mark.parametrize("code", ["", "a" * (64 * 1024 + 1)], ids=["empty", "64 KiB + 1"])
def test_sizes_that_are_refused(retort, code):
    answer = answer_of(retort.compile_form(code))
    assert answer["ErrorString"] == SIZE_ERROR
    assert (answer["Output"], answer["LatencyInMS"], answer["Timeout"]) == ("", 0, False)


def test_the_largest_code_is_taken(retort):
    padding = " " * (64 * 1024 - len(SUM))
    assert answer_of(retort.compile_form(SUM + padding))["Output"].startswith("Sum: 499500\n")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_code_at_all_is_the_size_error(client, method):
    answer = answer_of(client.request(method, "/compile", headers={
        "Content-Type": "application/x-www-form-urlencoded"}))
    assert answer["ErrorString"] == SIZE_ERROR


def test_lang_and_stdin(retort):
    """The keys that are ours; with lang there is no last line."""
    answer = answer_of(retort.compile_form("print(input()[::-1])", lang="python", stdin="abc\n"))
    assert answer["Output"] == "cba\n"
    answer = answer_of(retort.compile_form(SUM, lang="csharp"))
    assert answer["Output"] == "Sum: 499500\n"


def test_an_unknown_lang_is_an_error_string(retort):
    answer = answer_of(retort.compile_form("x", lang="cobol"))
    assert "cobol" in answer["ErrorString"] and answer["Output"] == ""


def test_a_missing_mono_is_an_error_string(serve, tmp_path):
    """In WebCompile's own manners: 200, and ErrorString names the package."""
    languages = harness.languages_without(tmp_path, "csharp", "mcs")
    answer = answer_of(serve(languages=languages, langs="csharp").compile_form(SUM))
    assert "mono-mcs" in answer["ErrorString"]


def test_other_origins_are_refused_by_default(retort):
    """H34: the 403 names the option."""
    answer = retort.compile_form(SUM, headers={"Origin": "http://example.com"})
    assert answer.status_code == 403
    assert "cors_origins" in answer.text
    assert "access-control-allow-origin" not in answer.headers


def test_the_pages_own_origin_is_taken(retort):
    answer = retort.compile_form("print(1)", lang="python", headers={"Origin": retort.url})
    assert answer_of(answer)["Output"] == "1\n"


def test_any_origin_where_the_operator_says_so(serve):
    """H34: cors_origins = * gives WebCompile's header back, and preflights follow it."""
    instance = serve(env={"RETORT_CORS_ORIGINS": "*"}, langs="python")
    answer = instance.compile_form("print(1)", lang="python", headers={"Origin": "http://example.com"})
    assert answer_of(answer)["Output"] == "1\n"
    assert answer.headers["access-control-allow-origin"] == "*"
    with instance.client() as client:
        preflight = client.options("/compile", headers={
            "Origin": "http://example.com", "Access-Control-Request-Method": "POST"})
    assert preflight.status_code in (200, 204)
    assert preflight.headers["access-control-allow-origin"] == "*"
