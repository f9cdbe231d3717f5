#!/usr/bin/env python3
"""Measures how fast Wasstraat reads captures and flow exports, beside the programs that people use for it now.

usage: Benchmarks/dissect-bench.py [--bin FOLDER] [--rounds 3] [--megabytes 200] [--records 3000000]
                                   [--contenders wasstraat,tcpdump,nfpcapd,nfcapd,sfcapd,fastnetmon] [--rows NAME,...]
                                   [--result FILE] | --self-test

What is measured is processor time (user and system) of the program and its children, and its largest resident memory.
Each program has the first core that this process may use, whoever sends to it the second; rounds are interleaved, a
figure is the median of its rounds. Collectors get the same socket buffer (as root: net.core.rmem_default is raised to
rmem_max for the time of the measurement); a record counts when its datagram was not dropped by the socket. Programs
that are not there are listed as missing. All datagrams stay on 127.0.0.1, all files in a temporary folder.

Rows, each {name, rate_per_cpu_second, peak_rss_bytes, peers {name: rate}}: packets (short ones, with a flood from a million
sources), long packets, netflow v9, ipfix, netflow v5, sflow (of collectors also lost_share); start, on a capture of one
packet (runs per processor second, and milliseconds of wall time by program).
tcpdump only copies the bytes of each packet: it is the floor, not a peer in what it does.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CORES = (sorted(os.sched_getaffinity(0)) * 2)[:2]
TICK = os.sysconf("SC_CLK_TCK")
KINDS = {"netflow v9": "v9", "ipfix": "ipfix", "netflow v5": "v5", "sflow": "sflow"}
# Most packets for the bytes, a flood from a million sources among them; and packets as long as they come.
CAPTURES = {
    "packets": ("--small", "yes", "--attack", "syn", "--sources", 1_000_000), "long packets": (),
}
ROWS = [*CAPTURES, *KINDS, "start"]
READERS, COLLECTORS = ["wasstraat", "tcpdump", "nfpcapd"], ["wasstraat", "nfcapd", "sfcapd", "fastnetmon"]
RATE = 600_000  # records a second that are sent: less than any of the programs can take
SFLOW_RATE = 300_000
START_LIMIT, STOP_LIMIT, READ_LIMIT = 15, 15, 600  # seconds


class Void(Exception):
    """A measurement that says nothing, with the reason."""


def find(name, folder):
    if name == "wasstraat":
        path = os.path.join(folder, "wasstraat")
        return path if os.access(path, os.X_OK) else None
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def pinned(core, *command):
    return ["taskset", "-c", str(core), *map(str, command)]


# ---- Captures.

def run(command, log):
    """CPU seconds, peak resident bytes and wall seconds of a command that must succeed."""
    began = time.monotonic()
    child = subprocess.Popen(pinned(CORES[0], *command), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    deadline = began + READ_LIMIT
    while True:
        # With WNOHANG and a short sleep the wall time would be rounded; a child that hangs is ended by the alarm.
        signal.alarm(max(1, int(deadline - time.monotonic())))
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except TimeoutError:
            child.kill()
            raise Void(f"{command[0]} took longer than {READ_LIMIT} s") from None
        finally:
            signal.alarm(0)
        break
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Void(f"{os.path.basename(command[0])} ended with status {child.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, time.monotonic() - began


def reader(name, path, file, folder):
    if name == "wasstraat":
        return [path, "dissect", file, "--json"]
    if name == "tcpdump":
        return [path, "-r", file, "-nn", "-w", "/dev/null"]
    flows = tempfile.mkdtemp(dir=folder)
    return [path, "-r", file, "-w" if takes_w(path) else "-l", flows]


def takes_w(path):
    """nfpcapd's option for its folder is -w from version 1.7 on, -l before."""
    text = subprocess.run([path, "-h"], capture_output=True, text=True, timeout=10)
    return any(line.strip().startswith("-w") for line in (text.stdout + text.stderr).splitlines())


def capture(folder, name, *options):
    path = os.path.join(folder, name)
    text = subprocess.run(
        [sys.executable, os.path.join(HERE, "write-capture.py"), "--out", path, *map(str, options)], check=True,
        capture_output=True, text=True).stdout
    return path, int(text.split()[0])


def one_packet(folder, source):
    path = os.path.join(folder, "one.pcap")
    with open(source, "rb") as file:
        data = file.read(24 + 16 + 65_535)
    length = int.from_bytes(data[32:36], "little")
    with open(path, "wb") as out:
        out.write(data[:24 + 16 + length])
    return path


def median_rounds(names, rounds, measure):
    """{name: [results]}: every contender once a round, in an order that turns."""
    found, faults = {name: [] for name in names}, {}
    for number in range(rounds):
        for name in names[number % len(names):] + names[:number % len(names)]:
            try:
                found[name].append(measure(name))
            except Void as fault:
                faults[name] = str(fault)
    return {name: results for name, results in found.items() if results and name not in faults}, faults


def row(name, figures):
    """A row from {contender: [(figure, peak, lost share or None)]}."""
    medians = {who: statistics.median(result[0] for result in results) for who, results in figures.items()}
    result = {"name": name, "rate_per_cpu_second": medians.get("wasstraat"), "peers": {who: value for who, value in medians.items()
                                                                    if who != "wasstraat"}}
    if "wasstraat" in figures:
        result["peak_rss_bytes"] = max(result[1] for result in figures["wasstraat"])
    result["peer_peak_rss_bytes"] = {who: max(r[1] for r in results) for who, results in figures.items() if who != "wasstraat"}
    lost = {who: max(r[2] for r in results) for who, results in figures.items() if results[0][2] is not None}
    if lost:
        result["lost_share"] = lost
    return result


# ---- Collectors.

def cpu_seconds(pid):
    """User and system time of a process and all its descendants, from field 14 and 15 of stat."""
    total, todo, parents = 0, [pid], {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parts = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents.setdefault(int(parts[1]), []).append(int(entry))
            parents[("time", int(entry))] = int(parts[11]) + int(parts[12])
    while todo:
        one = todo.pop()
        total += parents.get(("time", one), 0)
        todo += parents.get(one, [])
    return total / TICK


def peak_bytes(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def socket_drops(port):
    """Datagrams that the sockets at this UDP port have dropped; None where nobody listens."""
    drops, found = 0, False
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        try:
            with open(table) as file:
                lines = file.read().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            parts = line.split()
            if int(parts[1].rsplit(":", 1)[1], 16) == port:
                found, drops = True, drops + int(parts[12])
    return drops if found else None


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fastnetmon_configuration(folder, kind, port):
    """Tracking of connections off, nothing banned, nothing sent anywhere."""
    with open(os.path.join(folder, "networks"), "w") as out:
        out.write("10.1.0.0/22\n")  # the 1,000 hosts that are sent of: it keeps a record for every address from the start
    with open(os.path.join(folder, "whitelist"), "w"):
        pass
    name = "sflow" if kind == "sflow" else "netflow"
    other = "netflow" if kind == "sflow" else "sflow"
    path = os.path.join(folder, "fastnetmon.conf")
    with open(path, "w") as out:
        out.write(f"""enable_ban = off
enable_connection_tracking = off
enable_subnet_counters = off
monitor_local_ip_addresses = off
process_incoming_traffic = on
process_outgoing_traffic = on
mirror = off
mirror_afpacket = off
pcap = off
{name} = on
{other} = off
{name}_host = 127.0.0.1
{name}_port = {port}
netflow_sampling_ratio = 1
average_calculation_time = 5
threshold_pps = 20000
ban_for_pps = off
ban_for_bandwidth = off
networks_list_path = {folder}/networks
white_list_path = {folder}/whitelist
pid_path = {folder}/fastnetmon.pid
cli_stats_file_path = {folder}/fastnetmon.dat
cli_stats_ipv6_file_path = {folder}/fastnetmon6.dat
logging:local_syslog_logging = off
disable_usage_report = on
enable_api = off
notify_script_path = /bin/true
""")
    return path


def collector(name, path, kind, port, folder):
    seconds = 3_600
    if name == "wasstraat":
        # It would ask for 16 MiB; the kernel doubles what is asked for, and not the default.
        with open("/proc/sys/net/core/rmem_default") as file:
            buffer = int(file.read()) // 2
        return [path, "collect", "--listen", f"127.0.0.1:{port}", "--seconds", seconds, "--buffer", buffer, "--json"]
    if name in ("nfcapd", "sfcapd"):
        flows = os.path.join(folder, "flows")
        os.mkdir(flows)
        return [path, "-b", "127.0.0.1", "-p", port, "-w" if takes_w(path) else "-l", flows]
    return [path, f"--configuration_file={fastnetmon_configuration(folder, kind, port)}",
            f"--log_file={folder}/fastnetmon.log"]


def collect(name, path, kind, records, log):
    """(records a CPU second, peak bytes, share of datagrams lost) of one collector."""
    port, rate = free_port(), SFLOW_RATE if kind == "sflow" else RATE
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen(
            pinned(CORES[0], *collector(name, path, kind, port, folder)), stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, cwd=folder)
        try:
            deadline = time.monotonic() + START_LIMIT
            while socket_drops(port) is None:
                if child.poll() is not None or time.monotonic() > deadline:
                    raise Void(f"{name} does not listen")
                time.sleep(0.05)
            time.sleep(1)
            # Templates first, and time to take them in.
            send(kind, port, 1_000, 10_000)
            time.sleep(0.5)
            before, dropped = cpu_seconds(child.pid), socket_drops(port)
            sent = send(kind, port, records, rate)
            # What still lies in the socket's buffer belongs to the work.
            time.sleep(1.5)
            used, lost, peak = cpu_seconds(child.pid) - before, socket_drops(port), peak_bytes(child.pid)
            if child.poll() is not None or lost is None:
                raise Void(f"{name} ended while it was sent to")
        finally:
            child.terminate()
            try:
                child.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
    share = (lost - dropped) / sent["datagrams"]
    if used < 0.2:
        raise Void(f"{name} used {used:.2f} s of CPU time: too little to measure, or it did not read")
    return sent["records"] * (1 - share) / used, peak, share


def send(kind, port, records, rate):
    text = subprocess.run(
        pinned(CORES[1], sys.executable, os.path.join(HERE, "write-flows.py"), "--kind", kind, "--send",
               f"127.0.0.1:{port}", "--records", records, "--rate", rate), check=True, capture_output=True, text=True,
        timeout=READ_LIMIT).stdout
    return json.loads(text)


class EqualBuffers:
    """Raises the default socket buffer to the largest allowed one, and puts it back; says whether it could."""

    def __init__(self, base="/proc/sys/net/core"):
        self.default, self.most, self.before = f"{base}/rmem_default", f"{base}/rmem_max", None
        self.size = 0

    def __enter__(self):
        with open(self.default) as file:
            self.size = int(file.read())
        with open(self.most) as file:
            most = int(file.read())
        try:
            if most > self.size:
                with open(self.default, "w") as file:
                    file.write(str(most))
                self.before, self.size = self.size, most
        except OSError:
            print("not root: collectors keep the default socket buffer", file=sys.stderr)
        return self

    def __exit__(self, *_):
        if self.before is not None:
            with open(self.default, "w") as file:
                file.write(str(self.before))


# ---- The whole.

def measure(arguments, paths, folder, log):
    rows, faults = [], {}

    def note(name, found):
        for who, fault in found.items():
            faults[f"{name}: {who}"] = fault

    readers = [name for name in READERS if paths.get(name)]
    for name, options in CAPTURES.items():
        if name not in arguments.rows or not readers:
            continue
        path, count = capture(folder, "capture.pcap", "--megabytes", arguments.megabytes, *options)

        def read(who):
            cpu, peak, _ = run(reader(who, paths[who], path, folder), log)
            return count / max(cpu, 1 / TICK), peak, None
        figures, found = median_rounds(readers, arguments.rounds, read)
        note(name, found)
        rows.append(row(name, figures))
        os.unlink(path)
    if "start" in arguments.rows and readers:
        small, _ = capture(folder, "small.pcap", "--megabytes", 1)
        tiny = one_packet(folder, small)
        walls = {}

        def start(name):
            cpu, peak, wall = run(reader(name, paths[name], tiny, folder), log)
            walls.setdefault(name, []).append(wall * 1_000)
            return 1 / max(cpu, 0.001), peak, None
        figures, found = median_rounds(readers, max(5, arguments.rounds), start)
        note("start", found)
        rows.append(row("start", figures) | {"milliseconds": {who: statistics.median(walls[who]) for who in figures}})
    for name, kind in KINDS.items():
        collectors = [who for who in COLLECTORS if paths.get(who)
                      and who not in (("nfcapd",) if kind == "sflow" else ("sfcapd",))]
        if name in arguments.rows and collectors:
            figures, found = median_rounds(
                collectors, arguments.rounds, lambda who, kind=kind: collect(who, paths[who], kind, arguments.records, log))
            note(name, found)
            rows.append(row(name, figures))
    return rows, faults


def text(rows, faults, missing):
    for found in rows:
        figures = {"wasstraat": found["rate_per_cpu_second"], **found["peers"]}
        print(f"{found['name']:<14}" + "  ".join(
            f"{who} {'-' if value is None else format(round(value, 1 if value < 1_000 else None), ',')}"
            for who, value in figures.items()) + f"  peak {found.get('peak_rss_bytes', 0) / 2**20:.1f} MiB"
              + "".join(f"  {who} {wall:.1f} ms" for who, wall in found.get("milliseconds", {}).items())
              + "".join(f"  {who} lost {lost:.1%}" for who, lost in found.get("lost_share", {}).items() if lost))
    for where, fault in faults.items():
        print(f"void: {where}: {fault}")
    for name in missing:
        print(f"missing: {name}")


def self_test():
    made = row("x", {"wasstraat": [(3, 10, 0.0), (1, 30, 0.1), (2, 20, 0.0)], "peer": [(5, 7, 0.5)]})
    assert made["rate_per_cpu_second"] == 2 and made["peak_rss_bytes"] == 30, made
    assert made["peers"] == {"peer": 5} and made["lost_share"] == {"wasstraat": 0.1, "peer": 0.5}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert socket_drops(port) == 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(3_000):
                sender.sendto(bytes(1_400), ("127.0.0.1", port))
        assert socket_drops(port) > 0, "a full socket drops"
    assert socket_drops(port) is None
    cpu, peak, wall = run([sys.executable, "-c", "sum(range(5_000_000))"], subprocess.DEVNULL)
    assert 0.02 < cpu < 10 and peak > 1_000_000 and wall > 0, (cpu, peak, wall)
    try:
        run([sys.executable, "-c", "raise SystemExit(3)"], subprocess.DEVNULL)
        raise AssertionError("a failure passed for a figure")
    except Void:
        pass
    _, faults = median_rounds(["a", "b"], 2, lambda name: (_ for _ in ()).throw(Void("broken")) if name == "b" else (1, 1, None))
    assert faults == {"b": "broken"}
    with tempfile.TemporaryDirectory() as base:
        for name, value in (("rmem_default", "100"), ("rmem_max", "500")):
            with open(f"{base}/{name}", "w") as out:
                out.write(value)
        with EqualBuffers(base) as buffers, open(f"{base}/rmem_default") as file:
            assert buffers.size == 500 and file.read() == "500"
        with open(f"{base}/rmem_default") as file:
            assert file.read() == "100", "not put back"
        big, packets = capture(base, "c", "--megabytes", 1)
        assert packets > 500 and 40 < os.path.getsize(one_packet(base, big)) < 1_600
    print("dissect-bench: self-test passed")


def ring(*_):
    raise TimeoutError


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(os.path.dirname(HERE), ".build", "release"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--records", type=int, default=3_000_000)
    parser.add_argument("--contenders", default=",".join(dict.fromkeys(READERS + COLLECTORS)))
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--result")
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    signal.signal(signal.SIGALRM, ring)
    if arguments.self_test:
        return self_test()
    arguments.rows, contenders = arguments.rows.split(","), arguments.contenders.split(",")
    if set(arguments.rows) - set(ROWS) or set(contenders) - set(READERS + COLLECTORS):
        parser.error(f"rows: {', '.join(ROWS)}; contenders: {', '.join(dict.fromkeys(READERS + COLLECTORS))}")
    if not 1 <= arguments.rounds <= 100 or not 1 <= arguments.megabytes <= 10_000 or arguments.records < 100_000:
        parser.error("1 to 100 rounds, 1 to 10,000 megabytes, at least 100,000 records")
    paths = {name: find(name, os.path.abspath(arguments.bin)) for name in contenders}
    missing = [name for name, path in paths.items() if not path]
    with tempfile.TemporaryDirectory() as folder, EqualBuffers():
        with open(os.path.join(folder, "log"), "wb") as log:
            rows, faults = measure(arguments, paths, folder, log)
    text(rows, faults, missing)
    if arguments.result:
        with open(arguments.result, "w") as out:
            json.dump(rows, out, indent=2)
            out.write("\n")
    return 1 if faults or "wasstraat" in missing else 0


if __name__ == "__main__":
    sys.exit(main())
