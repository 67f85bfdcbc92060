"""The page in a real browser: a person types a program, presses Ctrl+Enter, and reads the answer.

Screenshots go to RETORT_SCREENSHOTS (default: build/screenshots) and are meant to be looked at.
"""
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

import harness  # noqa: E402
from cdp import Browser  # noqa: E402

SHOTS = Path(os.environ.get("RETORT_SCREENSHOTS", harness.REPOSITORY / "build" / "screenshots"))


@pytest.fixture(scope="module")
def retort():
    instance = harness.Instance(langs="c,csharp,python").start()
    yield instance
    instance.stop()
    instance.check_clean()


@pytest.fixture(scope="module")
def browser():
    SHOTS.mkdir(parents=True, exist_ok=True)
    with Browser() as browser:
        yield browser


@pytest.fixture
def page(retort, browser):
    browser.events.clear()
    browser.open(f"{retort.url}/")
    browser.wait("document.querySelectorAll('#language option').length >= 3")
    yield browser
    assert not browser.complaints()


def run(page):
    page.click("#code")
    page.press("Enter", "Control")
    page.wait("!document.querySelector('#status').innerText.match(/Nothing has run|unning/)")
    page.wait("document.querySelector('#cancel').hidden")


def test_the_sum_program_stands_there_and_runs(page):
    assert "sum += i" in page.evaluate("document.querySelector('#code').value")
    page.screenshot(SHOTS / "studio-first.png")
    run(page)
    assert page.text("#stdout") == "Sum: 499500\n"
    assert "Finished" in page.text("#status")
    page.screenshot(SHOTS / "studio-sum.png")


def test_a_typed_program_gets_its_input_and_arguments(page):
    page.choose("#language", "python")
    page.type_over("#code", "import sys\nfor line in sys.stdin:\n    print(line.strip()[::-1], sys.argv[1:])\n")
    page.type_over("#stdin", "troter\n✓ é\n")
    page.type_over("#args", "one 'two three'")
    run(page)
    assert page.text("#stdout") == "retort ['one', 'two three']\né ✓ ['one', 'two three']\n"
    page.screenshot(SHOTS / "studio-typed.png")


def test_diagnostics_stand_at_their_lines(page):
    page.choose("#language", "c")
    page.type_over("#code", "int main(void)\n{\n    return nothing;\n}\n")
    run(page)
    assert "undeclared" in page.text("#diagnostics")
    assert page.evaluate("document.querySelectorAll('#gutter > div')[2].className") == "error"
    assert page.evaluate("document.querySelectorAll('#gutter > div')[0].className") == ""
    page.screenshot(SHOTS / "studio-diagnostics.png")


def test_an_error_of_the_program_is_shown(page):
    page.choose("#language", "python")
    page.type_over("#code", "print('so far')\nraise SystemExit('no good')\n")
    run(page)
    assert page.text("#stdout") == "so far\n" and "no good" in page.text("#stderr")
    assert "rror" in page.text("#status")


def test_output_is_never_markup(page):
    """H30: what a program prints is text, whatever it is."""
    page.choose("#language", "python")
    page.type_over("#code", "print('<img src=x onerror=\"document.title=1\"><script>document.title=2</script>')\n")
    title = page.evaluate("document.title")
    run(page)
    assert page.text("#stdout").startswith("<img src=x")
    assert page.evaluate("document.querySelectorAll('#stdout *').length") == 0
    assert page.evaluate("document.title") == title


def test_cancel_ends_the_run(page, retort):
    page.choose("#language", "python")
    page.type_over("#code", "import time\ntime.sleep(1000)\n")
    page.click("#code")
    page.press("Enter", "Control")
    harness.wait_until(lambda: harness.job_processes(retort), 60, "the program's process")
    page.wait("!document.querySelector('#cancel').hidden")
    page.click("#cancel")
    harness.wait_until(lambda: not harness.job_processes(retort), 10, "the program is dead")


def test_a_narrow_window(page):
    """Everything is reachable on a phone: nothing is wider than the window."""
    page.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
    try:
        page.open(page.evaluate("location.href"))
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.screenshot(SHOTS / "studio-narrow.png")
    finally:
        page.call("Emulation.clearDeviceMetricsOverride")
