"""Tells whether Python takes a file as a program, without running any of it.

On stderr: Python's own words, as it prints them. On stdout, for retort's diagnostics: one line
FILE:LINE:COLUMN: TEXT, since the caret in Python's words stands below a line whose indentation is
gone. Only a SyntaxError counts: whatever else goes wrong here, the program's own run has told.
"""
import sys

name = sys.argv[1]
with open(name, "rb") as file:
    source = file.read()
try:
    compile(source, name, "exec", dont_inherit=True)
except SyntaxError as error:
    sys.stdout.reconfigure(errors="backslashreplace")
    line, column = max(error.lineno or 0, 0), max(error.offset or 0, 0)
    print(f"{name}:{line}:{column}: {type(error).__name__}: {error.msg}")
    # Without the frames of this file, what is left is what Python prints for its own main file.
    sys.tracebacklimit = 0
    raise
except Exception:
    pass
