#!/usr/bin/env python3
"""Writes or sends flow exports of made traffic: NetFlow v5, v9, IPFIX, sFlow v5.

usage: Benchmarks/write-flows.py --kind v5|v9|ipfix|sflow (--out FILE | --send 127.0.0.1:PORT)
                                 [--records 1000000] [--hosts 1000] [--rate RECORDS-PER-SECOND] [--seed 1] | --self-test

--out writes a pcap of the datagrams, --send sends them over UDP, only ever to this machine (127.0.0.0/8, ::1): any other
address is refused. A datagram holds 30 records (v5), 28 (v9, IPFIX: 35 bytes each), or 7 samples of 128 bytes of header
(sFlow); templates come first and with every 200th datagram. Sequence numbers are right. At the end it prints
{"datagrams", "records", "seconds"}.
"""
import argparse
import ipaddress
import json
import os
import random
import socket
import struct
import sys
import tempfile
import time

PER_DATAGRAM = {"v5": 30, "v9": 28, "ipfix": 28, "sflow": 7}
TEMPLATE_EVERY = 200
DISTINCT = 512  # datagrams that are made; the rest are these again, with their own sequence and time
NETWORK = 0x0A000000  # hosts: 10.0.0.0/8
UPTIME = 3_600_000  # milliseconds
# NetFlow v9 (RFC 3954, section 8) and IPFIX share these numbers: type, length.
FIELDS = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (5, 1), (2, 4), (1, 4), (22, 4), (21, 4), (10, 2), (14, 2)]
RECORD = struct.Struct(">IIHHBBBIIIIHH")
TEMPLATE_ID = 256


def flows(generator, count, hosts):
    """(source, destination, source port, destination port, protocol, flags, packets, bytes): of each conversation what the
    client sent and what the server answered, one after the other."""
    made = []
    while len(made) < count:
        inside = NETWORK | 0x010000 + generator.randrange(hosts)
        outside = 0xC6120000 + generator.randrange(1 << 17)
        number, port, flags = generator.choice([(6, 443, 0x1B), (6, 80, 0x1B), (17, 53, 0), (17, 443, 0), (17, 123, 0)])
        client, server = (outside, inside) if generator.random() < 0.5 else (inside, outside)
        packets = generator.randrange(1, 40) if number == 6 else generator.randrange(1, 4)
        port_of_client = generator.randrange(32_768, 61_000)
        for source, destination, source_port, destination_port in (
                (client, server, port_of_client, port), (server, client, port, port_of_client)):
            size = packets * generator.randrange(60, 1_400)
            made.append((source, destination, source_port, destination_port, number, flags, packets, size))
    return made[:count]


def record(flow, generator):
    source, destination, source_port, destination_port, number, flags, packets, size = flow
    last = UPTIME - generator.randrange(1_000)
    return RECORD.pack(source, destination, source_port, destination_port, number, flags, 0, packets, size,
                       last - generator.randrange(1_000), last, 1, 2)


def datagram_v5(made, generator):
    body = b""
    for source, destination, source_port, destination_port, number, flags, packets, size in made:
        last = UPTIME - generator.randrange(1_000)
        body += struct.pack(">IIIHHIIIIHHBBBBHHBBH", source, destination, 0, 1, 2, packets, size,
                            last - generator.randrange(1_000), last, source_port, destination_port, 0, flags, number, 0,
                            0, 0, 24, 24, 0)
    return struct.pack(">HHIIIIBBH", 5, len(made), UPTIME, 0, 0, 0, 0, 0, 0) + body


def fields():
    return struct.pack(">HH", TEMPLATE_ID, len(FIELDS)) + b"".join(struct.pack(">HH", *field) for field in FIELDS)


def padded(body):
    return body + bytes(-len(body) % 4)


def datagram_v9(made, generator, template):
    body = padded(b"".join(record(flow, generator) for flow in made))
    data = struct.pack(">HH", TEMPLATE_ID, 4 + len(body)) + body
    head = struct.pack(">HH", 0, 4 + len(fields())) + fields() if template else b""
    return struct.pack(">HHIIII", 9, len(made) + template, UPTIME, 0, 0, 1) + head + data


def datagram_ipfix(made, generator, template):
    # Times are of the system's start (RFC 5102: 22 and 21), which an options record would give; here it is 1 hour ago.
    body = b"".join(record(flow, generator) for flow in made)
    data = struct.pack(">HH", TEMPLATE_ID, 4 + len(body)) + body
    head = struct.pack(">HH", 2, 4 + len(fields())) + fields() if template else b""
    return struct.pack(">HHIII", 10, 16 + len(head) + len(data), 0, 0, 1) + head + data


def datagram_sflow(made, generator):
    samples = b""
    for number, (source, destination, source_port, destination_port, protocol, flags, packets, size) in enumerate(made):
        length = max(100, min(1_514, size // packets))
        if protocol == 6:
            transport = struct.pack(">HHIIBBHHH", source_port, destination_port, 1, 1, 0x50, flags, 1_000, 0, 0)
        else:
            transport = struct.pack(">HHHH", source_port, destination_port, length - 34, 0)
        frame = (b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0" + struct.pack(
            ">BBHHHBBHII", 0x45, 0, length - 14, 7, 0, 60, protocol, 0, source, destination) + transport)
        shown = min(128, length)
        frame = (frame + bytes(128))[:shown]
        # The length on the line has the four bytes of Ethernet's checksum, which were stripped.
        raw = struct.pack(">IIII", 1, length + 4, 4, shown) + frame + bytes(-shown % 4)
        records = struct.pack(">II", 1, len(raw)) + raw
        sample = struct.pack(">IIIIIIII", number, 1, 1_024, 1_024 * number, 0, 1, 2, 1) + records
        samples += struct.pack(">II", 1, len(sample)) + sample
    return struct.pack(">II4sIIII", 5, 1, bytes([192, 0, 2, 1]), 0, 0, UPTIME, len(made)) + samples


class Stream:
    """Datagrams without end: `next(now)` gives one and its records. The first has the template."""

    SEQUENCE = {"v5": 16, "v9": 12, "ipfix": 8, "sflow": 16}
    CLOCK = {"v5": 8, "v9": 8, "ipfix": 4, "sflow": None}

    def __init__(self, kind, hosts, seed):
        generator = random.Random(seed)
        self.kind, self.size, self.count, self.sequence = kind, PER_DATAGRAM[kind], 0, 0
        make = {"v5": datagram_v5, "v9": datagram_v9, "ipfix": datagram_ipfix, "sflow": datagram_sflow}[kind]
        self.plain, self.full = [], []
        conversations = flows(generator, DISTINCT * self.size, hosts)
        for number in range(DISTINCT):
            made = conversations[number * self.size:(number + 1) * self.size]
            if kind in ("v9", "ipfix"):
                self.plain.append(bytearray(make(made, generator, 0)))
                self.full.append(bytearray(make(made, generator, 1)))
            else:
                self.plain.append(bytearray(make(made, generator)))
        self.full = self.full or self.plain

    def next(self, now):
        templated = self.count % TEMPLATE_EVERY == 0
        datagram = (self.full if templated else self.plain)[self.count % DISTINCT]
        struct.pack_into(">I", datagram, self.SEQUENCE[self.kind], self.sequence & 0xFFFFFFFF)
        if self.CLOCK[self.kind] is not None:
            struct.pack_into(">I", datagram, self.CLOCK[self.kind], now)
        # v5 and IPFIX count records, v9 and sFlow datagrams.
        self.sequence += self.size if self.kind in ("v5", "ipfix") else 1
        self.count += 1
        return datagram


def loopback(text):
    """(address, port) of "ADDRESS:PORT" on this machine; ValueError for any other, and for a name."""
    host, _, port = text.rpartition(":")
    address = ipaddress.ip_address(host.strip("[]"))
    if not address.is_loopback:
        raise ValueError(f"{address} is not of this machine: only 127.0.0.0/8 and ::1 are sent to")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError(f"no port: {port!r}")
    return str(address), int(port)


def send(stream, target, records, rate):
    """Sends, evenly in milliseconds if a rate is given; returns datagrams and seconds."""
    host, port = target
    began, sent = time.monotonic(), 0
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(target)
        goal = -(-records // stream.size)
        while sent < goal:
            due = goal if not rate else min(goal, int((time.monotonic() - began) * rate / stream.size) + 1)
            now = int(time.time())
            while sent < due:
                try:
                    out.send(stream.next(now))
                except ConnectionRefusedError:
                    raise SystemExit(f"nobody listens at {host}:{port}") from None
                sent += 1
            if rate and sent < goal:
                time.sleep(0.001)
    return sent, time.monotonic() - began


def write(stream, path, records):
    """A pcap of the datagrams, UDP from 192.0.2.1 to 192.0.2.2; returns their number."""
    ports = {"v5": 2_055, "v9": 2_055, "ipfix": 4_739, "sflow": 6_343}
    goal, began = -(-records // stream.size), 1_767_225_600
    with open(path, "wb", buffering=1 << 20) as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1))
        for number in range(goal):
            micros = number * 100
            datagram = stream.next(began + micros // 1_000_000)
            header = struct.pack(">BBHHHBBHII", 0x45, 0, 28 + len(datagram), number & 0xFFFF, 0, 64, 17, 0, 0xC0000201, 0xC0000202)
            total = sum(struct.unpack(">10H", header))
            total = (total & 0xFFFF) + (total >> 16)
            header = header[:10] + struct.pack(">H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + header[12:]
            udp = struct.pack(">HHHH", 50_000, ports[stream.kind], 8 + len(datagram), 0)
            frame = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0" + header + udp + datagram
            out.write(struct.pack("<IIII", began + micros // 1_000_000, micros % 1_000_000, len(frame), len(frame)) + frame)
    return goal


def self_test():
    for text in ("192.0.2.1:2055", "10.0.0.1:2055", "0.0.0.0:2055", "[::2]:2055", "[2001:db8::1]:1", "localhost:2055",
                 "255.255.255.255:1", "128.0.0.1:1", "[::ffff:192.0.2.1]:5", "127.0.0.1:0", "127.0.0.1:x", "127.0.0.1", ""):
        try:
            loopback(text)
        except ValueError:
            continue
        raise AssertionError(f"{text} was taken")
    assert loopback("127.0.0.1:2055") == ("127.0.0.1", 2055)
    assert loopback("127.9.9.9:1") == ("127.9.9.9", 1) and loopback("[::1]:65535") == ("::1", 65_535)
    for kind, size in PER_DATAGRAM.items():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            receiver.bind(("127.0.0.1", 0))
            receiver.settimeout(5)
            sent, _ = send(Stream(kind, 100, 1), receiver.getsockname(), size * 20, 0)
            got = [receiver.recv(65_536) for _ in range(sent)]
        again = Stream(kind, 100, 1)
        places = [struct.unpack_from(">I", data, Stream.SEQUENCE[kind])[0] for data in got]
        step = size if kind in ("v5", "ipfix") else 1
        assert sent == 20 and places == [step * number for number in range(20)], (kind, places)
        assert all(len(data) <= 1_472 for data in got), f"{kind}: a datagram that does not fit"
        assert len(got[0]) == len(again.next(0)), kind
        version = struct.unpack_from(">I", got[0])[0] if kind == "sflow" else struct.unpack_from(">H", got[0])[0]
        assert version == {"v5": 5, "v9": 9, "ipfix": 10, "sflow": 5}[kind]
        if kind == "ipfix":
            assert all(struct.unpack_from(">H", data, 2)[0] == len(data) for data in got)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "flows")
            count = write(Stream(kind, 100, 1), path, 1_000)
            assert count == -(-1_000 // size) and os.path.getsize(path) > 1_000
    assert RECORD.size == sum(length for _, length in FIELDS) == 35
    print("write-flows: self-test passed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=list(PER_DATAGRAM))
    parser.add_argument("--out")
    parser.add_argument("--send")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--hosts", type=int, default=1_000)
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    if not arguments.kind or bool(arguments.out) == bool(arguments.send):
        parser.error("--kind and one of --out and --send are needed")
    if not 0 < arguments.records <= 1_000_000_000 or not 0 < arguments.hosts <= 60_000 or arguments.rate < 0:
        parser.error("1 to 1,000,000,000 records, 1 to 60,000 hosts, a rate of 0 or more")
    stream = Stream(arguments.kind, arguments.hosts, arguments.seed)
    began = time.monotonic()
    if arguments.out:
        datagrams = write(stream, arguments.out, arguments.records)
        seconds = time.monotonic() - began
    else:
        try:
            target = loopback(arguments.send)
        except ValueError as error:
            parser.error(str(error))
        datagrams, seconds = send(stream, target, arguments.records, arguments.rate)
    print(json.dumps({"datagrams": datagrams, "records": datagrams * stream.size, "seconds": round(seconds, 3)}))
    return None


if __name__ == "__main__":
    sys.exit(main())
