package import Addresses

/// What an exporter says of one flow, whatever the protocol it said it in. Counts are what the exporter saw; a receiver
/// multiplies them by `samplingRate`.
package struct FlowRecord: Equatable, Sendable, BitwiseCopyable {
    /// First and last packet: nanoseconds since 1970-01-01T00:00:00Z.
    package var first: Int64 = 0
    package var last: Int64 = 0
    package var source = Address(high: 0, low: 0)
    package var destination = Address(high: 0, low: 0)
    package var sourcePort: UInt16 = 0
    package var destinationPort: UInt16 = 0
    package var protocolNumber: UInt8 = 0
    /// All TCP flags seen, or-ed.
    package var flags: UInt8 = 0
    package var typeOfService: UInt8 = 0
    package var icmpType: UInt8 = 0
    package var icmpCode: UInt8 = 0
    package var packets: UInt64 = 0
    package var bytes: UInt64 = 0
    /// 1 of this many packets was seen; at least 1.
    package var samplingRate: UInt32 = 1
    package var input: UInt32 = 0
    package var output: UInt32 = 0
    package var sourceAS: UInt32 = 0
    package var destinationAS: UInt32 = 0
    package var sourceMask: UInt8 = 0
    package var destinationMask: UInt8 = 0

    package init() {}
}
