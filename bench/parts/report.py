"""Tables, as they stand in docs/performance.md, and everything as JSON."""
from dataclasses import asdict
from statistics import median

MEMORY_MARK_KIB = 30 * 1024
NOISE_MOST = 0.1


def _table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "| " + " | ".join("---:" for _ in heads) + " |"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def ratios(row):
    """Of each round: the two windows that stood side by side."""
    return [ours / bare for ours, bare in zip(row.ours.rates, row.bare.rates)]


def _spread(values, digits):
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}..{max(values):.{digits}f})"


def header(facts, rounds):
    lines = [f"Measured {facts['date']} with `bench/run`, {rounds} "
             f"round{'s' if rounds != 1 else ''}."]
    lines += [f"- {key}: {facts[key]}"
              for key in ("cpu", "system", "versions", "build", "bare files", "load")]
    return "\n".join(lines) + "\n"


def _speed(result):
    mark = result.workload.mark
    rows = []
    for row in result.rows:
        value = median(ratios(row))
        verdict = "-" if mark is None else f"{mark} {'met' if value >= mark else 'MISSED'}"
        times = [f"{_quantile(side.seconds, q) * 1000:.1f}"
                 for side in (row.ours, row.bare) for q in (0.5, 0.99)]
        rows.append([str(row.clients), f"{median(row.ours.rates):.1f}",
                     f"{median(row.bare.rates):.1f}", _spread(ratios(row), 2), verdict, *times])
    return _table(["clients", "retort runs/s", "bare runs/s", "ratio", "mark", "retort p50 ms",
                   "p99", "bare p50 ms", "p99"], rows)


def _cost(result):
    rows = []
    for row in result.rows:
        ours, bare = row.ours, row.bare

        def each(seconds, side=ours):
            return f"{seconds * 1000 / side.count:.2f}"
        used = ours.used
        rows.append([str(row.clients), each(used.server), each(used.spawner),
                     each(used.sandboxes), each(used.strays), each(used.ours),
                     each(used.machine - used.client), each(used.client),
                     each(bare.used.bare, bare),
                     each(bare.used.machine - bare.used.client, bare),
                     each(bare.used.client, bare),
                     f"{(used.ours / ours.count) / (bare.used.bare / bare.count):.2f}"])
    return _table(["clients", "server", "spawner", "sandboxes", "outside cgroup", "**ours**",
                   "machine", "client", "**bare**", "machine", "client", "ours / bare"], rows)


def _parts(result):
    rows = []
    for row in result.rows:
        def middle(side, key):
            return median(d[key] for d in side.details)
        rest = median(s * 1000 - d["queue"] - d["compile"] - d["run"]
                      for s, d in zip(row.ours.seconds, row.ours.details))
        rows.append([str(row.clients)] +
                    [f"{middle(row.ours, key):.1f}" for key in ("queue", "compile", "run")] +
                    [f"{rest:.1f}"] +
                    [f"{middle(row.bare, key):.1f}" for key in ("compile", "run")])
    return _table(["clients", "queue", "compile", "run", "rest", "bare compile", "bare run"], rows)


def foreign_share(results):
    """Of the host's busy time while the bare side ran: what neither it nor the client used."""
    sides = [row.bare for result in results for row in result.rows]
    machine = sum(s.used.machine for s in sides)
    known = sum(s.used.bare + s.used.client for s in sides)
    return max(0.0, 1 - known / machine) if machine else 0.0


def _noise(results):
    share = foreign_share(results)
    text = f"Other programs' share of the host's busy time in the bare windows: {share:.0%}."
    return text if share < NOISE_MOST else f"{text} **Not quiet: no figures to quote.**"


def _workload(result):
    counts = sum(r.ours.count for r in result.rows), sum(r.bare.count for r in result.rows)
    return "\n\n".join([
        f"### {result.workload.name}: {result.workload.title}",
        _speed(result),
        "CPU ms a run:", _cost(result),
        "Where a run's time goes, median ms:", _parts(result),
        f"{counts[0]} runs by retort, {counts[1]} bare."])


def _memory(memory):
    rows = [[name, f"{m.server_rss / 1024:.1f}", f"{m.spawner_rss / 1024:.1f}",
             f"{m.rss / 1024:.1f}", f"{m.server_pss / 1024:.1f}", f"{m.spawner_pss / 1024:.1f}",
             f"{m.pss / 1024:.1f}", str(m.ready)]
            for name, m in (("idle", memory), ("after the load", memory.after)) if m]
    verdict = "met" if memory.rss < MEMORY_MARK_KIB else "MISSED"
    return "\n\n".join([
        "### Memory of server and spawner, MiB",
        _table(["when", "server RSS", "spawner RSS", "RSS together", "server PSS", "spawner PSS",
                "PSS together", "READY sandboxes"], rows),
        f"Mark: under 30 MiB resident together when idle: {verdict}."])


def everything(results, memory):
    return "\n\n".join([_workload(r) for r in results] + ([_memory(memory)] if memory else []) +
                       [_noise(results)])


def as_json(facts, results, memory):
    def side(s):
        return {"rates": s.rates, "count": s.count, "seconds": s.seconds, "details": s.details,
                "cpu_seconds": asdict(s.used)}
    return {
        "host": facts,
        "foreign_share": foreign_share(results),
        "memory_kib": asdict(memory) if memory else None,
        "workloads": [{
            "name": r.workload.name, "mark": r.workload.mark,
            "rows": [{"clients": row.clients, "ratios": ratios(row), "retort": side(row.ours),
                      "bare": side(row.bare)} for row in r.rows]} for r in results]}
