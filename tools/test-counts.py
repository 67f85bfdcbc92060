#!/usr/bin/env python3
"""Counts what one phase of tools/test.sh proved: test-counts.py EXIT_CODE FAILURES REPORT.xml…

Prints "passed failed skipped" and writes the name of each failure to the file FAILURES. A phase
without a JUnit report counts as one test; a phase that failed although no test did (it crashed, or
could not begin) counts as one failure more; exit code 77 means skipped.
"""
import os
import sys
import xml.etree.ElementTree as ElementTree


def main():
    code, failures_path, reports = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    passed = skipped = 0
    failures = []
    reports = [path for path in reports if os.path.isfile(path)]
    for path in reports:
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            name = f"{case.get('classname', '')} {case.get('name', '')}".strip()
            if case.find("failure") is not None or case.find("error") is not None:
                failures.append(name)
            elif case.find("skipped") is not None:
                skipped += 1
            else:
                passed += 1
    if code == 77:
        skipped += 1
    elif code != 0 and not failures:
        failures.append(f"ended with exit code {code}")
    elif not reports and code == 0:
        passed += 1
    with open(failures_path, "w", encoding="utf-8") as out:
        out.writelines(name + "\n" for name in failures)
    print(passed, len(failures), skipped)


main()
