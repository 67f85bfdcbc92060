"""The command line: what a person types, and the exit codes that scripts rely on."""
import json
import re

import pytest

import harness
from programs import ALL

SUFFIX = {"c": ".c", "csharp": ".cs", "python": ".py", "go": ".go"}


@pytest.fixture
def run(retort, tmp_path):
    """run("python", source, *args) → the finished `retort run FILE --server URL args`."""
    def do(language, source, *args, **options):
        path = tmp_path / f"program{SUFFIX.get(language, language)}"
        path.write_text(source, encoding="utf-8")
        return harness.retort("run", path, "--server", retort.url, *args, **options)
    return do


@pytest.mark.parametrize("language", sorted(ALL))
def test_run_has_the_programs_own_output(run, language):
    done = run(language, ALL[language]["hello"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "héllo ✓ 世界\n", "")


def test_run_has_the_programs_own_streams_and_exit_code(run):
    done = run("python", ALL["python"]["fails"])
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_run_of_a_program_that_a_signal_ended(run):
    assert run("c", ALL["c"]["kills"]).returncode == 128 + 9


def test_run_over_its_time(run):
    done = run("c", ALL["c"]["spins"])
    assert done.returncode == 124
    assert "time" in done.stderr


def test_run_of_what_does_not_compile(run):
    done = run("c", ALL["c"]["wrong"])
    assert done.returncode == 126
    assert re.search(r"program\.c:3:\d+: error: .*undeclared", done.stderr), done.stderr


def test_run_of_an_unknown_language(run):
    done = run("python", "x", "--lang", "cobol")
    assert done.returncode == 127
    assert "cobol" in done.stderr and "python" in done.stderr


def test_run_over_another_limit(run):
    done = run("python", ALL["python"]["floods"])
    assert done.returncode == 125
    assert done.stdout.startswith("all work and no play\n") and "output" in done.stderr


def test_run_without_a_server(tmp_path):
    path = tmp_path / "x.py"
    path.write_text("1\n")
    done = harness.retort("run", path, "--server", "http://127.0.0.1:1")
    assert done.returncode == 125
    assert "http://127.0.0.1:1" in done.stderr


def test_run_of_a_file_that_is_not_there():
    done = harness.retort("run", "/nothing/of/that/name.py")
    assert done.returncode == 125
    assert "/nothing/of/that/name.py" in done.stderr


def test_the_server_from_the_environment(retort, tmp_path):
    path = tmp_path / "x.py"
    path.write_text("print(6 * 7)\n")
    done = harness.retort("run", path, env={"RETORT_SERVER": retort.url})
    assert (done.returncode, done.stdout) == (0, "42\n")


def test_arguments_and_stdin(run, tmp_path):
    given = tmp_path / "input"
    given.write_text("line\n")
    source = "import sys\nprint(sys.argv[1:], sys.stdin.read())\n"
    done = run("python", source, "--stdin", given, "--", "--flag", "a b")
    assert done.stdout == "['--flag', 'a b'] line\n\n", done


def test_the_language_by_name(run):
    assert run(".txt", "print(1)\n", "--lang", "python").stdout == "1\n"


def test_run_as_json(run):
    done = run("python", "print(1)\n", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["run"]["stdout"] == "1\n"


def test_several_files(retort, tmp_path):
    (tmp_path / "main.c").write_text('#include "add.h"\nint main(void) { return add(2, 3); }\n')
    (tmp_path / "add.h").write_text("int add(int a, int b);\n")
    (tmp_path / "add.c").write_text('#include "add.h"\nint add(int a, int b) { return a + b; }\n')
    done = harness.retort("run", *(tmp_path / n for n in ("main.c", "add.c", "add.h")), "--server", retort.url)
    assert done.returncode == 5, done


def test_languages(retort):
    done = harness.retort("languages", "--server", retort.url)
    assert done.returncode == 0
    for name in ("c", "csharp", "python", "go"):
        assert re.search(rf"^{name}\b", done.stdout, re.M), done.stdout
    listed = json.loads(harness.retort("languages", "--server", retort.url, "--json").stdout)
    assert "python" in json.dumps(listed)


def test_doctor():
    """One line each, what is real; complete here, so 0."""
    done = harness.retort("doctor")
    assert done.returncode == 0, done.stdout
    for word in ("namespaces", "seccomp", "memory", "cgroup"):
        assert word in done.stdout.lower()
    findings = json.loads(harness.retort("doctor", "--json").stdout)
    assert findings["complete"] is True and len(findings["findings"]) >= 5


def test_version():
    assert re.fullmatch(r"retort \d+\.\d+\.\d+\n", harness.retort("version").stdout)
    assert json.loads(harness.retort("version", "--json").stdout)["version"]


def test_help_and_unknown_verbs():
    assert "serve" in harness.retort("help").stdout
    done = harness.retort("sevre")
    assert done.returncode == 2 and "serve" in done.stderr
    done = harness.retort("serve", "--help")
    assert done.returncode == 0 and "--queue-wait" in done.stdout


@pytest.mark.parametrize("verb", ["run", "languages"])
def test_an_unknown_option_is_named(verb):
    done = harness.retort(verb, "--nothing-like-that")
    assert done.returncode != 0 and "--nothing-like-that" in done.stderr
