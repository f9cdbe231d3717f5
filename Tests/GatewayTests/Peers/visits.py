"""A visitor who speaks HTTP/2 by the library h2: many requests at once on one connection, with content both ways.

usage: visits.py PORT tls|clear HOST      Prints "ok" and what was done, or fails.
"""
import hashlib
import socket
import ssl
import sys

import h2.config
import h2.connection
import h2.events
import h2.settings


class Visit:
    """One request: what is still to send of it, and what came."""

    def __init__(self, path, content=None, trailers=(), expect=None):
        self.path, self.content, self.trailers, self.expect = path, content, trailers, expect
        self.sent, self.isWhole = 0, False
        self.status, self.got, self.theirs, self.ended = None, b"", [], False


class Visitor:
    def __init__(self, port, tls, host):
        self.host, self.scheme = host, "https" if tls else "http"
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # a certificate made for this test
            context.set_alpn_protocols(["h2", "http/1.1"])
            self.socket = context.wrap_socket(self.socket, server_hostname=host)
            assert self.socket.selected_alpn_protocol() == "h2", self.socket.selected_alpn_protocol()
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        # Room for responses as a browser gives it.
        self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20})
        self.h2.increment_flow_control_window(4 << 20)
        self.visits = {}

    def begin(self, visit):
        stream = self.h2.get_next_available_stream_id()
        self.visits[stream] = visit
        fields = [(":method", "GET" if visit.content is None else "POST"), (":scheme", self.scheme),
                  (":authority", self.host), (":path", visit.path), ("user-agent", "visits/1")]
        if visit.content is not None and not visit.trailers:
            fields.append(("content-length", str(len(visit.content))))
        self.h2.send_headers(stream, fields, end_stream=visit.content is None)
        visit.isWhole = visit.content is None

    def push(self):
        """Sends as much content as the windows allow, in turn."""
        for stream, visit in self.visits.items():
            if visit.isWhole or visit.ended:
                continue
            while visit.sent < len(visit.content):
                size = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size,
                           len(visit.content) - visit.sent)
                if size <= 0:
                    break
                self.h2.send_data(stream, visit.content[visit.sent:visit.sent + size])
                visit.sent += size
            if visit.sent == len(visit.content):
                visit.isWhole = True
                if visit.trailers:
                    self.h2.send_headers(stream, visit.trailers, end_stream=True)
                else:
                    self.h2.end_stream(stream)
        self.socket.sendall(self.h2.data_to_send())

    def run(self):
        while not all(visit.ended for visit in self.visits.values()):
            self.push()
            data = self.socket.recv(65536)
            assert data, "the lane closed"
            for event in self.h2.receive_data(data):
                visit = self.visits.get(getattr(event, "stream_id", None))
                if isinstance(event, h2.events.ResponseReceived):
                    visit.status = int(dict(event.headers)[":status"])
                elif isinstance(event, h2.events.DataReceived):
                    visit.got += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.TrailersReceived):
                    visit.theirs = event.headers
                elif isinstance(event, h2.events.StreamEnded):
                    visit.ended = True
                elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                    raise AssertionError(f"{visit and visit.path}: {event}")
        for visit in self.visits.values():
            assert visit.status == 200, f"{visit.path}: {visit.status}"
            if visit.expect is not None:
                assert len(visit.got) == visit.expect, f"{visit.path}: {len(visit.got)} bytes"
            if visit.content is not None:
                back = visit.got[-len(visit.content):] if visit.content else b""
                assert hashlib.sha256(back).digest() == hashlib.sha256(visit.content).digest(), f"{visit.path}: changed"


def main(port, tls, host):
    visitor = Visitor(port, tls, host)
    content = bytes(index * 31 + (index >> 8) & 255 for index in range(1_500_000))
    for round in range(2):
        for size in (0, 1, 16384, 70_000, 1_500_000):
            visitor.begin(Visit(f"/upload/{round}/{size}", content[:size]))
            visitor.begin(Visit(f"/fixed/{size * 2}", expect=size * 2))
        visitor.begin(Visit("/chunked/50/1000", expect=50_000))
        visitor.begin(Visit("/until-close/100000", expect=100_000))
        visitor.begin(Visit("/trailers", content[:100_000], trailers=[("x-sum", "7")]))
        visitor.run()
        assert [visit.theirs for visit in visitor.visits.values() if visit.theirs] == [[("x-chunks", "50")]]
        print("ok", len(visitor.visits), "requests,", sum(len(visit.got) for visit in visitor.visits.values()), "bytes")
        visitor.visits = {}


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "tls", sys.argv[3])
