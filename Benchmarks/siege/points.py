"""The rows of the siege: each is a function of the bench that gives one row, or several."""
import json
import os
import subprocess
import time

import sites
from load import Load, after, now
from servers import HOST, Server, Void

VISITS = 200  # requests a second of visitors
SETTLING = 16  # seconds of calm after a first visit until Wasstraat takes a source for known, and one more
SOURCES = 10_000


def later(moment):
    """Words before a command that is to begin at a moment."""
    return ["sh", "-c", f'sleep {max(0, (moment - now()) / 1e9):.3f}; exec "$@"', "later"]


def share(part, whole):
    return part / whole if whole else None


def phases(start, lengths, rate=VISITS):
    """Phases one after another: (name, crowd, seconds). Each has newcomers of its own, as many as its clicks take."""
    rows, met = [], 0
    for name, crowd, seconds in lengths:
        row = {"name": name, "crowd": crowd, "rate": rate, "start": start, "seconds": seconds}
        if crowd == "mixed":
            row["newcomers"] = [met, met + int(rate / 4 * seconds) + 20]
            met = row["newcomers"][1]
        rows.append(row)
        start = after(seconds, start)
    return rows


def newcomers(parts):
    return max(row["newcomers"][1] for row in parts if "newcomers" in row)


def success(phase, group):
    return phase[group]["success"]


def known_share(*parts):
    """The share of known visitors' clicks that succeeded, over several phases."""
    clicks = sum(part["known"]["clicks"] for part in parts)
    return share(sum(part["known"]["clicks"] * (part["known"]["success"] or 0) for part in parts), clicks)


def visited(reports):
    return {phase["name"]: phase for phase in reports["visitors"]["phases"]}


def rates(reports, seconds):
    floods = [report for name, report in reports.items() if name.startswith("flood")]
    offered, reached = (sum(report[key] for report in floods) for key in ("offered", "reached"))
    return {"offered_per_second": round(offered / seconds), "reached_per_second": round(reached / seconds),
            "reached_share": share(reached, offered)}


# ---- Point 1: one site under all at once.

def storm(bench, contender, site, times, extra=(), name="storm", brief=None):
    """Visitors in quiet, in the storm and after it, and when its sources are let in again. `brief`: the known, and the
    seconds of each part."""
    known = 400 if bench.quick else 800
    quiet, storming, later, release = (SETTLING, 8, 4, 30) if bench.quick else (SETTLING, 20, 8, 62)
    if brief:
        known, quiet, storming, later, release = brief
    meeting = known * (10 / 3 if site["visited"]["style"] else 4 / 3) / VISITS + 1
    with Server(bench, contender, site, extra) as server:
        load, rate = Load(bench, server, name), VISITS * times
        try:
            start = after(1.5, now())
            parts = phases(start, [("meeting", "meeting", meeting), ("quiet", "mixed", quiet), ("storm", "mixed", storming),
                                   ("later", "mixed", later)])
            load.visitors(parts, known=known, unknown=newcomers(parts))
            onset = parts[2]["start"]
            # Handshakes are what the load tool can make least of. Half of what comes over TLS is a browser, as it seems:
            # three parts in ten of all.
            secure = int(SOURCES * 0.4)
            load.flood("flood over TLS", True, rate=rate * 0.6, sources=secure, start=onset, seconds=storming,
                       browser_share=0.5, release=release)
            # nginx does not speak both versions on one port in clear.
            load.flood("flood in clear", False, rate=rate * 0.4, sources=SOURCES - secure, start=onset, seconds=storming,
                       framed_share=0.0 if contender == "nginx" else 0.5)
            load.slow("slow in clear", False, ["head", "body", "read"], count=300, sources=200, start=onset, seconds=storming)
            load.slow("slow over TLS", True, ["silent", "record"], count=300, sources=200, start=onset, seconds=storming)
            load.calls("connections", False, "connect", rate=200, start=onset, seconds=storming)
            load.control(rate=110, start=onset, seconds=storming)
            time.sleep(max(0, (onset - now()) / 1e9))
            before = server.cpu_seconds()
            time.sleep(storming)
            cost = (server.cpu_seconds() - before) / storming
            reports = load.gather(later + release + 40)
        finally:
            load.stop()
    by_name = visited(reports)
    storm_phase, quiet_phase = by_name["storm"], by_name["quiet"]
    flood = reports["flood over TLS"]
    effects = [report["first_effect_seconds"] for part, report in reports.items()
               if part.startswith("flood") and report.get("first_effect_seconds") is not None]
    row = {
        "known_success": success(storm_phase, "known"), "unknown_success": success(storm_phase, "unknown"),
        "p99_ratio": share(storm_phase["p99_ms"] or 0, quiet_phase["p99_ms"]),
        "first_effect_seconds": min(effects, default=None), "released_seconds": flood.get("released_seconds"),
        "known_failed_last_seconds": storm_phase.get("known_failed_seconds"),
        "p99_quiet_ms": quiet_phase["p99_ms"], "p99_storm_ms": storm_phase["p99_ms"],
        "quiet_success": success(quiet_phase, "known"), "later_success": known_share(by_name["later"]),
        "server_cores": round(cost, 2), **rates(reports, storming),
        "browser_like_served": share(flood["browser_served"], flood["browser_answers"]),
    }
    if "control" in reports:
        statuses = reports["control"]["statuses"]
        row["control_per_second"] = round(sum(statuses.values()) / storming)
        row["control_served"] = share(statuses.get("200", 0), sum(statuses.values()))
    row["details"] = reports
    return row


def judged(row):
    """Point 1's bars; None: void."""
    if (row["reached_share"] or 0) < 0.9:
        return None
    return (row["known_success"] >= 0.999 and row["unknown_success"] >= 0.99 and row["p99_ratio"] <= 2
            and row["first_effect_seconds"] is not None and row["first_effect_seconds"] <= 2
            and row["released_seconds"] is not None and row["released_seconds"] <= 60)


def storm_row(bench, name, site, times, peers=True):
    row = {"name": name, **storm(bench, "wasstraat", site, times, name="wasstraat")}
    row["holds"] = judged(row)
    row["peers"] = {}
    for peer in bench.peers if peers else ():
        bench.say(f"  {name}: {peer}")
        try:
            row["peers"][peer] = storm(bench, peer, site, times, name=peer)
        except Void as reason:
            row["peers"][peer] = {"void": str(reason)}
    return row


def municipality(bench):
    """20 times the visitors, then as much as the load tool holds, to 50 times."""
    for times in (20,) if bench.quick else (20, 35, 50):
        row = storm_row(bench, f"storm, {times} times", sites.MUNICIPALITY, times, peers=times == 20)
        yield row
        if row["holds"] is None:
            break


def kinds(bench):
    for name, site in sites.KINDS.items():
        if bench.quick and name != "json-api":
            continue
        yield storm_row(bench, f"storm, {name}", site, 20, peers=False)


def smoke(bench):
    """Whether the siege itself works: all of its parts for a few seconds, too short to judge by."""
    yield {"name": "smoke", "holds": None, **storm(bench, "wasstraat", sites.MUNICIPALITY, 5, brief=(60, 3, 4, 1, 20))}


# ---- Point 3: crowds are no attack.

def crowd(bench):
    """20 times the visitors, all new, of whom none searches. An origin that can make the pages."""
    base = 50 if bench.quick else VISITS
    seconds, rate = (8 if bench.quick else 15), 20 * base
    with Server(bench, "wasstraat", sites.POPULAR) as server:
        load = Load(bench, server, "crowd")
        start = after(1.5, now())
        parts = phases(start, [("meeting", "meeting", 6)], base)
        parts += phases(after(6, start), [("crowd", "flash", seconds)], rate)
        load.visitors(parts, known=50, unknown=int(rate / 3 * seconds * 1.1) + 100, per_second=rate * 3)
        try:
            reports = load.gather(seconds + 40)
        finally:
            load.stop()
        time.sleep(12)
        attacks = server.incidents()
        refused = server.metric("wasstraat_requests_total", 'decision="refused"')
    phase = visited(reports)["crowd"]
    reached = share(phase["sent"], rate * seconds)
    clicks = phase["unknown"]["clicks"]
    row = {"name": "flash crowd, 20 times", "known_success": None, "unknown_success": success(phase, "unknown"),
           "refused": phase["refused"], "refused_by_the_lane": refused, "attacks": attacks, "clicks": clicks,
           "offered_per_second": rate, "reached_per_second": round(phase["sent"] / seconds), "reached_share": reached,
           "p99_storm_ms": phase["p99_ms"], "details": reports}
    row["holds"] = None if (reached or 0) < 0.9 else phase["refused"] == 0 and attacks == 0 and not refused
    yield row


def shared(bench):
    """10,000 people behind 20 addresses, more than the origin serves: some wait or are refused, no address is proven
    hostile."""
    seconds, people = (10, 10_000) if not bench.quick else (6, 4_000)
    # A filter that only counts, at an interface that leads nowhere: what lanes hand over is what is asked.
    with Server(bench, "wasstraat", sites.MUNICIPALITY, ['filter: {interface: lo, malformed: "off", rules: "off"}']) as server:
        load = Load(bench, server, "shared")
        start = after(1.5, now())
        rate = people * 3 / seconds
        load.visitors(phases(start, [("shared", "flash", seconds)], rate), known=0, unknown=people, shared=20,
                      per_second=int(rate * 2))
        try:
            reports = load.gather(seconds + 40)
        finally:
            load.stop()
        proven = server.metric("wasstraat_filter_sources_total")
    phase = visited(reports)["shared"]
    yield {"name": "10,000 people behind 20 addresses", "known_success": None, "unknown_success": success(phase, "unknown"),
           "clicks": phase["unknown"]["clicks"], "refused": phase["refused"], "proven": proven,
           "holds": None if proven is None else proven == 0, "details": reports}


# ---- Point 4: ever new networks.

def networks(bench):
    """Requests from so many IPv6 networks, each once, and what the lane holds afterwards."""
    count = 50_000 if bench.quick else 1_000_000
    rate, known = 8_000, 400
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

def beside(bench, name, start_load, bar, seconds, site=None, share_bar=None):
    """Visitors beside one kind of load: their success, and the share of the core that it costs."""
    with Server(bench, "wasstraat", site or sites.MUNICIPALITY) as server:
        load = Load(bench, server, name.replace(" ", "-"))
        start, known = after(1.5, now()), 200
        meeting = known * 10 / 3 / VISITS + 1
        parts = phases(start, [("meeting", "meeting", meeting), ("quiet", "mixed", SETTLING), ("beside", "mixed", seconds)])
        load.visitors(parts, known=known, unknown=newcomers(parts))
        try:
            onset = parts[2]["start"]
            extra = start_load(server, load, onset, seconds)
            time.sleep(max(0, (parts[1]["start"] - now()) / 1e9))
            first = server.cpu_seconds()
            time.sleep(SETTLING)
            second = server.cpu_seconds()
            time.sleep(seconds / 2)
            open_now = server.metric("wasstraat_connections")
            time.sleep(seconds / 2)
            third = server.cpu_seconds()
            reports = load.gather(seconds + 60)
        finally:
            load.stop()
        result = extra() if extra else {}
    quiet, phase = (visited(reports)[part] for part in ("quiet", "beside"))
    cost = (third - second) / seconds - (second - first) / SETTLING
    row = {"name": name, "known_success": success(phase, "known"), "unknown_success": success(phase, "unknown"),
           "p99_ratio": share(phase["p99_ms"] or 0, quiet["p99_ms"]), "added_core_share": round(cost, 3),
           "connections_open": open_now, **result,
           "details": reports}
    for part in ("calls",):
        if part in reports:
            report = reports[part]
            row |= {"offered_per_second": round(report["offered"] / seconds),
                    "reached_per_second": round(report["reached"] / seconds),
                    "reached_share": share(report["reached"], report["offered"])}
    served = row["known_success"] if bar < 1 else min(row["known_success"], row["unknown_success"] or 0)
    row["holds"] = served >= bar and (share_bar is None or cost <= share_bar)
    if (row.get("reached_share") or 1) < 0.9:
        row["holds"] = None
    return row


def slow(bench):
    modes = {"slow heads": ["-H", "-i", "5"], "slow bodies": ["-B", "-i", "5", "-s", "100000"],
             "range": ["-R"], "slow reading": ["-X", "-k", "3"]}
    seconds = 8 if bench.quick else 15
    count = 1_000 if bench.quick else 4_000
    for name, words in list(modes.items())[:1 if bench.quick else 4]:
        def start_load(server, load, onset, seconds, words=words):
            process = subprocess.Popen(
                later(onset) + bench.pinned(bench.load_core, "slowhttptest", "-c", count, "-r", "1000", "-l", int(seconds), "-v", "0",
                             "-u", f"http://{HOST}:{server.clear}/zoeken?q=x", *words),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

            def finish():
                process.terminate()
                process.wait()
                return {"connections": count}
            return finish
        yield beside(bench, f"slowhttptest, {name}", start_load, 1.0, seconds)


def handshakes(bench):
    seconds = 6 if bench.quick else 12

    def call(kind, rate, concurrent=1_000):
        def start_load(server, load, onset, seconds):
            load.calls("calls", True, kind, rate=rate, start=onset, seconds=seconds, concurrent=concurrent, sources=2_000)
        return start_load
    yield beside(bench, "10,000 ClientHellos a second", call("hello", 10_000, 1_900), 0.995, seconds)
    if bench.quick:
        return
    yield beside(bench, "10,000 connections a second", call("connect", 10_000), 0.995, seconds)
    capacity = handshake_capacity(bench)
    row = beside(bench, "handshakes, half of what is possible", call("handshake", capacity / 2), 0.995, seconds)
    row["handshakes_per_second"] = round(capacity)
    yield row


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
    site = dict(sites.MUNICIPALITY)
    site["origin"] = {**site["origin"], "answers": site["origin"]["answers"] + [
        sites.answer("/fixed/5", "vast", 1, "text/plain", 5), sites.answer("/fixed*", "vast", 1, "text/plain", 5_000)]}
    seconds = 5
    for kind in FRAMES[:1] if bench.quick else FRAMES:
        def start_load(server, load, onset, seconds, kind=kind):
            lane = next((pid for pid in server.pids() if "gatew" in open(f"/proc/{pid}/comm").read()), server.pids()[0])
            process = subprocess.Popen(
                later(onset) + bench.pinned(bench.load_core, "/usr/bin/python3", f"{folder}/floods.py", server.clear, lane, kind, seconds),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)

            def finish():
                said, errors = process.communicate(timeout=30)
                try:
                    flood = json.loads(said.splitlines()[-1])
                except (IndexError, ValueError):
                    raise Void(f"the flood of frames said nothing: {errors[-300:]}") from None
                return {"flood_bytes": flood["bytes"], "flood_connections": flood["connections"]}
            return finish
        yield beside(bench, f"frames, {kind}", start_load, 1.0, seconds, site, share_bar=0.2)


POINTS = {"municipality": municipality, "kinds": kinds, "crowd": crowd, "shared": shared, "networks": networks,
          "admission": admission,
          "slow": slow, "handshakes": handshakes, "frames": frames}
TRIALS = {"smoke": smoke}
