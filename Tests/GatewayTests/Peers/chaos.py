"""Sends frames at random, right and wrong, over many connections.

usage: chaos.py PORT SECONDS SEED      Prints how many frames were sent.
"""
import random
import sys
import time

from frames import *


def payload(dice, peer, kind):
    sizes = {PRIORITY: 5, RESET: 4, PING: 8, WINDOW: 4, GOAWAY: 8, SETTINGS: 6 * dice.randrange(4)}
    if dice.random() < 0.9 and kind in sizes:
        if kind == SETTINGS:
            return settings(*[(dice.randrange(8), dice.choice([0, 1, 100, 65535, 1 << 20]))
                              for _ in range(sizes[kind] // 6)])
        return bytes([0, 0, dice.randrange(256), dice.randrange(256)]) + dice.randbytes(sizes[kind] - 4)
    if kind in (HEADERS, CONTINUATION):
        size = dice.randrange(2000)
        path = dice.choice(["/fixed/5", "/fixed/200000", "/slow/20", "/upload", "/close-early", "/chunked/5/10"])
        block = peer.encoder.encode(fields(path, dice.choice(["GET", "POST", "HEAD"]), ("x", "v" * size)))
        return block if dice.random() < 0.95 else block[:dice.randrange(len(block))]
    return dice.randbytes(dice.choice([0, 1, 5, 100, 16384, 16385][:5 if dice.random() < 0.99 else 6]))


def main(port, seconds, seed):
    dice, until, sent, connections = random.Random(seed), time.monotonic() + seconds, 0, 0
    while time.monotonic() < until:
        connections += 1
        try:
            peer = Peer(port, source=f"127.0.1.{connections % 250 + 1}")
            peer.socket.settimeout(0.2)
            top = 1
            for _ in range(dice.randrange(1, 200)):
                kind = dice.choice([DATA, DATA, HEADERS, HEADERS, HEADERS, RESET, WINDOW, PRIORITY, PING, SETTINGS,
                                    CONTINUATION, GOAWAY, 0x42, PUSH][:14 if dice.random() < 0.05 else 10])
                stream = 0 if kind in (PING, SETTINGS, GOAWAY) else dice.choice([top, top, max(1, top - 2), 1])
                if dice.random() < 0.02:
                    stream = dice.randrange(100)
                if kind == HEADERS:
                    stream, top = top, top + 2
                flags = dice.choice([END_HEADERS, END_HEADERS | END_STREAM, 0]) if kind in (HEADERS, CONTINUATION) else 0
                if kind == HEADERS and dice.random() < 0.95:
                    flags |= END_HEADERS
                if kind == DATA:
                    flags = dice.choice([0, 0, END_STREAM, PADDED])
                whole = frame(kind, flags, stream, payload(dice, peer, kind))
                peer.send(whole[:dice.randrange(len(whole))] if dice.random() < 0.005 else whole)
                sent += 1
                if dice.random() < 0.1:
                    try:
                        peer.socket.recv(dice.choice([10, 65536]))
                    except TimeoutError:
                        pass
        except (OSError, Closed):
            pass
        finally:
            peer.socket.close()
    print(sent, "frames,", connections, "connections")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
