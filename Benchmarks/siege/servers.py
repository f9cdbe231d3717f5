"""What is put under siege: Wasstraat, nginx and haproxy, each on one core, and the origin behind it."""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

HOST = "site.localhost"
HOME = "127.0.0.1"
FRAMED_HOST = "www.example.nl"  # the name that the frames of the tests ask for
NEIGHBOUR = "buren.localhost"  # another organisation's site, behind the same lane


class Void(Exception):
    """A row that could not be measured; says why."""


def cores():
    """The server's core, and that of load and origin."""
    return (sorted(os.sched_getaffinity(0)) * 2)[:2]


def free_port(family=socket.AF_INET, host=HOME):
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


class Certificates:
    """A throw-away authority and a certificate by it."""

    def __init__(self, folder):
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        self.authority, self.key, self.chain = (f"{folder}/{name}" for name in ("ca.pem", "site.key", "site.pem"))
        self.both = f"{folder}/both.pem"
        write(folder, "extensions", f"subjectAltName=DNS:{HOST},DNS:{FRAMED_HOST},DNS:{NEIGHBOUR}\nbasicConstraints=critical,CA:FALSE\n"
                                    "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n")
        for words in (
            ["req", "-x509", "-days", "2", "-subj", "/CN=siege", *key, "-keyout", f"{folder}/ca.key", "-out", self.authority],
            ["req", "-subj", f"/CN={HOST}", *key, "-keyout", self.key, "-out", f"{folder}/site.csr"],
            ["x509", "-req", "-days", "2", "-in", f"{folder}/site.csr", "-out", self.chain, "-CA", self.authority,
             "-CAkey", f"{folder}/ca.key", "-CAcreateserial", "-extfile", f"{folder}/extensions"],
        ):
            subprocess.run(["openssl", *words], check=True, capture_output=True)
        with open(self.both, "w") as both:
            for path in (self.chain, self.key):
                with open(path) as part:
                    both.write(part.read())


def wasstraat(bench, server):
    extra = "".join(f"\n{line}" for line in server.extra)
    path = write(server.folder, "wasstraat.yaml", f"""
state: {server.folder}/state
lane:
  cores: [{bench.server_core}]
metrics:
  listen: {HOME}:{server.metrics}
console:
  listen: "off"
prober:
  enabled: false
listeners:
  - {{listen: "{HOME}:{server.secure}", tls: true}}
  - {{listen: "{HOME}:{server.clear}", clear: serve}}
  - {{listen: "[fd99::1]:{server.clear}", clear: serve}}
organisations:
  - name: siege
    sites:
      - hosts: [{HOST}, {FRAMED_HOST}]
        certificate: {bench.certificates.chain}
        key: {bench.certificates.key}
        origin: http://{HOME}:{server.origin_port}{extra}
{neighbour(bench, server) if server.neighbour_port else ""}""")
    return [os.path.join(bench.binaries, "wasstraat"), "run", "--config", path]


def neighbour(bench, server):
    return f"""  - name: neighbours
    sites:
      - hosts: [{NEIGHBOUR}]
        certificate: {bench.certificates.chain}
        key: {bench.certificates.key}
        origin: http://{HOME}:{server.neighbour_port}
"""


def nginx(bench, server):
    """By hand: no source more than 5 requests a second, 20 connections, 1 search a second; and no more in all than the origin
    can serve, with half a second of patience."""
    limits = ("limit_req zone=source burst=30 nodelay; limit_req zone=all burst=200; limit_conn connections 20;")
    proxy = "proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host;"
    temporary = " ".join(f"{name}_temp_path {server.folder}/{name};"
                         for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = write(server.folder, "nginx.conf", f"""
{"user root;" if os.getuid() == 0 else ""}
daemon off; worker_processes 1; worker_rlimit_nofile {bench.open_files}; pid {server.folder}/pid;
error_log {server.folder}/error.log crit;
events {{ worker_connections {bench.open_files - 100}; }}
http {{
  {temporary}
  access_log {server.folder}/access.log combined buffer=64k flush=1s;
  limit_req_zone $binary_remote_addr zone=source:20m rate=5r/s;
  limit_req_zone $binary_remote_addr zone=search:20m rate=1r/s;
  limit_req_zone $server_name zone=all:1m rate=380r/s;
  limit_conn_zone $binary_remote_addr zone=connections:20m;
  limit_req_status 429; limit_conn_status 429; limit_req_log_level info; limit_conn_log_level info;
  client_header_timeout 5s; client_body_timeout 5s; send_timeout 10s; keepalive_timeout 20s;
  reset_timedout_connection on; tcp_nodelay on;
  upstream origin {{ server {HOME}:{server.origin_port}; keepalive 64; }}
  server {{
    listen {HOME}:{server.secure} ssl http2 backlog=4096 deferred; listen {HOME}:{server.clear} backlog=4096 deferred;
    server_name {HOST}; ssl_certificate {bench.certificates.chain}; ssl_certificate_key {bench.certificates.key};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:tls:20m;
    location / {{ {limits} {proxy} }}
    location /zoeken {{ limit_req zone=search burst=5 nodelay; {limits} {proxy} }}
  }}
}}
""")
    return ["nginx", "-e", f"{server.folder}/error.log", "-c", path]


def haproxy(bench, server):
    """By hand: a table of sources with their rates, the origin's own number of requests at a time, a queue of 2 s in which
    those who bring the site's cookie go first."""
    path = write(server.folder, "haproxy.cfg", f"""
global
  nbthread 1
  maxconn {min(20_000, (bench.open_files - 200) // 2)}
defaults
  mode http
  timeout client 20s
  timeout server 30s
  timeout connect 3s
  timeout queue 2s
  timeout http-request 5s
  timeout http-keep-alive 20s
frontend visitors
  bind {HOME}:{server.secure} backlog 4096 defer-accept ssl crt {bench.certificates.both} alpn h2,http/1.1
  bind {HOME}:{server.clear} backlog 4096 defer-accept
  stick-table type ip size 1m expire 60s store http_req_rate(10s),conn_cur
  tcp-request connection track-sc0 src
  tcp-request connection reject if {{ sc_conn_cur(0) gt 20 }}
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 50 }}
  http-request set-priority-class int(-100) if {{ req.cook(sessie) -m found }}
  default_backend origins
backend origins
  http-reuse always
  server origin {HOME}:{server.origin_port} maxconn 8
""")
    return ["haproxy", "-db", "-f", path]


CONTENDERS = {"wasstraat": wasstraat, "nginx": nginx, "haproxy": haproxy}


class Server:
    """A contender with its origin, up when it answers, gone when it is left. `neighbour`: another organisation's site is
    served too, from an origin of its own that answers the same."""

    def __init__(self, bench, name, site, extra=(), neighbour=False):
        self.bench, self.name, self.site, self.extra = bench, name, site, extra
        self.neighbour_port = free_port() if neighbour else None
        self.processes = []

    def __enter__(self):
        self.folder = tempfile.mkdtemp(dir=self.bench.folder)
        self.origin_port, self.secure, self.clear, self.metrics = (free_port() for _ in range(4))
        try:
            for port in filter(None, (self.origin_port, self.neighbour_port)):
                order = {"kind": "origin", "target": f"{HOME}:{port}", "origin": self.site["origin"]}
                self.start("origin", self.bench.beside_flood(self.bench.load_program), json.dumps(order))
            # It ends with the siege, however that comes about.
            self.start(self.name, ["setpriv", "--pdeathsig", "TERM",
                                   *self.bench.pinned(self.bench.server_core, *CONTENDERS[self.name](self.bench, self))])
            self.await_answer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self, name, command, order=None):
        with open(f"{self.folder}/{name}.out", "wb") as output:
            process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.PIPE, stdout=output, stderr=output,
                                       start_new_session=True)
        if order:
            process.stdin.write(order.encode())
        process.stdin.close()
        self.processes.append(process)
        return process

    def await_answer(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if any(process.poll() is not None for process in self.processes):
                break
            try:
                with socket.create_connection((HOME, self.clear), timeout=2) as asked:
                    asked.sendall(f"GET /zoeken?q=op HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                    if asked.recv(64)[9:12] in (b"200", b"404"):
                        return
            except OSError:
                pass
            time.sleep(0.1)
        said = ""
        for name in ("origin", self.name):
            with open(f"{self.folder}/{name}.out", errors="replace") as file:
                said += file.read()[-1500:]
        raise Void(f"{self.name} did not come up: {said.strip() or 'it said nothing'}")

    def __exit__(self, *_):
        for process in reversed(self.processes):
            pids = family(process.pid)
            for send in (signal.SIGTERM, signal.SIGKILL):
                for pid in [process.pid] if send == signal.SIGTERM else pids:
                    try:
                        os.kill(pid, send)
                    except OSError:
                        continue
                deadline = time.monotonic() + 4
                while time.monotonic() < deadline and any(map(alive, pids)):
                    process.poll()
                    time.sleep(0.02)
            process.wait()
        self.processes = []

    # What it has used.

    def pids(self):
        return family(self.processes[-1].pid)

    def cpu_seconds(self):
        total = 0
        for pid in self.pids():
            try:
                for thread in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                        total += int(file.read().split()[0])
            except OSError:
                continue
        return total / 1e9

    def lane(self):
        """The process that carries Wasstraat's traffic."""
        for pid in self.pids():
            with open(f"/proc/{pid}/comm") as file:
                if file.read().startswith("wasstraat-gatew"):
                    return pid
        raise Void("Wasstraat has no lane")

    def resident(self):
        """Bytes of the lane."""
        with open(f"/proc/{self.lane()}/status") as file:
            fields = dict(line.split(":", 1) for line in file if ":" in line)
        return int(fields["VmRSS"].split()[0]) << 10

    def metric(self, name, labels=""):
        """The sum of a family's samples that have the labels; None where there is none."""
        try:
            with socket.create_connection((HOME, self.metrics), timeout=5) as asked:
                asked.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                text = b""
                while part := asked.recv(65536):
                    text += part
        except OSError:
            return None
        values = [float(line.rsplit(" ", 1)[1]) for line in text.decode(errors="replace").splitlines()
                  if line.startswith((f"{name}{{", f"{name} ")) and labels in line]
        return sum(values) if values else None

    def incidents(self):
        """Attacks on record, by Wasstraat's own command."""
        done = subprocess.run([os.path.join(self.bench.binaries, "wasstraat"), "report", "incidents", "--format", "json",
                               "--config", f"{self.folder}/wasstraat.yaml"], capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise Void(f"the register does not answer: {done.stderr.strip()[-300:]}")
        return sum(len(incident["attacks"]) for incident in json.loads(done.stdout))


def family(root):
    """A process and all that descend from it."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parents[int(entry)] = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False
