"""tools/check-modules.py must be able to fail: a small good tree, then one fault at a time."""
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "tools/check-modules.py"
ARCHITECTURE = """
| row | module | owns | may use |
| --- | --- | --- | --- |
| 0 | `base` | bytes | libc |
| 1 | `loop` | events | 0 |
| 2 | `http` | requests | 0-1 |
| 2 | `sandbox` | one sandbox | 0-1 |
| 3 | `spawner` | children | `sandbox`, 0-1 |
| 6 | `cli` | the client | 0, libcurl |
| 7 | `main` | wires | all |

| header | modules | why |
| --- | --- | --- |
| `<uv.h>` | `loop` | behind loop.h |
"""
MODULES = ["base", "loop", "http", "sandbox", "spawner", "cli", "main"]


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/architecture.md").write_text(ARCHITECTURE)
    (tmp_path / "src").mkdir()
    names = ", ".join(f"'{m}'" for m in MODULES)
    (tmp_path / "src/meson.build").write_text(f"foreach module : [{names}]\nendforeach\n")
    for module in MODULES:
        folder = tmp_path / "src" / module
        folder.mkdir()
        (folder / f"{module}.h").write_text("#pragma once\n")
        (folder / f"{module}.c").write_text(f'#include "{module}/{module}.h"\n#include "base/base.h"\n')
        (folder / "meson.build").write_text(f"files('{module}.c')\n")
    return tmp_path


def check(tree):
    done = subprocess.run([sys.executable, SCRIPT, tree], capture_output=True, text=True)
    return done.returncode, done.stdout


def add(tree, path, text):
    with open(tree / path, "a", encoding="utf-8") as out:
        out.write(text)


def test_a_good_tree_passes(tree):
    add(tree, "src/spawner/spawner.c", '#include "sandbox/sandbox.h"\n#include "loop/loop.h"\n')
    add(tree, "src/main/main.c", '#include "spawner/spawner.h"\n#include "cli/cli.h"\n')
    add(tree, "src/loop/loop.c", "#include <uv.h>\n")
    assert check(tree) == (0, "check-modules: ok\n")


@pytest.mark.parametrize("path, text, finding", [
    ("src/base/base.c", '#include "loop/loop.h"\n', "src/base/base.c:3: \"loop/loop.h\": base may not use loop"),
    ("src/http/http.c", '#include "sandbox/sandbox.h"\n', "http may not use sandbox"),
    ("src/sandbox/sandbox.h", '#include "spawner/spawner.h"\n', "sandbox may not use spawner"),
    ("src/cli/cli.c", '#include "loop/loop.h"\n', "cli may not use loop"),
    ("src/cli/cli.c", '#include <loop/loop.h>\n', "is included with quotes"),
    ("src/http/http.c", "#include <uv.h>\n", "<uv.h> is only for loop"),
    ("src/http/http.c", '#include "loop/nothing.h"\n', "no such file"),
    ("src/http/http.c", '#include "nothing.h"\n', "neither a module's header nor one beside it"),
    ("src/http/http.c", "/* TO" + "DO */\n", "unfinished work"),
    ("tests-note.md", "see /ro" + "ot/x\n", "tests-note.md:1: '/ro" + "ot/'"),
    ("notes.md", "from pypi" + ".org\n", "package registry"),
    ("src/http/long.h", "\n" * 701, "701 lines, at most 700"),
    ("src/http/http.c", "static int f(void) {\n" + "    ;\n" * 100 + "}\n", "a function of 102 lines"),
    ("src/http/other.c", "", "no meson.build of its module names this file"),
])
def test_one_fault_is_one_finding(tree, path, text, finding):
    add(tree, path, text)
    code, out = check(tree)
    assert code == 1
    assert finding in out
    assert out.count("\n") == 2, out  # the finding and the sum


def test_internal_headers_stay_inside(tree):
    add(tree, "src/sandbox/internal.h", "#pragma once\n")
    add(tree, "src/sandbox/sandbox.c", '#include "sandbox/internal.h"\n')
    assert check(tree)[0] == 0
    add(tree, "src/spawner/spawner.c", '#include "sandbox/internal.h"\n')
    assert "internal to sandbox" in check(tree)[1]


def test_a_module_without_its_face(tree):
    (tree / "src/loop/loop.h").unlink()
    assert "its face loop.h is missing" in check(tree)[1]


def test_a_module_that_the_table_lacks(tree):
    (tree / "src/extra").mkdir()
    assert "a module that the table" in check(tree)[1]


def test_the_build_has_the_order_of_the_table(tree):
    text = (tree / "src/meson.build").read_text()
    (tree / "src/meson.build").write_text(text.replace("'base', 'loop'", "'loop', 'base'"))
    assert "src/meson.build:1: modules are" in check(tree)[1]


def test_a_table_that_cannot_be_read_is_a_finding(tree):
    (tree / "docs/architecture.md").write_text("nothing")
    assert "no module table found" in check(tree)[1]
