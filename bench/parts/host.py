"""Which machine, which build, which versions: what stands above the tables."""
import json
import os
import platform
import subprocess
import time


def _first_line(argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "not there"
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines else "silent"


def _value_of(path, key, separator):
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith(key):
                    return line.split(separator, 1)[1].strip().strip('"')
    except OSError:
        pass
    return "unknown"


def _cgroups():
    with open("/proc/mounts", encoding="utf-8") as mounts:
        kinds = {line.split()[2] for line in mounts}
    if {"cgroup", "cgroup2"} <= kinds:
        return "v1 (hybrid)"
    return "v1" if "cgroup" in kinds else "v2" if "cgroup2" in kinds else "none"


def _file_system(path):
    """Of the longest mount point that the path lies under."""
    best, kind = "", "unknown"
    with open("/proc/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            _, point, this, *_ = line.split()
            inside = str(path) == point or str(path).startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best):
                best, kind = point, this
    return kind


def _build_type(build):
    """meson keeps the options of a build folder as JSON."""
    try:
        with open(build / "meson-info" / "intro-buildoptions.json", encoding="utf-8") as file:
            options = {o["name"]: o["value"] for o in json.load(file)}
    except (OSError, ValueError):
        return "unknown"
    sanitize = options.get("b_sanitize", "none")
    unfit = "" if sanitize in ("none", [], "") else f", with sanitizer {sanitize}: NOT for figures"
    return f"{options.get('buildtype')} (-O{options.get('optimization')}){unfit}"


def facts(build, scratch):
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": f"{os.cpu_count()} × {_value_of('/proc/cpuinfo', 'model name', ':')}",
        "system": f"{_value_of('/etc/os-release', 'PRETTY_NAME=', '=')}, "
                  f"Linux {platform.release()}, {platform.machine()}, cgroups {_cgroups()}",
        "build": _build_type(build),
        "bare files": f"{_file_system(scratch)} (a fresh folder for each run)",
        "versions": "; ".join([_first_line(["gcc", "--version"]),
                               _first_line(["/usr/bin/python3", "--version"]),
                               _first_line(["mono", "--version"]).split(" (")[0]]),
        "load": "load average at the start " + " ".join(f"{x:.2f}" for x in os.getloadavg()),
    }
