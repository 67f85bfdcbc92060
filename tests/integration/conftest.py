"""The harness of the integration tests: they drive the real binary from outside.

    retort          one server for the whole session (an Instance)
    studio          the same, by another name: .host .port .url
    serve(**o)      starts a private Instance with options, environment or languages of its own
    client          an httpx.Client of the session's server

The environment says what is tested: RETORT_BUILD (folder with the binary; default build),
RETORT_TOOLCHAINS (what languages/*/prepare.sh made; default build/toolchains).
With CI=true a skipped test is a failure.
"""
import os

import pytest

import harness


@pytest.fixture(scope="session")
def host_before():
    """What the host looks like before the first server; compared at the end of the session."""
    if os.geteuid() != 0:
        pytest.exit("the integration tests make sandboxes with limits, which needs root: sudo make test", 1)
    return harness.host_state()


@pytest.fixture(scope="session")
def retort(host_before):
    instance = harness.Instance()
    instance.start()
    yield instance
    instance.stop()
    instance.check_clean()


@pytest.fixture(scope="session")
def studio(retort):
    return retort


@pytest.fixture
def client(retort):
    with retort.client() as client:
        yield client


@pytest.fixture
def serve(host_before):
    """serve(env={...}, languages=PATH, queue_wait=…) → a started Instance, ended after the test."""
    started = []

    def start(**options):
        instance = harness.Instance(**options)
        started.append(instance)
        instance.start()
        return instance

    yield start
    for instance in started:
        instance.stop()
    for instance in started:
        instance.check_clean()


@pytest.fixture(scope="session", autouse=True)
def nothing_left(host_before):
    """At the end of the session the host is as it was: no cgroup, no mount, no process of ours."""
    yield
    left = harness.host_difference(host_before, harness.host_state())
    assert not left, "left behind on the host: " + "; ".join(left)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure here: {report.longrepr}"
