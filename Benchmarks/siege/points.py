"""The rows of points 1 to 3: the storm, and what must not be taken for one."""
import time

import sites
from load import Load, after, now
from servers import NEIGHBOUR, Server, Void
from shares import SETTLING, SOURCES, VISITS, known_share, newcomers, phases, rates, share, success, visited


# ---- Point 1: one site under all at once.

def assault(load, contender, rate, onset, seconds, release=None):
    """All that comes at once, by the site's shapes. `release`: for how long its sources ask again afterwards."""
    # Handshakes are what the load tool can make least of. Half of what comes over TLS is a browser, as it seems: three parts
    # in ten of all.
    secure = int(SOURCES * 0.4)
    load.flood("flood over TLS", True, rate=rate * 0.6, sources=secure, start=onset, seconds=seconds, browser_share=0.5,
               release=release)
    # nginx does not speak both versions on one port in clear.
    load.flood("flood in clear", False, rate=rate * 0.4, sources=SOURCES - secure, start=onset, seconds=seconds,
               framed_share=0.0 if contender == "nginx" else 0.5)
    load.slow("slow in clear", False, ["head", "body", "read"], count=300, sources=200, start=onset, seconds=seconds)
    load.slow("slow over TLS", True, ["silent", "record"], count=300, sources=200, start=onset, seconds=seconds)
    load.calls("connections", False, "connect", rate=200, start=onset, seconds=seconds)
    load.control(rate=110, start=onset, seconds=seconds)


def storm(bench, contender, site, times, extra=(), name="storm", brief=None):
    """Visitors in quiet, in the storm and after it, and when its sources are let in again. `brief`: requests a second of
    visitors, the known, and the seconds of each part."""
    visits = VISITS
    known, quiet, storming, later, release = 400, SETTLING, *((7, 3, 30) if bench.quick else (12, 4, 62))
    if brief:
        visits, known, quiet, storming, later, release = brief
    meeting = known * (10 / 3 if site["visited"]["style"] else 4 / 3) / visits + 1
    with Server(bench, contender, site, extra) as server:
        load, rate = Load(bench, server, name), visits * times
        try:
            start = after(1.5, now())
            parts = phases(start, [("meeting", "meeting", meeting), ("quiet", "mixed", quiet), ("storm", "mixed", storming),
                                   ("later", "mixed", later)], visits)
            load.visitors(parts, known=known, unknown=newcomers(parts))
            onset = parts[2]["start"]
            assault(load, contender, rate, onset, storming, release)
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
    for times in (20,) if bench.quick else (20, 50):
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
    yield {"name": "smoke", "holds": None, **storm(bench, "wasstraat", sites.MUNICIPALITY, 20, brief=(50, 40, 4, 4, 1, 20))}


def neighbours(bench):
    """The storm at one organisation's site, and the visitors of another's behind the same lane."""
    visits, storming = VISITS // 2, 7 if bench.quick else 12
    known, meeting = 200, 200 * 10 / 3 / (VISITS // 2) + 1
    with Server(bench, "wasstraat", sites.MUNICIPALITY, neighbour=True) as server:
        load, start = Load(bench, server, "neighbours"), after(1.5, now())
        parts = phases(start, [("meeting", "meeting", meeting), ("quiet", "mixed", SETTLING), ("storm", "mixed", storming),
                               ("later", "mixed", 3)], visits)
        try:
            load.visitors(parts, known=known, unknown=newcomers(parts), host=NEIGHBOUR)
            load.visitors(parts, known=known, unknown=newcomers(parts), name="visitors of the attacked")
            assault(load, "wasstraat", 20 * VISITS, parts[2]["start"], storming)
            time.sleep(max(0, (parts[2]["start"] - now()) / 1e9))
            before = server.cpu_seconds()
            time.sleep(storming)
            cost = (server.cpu_seconds() - before) / storming
            reports = load.gather(60)
        finally:
            load.stop()
    by_name = visited(reports)
    row = {"name": "neighbours of the storm, 20 times", "known_success": success(by_name["storm"], "known"),
           "unknown_success": success(by_name["storm"], "unknown"),
           "p99_ratio": share(by_name["storm"]["p99_ms"] or 0, by_name["quiet"]["p99_ms"]),
           "p99_quiet_ms": by_name["quiet"]["p99_ms"], "p99_storm_ms": by_name["storm"]["p99_ms"],
           "server_cores": round(cost, 2), **rates(reports, storming), "details": reports}
    row["holds"] = None if (row["reached_share"] or 0) < 0.9 else (
        row["known_success"] == 1 and row["unknown_success"] == 1 and row["p99_ratio"] <= 1.2)
    yield row


# ---- Point 2: the limit and the classes alone.

def unscored(bench):
    row = {"name": "storm, without the score", **storm(bench, "wasstraat", sites.MUNICIPALITY, 20, ["        score: false"])}
    row["holds"] = None if (row["reached_share"] or 0) < 0.9 else row["known_success"] >= 0.99
    yield row


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
