"""What RFC 9113 and RFC 7541 ask of a server, case by case, in the order of their sections.

usage: conformance.py PORT CHAPTER      One line for each case: "ok NAME" or "not NAME: reason"
"""
import sys
import time
import traceback

from frames import *

CASES = []


def case(name):
    return lambda body: CASES.append((name, body)) or body


def rule(name, end, *pieces, ask=None):
    """After these frames the connection, or the stream, ends as `end` says."""
    def body(port):
        peer = Peer(port)
        if ask:
            peer.ask(1, *ask)
        peer.send(*[piece(peer) if callable(piece) else piece for piece in pieces])
        end(peer)
    CASES.append((name, body))


def falls(*codes):
    return lambda peer: peer.falls(*codes)


def resets(*codes, stream=1):
    return lambda peer: peer.resets_only(stream, *codes)


def either(*codes, stream=1):
    return lambda peer: peer.resets_or_falls(stream, *codes)


def headers(given=None, flags=END_HEADERS | END_STREAM, stream=1, lead=b"", tail=b""):
    return lambda peer: frame(HEADERS, flags, stream, lead + peer.encoder.encode(given or fields()) + tail)


def answers(status):
    def end(peer):
        assert peer.answer(1) == status, peer.status
        peer.alive()
    return end


def lives(peer):
    peer.alive()


def closed_or_alive(peer):
    try:
        peer.alive()
    except Closed as closed:
        assert closed.code in (STREAM_CLOSED, PROTOCOL_ERROR), closed.code


# 3: how a connection begins.

@case("3.4 a preface that is none ends the connection")
def _(port):
    peer = Peer(port, begins=False)
    peer.send(b"PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n", frame(SETTINGS))
    peer.held = b""
    try:
        while peer.socket.recv(65536):
            pass
    except ConnectionError:
        pass


@case("3.4 another frame before SETTINGS ends the connection")
def _(port):
    peer = Peer(port, begins=False)
    peer.send(PREFACE, frame(PING, payload=b"12345678"))
    peer.falls(PROTOCOL_ERROR)


@case("3.4 requests may come with the preface, before any answer")
def _(port):
    peer = Peer(port, begins=False)
    peer.send(PREFACE, frame(SETTINGS), headers()(peer))
    assert peer.answer(1) == 200


@case("3.4 the preface may come byte by byte")
def _(port):
    peer = Peer(port, begins=False)
    for byte in PREFACE + frame(SETTINGS):
        peer.send(bytes([byte]))
    peer.alive()


# 4: frames.

rule("4.1 a frame of unknown type is passed over", lives, frame(0x42, 0xff, 0, b"x" * 8), frame(0x42, 0, 9, b""))
rule("4.1 flags that a type does not have are passed over", lives, frame(PING, 0xfe, 0, b"12345678"))
rule("4.1 the reserved bit is passed over", lives, frame(PING, 0, 0x80000000, b"12345678"))

@case("4.2 DATA of the largest size passes")
def _(port):
    peer = Peer(port)
    peer.ask(1, "/upload", "POST", ends=False)
    peer.send(frame(DATA, END_STREAM, 1, b"x" * 16384))
    assert peer.answer(1) == 200


@case("4.2 DATA that is larger is a fault of size")
def _(port):
    peer = Peer(port)
    peer.ask(1, "/upload", "POST", ends=False)
    peer.send(frame(DATA, END_STREAM, 1, b"x" * 16385))
    peer.resets_or_falls(1, FRAME_SIZE_ERROR)


rule("4.2 HEADERS that are larger end the connection", falls(FRAME_SIZE_ERROR),
     frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\0" * 16385))
rule("4.3 a broken block ends the connection", falls(COMPRESSION_ERROR),
     frame(HEADERS, 5, 1, b"\xff\xff\xff\xff\xff\x0f"))
for name, other in {"PRIORITY": frame(PRIORITY, 0, 1, b"\0\0\0\0\0"), "HEADERS of another stream": headers(stream=3),
                    "PING": frame(PING, payload=b"12345678"), "an unknown type": frame(0x42, 0, 1),
                    "DATA": frame(DATA, 0, 1, b"x")}.items():
    rule(f"4.3 {name} within a block ends the connection", falls(PROTOCOL_ERROR), headers(flags=END_STREAM), other)

# 5: streams.

for name, sent in {"DATA": frame(DATA, END_STREAM, 1, b"x"), "RST_STREAM": frame(RESET, 0, 1, number(CANCEL)),
                   "WINDOW_UPDATE": frame(WINDOW, 0, 1, number(100)),
                   "CONTINUATION": frame(CONTINUATION, END_HEADERS, 1, b"\x82")}.items():
    rule(f"5.1 {name} for an idle stream ends the connection", falls(PROTOCOL_ERROR), sent)
rule("5.1 PRIORITY for an idle stream is passed over", lives, frame(PRIORITY, 0, 99, b"\0\0\0\0\0"))
for name, sent in {"DATA": frame(DATA, END_STREAM, 1, b"x"), "HEADERS": headers()}.items():
    rule(f"5.1 {name} for a stream that the visitor ended is a fault", either(STREAM_CLOSED), sent, ask=("/slow/300",))
    rule(f"5.1 {name} for a stream that the visitor reset is a fault or passed over",
         closed_or_alive, frame(RESET, 0, 1, number(CANCEL)), sent, ask=("/slow/300",))


@case("5.1 DATA for a stream that was answered is a fault")
def _(port):
    peer = Peer(port)
    peer.ask(1)
    peer.answer(1)
    peer.send(frame(DATA, END_STREAM, 1, b"x"))
    peer.resets_or_falls(1, STREAM_CLOSED)


@case("5.1 HEADERS for a stream that was answered end the connection")
def _(port):
    peer = Peer(port)
    peer.ask(1)
    peer.answer(1)
    peer.ask(1)
    peer.falls(STREAM_CLOSED, PROTOCOL_ERROR)


@case("5.1 WINDOW_UPDATE and RST_STREAM for a stream that was answered are passed over")
def _(port):
    peer = Peer(port)
    peer.ask(1)
    peer.answer(1)
    peer.send(frame(WINDOW, 0, 1, number(100)), frame(RESET, 0, 1, number(CANCEL)))
    peer.alive()


rule("5.1.1 a stream with an even number ends the connection", falls(PROTOCOL_ERROR), headers(stream=2))
rule("5.1.1 a stream below an earlier one ends the connection", falls(PROTOCOL_ERROR, STREAM_CLOSED), headers(stream=5),
     headers(stream=3))


@case("5.1.2 more streams than allowed are refused, and may be asked again")
def _(port):
    peer = Peer(port)
    limit = peer.theirs[3]
    for stream in range(1, 2 * limit + 3, 2):
        peer.ask(stream, "/slow/500")
    peer.until(lambda: peer.resets)
    assert list(peer.resets.values())[0] in (REFUSED_STREAM, PROTOCOL_ERROR), peer.resets
    peer.until(lambda: len(peer.ended) + len(peer.resets) > limit, 10)
    peer.alive(2 * limit + 9)


rule("5.3.1 HEADERS that let a stream depend on itself are its fault", either(PROTOCOL_ERROR),
     headers(flags=0x25, lead=number(1) + b"\x10"))
rule("5.3.1 PRIORITY that lets a stream depend on itself is its fault", either(PROTOCOL_ERROR),
     frame(PRIORITY, 0, 1, number(1) + b"\x10"))

# 6: each type.

rule("6.1 DATA for the connection ends it", falls(PROTOCOL_ERROR), frame(DATA, 0, 0, b"x"))


@case("6.1 padding as long as DATA ends the connection")
def _(port):
    peer = Peer(port)
    peer.ask(1, "/upload", "POST", ends=False)
    peer.send(frame(DATA, PADDED | END_STREAM, 1, b"\x06hello"))
    peer.falls(PROTOCOL_ERROR)


@case("6.1 padding is no content")
def _(port):
    peer = Peer(port)
    peer.ask(1, "/upload", "POST", ("content-length", "5"), ends=False)
    peer.send(frame(DATA, PADDED, 1, b"\x03hello\0\0\0"), frame(DATA, PADDED | END_STREAM, 1, b"\x00"))
    assert peer.answer(1) == 200


rule("6.2 HEADERS for the connection end it", falls(PROTOCOL_ERROR), headers(stream=0))
rule("6.2 padding longer than HEADERS ends the connection", falls(PROTOCOL_ERROR),
     frame(HEADERS, 0xd, 1, b"\x09\x82\x86"))
rule("6.2 HEADERS with padding and priority pass", lambda peer: peer.alive(3),
     headers(flags=0x2d, lead=b"\x04" + number(0) + b"\xff", tail=b"\0" * 4))
rule("6.3 PRIORITY for the connection ends it", falls(PROTOCOL_ERROR), frame(PRIORITY, 0, 0, b"\0\0\0\0\0"))
rule("6.3 PRIORITY of four bytes is a fault of size", either(FRAME_SIZE_ERROR), frame(PRIORITY, 0, 1, b"\0\0\0\0"))
rule("6.4 RST_STREAM for the connection ends it", falls(PROTOCOL_ERROR), frame(RESET, 0, 0, number(0)))
rule("6.4 RST_STREAM of three bytes ends the connection", falls(FRAME_SIZE_ERROR), frame(RESET, 0, 1, b"\0\0\0"),
     ask=("/slow/300",))
rule("6.5 an acknowledgement with content ends the connection", falls(FRAME_SIZE_ERROR), frame(SETTINGS, ACK, 0, b"\0"))
rule("6.5 SETTINGS for a stream end the connection", falls(PROTOCOL_ERROR), frame(SETTINGS, 0, 1))
rule("6.5 SETTINGS of three bytes end the connection", falls(FRAME_SIZE_ERROR), frame(SETTINGS, 0, 0, b"\0\0\0"))
for name, value, code in ((2, 2, PROTOCOL_ERROR), (4, 0x80000000, FLOW_CONTROL_ERROR), (5, 16383, PROTOCOL_ERROR),
                          (5, 1 << 24, PROTOCOL_ERROR)):
    rule(f"6.5.2 setting {name} cannot be {value}", falls(code), frame(SETTINGS, 0, 0, settings((name, value))))
rule("6.5.2 an unknown setting is passed over", lives, frame(SETTINGS, 0, 0, settings((0xff, 0xffffffff))))


@case("6.5.3 settings are acknowledged, each frame once")
def _(port):
    peer = Peer(port)
    for count in range(3):
        peer.send(frame(SETTINGS, 0, 0, settings((4, 100_000 + count), (4, 65535))))
    peer.alive()
    assert peer.acknowledged == 4, peer.acknowledged


@case("6.7 PING is answered with what it held, once, and its acknowledgement not at all")
def _(port):
    peer = Peer(port)
    peer.send(frame(PING, ACK, 0, b"surplus!"), frame(PING, 0, 0, b"\1\2\3\4\5\6\7\x08"))
    assert peer.hear() == (PING, ACK, 0, b"\1\2\3\4\5\6\7\x08")


rule("6.7 PING for a stream ends the connection", falls(PROTOCOL_ERROR), frame(PING, 0, 1, b"12345678"))
rule("6.7 PING of six bytes ends the connection", falls(FRAME_SIZE_ERROR), frame(PING, 0, 0, b"123456"))
rule("6.8 GOAWAY for a stream ends the connection", falls(PROTOCOL_ERROR), frame(GOAWAY, 0, 1, bytes(8)))


@case("6.8 after the visitor's GOAWAY what is under way is answered")
def _(port):
    peer = Peer(port)
    peer.ask(1, "/slow/200")
    peer.send(frame(GOAWAY, 0, 0, number(0) + number(0x99)))
    assert peer.answer(1) == 200


rule("6.9 WINDOW_UPDATE by nothing ends the connection", falls(PROTOCOL_ERROR), frame(WINDOW, 0, 0, number(0)))
rule("6.9 WINDOW_UPDATE by nothing is a stream's fault", either(PROTOCOL_ERROR), frame(WINDOW, 0, 1, number(0)),
     ask=("/slow/300",))
rule("6.9 WINDOW_UPDATE of three bytes ends the connection", falls(FRAME_SIZE_ERROR), frame(WINDOW, 0, 0, b"\0\0\1"))
rule("6.9.1 a window beyond 2^31-1 ends the connection", falls(FLOW_CONTROL_ERROR),
     frame(WINDOW, 0, 0, number(0x7fffffff)), frame(WINDOW, 0, 0, number(0x7fffffff)))
rule("6.9.1 a stream's window beyond 2^31-1 is its fault", either(FLOW_CONTROL_ERROR),
     frame(WINDOW, 0, 1, number(0x7fffffff)), frame(WINDOW, 0, 1, number(0x7fffffff)), ask=("/slow/300",))


@case("6.9.1 content waits for the stream's window, byte by byte")
def _(port):
    peer = Peer(port, (4, 1), opens=False)
    peer.ask(1)
    for count in range(1, 6):
        peer.until(lambda: peer.content.get(1) == count)
        peer.send(frame(WINDOW, 0, 1, number(1)))
    peer.answer(1)


@case("6.9.1 content waits for the connection's window")
def _(port):
    peer = Peer(port, (4, 1 << 20), opens=False)
    peer.ask(1, "/fixed/100000")
    peer.until(lambda: peer.content.get(1) == 65535)
    peer.send(frame(PING, 0, 0, b"12345678"))
    peer.until(lambda: peer.pings)
    assert peer.content[1] == 65535
    peer.send(frame(WINDOW, 0, 0, number(1 << 20)))
    peer.answer(1)
    assert peer.content[1] == 100000


@case("6.9.2 a changed first window changes open streams, below zero too")
def _(port):
    peer = Peer(port, (4, 3), opens=False)
    peer.ask(1)
    peer.until(lambda: peer.content.get(1) == 3)
    peer.send(frame(SETTINGS, 0, 0, settings((4, 1))), frame(WINDOW, 0, 1, number(2)))
    peer.send(frame(PING, 0, 0, b"12345678"))
    peer.until(lambda: peer.pings)
    assert peer.content[1] == 3, "the window is nothing"
    peer.send(frame(SETTINGS, 0, 0, settings((4, 2))))
    peer.until(lambda: peer.content[1] == 4)
    peer.send(frame(SETTINGS, 0, 0, settings((4, 100))))
    peer.answer(1)


@case("6.9.2 a first window that overflows a stream's ends the connection")
def _(port):
    peer = Peer(port, opens=False)
    peer.ask(1, "/slow/300")
    peer.send(frame(WINDOW, 0, 1, number(0x7fffffff - 65535)), frame(SETTINGS, 0, 0, settings((4, 65536))))
    peer.falls(FLOW_CONTROL_ERROR)


@case("6.10 a block may come in many pieces, of no bytes too")
def _(port):
    peer = Peer(port)
    block = peer.block()
    pieces = [block[at:at + 1] for at in range(len(block))] + [b"", b""]
    peer.send(frame(HEADERS, END_STREAM, 1, b""))
    for piece in pieces[:-1]:
        peer.send(frame(CONTINUATION, 0, 1, piece))
    peer.send(frame(CONTINUATION, END_HEADERS, 1, pieces[-1]))
    assert peer.answer(1) == 200


for name, first in {"its end": headers(), "DATA": headers(flags=END_HEADERS)}.items():
    rule(f"6.10 CONTINUATION behind {name} ends the connection", falls(PROTOCOL_ERROR, STREAM_CLOSED), first,
         b"" if name == "its end" else frame(DATA, 0, 1, b"x"), frame(CONTINUATION, END_HEADERS, 1, b"\x82"))
rule("6.10 CONTINUATION for the connection ends it", falls(PROTOCOL_ERROR), headers(flags=END_STREAM),
     frame(CONTINUATION, END_HEADERS, 0, b""))
rule("6.10 CONTINUATION of another stream ends the connection", falls(PROTOCOL_ERROR), headers(flags=END_STREAM),
     frame(CONTINUATION, END_HEADERS, 3, b""))

# 7: codes that nobody knows.

rule("7 an unknown code in RST_STREAM is taken", lives, frame(RESET, 0, 1, number(0xff)), ask=("/slow/300",))

# 8: requests.

for method in ("GET", "HEAD", "POST", "OPTIONS", "DELETE", "PUT", "PROPFIND"):
    @case(f"8 {method} is answered")
    def _(port, method=method):
        peer = Peer(port)
        peer.ask(1, "/fixed/5", method)
        assert peer.answer(1) == 200
        assert peer.content.get(1, 0) == (0 if method == "HEAD" else 5) or method != "GET"

for name, given in {
    "an upper-case name": fields("/", "GET", ("X-Test", "ok")),
    "an unknown pseudo-header field": [(":test", "ok")] + fields(),
    "a response's pseudo-header field": [(":status", "200")] + fields(),
    "a pseudo-header field behind others": [("x-test", "ok")] + fields(),
    "no method": [pair for pair in fields() if pair[0] != ":method"],
    "no scheme": [pair for pair in fields() if pair[0] != ":scheme"],
    "no path": [pair for pair in fields() if pair[0] != ":path"],
    "an empty path": fields(""),
    "two methods": [(":method", "GET")] + fields(), "two schemes": [(":scheme", "http")] + fields(),
    "two paths": [(":path", "/")] + fields(), "two authorities": [(":authority", HOST)] + fields(),
    "no host at all": [pair for pair in fields() if pair[0] != ":authority"],
    "another Host": fields("/", "GET", ("host", "other.example")),
    "Connection": fields("/", "GET", ("connection", "keep-alive")),
    "Keep-Alive": fields("/", "GET", ("keep-alive", "1")), "Upgrade": fields("/", "GET", ("upgrade", "h2c")),
    "Transfer-Encoding": fields("/", "GET", ("transfer-encoding", "chunked")),
    "Proxy-Connection": fields("/", "GET", ("proxy-connection", "close")),
    "TE: gzip": fields("/", "GET", ("te", "gzip")), "TE: trailers, gzip": fields("/", "GET", ("te", "trailers, gzip")),
    "a line feed in a value": fields("/", "GET", ("x", "a\nb")), "a null in a value": fields("/", "GET", ("x", "a\0b")),
    "a space before a value": fields("/", "GET", ("x", " a")), "a colon in a name": fields("/", "GET", ("x:y", "a")),
    "a space in a name": fields("/", "GET", ("x y", "a")),
    "a length without content": fields("/", "GET", ("content-length", "1")),
}.items():
    rule(f"8.1.1 {name} makes a request malformed", resets(PROTOCOL_ERROR), headers(given))
rule("8.1.2 TE: trailers passes", answers(200), headers(fields("/", "GET", ("te", "trailers"))))


def content(name, length, *pieces, code=PROTOCOL_ERROR):
    @case(f"8.1.1 {name} is its fault")
    def _(port):
        peer = Peer(port)
        peer.ask(1, "/upload", "POST", ("content-length", length), ends=False)
        peer.send(*pieces)
        peer.resets_or_falls(1, code)


content("content shorter than it said", "5", frame(DATA, END_STREAM, 1, b"four"))
content("content longer than it said", "3", frame(DATA, END_STREAM, 1, b"four"))
content("content longer than it said, in pieces", "5", frame(DATA, 0, 1, b"four"), frame(DATA, END_STREAM, 1, b"four"))


@case("8.1 a second block must end the stream")
def _(port):
    peer = Peer(port)
    peer.ask(1, "/upload", "POST", ends=False)
    peer.send(frame(HEADERS, END_HEADERS, 1, peer.encoder.encode([("x-test", "ok")])))
    peer.resets_or_falls(1, PROTOCOL_ERROR)


@case("8.1 trailers may not hold pseudo-header fields")
def _(port):
    peer = Peer(port)
    peer.ask(1, "/upload", "POST", ends=False)
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, peer.encoder.encode([(":method", "ok")])))
    peer.resets_or_falls(1, PROTOCOL_ERROR)


rule("8.4 a visitor cannot push", falls(PROTOCOL_ERROR),
     frame(PUSH, END_HEADERS, 1, number(2) + b"\x82"), ask=("/slow/300",))
rule("8.5 CONNECT is refused in words", answers(405),
     headers([(":method", "CONNECT"), (":authority", "a.example:443")]))

# RFC 7541.

for name, block in {
    "index nothing": b"\x80", "an index that is not there": b"\xfe\x00", "a name that is not there": b"\x7f\xff\x00\x01a",
    "a table larger than allowed": b"\x3f\xe2\x1f", "a table's size at the end of a block": b"\x82\x86\x84\x20",
    "padding of eight bits": b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff",
    "padding of zeros": b"\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90",
    "the end of string": b"\x00\x01a\x84\xff\xff\xff\xff",
    "an integer without end": b"\x7f\xff\xff\xff\xff\xff\xff\xff\x01", "a string cut off": b"\x00\x05ab",
}.items():
    rule(f"HPACK {name} ends the connection", falls(COMPRESSION_ERROR), frame(HEADERS, 5, 1, block))


@case("HPACK the table is in step behind a list that is too long")
def _(port):
    peer = Peer(port)
    peer.ask(1, "/", "GET", ("x-kept", "kept"), *[("cookie", f"n{count}=1") for count in range(250)])
    assert peer.answer(1) == 431
    peer.ask(3, "/", "GET", ("x-kept", "kept"), ("cookie", "n0=1"))
    assert peer.answer(3) == 200


# What honest visitors do, and must never be cut or slowed for.

@case("honest: a browser leaves four pages of a hundred requests each, and reads on")
def _(port):
    peer = Peer(port)
    stream = 1
    for _ in range(4):
        streams = range(stream, stream + 200, 2)
        for one in streams:
            peer.ask(one, "/slow/200")
        peer.send(*[frame(RESET, 0, one, number(CANCEL)) for one in streams])
        stream += 200
    began = time.monotonic()
    peer.alive(stream)
    # The origin's slots stay taken until it has answered what was given up.
    assert time.monotonic() - began < 4, "slowed"


@case("honest: calls are given up as often as others are answered")
def _(port):
    peer = Peer(port)
    for stream in range(1, 4001, 4):
        peer.ask(stream)
        peer.ask(stream + 2, "/slow/10")
        peer.answer(stream)
        peer.send(frame(RESET, 0, stream + 2, number(CANCEL)))
    peer.alive(5001)


@case("honest: every frame of content is answered with windows and a PING")
def _(port):
    peer = Peer(port)
    peer.ask(1, "/fixed/20000000")
    while 1 not in peer.ended:
        if peer.hear()[0] == DATA:
            peer.send(frame(PING, payload=b"12345678"))
    assert peer.content[1] == 20000000
    peer.alive()


def main(port, chapter):
    for name, body in CASES:
        if not name.startswith(chapter):
            continue
        try:
            body(port)
            print("ok", name)
        except Exception as reason:
            place = traceback.extract_tb(reason.__traceback__)[-1]
            print(f"not {name}: {type(reason).__name__} {reason} ({place.name} {place.lineno})")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
