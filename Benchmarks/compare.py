#!/usr/bin/env python3
"""Measures Wasstraat beside nginx and haproxy, on this machine, in one go.

usage: Benchmarks/compare.py [--bin FOLDER] [--rounds 5] [--quick yes|no] [--contenders wasstraat,nginx,haproxy]
                             [--rows NAME,...] [--result FILE] [--fail-above FACTOR] | --self-test

What is measured is what the server costs: processor time of all its processes (for Wasstraat: lane and office together)
per request or connection, from the scheduler's run-time counters; and memory per idle connection. In each round every
contender is started, warmed, loaded and stopped in turn; the ratio of a row is the median of the ratios of its rounds.
The server is kept on the first core that this process may use, load and origin on the second. All of it stays on
loopback, has a bound in number and time, and is gone at the end. Documentation/method.md says what the figures mean.
"""
import argparse
import collections
import json
import os
import re
import resource
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time

SERVER_CORE, LOAD_CORE = (sorted(os.sched_getaffinity(0)) * 2)[:2]
HOST = "localhost"
BIG = 1 << 20
KEPT = 64  # connections that a contender may keep ready to the origin; haproxy keeps as many as it has used
WIDE = 1_000_000  # a limit per source that is looked up for each request and never reached


# ---- What is measured.

class Row:
    """One line of the table. `bar` and `stretch` are ratios to nginx, or with `absolute` figures of Wasstraat itself."""

    def __init__(self, name, unit, measure, bar, stretch=None, strict=False, tls=False, deferred=False, absolute=(),
                 rounds=None, framed=False):
        self.name, self.unit, self.measure, self.bar, self.stretch = name, unit, measure, bar, stretch
        self.strict, self.tls, self.deferred, self.absolute, self.rounds = strict, tls, deferred, absolute, rounds
        self.framed = framed  # HTTP/2 in clear, with prior knowledge


def rows():
    return [
        Row("proxied keep-alive", "us CPU/request", wrk_cost(64, "/"), 0.95, 0.80),
        Row("refused keep-alive", "us CPU/request", wrk_cost(64, "/"), 1.00, 0.85, strict=True),
        Row("refused new connection", "us CPU/connection", wrk_cost(128, "/", close=True), 1.00, 0.85, strict=True,
            deferred=True),
        Row("refused new connection: system calls", "calls/connection", system_calls, 5, None, strict=True, deferred=True,
            absolute=("bar",), rounds=1),
        Row("refused HTTP/2 stream", "us CPU/request", h2load_cost(32, 32), 1.00, 0.56, strict=True, framed=True),
        Row("proxied HTTP/2", "us CPU/request", h2load_cost(8, 8), 1.00, 0.85, framed=True),
        Row("tls handshake", "us CPU/connection", handshake_cost, 0.65, 0.55, strict=True, tls=True),
        Row("tls 1 MB", "us CPU/request", wrk_cost(8, "/big"), 0.90, 0.75, tls=True),
        Row("idle memory", "bytes/connection", idle_memory(9_500), 1.00, 300, absolute=("stretch",), rounds=3),
        Row("idle memory tls", "bytes/connection", idle_memory(1_500), 0.50, None, tls=True, rounds=3),
    ]


class Void(Exception):
    """A measurement that says nothing, with the reason."""


# ---- Processes and their cost.

def family(root):
    """A process and all its descendants."""
    children = collections.defaultdict(list)
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    children[int(file.read().rsplit(")", 1)[1].split()[1])].append(int(name))
            except OSError:
                continue
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children[pid]
    return found


def cpu_nanoseconds(pids):
    total = 0
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                    total += int(file.read().split()[0])
        except OSError:
            continue
    return total


def resident_bytes(pids):
    """Anonymous and shared memory of all processes, what they share counted once; without the pages of program files,
    whose share depends on who else runs the same libraries."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith(("Pss_Anon:", "Pss_Shmem:"))) * 1024
        except OSError:
            continue
    return total


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core, *command):
    return ["taskset", "-c", str(core), *map(str, command)]


# ---- The contenders. Each is a function of (bench, row, folder, port) that writes its files and gives its command.

def nginx(bench, row, folder, port):
    deferred, framed = " deferred" if row.deferred else "", " http2" if row.framed else ""
    secure = " ssl" if row.tls else ""
    limit = "limit_req zone=strict;" if row.strict else f"limit_req zone=wide burst={WIDE} nodelay;"
    path = write(folder, "nginx.conf", f"""
{"user root;" if os.getuid() == 0 else ""}
daemon off; worker_processes 1; worker_rlimit_nofile {bench.open_files}; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections {bench.open_files - 100}; }}
http {{
  {temporary_paths(folder)}
  access_log {folder}/access.log combined buffer=64k flush=1s;
  limit_req_zone $binary_remote_addr zone=strict:10m rate=1r/s;
  limit_req_zone $binary_remote_addr zone=wide:10m rate={WIDE}r/s;
  limit_req_status 429; limit_req_log_level info;
  keepalive_requests 100000000; keepalive_timeout 300s; tcp_nodelay on; server_tokens off;
  upstream origin {{ server 127.0.0.1:{bench.origin_port}; keepalive {KEPT}; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096{secure}{framed}{deferred}; server_name {HOST};
    {f"ssl_certificate {bench.chain}; ssl_certificate_key {bench.key};" if row.tls else ""}
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets off; ssl_session_cache off;
    location / {{
      {limit}
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
    }}
  }}
}}
""")
    return ["nginx", "-e", f"{folder}/error.log", "-c", path]


def haproxy(bench, row, folder, port):
    secure = f" ssl crt {bench.both} no-tls-tickets alpn http/1.1" if row.tls else ""
    deferred = " defer-accept" if row.deferred else ""
    framed = " proto h2" if row.framed else ""
    path = write(folder, "haproxy.cfg", f"""
global
  nbthread 1
  maxconn {min(20_000, (bench.open_files - 200) // 2)}
  tune.ssl.cachesize 0
ring access
  format raw
  maxlen 1200
  size 1048576
  backing-file {folder}/access.ring
defaults
  mode http
  log ring@access local0
  option httplog
  timeout client 300s
  timeout server 60s
  timeout connect 3s
  timeout http-request 10s
  timeout http-keep-alive 300s
frontend visitors
  bind 127.0.0.1:{port} backlog 4096{deferred}{secure}{framed}
  stick-table type ip size 1m expire 60s store http_req_rate(1s)
  http-request track-sc0 src
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt {1 if row.strict else WIDE} }}
  http-request set-header X-Forwarded-For %[src]
  default_backend origins
backend origins
  http-reuse always
  server origin 127.0.0.1:{bench.origin_port}
""")
    return ["haproxy", "-db", "-f", path]


def wasstraat(bench, row, folder, port):
    lines = [f"host: {HOST}", f"origin: http://127.0.0.1:{bench.origin_port}"]
    if row.tls:
        lines += [f"certificate: {bench.chain}", f"key: {bench.key}"]
    if row.strict:
        lines += ["source_limit: {rate: 1, burst: 1}"]
    site = "\n        ".join(lines)
    path = write(folder, "wasstraat.yaml", f"""
state: {folder}/state
lane:
  cores: [{SERVER_CORE}]
metrics:
  listen: 127.0.0.1:{free_port()}
prober:
  enabled: false  # the load comes from this machine as the prober does, whom no limit holds
limits:
  idle_origin_connections: {KEPT}
listeners:
  - listen: 127.0.0.1:{port}
    tls: {"true" if row.tls else "false"}
organisations:
  - name: bench
    sites:
      - {site}
""")
    return [os.path.join(bench.binaries, "wasstraat"), "run", "--config", path]


CONTENDERS = {"wasstraat": wasstraat, "nginx": nginx, "haproxy": haproxy}


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def temporary_paths(folder):
    names = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{name}_temp_path {folder}/{name};" for name in names)


class Server:
    """A running contender (or the origin): started on its core, ready when it answers, gone when it is left."""

    def __init__(self, bench, name, command, core, port, tls, folder, framed=False):
        self.bench, self.name, self.port, self.tls, self.framed = bench, name, port, tls, framed
        self.output = os.path.join(folder, "output")
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(pinned(core, *command), cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, start_new_session=True)
        bench.servers.append(self)
        self.wait()

    def wait(self):
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                if self.status(timeout=1) in (200, 429):
                    return
            except OSError:
                pass
            time.sleep(0.05)
        with open(self.output, errors="replace") as file:
            said = file.read()[-2000:]
        self.stop()
        raise Void(f"{self.name} did not come up: {said.strip() or 'it said nothing'}")

    def status(self, timeout=5):
        return ask_framed(self.port, timeout) if self.framed else ask(self.port, self.tls, timeout=timeout)[0]

    def pids(self):
        return family(self.process.pid)

    def stop(self):
        pids = self.pids()
        for send in (signal.SIGTERM, signal.SIGKILL):
            for pid in pids if send == signal.SIGKILL else [self.process.pid]:
                try:
                    os.kill(pid, send)
                except OSError:
                    continue
            deadline = time.monotonic() + 3
            while time.monotonic() < deadline:
                self.process.poll()
                if not any(alive(pid) for pid in pids):
                    break
                time.sleep(0.02)
        self.process.wait()
        if self in self.bench.servers:
            self.bench.servers.remove(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


# ---- Asking.

def context():
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE  # our own made-up certificate, on loopback
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    return made


def connect(port, tls, timeout, source=None):
    bare = socket.socket()
    bare.settimeout(timeout)
    bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as browsers and load tools do
    if source:
        bare.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: the port is chosen at connect
        bare.bind((source, 0))
    bare.connect(("127.0.0.1", port))
    return tls.wrap_socket(bare, server_hostname=HOST) if tls else bare


def request(path="/", close=False):
    return (f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n" + ("Connection: close\r\n" if close else "") + "\r\n").encode()


def read_response(connection):
    """One response with a Content-Length: its status and its length."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65536)
        if not more:
            raise OSError("closed before the end of the head")
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    length, count = int(found.group(1)) if found else 0, len(body)
    while count < length:
        more = connection.recv(1 << 18)
        if not more:
            raise OSError("closed before the end of the body")
        count += len(more)
    return int(head.split(b" ")[1]), count


def ask(port, tls, path="/", timeout=5, source=None):
    with connect(port, context() if tls else None, timeout, source) as connection:
        connection.sendall(request(path, close=True))
        return read_response(connection)


def ask_framed(port, timeout):
    """The status of one answer over HTTP/2; 0 where there is none."""
    outcome = subprocess.run(["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", "--http2-prior-knowledge", "-m",
                              str(timeout), "-H", f"Host: {HOST}", f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE,
                             text=True)
    return int(outcome.stdout or 0)


# ---- The measurements: each is a function of (bench, server, row) to a figure.

def wrk(bench, port, row, connections, path, close, seconds):
    url = f"{'https' if row.tls else 'http'}://{HOST}:{port}{path}"
    extra = ["-H", "Connection: close"] if close else []
    # One cipher for all: without this each server's own preference would be compared.
    outcome = subprocess.run(pinned(LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *extra, url),
                             env=dict(os.environ, OPENSSL_CONF=bench.cipher), stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, timeout=60)
    return read_wrk(outcome.stdout)


def read_wrk(text):
    """wrk's report -> (requests, of which not 2xx or 3xx, socket errors)."""
    count = re.search(r"(\d+) requests in", text)
    if not count:
        raise Void(f"wrk said: {text.strip()[-300:]}")
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return (int(count.group(1)), int(other.group(1)) if other else 0,
            sum(map(int, errors.groups())) if errors else 0)


def expected(row, count, other, errors):
    """Refuses to count a run whose answers were not those that the row is about."""
    wrong = (count - other if row.strict else other) + errors
    if count < 100 or wrong > max(10, count * 0.01):
        raise Void(f"{count} answers, {wrong} of them not what this row is about")


def wrk_cost(connections, path, close=False):
    def measure(bench, server, row):
        seconds = 1 if bench.quick or close else 2
        if close:
            own_load(bench, server.port, row, 500, 64)
        else:
            wrk(bench, server.port, row, connections, path, close, 1)
        pids = server.pids()
        before = cpu_nanoseconds(pids)
        outcome = wrk(bench, server.port, row, connections, path, close, seconds)
        cost = cpu_nanoseconds(pids) - before
        expected(row, *outcome)
        return cost / outcome[0] / 1000
    return measure


def h2load(port, count, connections, streams):
    outcome = subprocess.run(pinned(LOAD_CORE, "h2load", "-t1", f"-n{count}", f"-c{connections}", f"-m{streams}",
                                    f"--connect-to=127.0.0.1:{port}", f"http://{HOST}/"), stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, timeout=120)
    return read_h2load(outcome.stdout, count)


def read_h2load(text, wanted):
    """h2load's report -> (answers, of which not 2xx or 3xx, requests without one)."""
    statuses = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text)
    if not statuses:
        raise Void(f"h2load said: {text.strip()[-300:]}")
    good, moved, refused, broken = map(int, statuses.groups())
    count = good + moved + refused + broken
    return count, refused + broken, wanted - count


def h2load_cost(connections, streams):
    def measure(bench, server, row):
        count = 5_000 if bench.quick else 40_000 if row.strict else 20_000
        h2load(server.port, count // 4, connections, streams)
        pids = server.pids()
        before = cpu_nanoseconds(pids)
        outcome = h2load(server.port, count, connections, streams)
        cost = cpu_nanoseconds(pids) - before
        expected(row, *outcome)
        return cost / outcome[0] / 1000
    return measure


def own_load(bench, port, row, count, concurrent):
    """`count` connections with one request each; TLS never resumed (wrk resumes wherever tickets are given out)."""
    outcome = subprocess.run(pinned(LOAD_CORE, sys.executable, os.path.abspath(__file__), "--client", "close", port,
                                    int(row.tls), count, concurrent),
                             env=dict(os.environ, OPENSSL_CONF=bench.cipher), stdout=subprocess.PIPE, text=True, timeout=120)
    if outcome.returncode:
        raise Void("the connection tool failed")
    return json.loads(outcome.stdout)


def handshake_cost(bench, server, row):
    own_load(bench, server.port, row, 100, 16)
    pids = server.pids()
    before = cpu_nanoseconds(pids)
    outcome = own_load(bench, server.port, row, 500 if bench.quick else 2_000, 16)
    cost = cpu_nanoseconds(pids) - before
    if outcome["resumed"]:
        raise Void("handshakes were resumed")
    expected(row, outcome["answers"], outcome["refused"], outcome["errors"])
    return cost / outcome["answers"] / 1000


def system_calls(bench, server, row):
    count = 1_000
    own_load(bench, server.port, row, 200, 64)
    report = os.path.join(bench.folder, "strace")
    pids = server.pids()
    tracer = subprocess.Popen(["strace", "-f", "-c", "-o", report] + [part for pid in pids for part in ("-p", str(pid))],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not all(traced(pid) for pid in pids):
            if tracer.poll() is not None or time.monotonic() > deadline:
                raise Void("strace may not attach here (it needs root, or kernel.yama.ptrace_scope=0)")
            time.sleep(0.02)
        outcome = own_load(bench, server.port, row, count, 128)
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
    expected(row, outcome["answers"], outcome["refused"], outcome["errors"])
    with open(report) as file:
        bench.notes.setdefault(row.name, {})[server.name] = read_strace(file.read())[1]
        file.seek(0)
        return read_strace(file.read())[0] / count


def traced(pid):
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/status") as file:
                if "TracerPid:\t0\n" in file.read():
                    return False
    except OSError:
        pass
    return True


def read_strace(text):
    """strace's summary -> (calls in all, {call: count})."""
    calls = {}
    for line in text.split("\n"):
        parts = line.split()
        if len(parts) in (5, 6) and re.match(r"[\d.]+$", parts[0]) and parts[-1] != "total":
            calls[parts[-1]] = int(parts[3])
    if not calls:
        raise Void("strace counted nothing")
    return sum(calls.values()), calls


def idle_memory(wanted):
    def measure(bench, server, row):
        count = min(wanted // (5 if bench.quick else 1), bench.open_files - 1000)
        client = subprocess.Popen(pinned(LOAD_CORE, sys.executable, os.path.abspath(__file__), "--client", "idle",
                                         server.port, int(row.tls), count), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  env=dict(os.environ, OPENSSL_CONF=bench.cipher), text=True)
        try:
            # Warmed by the same sources, a few at a time: what a server keeps per source, not per connection, is there.
            listen(client, "warm")
            time.sleep(0.5)
            before = resident_bytes(server.pids())
            client.stdin.write("go\n")
            client.stdin.flush()
            listen(client, "idle")
            time.sleep(1)
            after = resident_bytes(server.pids())
            client.stdin.write("end\n")
            client.stdin.flush()
            listen(client, "alive")
        finally:
            client.kill()
            client.wait()
        return (after - before) / count
    return measure


def listen(client, word):
    line = client.stdout.readline().strip()
    if line != word:
        raise Void(f"idle connections: {line or 'the connection tool failed'}")


# ---- The connection tool: this file, started again on the load core.

def client_close(port, tls, count, concurrent):
    tally = collections.Counter()
    guard = threading.Lock()
    left = iter(range(count))
    made = context() if tls else None

    def work():
        while True:
            with guard:
                if next(left, None) is None:
                    return
            try:
                with connect(port, made, 10) as connection:
                    resumed = bool(tls) and connection.session_reused
                    connection.sendall(request(close=True))
                    status, _ = read_response(connection)
                what = ["answers"] + ["refused"] * (status >= 400) + ["resumed"] * resumed
            except (OSError, ValueError, IndexError):
                what = ["errors"]
            with guard:
                tally.update(what)

    threads = [threading.Thread(target=work) for _ in range(concurrent)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({name: tally[name] for name in ("answers", "refused", "resumed", "errors")}))


def client_idle(port, tls, count):
    made = context() if tls else None

    def source(index):  # ten connections each, every source in a /24 of its own
        number = index // 10
        return f"127.{20 + number % 50}.{number // 50}.7"

    def open_one(index):
        connection = connect(port, made, 10, source(index))
        connection.sendall(request())
        status, _ = read_response(connection)
        if status != 200:
            raise OSError(f"status {status}")
        return connection

    try:
        for index in range(0, count, 10):
            open_one(index).close()
        print("warm", flush=True)
        sys.stdin.readline()
        held = [open_one(index) for index in range(count)]
        print("idle", flush=True)
        sys.stdin.readline()
        for connection in held[:: max(1, count // 100)]:
            connection.sendall(request())
            read_response(connection)
        print("alive", flush=True)
    except (OSError, ValueError, IndexError) as problem:
        print(f"not all could be opened and kept: {problem}", flush=True)


# ---- The run.

class Bench:
    def __init__(self, options):
        self.binaries, self.quick = os.path.abspath(options.bin), options.quick == "yes"
        self.servers, self.notes = [], {}
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self.open_files = min(hard, 20_000) if hard != resource.RLIM_INFINITY else 20_000
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.open_files, hard))

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="wasstraat-compare-")
        self.chain, self.key, self.both = (os.path.join(self.folder, name) for name in ("chain.pem", "key.pem", "both.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "2", "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", self.key, "-out",
                        self.chain], check=True, stderr=subprocess.DEVNULL)
        with open(self.chain) as chain, open(self.key) as key:
            write(self.folder, "both.pem", chain.read() + key.read())
        self.cipher = write(self.folder, "openssl.cnf", "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n"
                            "Ciphersuites = TLS_AES_128_GCM_SHA256\n")
        return self

    def __exit__(self, *_):
        for server in list(self.servers):
            server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_origin(self):
        self.origin_port = free_port()
        folder = os.path.join(self.folder, "origin")
        os.mkdir(folder)
        write(folder, "index.html", "<p>" + "a" * 1020 + "\n")
        write(folder, "big", "b" * BIG)
        path = write(folder, "nginx.conf", f"""
{"user root;" if os.getuid() == 0 else ""}
daemon off; worker_processes 1; worker_rlimit_nofile {self.open_files}; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections {self.open_files - 100}; }}
http {{
  {temporary_paths(folder)} access_log off; keepalive_requests 100000000; keepalive_timeout 300s; sendfile on;
  tcp_nodelay on; default_type text/html;
  # Nothing may be answered from a contender's memory: what is measured is passing on, and refusing.
  server {{ listen 127.0.0.1:{self.origin_port} backlog=4096; root {folder}; open_file_cache max=10;
    add_header Cache-Control no-store; }}
}}
""")
        Server(self, "origin", ["nginx", "-e", f"{folder}/error.log", "-c", path], LOAD_CORE, self.origin_port, False, folder)

    def measure(self, name, row):
        port = free_port()
        folder = tempfile.mkdtemp(dir=self.folder)
        try:
            command = CONTENDERS[name](self, row, folder, port)
            with Server(self, name, command, SERVER_CORE, port, row.tls, folder,
                        row.framed) as server:
                statuses = [server.status() for _ in range(4)]
                if statuses[-1] != (429 if row.strict else 200):
                    raise Void(f"{name} answers {statuses}")
                return row.measure(self, server, row)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def summary(row, figures):
    """{contender: [figure or None, one a round]} -> the row of the report."""
    medians = {}
    for name in CONTENDERS:
        values = [value for value in figures.get(name, []) if value is not None]
        medians[name] = statistics.median(values) if values else None
    pairs = zip(figures.get("wasstraat", []), figures.get("nginx", []))
    ratios = [ours / theirs for ours, theirs in pairs if ours is not None and theirs]
    rounded = {name: value if value is None else round(value, 2) for name, value in medians.items()}
    return {"name": row.name, "unit": row.unit, **rounded,
            "ratio": round(statistics.median(ratios), 3) if ratios else None,
            "min": round(min(ratios), 3) if ratios else None, "max": round(max(ratios), 3) if ratios else None,
            "rounds": len(ratios)}


def verdict(row, line):
    """Says in words how the row stands; True, False or None (not measured) for the bar."""
    def reaches(bound, kind):
        if bound is None:
            return None
        value = line["wasstraat"] if kind in row.absolute else line["ratio"]
        return None if value is None else value <= bound

    bar, stretch = reaches(row.bar, "bar"), reaches(row.stretch, "stretch")
    if bar is None:
        return None, "not measured"
    words = "misses the bar" if not bar else "reaches the stretch" if stretch else "reaches the bar"
    if "bar" not in row.absolute and line["min"] <= row.bar < line["max"]:
        words += ", but its rounds lie on both sides of the bar"
    return bar, words


def print_table(report):
    print(f"\n{'row':38}{'unit':18}{'wasstraat':>10}{'nginx':>10}{'haproxy':>10}{'ratio':>8}{'min-max':>14}  bar / stretch")
    for row, line in report:
        def cell(value, width, digits=2):
            return f"{'-' if value is None else f'{value:.{digits}f}':>{width}}"
        span = "-" if line["min"] is None else f"{line['min']:.2f}-{line['max']:.2f}"
        bounds = " / ".join("-" if bound is None else f"{bound:g}{' abs.' if kind in row.absolute else ''}"
                            for bound, kind in ((row.bar, "bar"), (row.stretch, "stretch")))
        print(f"{line['name']:38}{line['unit']:18}{cell(line['wasstraat'], 10)}{cell(line['nginx'], 10)}"
              f"{cell(line['haproxy'], 10)}{cell(line['ratio'], 8)}{span:>14}  {bounds}: {verdict(row, line)[1]}")
    print("\nRatio: Wasstraat / nginx, median of the rounds; lower is better. Ratios between about 0.85 and 1.15 are within\n"
          "the noise of a shared machine. Figures of one table may be compared, those of two tables may not.")


def machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read())
    return {"processor": model.group(1) if model else os.uname().machine, "cores": os.cpu_count(),
            "kernel": os.uname().release, "load_before": round(os.getloadavg()[0], 2), "nginx": version("nginx", "-v"),
            "haproxy": version("haproxy", "-v")}


def version(*command):
    try:
        outcome = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return re.search(r"\d+\.\d+[.\d]*\S*", outcome.stdout).group(0)
    except (OSError, AttributeError):
        return None


def compare(options):
    names = [name for name in options.contenders.split(",") if name]
    chosen = [row for row in rows() if not options.rows or row.name in options.rows.split(",")]
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown or not names or not chosen:
        sys.exit(f"compare: contenders are {', '.join(CONTENDERS)}; rows are {', '.join(row.name for row in rows())}")
    about = machine()
    print(f"compare: {about['processor']}, server on core {SERVER_CORE}, load and origin on core {LOAD_CORE}, "
          f"load average {about['load_before']}")
    if SERVER_CORE == LOAD_CORE:
        print("compare: there is one core only: server and load share it, the figures are worth little")
    if about["load_before"] > 1:
        print("compare: this machine is busy with other work: expect noise")
    figures = {row.name: {name: [] for name in names} for row in chosen}
    voids = []
    began = time.monotonic()
    with Bench(options) as bench:
        bench.start_origin()
        for turn in range(options.rounds):
            for row in chosen:
                if turn >= (row.rounds or options.rounds):
                    continue
                order = names[turn % len(names):] + names[:turn % len(names)]
                for name in order:
                    try:
                        value = bench.measure(name, row)
                    except (Void, OSError, subprocess.SubprocessError) as reason:
                        value = None
                        voids.append(f"{row.name}, {name}, round {turn + 1}: {reason}")
                    figures[row.name][name].append(value)
                told = ", ".join(f"{name} {'void' if value is None else f'{value:.1f}'}"
                                 for name, value in ((name, figures[row.name][name][-1]) for name in names))
                print(f"round {turn + 1}/{options.rounds}  {row.name}: {told}", flush=True)
        notes = bench.notes
    report = [(row, summary(row, figures[row.name])) for row in chosen]
    print_table(report)
    for name, calls in notes.items():
        for who, counts in calls.items():
            listing = ", ".join(f"{call} {count}" for call, count in sorted(counts.items(), key=lambda item: -item[1])[:8])
            print(f"{name}, {who}: {listing}")
    for void in voids:
        print(f"void: {void}")
    print(f"compare: {time.monotonic() - began:.0f} s")
    if options.result:
        with open(options.result, "w") as file:
            json.dump({"rows": [line for _, line in report], "machine": about, "void": voids}, file, indent=2)
            file.write("\n")
    if not options.fail_above:
        return 1 if voids else 0
    faults = [fault for row, line in report if (fault := far_off(row, line, options.fail_above))]
    for fault in faults:
        print(f"compare: {fault}")
    return 1 if faults else 0


def far_off(row, line, factor):
    """Why a row is far off its bar in every round, or None. One round of a shared machine may say anything; a regression is
    there in all of them."""
    best = line["wasstraat"] if "bar" in row.absolute else line["min"]
    if best is None:
        return f"{row.name} could not be measured in any round"
    return f"{row.name} is more than {factor:g} times its bar in every round" if best > row.bar * factor else None


def self_test():
    assert read_wrk("  12 requests in 2.00s, 1MB read\n  Socket errors: connect 1, read 2, write 0, timeout 3\n"
                    "  Non-2xx or 3xx responses: 7\n") == (12, 7, 6)
    text = "requests: 9 total, 9 started, 7 done\nstatus codes: 3 2xx, 0 3xx, 3 4xx, 1 5xx\n"
    assert read_h2load(text, 9) == (7, 4, 2)
    text = ("% time     seconds  usecs/call     calls    errors syscall\n 60.00    0.000100           1      1000           "
            "accept4\n 40.00    0.000050           1      2000      1000 recvfrom\n100.00    0.000150           1      3000"
            "      1000 total\n")
    assert read_strace(text) == (3000, {"accept4": 1000, "recvfrom": 2000})
    row = Row("a", "b", None, 1.0, 0.85)
    line = summary(row, {"wasstraat": [8.0, 9.0, None], "nginx": [10.0, 10.0, 10.0], "haproxy": []})
    assert (line["ratio"], line["min"], line["max"], line["rounds"]) == (0.85, 0.8, 0.9, 2), line
    assert verdict(row, line) == (True, "reaches the stretch") and line["haproxy"] is None
    assert verdict(row, summary(row, {"nginx": [1.0]}))[0] is None
    assert verdict(Row("a", "b", None, 0.8), line) == (False, "misses the bar, but its rounds lie on both sides of the bar")
    assert verdict(Row("a", "b", None, 5, absolute=("bar",)), line)[0] is False
    assert far_off(row, line, 0.9) is None and "every round" in far_off(row, line, 0.7)
    assert "could not" in far_off(row, summary(row, {"wasstraat": [None], "nginx": [1.0], "haproxy": []}), 1.5)
    for strict, outcome in ((True, (1000, 900, 0)), (False, (1000, 100, 0)), (False, (1000, 0, 50)), (False, (5, 0, 0))):
        try:
            expected(Row("a", "b", None, 1, strict=strict), *outcome)
        except Void:
            continue
        raise AssertionError(outcome)
    with subprocess.Popen(["sleep", "5"]) as child:
        assert child.pid in family(os.getpid()) and alive(child.pid) and resident_bytes([child.pid]) > 0
        child.kill()
    assert cpu_nanoseconds([os.getpid()]) > 0
    print("compare --self-test: all right")


def main():
    if sys.argv[1:2] == ["--client"]:
        kind, *numbers = sys.argv[2:]
        return {"close": client_close, "idle": client_idle}[kind](*map(int, numbers))
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=".build/release")
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 51), metavar="1-50")
    parser.add_argument("--quick", default="no", choices=("yes", "no"))
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--rows", default="")
    parser.add_argument("--result", default="")
    parser.add_argument("--fail-above", type=float, default=0)
    os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return compare(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
