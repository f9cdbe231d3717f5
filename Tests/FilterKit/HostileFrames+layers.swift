internal import Addresses

// Layers, from the outside in. Each writes its header with what it carries, then the lengths that are known only then.
extension HostileFrames {
    private enum Ether {
        static let ipv4: UInt16 = 0x0800
        static let ipv6: UInt16 = 0x86dd
    }

    // MARK: Link

    mutating func writeEthernet() {
        put(0x0200_0000_0002_0200 as UInt64)
        put(0x0000_0001 as UInt32)
        var tags = chance(2) ? 0 : below(isSound ? 3 : 4)
        while tags > 0 {
            mark(0xffff)
            put([0x8100, 0x88a8, 0x9100][below(3)] as UInt16)
            put(UInt16(below(4096)))
            tags -= 1
        }
        mark(0xffff)
        if !isSound, chance(40) {
            // ARP, LLDP, MPLS, a length.
            put([0x0806, 0x88cc, 0x8847, 46][below(4)] as UInt16)
            put(0, times: 46)
            return
        }
        let isIPv4 = chance(2)
        put(isIPv4 ? Ether.ipv4 : Ether.ipv6)
        writeIP(isIPv4, depth: 0)
        // As Ethernet fills it up, with what is no payload.
        if chance(2), frame.count < 60 { put(0xab, times: 60 - frame.count) }
        if chance(8) { put(0x12, times: below(20)) }
    }

    // MARK: Network

    /// - Parameter depth: tunnels around it.
    mutating func writeIP(_ isIPv4: Bool, depth: Int) {
        let fragment = chance(8) ? 1 + below(2) : 0
        let tunnels = isSound ? 1 : Self.tunnelLimit
        let isTunnel = fragment == 0 && depth < tunnels && chance(5)
        let number = isTunnel ? [4, 41, 47, 17][below(4)] as UInt8 : protocolNumber(isIPv4)
        let start = frame.count
        if isIPv4 {
            writeIPv4(number, fragment)
        } else {
            writeIPv6(number, fragment)
        }
        if isTunnel {
            writeTunnel(number, depth: depth)
        } else if fragment == 2 {
            writeContent()
        } else {
            writeTransport(number, isFirst: fragment == 1)
        }
        if isIPv4 {
            overwrite(frame.count - start, at: start + 2)
        } else {
            overwrite(frame.count - start - 40, at: start + 4)
        }
    }

    private mutating func protocolNumber(_ isIPv4: Bool) -> UInt8 {
        switch below(16) {
        case 0..<5: 6
        case 5..<12: 17
        case 12: isIPv4 ? 1 : 58
        // A filter goes by the number, whatever the version.
        case 13: chance(2) ? 1 : 58
        default: [50, 132, 89, 59, 2, 255][below(isIPv4 ? 6 : 5)]
        }
    }

    private mutating func timeToLive() -> UInt8 { Self.timesToLive[below(Self.timesToLive.count)] }

    /// RFC 791, section 3.1.
    private mutating func writeIPv4(_ number: UInt8, _ fragment: Int) {
        let options = chance(4) ? below(11) : 0
        mark(0x0f, width: 1)
        put(UInt8(0x45 + options))
        put(0 as UInt8)
        mark(0xffff)
        put(0 as UInt16)
        put(7 as UInt16)
        mark(0x3fff)
        put(fragment == 0 ? (chance(2) ? 0x4000 : 0) : fragment == 1 ? 0x2000 : UInt16(1 + below(0x3fff) & ~0x2000))
        put(timeToLive())
        mark(0xff, width: 1)
        put(number)
        put(0 as UInt16)
        let (source, destination) = addresses(Self.sources4, Self.destinations4, edges: Self.edges4)
        put(source)
        put(destination)
        put(1, times: 4 * options)
    }

    /// RFC 8200, sections 3 and 4.
    private mutating func writeIPv6(_ number: UInt8, _ fragment: Int) {
        chain.removeAll(keepingCapacity: true)
        if chance(3) {
            for _ in 0..<below(isSound ? 6 : 9) { chain.append([0, 43, 60, 51, 135, 139, 140, 60][below(8)]) }
        }
        let isAtomic = fragment == 0 && chance(16)
        let fragmentPlace = fragment != 0 || isAtomic ? below(chain.count + 1) : -1
        if fragmentPlace >= 0 { chain.insert(44, at: fragmentPlace) }
        put(0x6000_0000 as UInt32)
        mark(0xffff)
        put(0 as UInt16)
        mark(0xff, width: 1)
        put(chain.first ?? number)
        put(timeToLive())
        let (source, destination) = addresses(Self.sources6, Self.destinations6, edges: Self.edges6)
        // Addresses of IPv4 within IPv6 are written whole.
        put(source.high)
        put(source.low)
        put(destination.high)
        put(destination.low)
        for index in chain.indices {
            mark(0xff, width: 1)
            put(index + 1 < chain.count ? chain[index + 1] : number)
            switch chain[index] {
            case 44:
                put(0 as UInt8)
                mark(0xfff9)
                let offset = UInt16(8 * (1 + below(8_000)))
                put(isAtomic ? 0 : fragment == 1 ? 1 : offset | UInt16(below(2)))
                put(9 as UInt32)
                // What follows a later fragment's header is content, whatever the header names.
                if fragment == 2 { return }
            case 51:
                let words = [0, 1, 2, 4][below(4)]
                mark(0xff, width: 1)
                put(UInt8(words))
                put(0, times: 4 * (words + 2) - 2)
            default:
                let units = chance(4) ? below(5) : 0
                mark(0xff, width: 1)
                put(UInt8(units))
                put(1, times: 8 * (units + 1) - 2)
            }
        }
    }

    /// A source and a destination: of few, now and then at the edges of what may be, or the same.
    private mutating func addresses(
        _ sources: [Address], _ destinations: [Address], edges: [Address]
    ) -> (Address, Address) {
        var source = sources[below(sources.count)]
        var destination = destinations[below(destinations.count)]
        if !isSound, chance(24) { source = edges[below(edges.count)] }
        if !isSound, chance(64) { destination = edges[below(edges.count)] }
        if !isSound, chance(128) { source = destination }
        return (source, destination)
    }

    // MARK: Tunnels

    private mutating func writeTunnel(_ number: UInt8, depth: Int) {
        let isIPv4 = number == 4 || number != 41 && chance(2)
        var isIP = true
        switch number {
        case 47:
            var bits = UInt16(below(8) & 5) << 13 | UInt16(below(2)) << 12
            if !isSound, chance(8) { bits |= 1 << UInt16(below(16)) }
            mark(0xffff)
            put(bits)
            // Transparent Ethernet bridging and PPP are no IP.
            isIP = isSound || !chance(8)
            mark(0xffff)
            put(isIP ? (isIPv4 ? Ether.ipv4 : Ether.ipv6) : chance(2) ? 0x6558 : 0x880b)
            put(3, times: 4 * (bits & 0xb000).nonzeroBitCount)
        case 17:
            writeVXLAN(isIPv4, depth: depth)
            return
        default: break
        }
        if isIP { writeIP(isIPv4, depth: depth + 1) } else { writeContent() }
        // The packet around may be longer than the one inside.
        if chance(8) { put(0xcd, times: 1 + below(8)) }
    }

    /// RFC 7348, section 5.
    private mutating func writeVXLAN(_ isIPv4: Bool, depth: Int) {
        let start = frame.count
        put(UInt16(49_152 + below(1_000)))
        mark(0xffff)
        put(4789 as UInt16)
        mark(0xffff)
        put(0 as UInt32)
        mark(0xff, width: 1)
        put(!isSound && chance(16) ? UInt8(below(256)) : 8)
        put(0, times: 5)
        put(0x0700 as UInt16)
        put(0x0200_0000_0003_0200 as UInt64)
        put(0x0000_0004 as UInt32)
        if !isSound, chance(16) { put(0x8100_0001 as UInt32) }
        mark(0xffff)
        put(isIPv4 ? Ether.ipv4 : Ether.ipv6)
        writeIP(isIPv4, depth: depth + 1)
        overwrite(frame.count - start, at: start + 4)
    }

    // MARK: Transport

    private mutating func writeTransport(_ number: UInt8, isFirst: Bool) {
        switch number {
        case 6: writeTCP()
        case 17: writeUDP(isFirst: isFirst)
        case 1, 58: writeICMP(number)
        default: writeContent()
        }
    }

    private mutating func writePorts() {
        put(Self.sourcePorts[below(Self.sourcePorts.count)])
        put(Self.destinationPorts[below(Self.destinationPorts.count)])
    }

    /// RFC 9293, section 3.1.
    private mutating func writeTCP() {
        writePorts()
        put(0x0000_0001_0000_0002 as UInt64)
        let options = chance(3) ? below(11) : 0
        mark(0xf0, width: 1)
        put(UInt8(5 + options) << 4)
        mark(0xff, width: 1)
        let isOdd = !isSound && chance(16)
        put(isOdd ? Self.oddFlags[below(Self.oddFlags.count)] : Self.flags[below(Self.flags.count)])
        put(0xfaf0_0000 as UInt32)
        put(0 as UInt16)
        put(1, times: 4 * options)
        if chance(2) { writePayload() }
    }

    /// RFC 768. The first piece of a datagram carries the length of the whole.
    private mutating func writeUDP(isFirst: Bool) {
        let start = frame.count
        writePorts()
        mark(0xffff)
        put(0 as UInt32)
        writePayload()
        let count = frame.count - start
        let length = isFirst ? count + below(3_000) : chance(16) ? 8 + below(count - 7) : count
        overwrite(length, at: start + 4)
    }

    /// RFC 792, RFC 4443.
    private mutating func writeICMP(_ number: UInt8) {
        put(Self.icmpTypes[below(Self.icmpTypes.count)])
        put(Self.icmpCodes[below(Self.icmpCodes.count)])
        put(0 as UInt16)
        // A header of ICMPv6 may end here, though no message of it is known that does.
        if number == 58, chance(8) { return }
        put(0x0001_0001 as UInt32)
        if chance(2) { writePayload() }
    }
}
