"""What is measured: a source that is never the same twice, its output, and the same on the bare host."""
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from .manifest import Manifest

C_SOURCE = """\
/* {number} */
#include <stdio.h>

static unsigned long squares(unsigned n) {{
    unsigned long sum = 0;
    for (unsigned i = 1; i <= n; i++)
        sum += (unsigned long)i * i;
    return sum;
}}

int main(void) {{
    printf("%lu\\n", squares(1000));
    return 0;
}}
"""
PYTHON_SOURCE = "# {number}\nprint('hello')\n"
CSHARP_SOURCE = """\
// {number}
public class X {{
    public static void Main() {{
        int sum = 0;
        for (int i = 0; i < 1000; i++) sum += i;
        System.Console.WriteLine("Sum: " + sum);
    }}
}}
"""
TRUE_SOURCE = "{number}\n"


@dataclass
class Workload:
    name: str
    title: str
    language: str     # as the API has it
    languages: Path   # folder of the language table
    entry: str
    text: str         # {number} is another one each time
    output: str
    mark: Optional[float]
    seconds: float    # of one window: long enough for some dozen runs
    bare: Callable    # folder -> [(stage, argv)]

    def source(self, number):
        return self.text.format(number=number)


def _bare(manifest, entry, artifact, run):
    """The compile command of the manifest on a folder of the bare host, then `run(folder)`."""
    def steps(folder):
        first = []
        if artifact:
            first = [("compile", manifest.command("compile", source=f"{folder}/{entry}",
                                                  artifact=f"{folder}/{artifact}"))]
        return first + [("run", run(folder))]
    return steps


def _c(languages):
    manifest = Manifest(languages / "c" / "language.ini")
    return Workload("c", "`gcc -O2`, then run", "c", languages, "main.c", C_SOURCE, "333833500\n",
                    0.7, 1.2, _bare(manifest, "main.c", "prog", lambda d: [f"{d}/prog"]))


def _python(languages):
    manifest = Manifest(languages / "python" / "language.ini")
    python = manifest.tool(next(iter(manifest.sections["tools"])))
    return Workload("python", "hello", "python", languages, "main.py", PYTHON_SOURCE, "hello\n",
                    0.5, 0.8,
                    _bare(manifest, "main.py", None, lambda d: [python, f"{d}/main.py"]))


def _csharp(languages):
    manifest = Manifest(languages / "csharp" / "language.ini")
    mono = manifest.tool("mono")
    return Workload("csharp", "Sum by `mcs`, then `mono`", "csharp", languages, "main.cs",
                    CSHARP_SOURCE, "Sum: 499500\n", 0.8, 2.0,
                    _bare(manifest, "main.cs", "prog.exe", lambda d: [mono, f"{d}/prog.exe"]))


def _true(template, scratch):
    """No API takes a binary, so a language whose run command is a static program that was built
    before, in a table of its own: what one sandbox costs when nothing happens in it."""
    folder = scratch / "languages" / "true"
    folder.mkdir(parents=True)
    binary = folder / "true"
    source = folder / "true.c"
    source.write_text("int main(void) { return 0; }\n", encoding="ascii")
    subprocess.run(["gcc", "-O2", "-static", "-o", binary, source], check=True, timeout=60)
    source.unlink()
    shutil.copy(template, folder / "language.ini")
    return Workload("true", "a prebuilt static program that only exits", "true", folder.parent,
                    "main.txt", TRUE_SOURCE, "", None, 0.6, lambda d: [("run", [str(binary)])])


_MAKERS = {
    "c": lambda repository, scratch: _c(repository / "languages"),
    "python": lambda repository, scratch: _python(repository / "languages"),
    "csharp": lambda repository, scratch: _csharp(repository / "languages"),
    "true": lambda repository, scratch: _true(repository / "bench" / "true.ini", scratch),
}
NAMES = tuple(_MAKERS)


def make(names, repository, scratch):
    """In the table's order; FileNotFoundError names the tool or manifest that is not there."""
    return [maker(repository, scratch) for name, maker in _MAKERS.items() if name in names]
