"""Lays siege to Wasstraat on this machine, and to nginx and haproxy beside it.

usage: python3 Benchmarks/siege [--bin FOLDER] [--quick yes|no] [--only NAME,...] [--peers nginx,haproxy] [--result FILE]
       python3 Benchmarks/siege --prepare        makes the Python environment of the control (curl_cffi), which needs PyPI

Runs as root in a network and mount namespace of its own (`make siege` sees to that) and refuses to run in another: the
load cannot leave it. The server is kept on the first core that this process may use, load and origin on the second.
Documentation/method.md says what the rows mean. Exit status: 0 all rows hold, 1 one falls short or is void, 2 wrong use.
"""
import argparse
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # the folder of the sources stays as it is
import hostile
import points
from servers import FRAMED_HOST, HOME, HOST, NEIGHBOUR, Certificates, Void, cores

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
ENVIRONMENT = os.path.join(REPOSITORY, ".build", "siege-control")
CONTROL = os.path.join(ENVIRONMENT, "bin", "python")
CONTROL_PACKAGE = "curl_cffi==0.17.0"
SHOWN = 34


class Bench:
    def __init__(self, options, folder):
        self.folder, self.binaries, self.quick = folder, os.path.abspath(options.bin), options.quick == "yes"
        self.load_program = os.path.join(self.binaries, "siege-load")
        self.server_core, self.load_core = cores()
        self.peers = [] if self.quick else [peer for peer in options.peers.split(",") if peer]
        self.repository, self.browsers, self.seed = REPOSITORY, os.path.join(HERE, "browsers.json"), 2024
        self.control = CONTROL if os.path.exists(CONTROL) else None
        self.certificates = Certificates(folder)
        self.open_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.open_files, self.open_files))

    @staticmethod
    def pinned(core, *command):
        return ["taskset", "-c", str(core), *map(str, command)]

    def beside_flood(self, *command):
        """On the load's core, and before the flood: what an origin can take, and what a visitor waits for, must not depend on
        how busy the load tool is beside them."""
        return ["chrt", "-f", "5", *self.pinned(self.load_core, *command)]

    def keep(self, name, value):
        path = os.path.join(self.folder, name.replace(" ", "-").replace("/", "-"))
        with open(path, "w") as file:
            json.dump(value, file)
        return path

    @staticmethod
    def say(text):
        print(text, flush=True)


def prepare():
    """curl_cffi in an environment of its own, for the control; what is there is left."""
    if os.path.exists(CONTROL):
        return
    print(f"siege: making a Python environment with {CONTROL_PACKAGE} (the control) in .build/siege-control")
    done = subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT]).returncode == 0
    done = done and subprocess.run([CONTROL, "-m", "pip", "install", "-q", CONTROL_PACKAGE]).returncode == 0
    if not done:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        print("siege: curl_cffi cannot be installed here; the siege goes on without its control")


def own(kind):
    """Whether the namespace is not the machine's; where process 1 lets nobody look, the kernel's own threads do."""
    for first in ("1", "2"):
        try:
            return os.readlink(f"/proc/self/ns/{kind}") != os.readlink(f"/proc/{first}/ns/{kind}")
        except OSError:
            continue
    return False


def enter(folder):
    """Makes the namespace's own network, names and kernel folder; throws in the machine's own."""
    if not (own("net") and own("mnt")):
        sys.exit("siege: start it as `make siege` does (unshare -n -m): load stays in a namespace of its own")
    hosts = os.path.join(folder, "hosts")
    with open(hosts, "w") as file:
        file.write(f"{HOME} localhost {HOST} {FRAMED_HOST} {NEIGHBOUR}\n::1 localhost\n")
    for command in ("mount --make-rprivate /", f"mount --bind {hosts} /etc/hosts", "mount -t bpf bpf /sys/fs/bpf",
                    "ip link set lo up", "ip -6 route add local fd99::/16 dev lo"):
        done = subprocess.run(command.split(), capture_output=True, text=True)
        if done.returncode and "bpf" not in command:
            sys.exit(f"siege: {command}: {done.stderr.strip()}")
    settings = {"net/ipv6/ip_nonlocal_bind": "1", "net/ipv4/tcp_max_tw_buckets": "300000", "net/core/somaxconn": "8192",
                "net/ipv4/tcp_max_syn_backlog": "8192"}
    for name, value in settings.items():
        try:
            with open(f"/proc/sys/{name}", "w") as file:
                file.write(value)
        except OSError as error:
            print(f"siege: {name} stays as it is: {error}")


# ---- What is shown.

def figure(value, form="{:.1f}"):
    return "-" if value is None else form.format(value)


def percent(value):
    return "-" if value is None else f"{int(value * 10_000) / 100:.2f} %"


HEADINGS = (f"{'':{SHOWN}}{'known':>10}{'first-time':>12}{'p99 ratio':>10}{'effect s':>9}{'released':>9}{'load/s':>8}"
            f"{'reached':>9}")


def line(name, row, verdict):
    if "void" in row:
        return f"{name:{SHOWN}}  void: {row['void'][:120]}"
    return (f"{name:{SHOWN}}{percent(row.get('known_success')):>10}{percent(row.get('unknown_success')):>12}"
            f"{figure(row.get('p99_ratio')):>10}{figure(row.get('first_effect_seconds'), '{:.2f}'):>9}"
            f"{figure(row.get('released_seconds')):>9}{figure(row.get('offered_per_second'), '{:.0f}'):>8}"
            f"{percent(row.get('reached_share')):>9}  {verdict}")


def notes(row):
    known = ("control_per_second", "control_served", "browser_like_served", "server_cores", "added_core_share", "refused",
             "attacks", "proven", "grown_bytes", "nanoseconds_each", "asked", "answered", "clicks", "connections",
             "connections_open", "flood_connections", "handshakes_of_a_core")
    said = [f"{name} {round(row[name], 3)}" for name in known if row.get(name) is not None]
    return f"{'':4}{', '.join(said)}" if said else ""


def show(row):
    verdict = {True: "holds", False: "FALLS SHORT", None: "void"}[row["holds"]]
    print(line(row["name"], row, verdict if "void" not in row else ""), flush=True)
    if text := notes(row):
        print(text)
    for peer, figures in row.get("peers", {}).items():
        print(line(f"    {peer}", figures, ""), flush=True)


def machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*:\s*(.+)", file.read())
    return {"processor": model.group(1).strip() if model else "?", "cores": os.cpu_count(),
            "kernel": os.uname().release, "load_average": os.getloadavg()[0]}


POINTS = {"municipality": points.municipality, "kinds": points.kinds, "neighbours": points.neighbours,
          "unscored": points.unscored, "crowd": points.crowd, "shared": points.shared, "networks": hostile.networks,
          "admission": hostile.admission, "slow": hostile.slow, "handshakes": hostile.handshakes, "frames": hostile.frames}
TRIALS = {"smoke": points.smoke}
FIELDS = ("known_success", "unknown_success", "p99_ratio", "first_effect_seconds", "released_seconds")


def main():
    parser = argparse.ArgumentParser(prog="siege")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--bin", default=os.path.join(REPOSITORY, ".build/release"))
    parser.add_argument("--quick", choices=("yes", "no"), default="no")
    parser.add_argument("--only", default="")
    parser.add_argument("--peers", default="nginx,haproxy")
    parser.add_argument("--result")
    options = parser.parse_args()
    if options.prepare:
        return prepare()
    names = [name for name in options.only.split(",") if name] or list(POINTS)
    if unknown := [name for name in names if name not in {**POINTS, **TRIALS}]:
        parser.error(f"no such point: {', '.join(unknown)}; there are {', '.join(POINTS)}")
    if os.getuid() != 0:
        parser.error("the siege makes a network of its own: run it as root")
    began, rows = time.monotonic(), []
    # An end that is asked for is an end in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="wasstraat-siege-") as folder:
        enter(folder)
        bench = Bench(options, folder)
        about = machine()
        print(f"{about['processor']}, {about['cores']} cores, Linux {about['kernel']}, load {about['load_average']:.1f}; "
              f"server on core {bench.server_core}, load and origin on core {bench.load_core}; "
              f"control: {CONTROL_PACKAGE if bench.control else 'none'}\n\n{HEADINGS}", flush=True)
        for name in names:
            made = {**POINTS, **TRIALS}[name](bench)
            while True:
                try:
                    row = next(made, None)
                except Void as reason:
                    row = {"name": name, "void": str(reason), "holds": None}
                    made = iter(())
                if row is None:
                    break
                for field in FIELDS:
                    row.setdefault(field, None)
                row.setdefault("peers", {})
                rows.append(row)
                show(row)
    print(f"\n{sum(row['holds'] is True for row in rows)} of {len(rows)} rows hold; {time.monotonic() - began:.0f} s.")
    if options.result:
        with open(options.result, "w") as file:
            json.dump({"machine": about, "quick": options.quick == "yes", "rows": rows}, file, indent=2)
            file.write("\n")
    return 0 if rows and all(row["holds"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
