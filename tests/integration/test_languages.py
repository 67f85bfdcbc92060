"""Every language and every way a program can end (acceptance point 2; S44, S46, S50-S55, S71)."""
import pytest

import harness
from programs import ALL, MEMORY, WORDS

LANGUAGES = sorted(ALL)
MIB = 1 << 20


def limits(**values):
    return {"limits": {"run": values}}


@pytest.fixture(params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture
def ended(retort, language):
    """ended(kind, **fields) → the document of one run; afterwards nothing of the program is alive."""
    def do(kind, **fields):
        document = retort.run(language, ALL[language][kind], **fields)
        assert not harness.job_processes(retort)
        return document
    return do


def test_success(ended):
    run = ended("hello")
    assert run["verdict"] == "ok", run
    assert run["run"]["stdout"] == "héllo ✓ 世界\n"
    assert run["run"]["exit_code"] == 0 and run["run"]["signal"] is None
    assert run["run"]["wall_ms"] > 0 and run["run"]["peak_memory_bytes"] > 0


def test_stdin(ended):
    assert ended("reverse", stdin="retort\n")["run"]["stdout"] == "troter\n"


def test_arguments(ended):
    words = ["a b", "--flag", "$HOME", "ü✓", ""]
    assert ended("arguments", args=words)["run"]["stdout"].split("\n") == words + [""]


def test_compile_error(ended, language):
    run = ended("wrong")
    assert run["verdict"] == "compile_error", run
    stage = run["compile"]
    assert stage["verdict"] == "compile_error"
    assert WORDS[language] in stage["stderr"] + stage["stdout"]
    errors = [d for d in stage["diagnostics"] if d["severity"] == "error"]
    assert errors and errors[0]["line"] == 3 and errors[0]["message"], stage
    assert errors[0]["file"] and "/" not in errors[0]["file"]


def test_runtime_error(ended):
    run = ended("fails")
    assert run["verdict"] == "runtime_error"
    assert run["run"]["exit_code"] == 3 and run["run"]["signal"] is None
    assert (run["run"]["stdout"], run["run"]["stderr"]) == ("out\n", "err\n")


def test_endless_loop(ended):
    run = ended("spins", **limits(cpu_ms=500, wall_ms=20_000))
    assert (run["verdict"], run["run"]["limit"]) == ("time_limit", "cpu"), run
    assert run["run"]["cpu_ms"] >= 400


def test_endless_sleep(ended):
    run = ended("sleeps", **limits(wall_ms=1000))
    assert (run["verdict"], run["run"]["limit"]) == ("time_limit", "wall"), run
    assert run["run"]["wall_ms"] >= 1000


def test_memory_hog(ended, language):
    memory = MEMORY[language] * MIB
    run = ended("hogs", **limits(memory_bytes=memory))
    assert (run["verdict"], run["run"]["limit"]) == ("memory_limit", "memory"), run
    assert run["run"]["peak_memory_bytes"] <= memory + MIB


def test_too_many_processes(ended):
    run = ended("bomb", **limits(processes=32, wall_ms=20_000))
    assert (run["verdict"], run["run"]["limit"]) == ("process_limit", "processes"), run


def test_output_flood(ended):
    run = ended("floods", **limits(output_bytes=100_000))
    assert (run["verdict"], run["run"]["limit"]) == ("output_limit", "output"), run
    assert len(run["run"]["stdout"]) == 100_000
    assert run["run"]["stdout"].startswith("all work and no play\n")


def test_it_kills_itself(ended):
    """S44: signalled, never memory_limit."""
    run = ended("kills")
    assert run["verdict"] == "signalled", run
    assert run["run"]["signal"] == "SIGKILL" and run["run"]["exit_code"] is None


# ---- once, not for each language ----
def test_a_fork_bomb_that_never_ends(retort):
    """S50: all of it is gone when the answer is there, and others go on."""
    run = retort.run("c", "#include <unistd.h>\nint main(void) { for (;;) fork(); }\n",
                     **limits(wall_ms=2000, cpu_ms=1000))
    assert run["verdict"] in ("time_limit", "process_limit"), run
    assert not harness.job_processes(retort)
    assert retort.run("c", ALL["c"]["hello"])["verdict"] == "ok"


def test_a_daemon_does_not_outlive_the_run(retort):
    """S52: a child that holds stdout open delays nothing and dies with the run."""
    run = retort.run("python", "import os, time\nif os.fork() == 0:\n    os.setsid()\n"
                               "    time.sleep(1000)\nprint('done')\n",
                     **limits(wall_ms=30_000))
    assert run["verdict"] == "ok" and run["run"]["stdout"] == "done\n", run
    assert run["run"]["wall_ms"] < 10_000
    assert not harness.job_processes(retort)


def test_memory_of_all_processes_and_files_counts(retort):
    """S40, S42: /box is memory, and forking evades nothing."""
    run = retort.run("python", "import os\nfor i in range(8):\n    if os.fork() == 0:\n"
                               "        open(f'/tmp/{i}', 'wb').write(b'x' * (12 << 20))\n        os._exit(0)\n"
                               "while True:\n    os.wait()\n", **limits(memory_bytes=48 * MIB))
    assert run["verdict"] == "memory_limit", run


def test_scratch_space_ends(retort):
    """S32: 64 MiB for /box and /tmp."""
    run = retort.run("python", "with open('/tmp/x', 'wb') as out:\n    while True:\n"
                               "        out.write(b'x' * (1 << 20))\n", **limits(memory_bytes=512 * MIB))
    assert run["verdict"] == "runtime_error" and "No space left" in run["run"]["stderr"], run


def test_a_compiler_bomb_is_the_compile_stages_limit(retort):
    """S62: an endless include ends by a limit of that stage, and not as a compile_error of nothing."""
    answer = retort.post_run(harness.run_body("c", '#include "/dev/zero"\n', limits={
        "compile": {"memory_bytes": 96 * MIB, "wall_ms": 15_000}}))
    run = answer.json()
    assert run["verdict"] in ("memory_limit", "time_limit", "compile_error"), run
    if run["verdict"] != "compile_error":
        assert run["compile"]["verdict"] == run["verdict"]
    assert run["run"] is None


def test_truncating_is_a_choice(serve):
    """S71: drained to the end, head and tail kept, the verdict is the program's own."""
    instance = serve(on_output_limit="truncate", langs="python")
    run = instance.run("python", "print('head')\nfor i in range(3000):\n    print('x' * 999)\nprint('tail')\n")
    assert run["verdict"] == "ok", run
    assert run["run"]["stdout"].startswith("head\n") and run["run"]["stdout"].endswith("tail\n")
    assert run["run"]["truncated"] == 3_000_010 - len(run["run"]["stdout"])


def test_a_parent_that_is_too_small_is_not_the_programs_fault(serve):
    """S44: the host's shortage is internal_error."""
    instance = serve(parent_memory="96M", langs="python")
    run = instance.run("python", ALL["python"]["hogs"], **limits(memory_bytes=200 * MIB))
    assert run["verdict"] == "internal_error", run
    assert instance.run("python", ALL["python"]["hello"])["verdict"] == "ok"


def test_without_cgroups_it_says_what_is_missing(serve):
    """S41: the test switch makes `none` true; what is not enforced is named in each answer."""
    instance = serve(cgroups="none", langs="c")
    run = instance.run("c", ALL["c"]["hello"])
    assert run["verdict"] == "ok", run
    assert "memory" in run["limits_not_enforced"]
    run = instance.run("c", ALL["c"]["sleeps"], **limits(wall_ms=500))
    assert (run["verdict"], run["run"]["limit"]) == ("time_limit", "wall")
    # Nobody counts its CPU time then; the rlimit behind it is what ends it.
    assert "cpu" in run["limits_not_enforced"]
    run = instance.run("c", ALL["c"]["spins"], **limits(cpu_ms=1000, wall_ms=20_000))
    assert (run["verdict"], run["run"]["limit"]) == ("time_limit", "cpu"), run
    assert not harness.job_processes(instance)
