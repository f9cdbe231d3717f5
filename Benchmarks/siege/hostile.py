"""The rows of points 4 and 6: ever new sources, slow clients, handshakes, frames."""
import json
import os
import subprocess
import sys
import time

import sites
from load import Load, after, now
from servers import HOST, Server, Void
from shares import SETTLING, VISITS, known_share, later, newcomers, phases, share, success, visited


# ---- Point 4: ever new networks.

def networks(bench):
    """Requests from so many IPv6 networks, each once, and what the lane holds afterwards."""
    count = 50_000 if bench.quick else 1_000_000
    rate, known = 9_000, 400
    seconds = count / (rate * 0.8)
    with Server(bench, "wasstraat", sites.MUNICIPALITY) as server:
        load, start = Load(bench, server, "networks"), after(1.5, now())
        meeting = known * 10 / 3 / VISITS + 1
        parts = phases(start, [("meeting", "meeting", meeting), ("quiet", "mixed", SETTLING), ("among", "mixed", seconds),
                               ("again", "mixed", 8)], 100)
        parts[0]["rate"] = VISITS
        load.visitors(parts, known=known, unknown=newcomers(parts), seconds=int(seconds) + 120)
        try:
            onset = parts[2]["start"]
            load.calls("calls", False, "ask", rate=rate, start=onset, seconds=seconds + 8, count=count,
                       target=f"[fd99::1]:{server.clear}", path="/zoeken?q=net")
            time.sleep(max(0, (onset - now()) / 1e9 - 0.2))
            before = server.resident()
            time.sleep(max(0, (parts[3]["start"] - now()) / 1e9))
            grown = server.resident() - before
            reports = load.gather(60)
        finally:
            load.stop()
    calls, by_name = reports["calls"], visited(reports)
    served = known_share(by_name["among"], by_name["again"])
    yield {"name": f"{count:,} IPv6 networks", "known_success": served, "unknown_success": None, "grown_bytes": grown,
           "offered_per_second": rate, "reached_share": share(calls["reached"], count),
           "asked": calls["offered"] - calls["behind"], "answered": calls["done"], "details": reports,
           "holds": None if calls["reached"] < 0.9 * count else grown <= 64 << 20 and served >= 0.999}


def admission(bench):
    """The same through admission alone, in one process and in time that is made up."""
    count = 1_000_000 if bench.quick else 10_000_000
    done = subprocess.run(bench.pinned(bench.load_core, bench.load_program), capture_output=True, text=True, timeout=300,
                          input=json.dumps({"kind": "admission", "target": "", "count": count}))
    if done.returncode:
        raise Void(done.stderr.strip())
    report = json.loads(done.stdout)
    served = share(report["known_served"], report["known_clicks"])
    yield {"name": f"{count:,} sources, in process", "known_success": served, "unknown_success": None,
           "grown_bytes": report["grown_bytes"], "nanoseconds_each": round(report["nanoseconds_each"]), "details": report,
           "holds": served >= 0.999 and report["grown_bytes"] <= 64 << 20
           and report["known_left"] == report["known_before"] >= 400}


# ---- Point 6: slow clients, handshakes, frames.

def beside(bench, items, bar, seconds, site=None, share_bar=None, settling=3):
    """Visitors beside one kind of load after another, at one server: their success, and what each costs of the core. An item
    is a name and a function that starts its load, and may give one that tells of its end."""
    with Server(bench, "wasstraat", site or sites.MUNICIPALITY) as server:
        load = Load(bench, server, "beside")
        start, known, rest = after(1.5, now()), 200, 1.5
        lengths = [("meeting", "meeting", known * 10 / 3 / VISITS + 1), ("quiet", "mixed", settling)]
        for name, _ in items:
            lengths += [(name, "mixed", seconds), (f"after {name}", "mixed", rest)]
        parts = phases(start, lengths)
        load.visitors(parts, known=known, unknown=newcomers(parts), seconds=int(sum(length for *_, length in lengths)) + 60)
        costs, opened, ends = {}, {}, {}
        try:
            for (name, start_load), part in zip(items, parts[2::2]):
                ends[name] = start_load(server, load, name, part["start"])
            for part in parts[1:]:
                time.sleep(max(0, (part["start"] - now()) / 1e9))
                before = server.cpu_seconds()
                time.sleep(part["seconds"] * 0.6)
                opened[part["name"]] = server.metric("wasstraat_connections")
                time.sleep(max(0, (after(part["seconds"], part["start"]) - now()) / 1e9))
                costs[part["name"]] = (server.cpu_seconds() - before) / part["seconds"]
            reports = load.gather(60)
        finally:
            load.stop()
        by_name, quiet = visited(reports), visited(reports)["quiet"]
        for name, _ in items:
            result, phase = ends[name]() if ends[name] else {}, by_name[name]
            cost = costs[name] - costs["quiet"]
            row = {"name": name, "known_success": success(phase, "known"), "unknown_success": success(phase, "unknown"),
                   "p99_ratio": share(phase["p99_ms"] or 0, quiet["p99_ms"]), "added_core_share": round(cost, 3),
                   "connections_open": opened[name], **result, "details": {"phase": phase, "load": reports.get(name)}}
            if name in reports:
                report = reports[name]
                row |= {"offered_per_second": round(report["offered"] / seconds),
                        "reached_per_second": round(report["reached"] / seconds),
                        "reached_share": share(report["reached"], report["offered"])}
            served = row["known_success"] if bar < 1 else min(row["known_success"], row["unknown_success"])
            row["holds"] = served >= bar and (share_bar is None or cost <= share_bar)
            if (row.get("reached_share") or 1) < 0.9:
                row["holds"] = None
            yield row


def slow(bench):
    modes = {"slow heads": ["-H", "-i", "5"], "slow bodies": ["-B", "-i", "5", "-s", "100000"],
             "range": ["-R"], "slow reading": ["-X", "-k", "3"]}
    seconds, count = (5, 1_000) if bench.quick else (10, 4_000)

    def item(words):
        def start_load(server, load, name, onset):
            process = subprocess.Popen(
                later(onset) + bench.pinned(bench.load_core, "slowhttptest", "-c", count, "-r", "1000", "-l", seconds, "-v",
                                            "0", "-u", f"http://{HOST}:{server.clear}/zoeken?q=x", *words),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

            def finish():
                process.terminate()
                process.wait()
                return {"connections": count}
            return finish
        return start_load
    yield from beside(bench, [(f"slowhttptest, {mode}", item(words)) for mode, words in modes.items()], 1.0, seconds)


def handshakes(bench):
    seconds, capacity = 5 if bench.quick else 8, handshake_capacity(bench)

    def call(kind, rate, concurrent=1_900):
        def start_load(server, load, name, onset):
            load.calls(name, True, kind, rate=rate, start=onset, seconds=seconds, concurrent=concurrent, sources=2_000)
        return start_load
    items = [("10,000 connections a second", call("connect", 10_000)),
             ("10,000 ClientHellos a second", call("hello", 10_000)),
             (f"{capacity / 2:.0f} handshakes a second", call("handshake", capacity / 2))]
    for row in beside(bench, items, 0.995, seconds, settling=SETTLING):
        yield {**row, "handshakes_of_a_core": round(capacity)}


def handshake_capacity(bench):
    """Handshakes a second of processor time: what one core of the server could make, were nothing else to do."""
    with Server(bench, "wasstraat", sites.MUNICIPALITY) as server:
        load = Load(bench, server, "capacity")
        before = server.cpu_seconds()
        load.calls("calls", True, "handshake", rate=1_500, start=after(0.5, now()), seconds=4, sources=2_000)
        try:
            calls = load.gather(40)["calls"]
        finally:
            load.stop()
        cost = server.cpu_seconds() - before
    if calls["done"] < 500:
        raise Void(f"only {calls['done']} handshakes came about")
    return calls["done"] / cost


FRAMES = ("reset", "reset, with ever new connections", "ping", "settings", "priority", "window update", "empty data",
          "continuation", "bomb")


def frames(bench):
    """The floods of the gateway's tests, frame by frame, beside visitors."""
    folder = os.path.join(bench.repository, "Tests/GatewayTests/Peers")
    # The one in PATH, or the system's own, for which distributions have packages.
    python = next((path for path in (sys.executable, "/usr/bin/python3")
                   if subprocess.run([path, "-c", "import hpack"], capture_output=True).returncode == 0), None)
    if python is None:
        raise Void("the Python library hpack is missing (python3-h2)")
    site = dict(sites.MUNICIPALITY)
    site["origin"] = {**site["origin"], "answers": site["origin"]["answers"] + [
        sites.answer("/fixed/5", "vast", 1, "text/plain", 5), sites.answer("/fixed*", "vast", 1, "text/plain", 5_000)]}
    seconds = 4

    def item(kind):
        def start_load(server, load, name, onset):
            process = subprocess.Popen(
                later(onset) + bench.pinned(bench.load_core, python, f"{folder}/floods.py", server.clear,
                                            server.lane(), kind, seconds),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)

            def finish():
                said, errors = process.communicate(timeout=30)
                try:
                    flood = json.loads(said.splitlines()[-1])
                except (IndexError, ValueError):
                    raise Void(f"the flood of frames said nothing: {errors[-300:]}") from None
                return {"flood_bytes": flood["bytes"], "flood_connections": flood["connections"]}
            return finish
        return start_load
    kinds = FRAMES[:3] if bench.quick else FRAMES
    yield from beside(bench, [(f"frames, {kind}", item(kind)) for kind in kinds], 1.0, seconds, site, share_bar=0.2)
