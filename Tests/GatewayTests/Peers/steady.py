"""Visitors over HTTP/2 and TLS who ask all the time and keep to the rules, while what serves them is replaced.

After GOAWAY they open nothing more on that connection, wait for the streams up to its last one, and ask again elsewhere
for the others (RFC 9113, section 6.8). Anything else that goes wrong is a failure.

usage: steady.py ADDRESS PORT HOST CONNECTIONS STREAMS SECONDS      Prints JSON.
"""
import json
import socket
import ssl
import struct
import sys
import threading
import time

from frames import (ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, REFUSED_STREAM, RESET, SETTINGS,
                    Closed, Peer, frame, settings)

PATHS = ["/fixed/1000", "/slow/150", "/fixed/40000", "/fixed/10", "POST /upload"]
CONTENT = b"x" * 6000
EVERYTHING = 0x7fffffff


class Line(Peer):
    """One connection."""

    def __init__(self, address, port, host):
        plain = socket.create_connection((address, port), 20)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # a certificate made for this test
        context.set_alpn_protocols(["h2"])
        super().__init__(port, begins=False, into=context.wrap_socket(plain, server_hostname=host))
        self.socket.settimeout(20)
        self.host, self.next, self.last, self.goaways = host, 1, EVERYTHING, []
        self.open = {}
        self.send(PREFACE, frame(SETTINGS, payload=settings((4, 1 << 20))),
                  frame(8, 0, 0, struct.pack(">I", 16 << 20)))

    def begin(self, what):
        method, path = what.split() if " " in what else ("GET", what)
        stream, self.next = self.next, self.next + 2
        self.open[stream] = what
        block = self.encoder.encode([(":method", method), (":scheme", "https"), (":path", path),
                                     (":authority", self.host), ("user-agent", "steady/1")])
        if method == "GET":
            self.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block))
        else:
            self.send(frame(HEADERS, END_HEADERS, stream, block), frame(DATA, END_STREAM, stream, CONTENT))

    def step(self):
        """Hears one frame; the requests that it ended, and those to ask again."""
        kind, flags, stream, payload = self.hear()
        done, again = [], []
        if kind == PING and not flags & ACK:
            self.send(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            last, code = struct.unpack(">II", payload[:8])
            assert code == 0 and last <= self.last, f"GOAWAY with {code}, last {last} after {self.last}"
            self.last = last
            self.goaways.append(last)
            again = [(other, self.open.pop(other)) for other in list(self.open) if other > last]
        elif kind == RESET and stream in self.open:
            what = self.open.pop(stream)
            assert self.resets[stream] == REFUSED_STREAM, f"{what} was reset with {self.resets[stream]}"
            again = [(stream, what)]
        elif stream in self.open and stream in self.ended:
            done = [(self.open.pop(stream), self.status[stream])]
        return done, again


class Visitor(threading.Thread):
    def __init__(self, number, until, streams, *where):
        super().__init__()
        self.number, self.until, self.streams, self.where = number, until, streams, where
        self.answered, self.again, self.lines, self.stepped, self.failures = 0, 0, 0, 0, []

    def run(self):
        todo, count = [], self.number
        while time.monotonic() < self.until or todo:
            try:
                line = Line(*self.where)
            except OSError as error:
                self.failures.append(f"no connection: {error!r}")
                time.sleep(0.2)
                continue
            self.lines += 1
            try:
                while True:
                    mayOpen = not line.goaways
                    while mayOpen and len(line.open) < self.streams and (todo or time.monotonic() < self.until):
                        count += 1
                        line.begin(todo.pop() if todo else PATHS[count % len(PATHS)])
                    if not line.open and (line.goaways or time.monotonic() >= self.until):
                        break
                    done, again = line.step()
                    for what, status in done:
                        self.answered += 1
                        if status != 200:
                            self.failures.append(f"{what}: {status}")
                    self.again += len(again)
                    todo += [what for _, what in again]
            except (AssertionError, OSError, Closed) as error:
                self.failures += [f"{what} on stream {stream}: {error!r}, GOAWAY {line.goaways}"
                                  for stream, what in line.open.items()] or [f"{error!r}, GOAWAY {line.goaways}"]
            self.stepped += line.goaways[:1] == [EVERYTHING]
            line.socket.close()


def main(address, port, host, connections, streams, seconds):
    until = time.monotonic() + float(seconds)
    visitors = [Visitor(number, until, int(streams), address, int(port), host) for number in range(int(connections))]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    failures = [failure for visitor in visitors for failure in visitor.failures]
    print(json.dumps({
        "answered": sum(visitor.answered for visitor in visitors),
        "asked again": sum(visitor.again for visitor in visitors),
        "connections": sum(visitor.lines for visitor in visitors),
        "told in two steps": sum(visitor.stepped for visitor in visitors),
        "failed": len(failures), "failures": failures[:10]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
