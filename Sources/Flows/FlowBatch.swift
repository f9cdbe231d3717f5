/// What was read of some datagrams; its arrays are used again and again.
package struct FlowBatch: Sendable {
    package var flows: [FlowRecord] = []
    /// Sampled packets of the last datagram: they point into it.
    package var samples: [FlowSample] = []

    package init() {
        flows.reserveCapacity(1024)
        samples.reserveCapacity(64)
    }

    /// Forgets the contents and keeps the room.
    package mutating func removeAll() {
        flows.removeAll(keepingCapacity: true)
        samples.removeAll(keepingCapacity: true)
    }
}

/// The first bytes of a packet that an exporter sampled: where they lie in the datagram, for a reader of packets.
package struct FlowSample: Equatable, Sendable, BitwiseCopyable {
    /// What the bytes begin with; the numbers are sFlow's (header_protocol).
    package enum Link: UInt8, CaseIterable, Sendable, BitwiseCopyable {
        case ethernet = 1, ipv4 = 11, ipv6 = 12, mpls = 13
    }

    /// What became of the packet at its way in or out.
    package enum Interface: UInt8, CaseIterable, Sendable, BitwiseCopyable {
        /// `input` or `output` is an index; 0 is unknown.
        case index
        /// Not forwarded.
        case discarded
        /// Went out by more than one.
        case multiple
        /// Came from or went to the device itself.
        case local
    }

    /// Bytes from the start of the datagram.
    package var offset: UInt32 = 0
    /// Bytes that were sampled; all lie in the datagram.
    package var length: UInt32 = 0
    package var link = Link.ethernet
    /// Bytes that the packet had on the link, without what was stripped before sampling.
    package var frameLength: UInt32 = 0
    /// 1 of this many packets was sampled; at least 1.
    package var samplingRate: UInt32 = 1
    /// Interfaces; 0 where `inputKind` or `outputKind` is not `.index`.
    package var input: UInt32 = 0
    package var output: UInt32 = 0
    package var inputKind = Interface.index
    package var outputKind = Interface.index
    /// When it was seen, nanoseconds since 1970: as the exporter says, else when the datagram was received.
    package var time: Int64 = 0

    package init() {}
}
