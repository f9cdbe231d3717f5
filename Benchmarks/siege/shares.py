"""What the rows of the siege share: phases of visitors, and what is read from reports."""
from load import after, now

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
