#!/usr/bin/env python3
"""Writes a capture of made packets: ordinary traffic, and an attack in its second half.

usage: Benchmarks/write-capture.py --out FILE [--megabytes 200] [--seed 1] [--sources 100000]
                                   [--attack dns|syn|none] [--small yes|no] [--start SECONDS] | --self-test

The capture is pcap (microseconds, Ethernet). Packets are copies of a few dozen templates with their own time, source
and right checksums; --small yes keeps to templates under 100 bytes, which makes most packets per byte. Addresses are
those of documentation (RFC 5737, RFC 3849) and, as sources, of the benchmark network 198.18.0.0/15 (RFC 2544) and
10.0.0.0/8. --start is the time of the first packet in seconds since 1970; without it, 2026 begins. The same arguments
write the same bytes.
"""
import argparse
import os
import random
import struct
import sys
import tempfile
import time

START = 1_767_225_600  # 2026-01-01T00:00:00Z
ORDINARY_RATE, ATTACK_RATE = 20_000, 200_000  # packets a second
SITE, VICTIM = 0xC0000200, 0xC0000264  # 192.0.2.0/24, 192.0.2.100
SITE6 = bytes.fromhex("20010db8000100000000000000000000")
BLOCK = 256  # packets between two writes
ATTACK_SHARE = 0.8  # of the packets in the second half


def folded(total):
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def words(data):
    data += b"\0" * (len(data) & 1)
    return sum(struct.unpack(f">{len(data) // 2}H", data))


class Template:
    """A frame whose source is open: where time, source and checksums belong, and the sums without the source."""

    def __init__(self, transport, number, destination=SITE + 10, payload=b"", ttl=57, six=False):
        segment = transport + payload
        at = {6: 16, 17: 6, 1: 2, 58: 2}[number]  # the checksum's place in the transport header
        if six:
            target = SITE6[:12] + struct.pack(">I", destination & 0xFF)
            source = bytes.fromhex("20010db8ffff00000000000000000000")
            header = struct.pack(">IHBB", 0x60000000, len(segment), number, ttl) + source + target
            pseudo = words(source + target) + number + len(segment)
            ethernet, self.source, self.header_sum = b"\x86\xdd", 14 + 20, None
        else:
            header = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(segment), 7, 0x4000, ttl, number, 0, 0, destination)
            pseudo = words(struct.pack(">I", destination)) + number + len(segment)
            ethernet, self.source, self.header_sum = b"\x08\x00", 14 + 12, words(header)
        if number == 1:
            pseudo = 0
        self.needs_source = number != 1
        self.transport_sum = pseudo + words(segment)
        self.transport_at = 16 + 14 + len(header) + at
        self.source += 16
        frame = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02" + ethernet + header + segment
        self.record = bytearray(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)

    def copy(self, seconds, microseconds, source, pack=struct.pack_into):
        """The record with this time and source (32 bits: of IPv6 the last ones)."""
        record = self.record
        pack("<II", record, 0, seconds, microseconds)
        total = (source >> 16) + (source & 0xFFFF)
        if self.header_sum is None:
            pack(">I", record, self.source, source)
        else:
            header = self.header_sum + total
            header = (header & 0xFFFF) + (header >> 16)
            pack(">HI", record, self.source - 2, ~((header & 0xFFFF) + (header >> 16)) & 0xFFFF, source)
        transport = self.transport_sum + (total if self.needs_source else 0)
        transport = (transport & 0xFFFF) + (transport >> 16)
        pack(">H", record, self.transport_at, ~((transport & 0xFFFF) + (transport >> 16)) & 0xFFFF)
        return record


def tcp(source, destination, flags, options=b""):
    return struct.pack(">HHIIBBHHH", source, destination, 1, 1, (20 + len(options)) // 4 << 4, flags, 64_240, 0, 0) + options


def udp(source, destination, length):
    return struct.pack(">HHHH", source, destination, 8 + length, 0)


def question(name, kind):
    return b"".join(bytes([len(part)]) + part for part in name.split(b".")) + b"\0" + struct.pack(">HH", kind, 1)


def ordinary(generator, small):
    """Templates and how often each comes."""
    found = []

    def add(weight, *arguments, **named):
        for six in (False, True):
            found.append((weight * (2 if not six else 1), Template(*arguments, six=six, **named)))

    syn_options = bytes.fromhex("020405b40402080a0000000000000000") + b"\x01\x03\x03\x07"
    stamps = bytes.fromhex("0101080a0000000100000001")
    for _ in range(4):
        port = generator.randrange(32_768, 61_000)
        ask = generator.randbytes(2) + b"\x01\0\0\x01\0\0\0\0\0\0" + question(b"www.example.nl", 1)
        add(3, tcp(port, 443, 2, syn_options), 6, ttl=generator.choice([52, 57, 117]))
        add(12, tcp(port, 443, 16, stamps), 6)
        add(1, tcp(port, 443, 17, stamps), 6)
        add(4, udp(port, 53, len(ask)), 17, payload=ask, destination=SITE + 11)
        add(1, udp(port, 123, 48), 17, payload=b"\x23\0\x06\xec" + bytes(44), destination=SITE + 14)
        if not small:
            hello = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + generator.randbytes(506)
            add(3, tcp(port, 443, 24, stamps), 6, payload=hello)
            add(14, tcp(443, port, 16, stamps), 6, payload=b"\x17\x03\x03\x40\0" + generator.randbytes(1_415))
            add(4, tcp(port, 80, 24, stamps), 6, payload=b"GET / HTTP/1.1\r\nHost: www.example.nl\r\n\r\n")
            add(5, udp(443, port, 1_250), 17, payload=b"\x40" + generator.randbytes(1_249))
    found.append((1, Template(struct.pack(">BBHHH", 8, 0, 0, 1, 1), 1, payload=bytes(56))))
    return found


def attack(kind, generator):
    if kind == "syn":
        return [Template(tcp(generator.randrange(1_024, 65_536), 443, 2, b"\x02\x04\x05\xb4"), 6, VICTIM, ttl=ttl)
                for ttl in range(44, 60)]
    answer = (b"\x12\x34\x84\0\0\x01\0\x10\0\0\0\0" + question(b"example.org", 255) + generator.randbytes(1_400))[:1_400]
    return [Template(udp(53, generator.randrange(1_024, 65_536), len(answer)), 17, VICTIM, answer, ttl=ttl)
            for ttl in range(44, 60)]


def write(path, megabytes, seed=1, sources=100_000, kind="dns", small=False, start=START):
    """Writes the capture; returns (packets, packets of the attack)."""
    generator = random.Random(seed)
    weighted = ordinary(generator, small)
    normal = [template for weight, template in weighted for _ in range(weight)]
    hostile = attack(kind, generator) if kind != "none" else []
    clients = [0xC6120000 + generator.randrange(1 << 17) for _ in range(4_096)]
    size, packets, hostile_packets, microseconds = int(megabytes * 1e6), 0, 0, 0.0
    with open(path, "wb", buffering=1 << 20) as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1))
        written, next_source = 24, 0
        while written < size:
            attacked = bool(hostile) and written * 2 > size
            step = 1e6 / (ATTACK_RATE if attacked else ORDINARY_RATE)
            templates = generator.choices(normal, k=BLOCK)
            enemies = [draw < ATTACK_SHARE for draw in map(lambda _: generator.random(), range(BLOCK))] if attacked else ()
            block = bytearray()
            for index, template in enumerate(templates):
                if attacked and enemies[index]:
                    # All sources come in turn, scattered over 10.0.0.0/8 by an odd factor.
                    template = hostile[index & 15]
                    source = 0x0A000000 | next_source * 0x9E3779 & 0xFFFFFF
                    next_source = (next_source + 1) % sources
                    hostile_packets += 1
                elif not hostile and sources > 4_096:
                    source = 0x0A000000 | next_source * 0x9E3779 & 0xFFFFFF
                    next_source = (next_source + 1) % sources
                else:
                    source = clients[packets & 4_095]
                now = int(microseconds)
                block += template.copy(start + now // 1_000_000, now % 1_000_000, source)
                microseconds += step
                packets += 1
                if written + len(block) >= size:
                    break
            out.write(block)
            written += len(block)
    return packets, hostile_packets


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        one, two = os.path.join(folder, "one"), os.path.join(folder, "two")
        for kind in ("dns", "syn", "none"):
            packets, hostile = write(one, 1, kind=kind)
            write(two, 1, kind=kind)
            with open(one, "rb") as first, open(two, "rb") as second:
                data = first.read()
                assert data == second.read(), "the same arguments, other bytes"
            assert 1_000_000 <= len(data) < 1_002_000, len(data)
            assert (hostile > 0) == (kind != "none")
            place, count, last, victims = 24, 0, 0, 0
            while place < len(data):
                seconds, micros, length, original = struct.unpack_from("<IIII", data, place)
                frame = data[place + 16:place + 16 + length]
                assert length == original == len(frame)
                assert seconds * 1_000_000 + micros >= last, "time runs backwards"
                last = seconds * 1_000_000 + micros
                six = frame[12:14] == b"\x86\xdd"
                number, segment = (frame[20], frame[54:]) if six else (frame[23], frame[34:])
                if not six:
                    assert folded(words(frame[14:34])) == 0xFFFF, "header checksum"
                    victims += frame[30:34] == struct.pack(">I", VICTIM)
                addresses = frame[22:54] if six else frame[26:34]
                pseudo = words(addresses) + number + len(segment) if number != 1 else 0
                assert folded(pseudo + words(segment)) == 0xFFFF, f"checksum of protocol {number}"
                place, count = place + 16 + length, count + 1
            assert count == packets and victims == hostile, (count, packets, victims, hostile)
    print("write-capture: self-test passed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out")
    parser.add_argument("--megabytes", type=float, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sources", type=int, default=100_000)
    parser.add_argument("--attack", choices=["dns", "syn", "none"], default="dns")
    parser.add_argument("--small", choices=["yes", "no"], default="no")
    parser.add_argument("--start", type=int, default=START)
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    if not arguments.out or not 0 < arguments.megabytes <= 20_000 or not 0 < arguments.sources <= 1 << 24:
        parser.error("--out FILE is needed, up to 20,000 megabytes, up to 16,777,216 sources")
    if not 0 <= arguments.start < 1 << 31:
        parser.error("--start is in seconds since 1970, before 2038")
    began = time.monotonic()
    packets, hostile = write(
        arguments.out, arguments.megabytes, arguments.seed, arguments.sources, arguments.attack,
        arguments.small == "yes", arguments.start)
    print(f"{packets} packets, {hostile} of them the attack's, in {time.monotonic() - began:.1f} s")
    return None


if __name__ == "__main__":
    sys.exit(main())
