"""tools/test-counts.py: what `make test` believes about a phase."""
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "tools/test-counts.py"
JUNIT = """<testsuites><testsuite>
<testcase classname="a" name="one"/>
<testcase classname="a" name="two"><failure/></testcase>
<testcase classname="a" name="three"><skipped/></testcase>
<testcase classname="a" name="four"><error/></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize("code, report, counts, failures", [
    (0, None, "1 0 0", []),
    (3, None, "0 1 0", ["ended with exit code 3"]),
    (77, None, "0 0 1", []),
    (1, JUNIT, "1 2 1", ["a two", "a four"]),
    (0, '<testsuite><testcase name="x"/></testsuite>', "1 0 0", []),
    (2, '<testsuite><testcase name="x"/></testsuite>', "1 1 0", ["ended with exit code 2"]),
])
def test_counts(tmp_path, code, report, counts, failures):
    path = tmp_path / "report.xml"
    if report is not None:
        path.write_text(report)
    done = subprocess.run([sys.executable, SCRIPT, str(code), tmp_path / "failures", path],
                          capture_output=True, text=True, check=True)
    assert done.stdout.strip() == counts
    assert (tmp_path / "failures").read_text().split("\n")[:-1] == failures
