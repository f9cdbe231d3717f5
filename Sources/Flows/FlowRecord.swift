// Public, so that other modules have it in place (Documentation/performance.md).
public import Addresses

/// What an exporter says of one flow, whatever the protocol it said it in. Counts are what the exporter saw; a receiver
/// multiplies them by `samplingRate`.
public struct FlowRecord: Equatable, Sendable, BitwiseCopyable {
    /// First and last packet: nanoseconds since 1970-01-01T00:00:00Z.
    public var first: Int64 = 0
    public var last: Int64 = 0
    public var source = Address(high: 0, low: 0)
    public var destination = Address(high: 0, low: 0)
    public var sourcePort: UInt16 = 0
    public var destinationPort: UInt16 = 0
    public var protocolNumber: UInt8 = 0
    /// All TCP flags seen, or-ed.
    public var flags: UInt8 = 0
    public var typeOfService: UInt8 = 0
    public var icmpType: UInt8 = 0
    public var icmpCode: UInt8 = 0
    public var packets: UInt64 = 0
    public var bytes: UInt64 = 0
    /// 1 of this many packets was seen; at least 1.
    public var samplingRate: UInt32 = 1
    public var input: UInt32 = 0
    public var output: UInt32 = 0
    public var sourceAS: UInt32 = 0
    public var destinationAS: UInt32 = 0
    public var sourceMask: UInt8 = 0
    public var destinationMask: UInt8 = 0

    public init() {}
}
