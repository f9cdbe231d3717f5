"""Starts the load of the siege, each part in a process of its own on the core of the load, and gathers what it says."""
import json
import os
import subprocess
import time

from servers import HOME, HOST, Void

KNOWN_NETWORK = 5  # addresses in each /24


class Load:
    """What goes against one server in one row. Every part has a bound in number and in time."""

    def __init__(self, bench, server, name):
        self.bench, self.server, self.name = bench, server, name
        self.parts = {}
        self.dealt = []  # sources that are taken: every part deals from the same plan

    def order(self, kind, secure, host=HOST, **more):
        port = self.server.secure if secure else self.server.clear
        order = {"kind": kind, "target": f"{HOME}:{port}", "authority": f"{host}:{port}", "host": host,
                 "browsers": self.bench.browsers, "seed": self.bench.seed, "dealt": list(self.dealt), **more}
        if secure:
            order["ca"] = self.bench.certificates.authority
        return order

    def take(self, count, per_network=KNOWN_NETWORK):
        self.dealt.append({"count": count, "per_network": per_network})

    def start(self, name, order, command=None):
        process = subprocess.Popen(command or self.bench.pinned(self.bench.load_core, self.bench.load_program),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)
        process.stdin.write(json.dumps(order))
        process.stdin.close()
        process.stdin = None
        self.parts[name] = process

    def visitors(self, phases, *, known, unknown, shared=None, per_second=400, seconds=240, host=HOST, name="visitors"):
        order = self.order(
            "visitors", True, host, known=known, unknown=unknown, phases=phases, site=self.server.site["visited"],
            is_program=self.server.site["program"],
            bounds={"connections": 19_000, "requests": min(5_000_000, per_second * seconds), "rate": min(20_000, per_second),
                    "seconds": seconds})
        if shared:
            order["shared"] = shared
            self.take(shared, 1)
        else:
            self.take(known + unknown)
        self.start(name, order, self.bench.beside_flood(self.bench.load_program))

    def flood(self, name, secure, *, rate, sources, start, seconds, browser_share=0.0, framed_share=0.0, release=None):
        limits = {"connections": 19_000, "requests": min(5_000_000, int(rate * (seconds + 70) * 2)),
                  "rate": min(20_000, int(rate * 2) + 100), "seconds": int(seconds) + 90}
        order = self.order("flood", secure, rate=rate, sources=sources, start=start, seconds=seconds, bounds=limits,
                           shapes=self.bench.keep(f"{self.name}-shapes.json", self.server.site["shapes"]),
                           browser_share=browser_share, framed_share=framed_share, release_seconds=release,
                           release_path=self.server.site["visited"]["pages"][0]["path"])
        self.start(name, order)
        self.take(sources)

    def slow(self, name, secure, kinds, *, count, sources, start, seconds):
        self.start(name, self.order("slow", secure, kinds=kinds, count=count, sources=sources, start=start, seconds=seconds,
                                    bounds={"connections": count, "requests": 200_000, "rate": 2_000,
                                            "seconds": int(seconds) + 30}))

    def calls(self, name, secure, kind, *, rate, start, seconds, sources=1_000, count=None, target=None, concurrent=512,
              path="/"):
        order = self.order("calls", secure, kinds=[kind], rate=rate, sources=sources, start=start, seconds=seconds,
                           concurrent=concurrent, path=path, count=count,
                           bounds={"connections": 2_000, "requests": min(5_000_000, int(rate * seconds * 1.2) + 100),
                                   "rate": min(20_000, int(rate * 1.5) + 100), "seconds": int(seconds) + 60})
        if target:
            order["target"] = target
        self.start(name, order)

    def control(self, *, rate, start, seconds):
        """curl_cffi itself, from addresses of its own, where it could be installed."""
        if not self.bench.control:
            return
        order = {"rate": rate, "start": start, "seconds": seconds, "url": f"https://{HOST}:{self.server.secure}/zoeken?q=",
                 "browsers": ["chrome131", "firefox133", "safari180"],
                 "addresses": [f"127.254.{network}.{host}" for network in range(40) for host in range(1, 6)]}
        here = os.path.dirname(os.path.abspath(__file__))
        self.start("control", order, self.bench.pinned(self.bench.load_core, self.bench.control, f"{here}/control.py"))

    def gather(self, seconds):
        """All reports, by part. A part that says nothing makes the row void."""
        deadline, reports, missing = time.monotonic() + seconds, {}, []
        for name, process in self.parts.items():
            try:
                said, errors = process.communicate(timeout=max(1, deadline - time.monotonic()))
                reports[name] = json.loads(said)
            except (subprocess.TimeoutExpired, ValueError):
                process.kill()
                errors = process.communicate()[1] if process.returncode is None else errors
                missing.append(f"{name}: {errors.strip()[-300:] or 'no report in time'}")
        self.parts = {}
        if missing:
            raise Void("; ".join(missing))
        return reports

    def stop(self):
        for process in self.parts.values():
            process.kill()
            process.wait()
        self.parts = {}


def now():
    return time.monotonic_ns()


def after(seconds, moment):
    return moment + int(seconds * 1e9)
