#!/usr/bin/env python3
"""Checks that the tree is built as docs/architecture.md says: check-modules.py [ROOT]

The module table there is the authority. Checked are:
  - every #include of a project header in src/: a file includes its own module and what the table
    allows, through a public header;
  - every packaged library that the second table gives to some modules only;
  - that src/meson.build names the modules in the table's order, each has <module>.h, and every .c
    stands in its module's meson.build;
  - that no source file is over 700 lines and no function over 100;
  - that no text file holds a word that must not be in the tree (list: forbidden_words).
Each finding is one line, "file:line: what"; the exit code is 1 if there is any.
"""
import os
import re
import sys
from pathlib import Path

MAX_FILE_LINES = 700
MAX_FUNCTION_LINES = 100
SKIPPED_FOLDERS = {".git", "__pycache__", ".pytest_cache", "node_modules", ".venv"}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def forbidden_words():
    """Regular expressions, written so that this file does not find itself."""
    join = "".join
    return {
        join(["TO", "DO"]) + r"\b": "unfinished work belongs into an issue",
        join(["FIX", "ME"]) + r"\b": "unfinished work belongs into an issue",
        r"(?<![\w.])/" + join(["ro", "ot/"]): "a path of one machine",
        r"(?<![\w.])/" + join(["wo", "rk/"]): "a path of one machine",
        join(["pypi", r"\.org"]): "the host name of a package registry",
        join(["registry", r"\.npmjs"]): "the host name of a package registry",
        join(["proxy", r"\.golang"]): "the host name of a package registry",
        join(["deb", r"\.debian\.org"]): "the host name of a package registry",
        join(["crates", r"\.io"]): "the host name of a package registry",
    }


class Table:
    """The module table and the library table of docs/architecture.md."""

    def __init__(self, text):
        self.rows = {}  # module → row number
        self.allowed = {}  # module → words of its last column, resolved by allows()
        self.libraries = {}  # header → modules that may include it
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if len(cells) == 4 and cells[0].isdigit():
                for module in re.findall(r"`(\w+)`", cells[1]):
                    self.rows[module] = int(cells[0])
                    self.allowed[module] = cells[3]
            elif len(cells) == 3 and re.fullmatch(r"`<[\w./]+>`", cells[0]):
                self.libraries[cells[0].strip("`<>")] = set(re.findall(r"`(\w+)`", cells[1]))

    def allows(self, module, other):
        if module == other:
            return True
        words = self.allowed[module]
        if words == "all":
            return True
        if other in re.findall(r"`(\w+)`", words):
            return self.rows[other] < self.rows[module]
        for first, last in re.findall(r"(?<![\w`])(\d)(?:-(\d))?(?![\w`])", words):
            if int(first) <= self.rows[other] <= int(last or first):
                return self.rows[other] < self.rows[module]
        return False


class Checker:
    def __init__(self, root):
        self.root = Path(root)
        self.findings = []
        self.table = Table((self.root / "docs/architecture.md").read_text(encoding="utf-8"))

    def finding(self, path, line, text):
        where = path.relative_to(self.root) if path.is_absolute() else path
        self.findings.append(f"{where}:{line}: {text}")

    def run(self):
        if not self.table.rows:
            self.finding(Path("docs/architecture.md"), 1, "no module table found")
            return self.findings
        self.check_meson_order()
        for module in self.table.rows:
            self.check_module(module)
        for folder in sorted((self.root / "src").iterdir()):
            if folder.is_dir() and folder.name not in self.table.rows:
                self.finding(folder, 1, "a module that the table in docs/architecture.md lacks")
        for path in self.text_files():
            self.check_words(path)
        return self.findings

    # ---- modules ----
    def check_meson_order(self):
        path = self.root / "src/meson.build"
        text = path.read_text(encoding="utf-8")
        listed = re.search(r"foreach module : \[(.*?)\]", text, re.S)
        names = re.findall(r"'(\w+)'", listed.group(1)) if listed else []
        if names != list(self.table.rows):
            self.finding(path, 1, f"modules are {names}, the table has {list(self.table.rows)}")

    def check_module(self, module):
        folder = self.root / "src" / module
        if not folder.is_dir():
            self.finding(folder, 1, "the table has this module, the tree has not")
            return
        if module != "main" and not (folder / f"{module}.h").is_file():
            self.finding(folder, 1, f"its face {module}.h is missing")
        builds = {p.parent: p.read_text(encoding="utf-8") for p in folder.rglob("meson.build")}
        for path in sorted(folder.rglob("*.[ch]")):
            lines = path.read_text(encoding="utf-8").splitlines()
            self.check_includes(module, path, lines)
            self.check_length(path, lines)
            if path.suffix == ".c" and not self.is_built(path, folder, builds):
                self.finding(path, 1, "no meson.build of its module names this file")

    @staticmethod
    def is_built(path, folder, builds):
        for parent in path.parents:
            name = path.relative_to(parent).as_posix()
            if re.search(rf"'{re.escape(name)}'", builds.get(parent, "")):
                return True
            if parent == folder:
                return False
        return False

    def check_includes(self, module, path, lines):
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quote, name = match.groups()
            first = name.split("/")[0]
            if quote == "<":
                self.check_library(module, path, number, name)
            elif "/" in name and first in self.table.rows:
                self.check_project_include(module, path, number, name)
            elif not (path.parent / name).is_file():
                self.finding(path, number, f'"{name}": neither a module\'s header nor one beside it')

    def check_library(self, module, path, number, name):
        if name.split("/")[0] in self.table.rows:
            self.finding(path, number, f"<{name}>: a project header is included with quotes")
        owners = self.table.libraries.get(name)
        if owners is not None and module not in owners:
            self.finding(path, number, f"<{name}> is only for {', '.join(sorted(owners))}")

    def check_project_include(self, module, path, number, name):
        other = name.split("/")[0]
        if not self.table.allows(module, other):
            self.finding(path, number, f'"{name}": {module} may not use {other}')
        elif other != module and name.endswith("internal.h"):
            self.finding(path, number, f'"{name}": internal to {other}')
        if not (self.root / "src" / name).is_file():
            self.finding(path, number, f'"{name}": no such file')

    # ---- sizes ----
    def check_length(self, path, lines):
        if len(lines) > MAX_FILE_LINES:
            self.finding(path, 1, f"{len(lines)} lines, at most {MAX_FILE_LINES}: two subjects?")
        start = None
        for number, line in enumerate(lines, 1):
            if line.endswith("{") and line[0] not in " \t}#/" and "=" not in line:
                start = number
            elif line.startswith("}") and start is not None:
                length = number - start + 1
                if line == "}" and length > MAX_FUNCTION_LINES:
                    self.finding(path, start, f"a function of {length} lines, at most "
                                              f"{MAX_FUNCTION_LINES}: two jobs?")
                start = None

    # ---- words ----
    def text_files(self):
        for folder, names, files in os.walk(self.root):
            names[:] = [n for n in sorted(names) if n not in SKIPPED_FOLDERS
                        and not n.startswith("build-")
                        and not (Path(folder) / n / "meson-private").is_dir()
                        and not (Path(folder) / n / "pyvenv.cfg").is_file()
                        and not (Path(folder) == self.root and n == "build")]
            for name in sorted(files):
                path = Path(folder) / name
                if path.is_symlink() or "corpus" in path.parts or "corpora" in path.parts:
                    continue
                yield path

    def check_words(self, path):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return
        for pattern, why in forbidden_words().items():
            for match in re.finditer(pattern, text):
                line = text.count("\n", 0, match.start()) + 1
                self.finding(path, line, f"'{match.group(0)}': {why}")


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    findings = Checker(root.resolve()).run()
    for line in findings:
        print(line)
    print(f"check-modules: {len(findings)} finding(s)" if findings else "check-modules: ok")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
