"""The native routes: what they refuse, and in which words (acceptance point 6; H7, H8, H30-H35)."""
import os
import socket
import subprocess

import pytest

import harness
from harness import BINARY, LANGUAGES, run_body

HELLO = "print('hello')"


def problem(answer, status, kind):
    """The answer is problem+json (RFC 9457) of that status and type; → the document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.headers["x-content-type-options"] == "nosniff"
    document = answer.json()
    assert document["type"].rsplit("/", 1)[-1] == kind
    assert document["status"] == status
    assert document["title"] and document["detail"]
    return document


# ---- a run ----
def test_a_run_has_the_fields_of_the_contract(retort):
    answer = retort.post_run(run_body("c", '#include <stdio.h>\nint main(void) { puts("hi"); }'))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["x-content-type-options"] == "nosniff"
    run = answer.json()
    assert run["verdict"] == "ok" and run["language"] == "c" and run["cached"] is False
    assert run["id"] and run["version"].startswith("gcc")
    assert run["queue_ms"] >= 0
    for stage in (run["compile"], run["run"]):
        assert stage["verdict"] == "ok" and stage["exit_code"] == 0 and stage["signal"] is None
        assert stage["wall_ms"] > 0 and stage["cpu_ms"] >= 0 and stage["peak_memory_bytes"] > 0
    assert run["compile"]["diagnostics"] == []
    assert run["run"]["stdout"] == "hi\n" and run["run"]["stderr"] == ""
    assert run["run"]["limit"] is None and run["run"]["truncated"] is None
    assert run["limits_not_enforced"] == []


def test_each_run_has_an_id_of_its_own(retort):
    assert retort.run("python", HELLO)["id"] != retort.run("python", HELLO)["id"]


def test_bytes_that_are_no_text_come_as_base64(retort):
    run = retort.run("python", "import sys; sys.stdout.buffer.write(bytes([255, 0, 65]))")
    assert run["run"]["stdout_base64"] == "/wBB"
    assert "stdout" not in run["run"]


def test_several_files(retort):
    answer = retort.post_run({"language": "c", "files": [
        {"name": "main.c", "content": '#include "lib/add.h"\nint main(void) { return add(1, 2); }'},
        {"name": "lib/add.h", "content": "int add(int a, int b);"},
        {"name": "add.c", "content": "int add(int a, int b) { return a + b; }"}]})
    run = answer.json()
    assert run["verdict"] == "runtime_error" and run["run"]["exit_code"] == 3, run


def test_env_reaches_the_program(retort):
    run = retort.run("python", "import os; print(os.environ['GREETING'])", env={"GREETING": "hé"})
    assert run["run"]["stdout"] == "hé\n", run


# ---- what is refused ----
def test_an_unknown_language_is_answered_with_the_list(retort):
    document = problem(retort.post_run(run_body("cobol", "x")), 400, "unknown-language")
    assert "cobol" in document["detail"]
    for name in ("c", "csharp", "python"):
        assert name in document["detail"]


@pytest.mark.parametrize("files", [[], [{"name": "main.py", "content": ""}]], ids=["no file", "no bytes"])
def test_an_empty_source(retort, files):
    problem(retort.post_run({"language": "python", "files": files}), 400, "empty-source")


@pytest.mark.parametrize("body, where", [
    (b'{"language":', "line 1"),
    (b'{\n  "language": "c",\n  "files": [}\n', "line 3"),
    (b'{"language":"c","language":"python"}', "language"),
    (b'{"language":"c","files":[{"name":"main.c","content":"\\ud800"}]}', "line 1"),
    (b"\xff\xfe", "line 1"),
    (b'{"language":"c"} x', "line 1"),
], ids=["cut", "third line", "duplicate key", "lone surrogate", "no utf-8", "trailing"])
def test_bad_json_with_the_position(retort, body, where):
    assert where in problem(retort.post_run(body), 400, "bad-json")["detail"]


@pytest.mark.parametrize("change, word", [
    ({"files": "main.c"}, "files"),
    ({"files": [{"name": "../x.py", "content": "1"}]}, "../x.py"),
    ({"files": [{"name": "/etc/x.py", "content": "1"}]}, "/etc/x.py"),
    ({"stdin": 7}, "stdin"),
    ({"args": ["a", 7]}, "args"),
    ({"limits": {"run": {"wall_ms": -1}}}, "wall_ms"),
    ({"limits": {"run": {"wall_ms": 10 ** 9}}}, "wall"),
    ({"limits": {"run": {"memory_bytes": 2 ** 50}}}, "memory"),
    ({"limits": {"run": {"wall": 1}}}, "wall"),
    ({"langauge": "c"}, "langauge"),
], ids=["files", "dotdot", "absolute", "stdin", "args", "negative", "too long", "too much",
        "unknown limit", "unknown field"])
def test_a_bad_field_is_named(retort, change, word):
    body = run_body("python", HELLO, **change)
    assert word in problem(retort.post_run(body), 400, "bad-request")["detail"]


def test_too_many_arguments(retort):
    """S19: at most 256."""
    answer = retort.post_run(run_body("python", HELLO, args=["x"] * 257))
    assert answer.status_code in (400, 413)


def test_too_large(retort):
    """H8: from Content-Length, before a body byte is read."""
    answer = harness.raw(retort, b"POST /api/v1/runs HTTP/1.1\r\nHost: %s:%d\r\n"
                         b"Content-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n"
                         % (retort.host.encode(), retort.port))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"too-large" in answer


def test_too_large_in_chunks(retort):
    """H8: seen while de-chunking."""
    head = (b"POST /api/v1/runs HTTP/1.1\r\nHost: %s:%d\r\nTransfer-Encoding: chunked\r\n\r\n"
            % (retort.host.encode(), retort.port))
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    answer = b""
    with socket.create_connection((retort.host, retort.port), timeout=60) as sock:
        try:
            sock.sendall(head)
            for _ in range(200):
                sock.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            while part := sock.recv(65536):
                answer += part
        except ConnectionResetError:
            pass
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]


def test_a_missing_toolchain_names_the_package(serve, tmp_path):
    languages = harness.languages_without(tmp_path, "csharp", "mcs")
    instance = serve(languages=languages, langs="csharp")
    document = problem(instance.post_run(run_body("csharp", harness.SUM)), 501, "toolchain-missing")
    assert "mono-mcs" in document["detail"]
    listed = {entry["name"]: entry for entry in languages_of(instance)}
    assert listed["csharp"]["state"] == "missing"


# ---- who may ask ----
@pytest.mark.parametrize("path", ["/compile", "/api/v1/runs"])
@pytest.mark.parametrize("origin", ["http://example.com", "null", "http://127.0.0.1:1"])
def test_foreign_origins_are_refused(retort, client, path, origin):
    """H34 (and H33's check): neither a page elsewhere nor one on another port runs anything."""
    answer = client.post(path, json=run_body("python", HELLO), headers={"Origin": origin})
    problem(answer, 403, "forbidden-origin")
    assert "cors_origins" in answer.text
    assert answer.headers.get("vary", "").lower().find("origin") >= 0


def test_a_foreign_preflight_gets_no_permission(client):
    answer = client.options("/api/v1/runs", headers={
        "Origin": "http://example.com", "Access-Control-Request-Method": "POST"})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("host", ["example.com", "example.com:8000", "127.0.0.1.example.com"])
def test_a_foreign_host_is_misdirected(client, host):
    """H35: DNS rebinding."""
    answer = client.get("/-/live", headers={"Host": host})
    document = problem(answer, 421, "misdirected")
    assert "--host" in document["detail"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_loopback_hosts_are_ours(retort, client, host):
    assert client.get("/-/live", headers={"Host": f"{host}:{retort.port}"}).status_code == 200


def test_a_named_host_is_ours(serve):
    instance = serve(host="retort.test", langs="python")
    assert instance.get("/-/live", headers={"Host": "retort.test"}).status_code == 200


# ---- the other routes ----
def languages_of(instance):
    document = instance.get("/api/v1/languages").json()
    return document["languages"] if isinstance(document, dict) else document


def test_the_languages(retort):
    listed = {entry["name"]: entry for entry in languages_of(retort)}
    for name in ("c", "csharp", "python"):
        assert listed[name]["state"] == "ready", listed[name]
        assert listed[name]["version"]


def test_live_and_stats(retort, client):
    assert client.get("/-/live").status_code == 200
    before = client.get("/stats")
    assert before.status_code == 200 and before.headers["content-type"].startswith("application/json")
    retort.run("python", HELLO)
    assert client.get("/stats").text != before.text


def test_unknown_paths_and_methods(client):
    assert client.get("/nothing").status_code == 404
    answer = client.get("/api/v1/runs")
    assert answer.status_code == 405 and "POST" in answer.headers["allow"]
    assert client.request("BREW", "/compile").status_code == 501  # H7


def test_head_has_the_headers_and_no_body(client):
    get, head = client.get("/"), client.head("/")
    assert head.status_code == 200 and head.content == b""
    assert head.headers["content-length"] == str(len(get.content))


def test_every_answer_has_a_request_id(client):
    first, second = client.get("/-/live"), client.get("/nothing")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


# ---- what `serve` refuses at its start ----
def refused(tmp_path, *flags):
    done = subprocess.run([str(BINARY), "serve", "--data", str(tmp_path / "data"), "--languages",
                           str(LANGUAGES), *flags], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, cwd="/", check=False)
    assert done.returncode != 0
    return done.stderr + done.stdout


@pytest.mark.parametrize("flag, nearest", [
    ("--studoi", "--studio"), ("--langages", "--languages"), ("--dta", "--data")])
def test_an_unknown_option_with_the_nearest_name(tmp_path, flag, nearest):
    text = refused(tmp_path, flag, "x")
    assert flag in text and nearest in text


def test_an_unknown_key_with_line_and_nearest_name(tmp_path):
    config = tmp_path / "retort.ini"
    config.write_text("# ours\nqueue_weit = 7s\n")
    text = refused(tmp_path, "--config", str(config))
    assert f"{config}: line 2" in text and "queue_weit" in text and "queue_wait" in text


@pytest.mark.parametrize("flag, value", [
    ("--queue-wait", "7"), ("--queue-wait", "soon"), ("--parent-memory", "64X"), ("--runs", "-1"),
    ("--cgroups", "maybe"), ("--stats", "perhaps")])
def test_a_bad_value_names_option_and_value(tmp_path, flag, value):
    text = refused(tmp_path, flag, value)
    assert value in text and flag.strip("-").replace("-", "_") in text.replace("-", "_")


def test_a_port_in_use_names_port_and_option(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = refused(tmp_path, "--studio", f"127.0.0.1:{port}")
    assert str(port) in text and "--studio" in text


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"])
def test_only_loopback_addresses(tmp_path, address):
    text = refused(tmp_path, "--studio", address)
    assert "loopback" in text


def test_a_data_folder_of_someone_else_is_refused_by_name(tmp_path):
    """S8: never chowned."""
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 12345, 12345)
    text = refused(tmp_path, "--studio", "127.0.0.1:0")
    assert str(data) in text
    assert data.stat().st_uid == 12345


def test_print_config_says_where_each_value_is_from(tmp_path):
    config = tmp_path / "retort.ini"
    config.write_text("watchdog = 20s\nqueue_wait = 7s\n")
    done = harness.retort("serve", "--print-config", "--config", config, "--id-base", "1900000000",
                          env={"RETORT_WATCHDOG": "30s"})
    assert done.returncode == 0, done.stderr
    lines = {line.split("=")[0].strip(): line for line in done.stdout.splitlines() if "=" in line}
    assert "30000ms" in lines["watchdog"] and "environment" in lines["watchdog"]
    assert "7000ms" in lines["queue_wait"] and str(config) in lines["queue_wait"]
    assert "1900000000" in lines["id_base"] and "flag" in lines["id_base"]
    assert "built in" in lines["runs"]
