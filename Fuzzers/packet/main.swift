import Addresses
import Bytes
import FuzzerSupport
import Glibc
import Packets

// The first byte chooses the link, the second how much of the frame the capture cut off; the rest is the frame. What is
// read keeps its promises, depends on nothing but the frame, and a later fragment changes no earlier word.
private let links: [LinkType] = [
    .ethernet, .raw, .cooked, .cooked2, .null, .loop, .ppp, .pppoe, .hdlc, .ipv4, .ipv6, .rawBSD,
    LinkType(rawValue: 999),
]
private let key: (UInt64, UInt64) = (0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210)

private func run(_ input: RawSpan) {
    guard input.byteCount >= 2 else { return }
    let link = links[Int(input.unsafeLoad(fromByteOffset: 0, as: UInt8.self)) % links.count]
    let cut = Int(input.unsafeLoad(fromByteOffset: 1, as: UInt8.self)) * 8
    let frame = input.extracting(2..<input.byteCount)
    var reader = FrameReader(fragmentKey: key)
    let first = read(frame, &reader, link, cut)
    check(first, frame, cut)
    // A reader that has seen nothing says the same; and so does one that has, unless its first fragment came now.
    var other = FrameReader(fragmentKey: (key.1, key.0))
    require(read(frame, &other, link, cut) == first, "depends on the key")
    let again = read(frame, &reader, link, cut)
    require(again == first, "depends on what came before")
    guard case .success(let packet?) = first else { return }
    // Any shorter frame is refused or says the same of headers and lengths.
    let whole = frame.byteCount + cut
    for length in stride(from: 0, to: frame.byteCount, by: max(1, frame.byteCount / 16)) {
        let part = frame.extracting(0..<length)
        guard case .success(let less?) = read(part, &other, link, whole - length) else { continue }
        // Inside a guessed tunnel a cut decides what the innermost packet is.
        guard less.tunnel == packet.tunnel, less.protocolNumber == packet.protocolNumber else { continue }
        require(less.source == packet.source || packet.tunnel != .none, "a cut changes the source")
    }
}

private func read(
    _ frame: RawSpan, _ reader: inout FrameReader, _ link: LinkType, _ cut: Int
) -> Result<PacketSummary?, Malformed> {
    Result { () throws(Malformed) in
        try reader.read(frame, link: link, originalLength: frame.byteCount + cut, time: 1_700_000_000_000_000_000)
    }
}

private func check(_ result: Result<PacketSummary?, Malformed>, _ frame: RawSpan, _ cut: Int) {
    switch result {
    case .failure(let malformed):
        require((0...frame.byteCount + cut).contains(malformed.offset), "place of the error")
    case .success(nil): break
    case .success(let packet?):
        require(packet.length >= 20, "an IP header's length")
        require(UInt32(packet.payloadLength) < packet.length, "payload within the packet")
        require(packet.weight == 1 && packet.time == 1_700_000_000_000_000_000, "weight and time")
        if packet.payloadLength < 8 {
            let rest = 64 - 8 * UInt64(packet.payloadLength)
            require(rest == 64 ? packet.payloadPrefix == 0 : packet.payloadPrefix << (64 - rest) == 0, "prefix")
        }
        require(packet.service != .none || packet.role == .unknown && !packet.isPayloadSeen, "role without service")
        require(packet.flags == 0 || packet.protocolNumber == PacketSummary.tcp, "flags without TCP")
        if packet.dnsNameOffset != 0 {
            require(Int(packet.dnsNameOffset) < frame.byteCount, "name in the frame")
            require(packet.dnsNameHash == hash(frame, Int(packet.dnsNameOffset)), "hash of the name")
        }
        if packet.fragment == .later { require(packet.dnsNameOffset == 0, "a name in a later fragment") }
    }
}

/// The name's hash by another way: through its text.
private func hash(_ frame: RawSpan, _ start: Int) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ byte: UInt8) {
        hash = (hash ^ UInt64(byte >= 65 && byte <= 90 ? byte + 32 : byte)) &* 0x100_0000_01b3
    }
    var place = start
    while true {
        require(place < frame.byteCount, "the name ends in the frame")
        let size = Int(frame.unsafeLoad(fromByteOffset: place, as: UInt8.self))
        if size == 0 { break }
        require(size < 64 && place + size < frame.byteCount, "labels")
        if place > start { add(UInt8(ascii: ".")) }
        for index in 1...size { add(frame.unsafeLoad(fromByteOffset: place + index, as: UInt8.self)) }
        place += size + 1
    }
    if place == start { add(UInt8(ascii: ".")) }
    return hash
}

exit(
    runFuzzer { data, size in
        run(RawSpan(_unsafeStart: UnsafeRawPointer(data ?? UnsafePointer(bitPattern: 1)!), byteCount: size))
        return 0
    })
