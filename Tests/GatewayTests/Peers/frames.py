"""A visitor who sends frames of HTTP/2 as it is told, right or wrong. Header blocks are those of the library hpack."""
import socket
import struct

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HOST = "www.example.nl"
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITISED = 0x1, 0x1, 0x4, 0x8, 0x20
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR,
 REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)
PATIENCE = 5


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def number(value):
    return struct.pack(">I", value)


def settings(*pairs):
    return b"".join(struct.pack(">HI", name, value) for name, value in pairs)


def fields(path="/fixed/5", method="GET", *more):
    return [(":method", method), (":scheme", "http"), (":path", path), (":authority", HOST), *more]


class Closed(Exception):
    """The lane closed the connection; `code` is what its GOAWAY said, or None."""

    def __init__(self, code):
        super().__init__(f"closed, GOAWAY {code}")
        self.code = code


class Peer:
    def __init__(self, port, *own, begins=True, opens=True, source=None, into=None):
        self.socket = into or socket.create_connection(
            ("127.0.0.1", port), PATIENCE, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.held, self.code, self.opens = b"", None, opens
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.theirs, self.acknowledged = {}, 0
        self.pings = []
        self.status, self.content, self.ended, self.resets, self.trailers = {}, {}, set(), {}, {}
        if begins:
            self.send(PREFACE, frame(SETTINGS, payload=settings(*own)))
            self.until(lambda: self.acknowledged and self.theirs)

    # What is said.

    def send(self, *pieces):
        self.socket.sendall(b"".join(pieces))

    def block(self):
        return self.encoder.encode(fields())

    def ask(self, stream, path="/fixed/5", method="GET", *more, ends=True):
        block = self.encoder.encode(fields(path, method, *more))
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if ends else 0), stream, block))

    # What is heard.

    def read(self, size):
        while len(self.held) < size:
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                more = b""
            if not more:
                raise Closed(self.code)
            self.held += more
        taken, self.held = self.held[:size], self.held[size:]
        return taken

    def hear(self):
        """The next frame: kind, flags, stream, payload. What every visitor does about it is done."""
        head = self.read(9)
        size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        assert size <= 16384, f"a frame of {size} bytes"
        stream = int.from_bytes(head[5:], "big")
        payload = self.read(size)
        if kind == SETTINGS and flags & ACK:
            self.acknowledged += 1
        elif kind == SETTINGS:
            self.theirs.update(struct.unpack(">HI", payload[at:at + 6]) for at in range(0, size, 6))
            self.theirs.setdefault(0, 0)
            self.send(frame(SETTINGS, ACK))
        elif kind == PING:
            self.pings.append(payload)
        elif kind == GOAWAY:
            self.code = int.from_bytes(payload[4:8], "big")
        elif kind == RESET:
            self.resets[stream] = int.from_bytes(payload, "big")
        elif kind == HEADERS:
            while not flags & END_HEADERS:
                head = self.read(9)
                assert head[3] == CONTINUATION and int.from_bytes(head[5:], "big") == stream, "a block torn apart"
                payload += self.read(int.from_bytes(head[:3], "big"))
                flags |= head[4] & END_HEADERS
            block = self.decoder.decode(payload)
            if stream in self.status and self.status[stream] >= 200:
                self.trailers[stream] = block
            else:
                assert block[0][0] == ":status" and len(block[0][1]) == 3
                self.status[stream] = int(block[0][1])
                assert not [name for name, _ in block if name in ("connection", "transfer-encoding", "keep-alive")]
        elif kind == DATA:
            self.content[stream] = self.content.get(stream, 0) + size
            if self.opens and size:
                self.send(frame(WINDOW, 0, 0, number(size)), frame(WINDOW, 0, stream, number(size)))
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.ended.add(stream)
        return kind, flags, stream, payload

    def until(self, done, patience=PATIENCE):
        self.socket.settimeout(patience)
        while not done():
            self.hear()
        self.socket.settimeout(PATIENCE)

    def answer(self, stream):
        self.until(lambda: stream in self.ended or stream in self.resets)
        assert stream in self.ended, f"stream {stream} was reset with {self.resets.get(stream)}"
        return self.status[stream]

    def alive(self, stream=101):
        """The connection still serves, and nothing was lost on the way."""
        self.send(frame(PING, payload=b"question"))
        self.until(lambda: b"question" in self.pings)
        self.ask(stream)
        assert self.answer(stream) == 200 and self.content[stream] == 5

    def falls(self, *codes):
        """The connection ends with one of these codes."""
        try:
            self.until(lambda: False)
        except Closed as closed:
            assert closed.code in codes, f"GOAWAY said {closed.code}, not {codes}"
            return
        except TimeoutError:
            pass
        raise AssertionError(f"the connection stands; GOAWAY {self.code}, resets {self.resets}")

    def resets_or_falls(self, stream, *codes):
        """RFC 9113 lets a stream error be one of the connection (section 5.4.1)."""
        try:
            self.until(lambda: stream in self.resets)
        except Closed as closed:
            assert closed.code in codes, f"GOAWAY said {closed.code}, not {codes}"
            return
        assert self.resets[stream] in codes, f"RST_STREAM said {self.resets[stream]}, not {codes}"

    def resets_only(self, stream, *codes):
        self.until(lambda: stream in self.resets)
        assert self.resets[stream] in codes, f"RST_STREAM said {self.resets[stream]}, not {codes}"
        self.alive()
