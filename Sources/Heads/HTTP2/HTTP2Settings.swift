/// What a peer said of itself in SETTINGS (RFC 9113, section 6.5.2); begins with what holds before it says anything.
package struct HTTP2Settings: Equatable, Sendable, BitwiseCopyable {
    package enum Name: UInt16, Sendable, CaseIterable {
        case headerTableSize = 1
        case enablePush, maxConcurrentStreams, initialWindow, payloadLimit, headerListSize
        case enableConnect = 8
        case noPriorities = 9
    }

    package static var windowLimit: Int { 0x7fff_ffff }

    /// Bytes of the dynamic table that our encoder may use; it uses none. See ``HPACKWriter/writeEmptyTable()``.
    package var headerTableSize: UInt32 = 4096
    /// Streams that we may open: none, as we never push.
    package var maxConcurrentStreams = UInt32.max
    /// What each stream's window begins with. When it changes, open streams' windows change by the difference, which
    /// may make them negative (section 6.9.2).
    package var initialWindow = 65535
    /// The largest payload that the peer takes.
    package var payloadLimit = HTTP2Frame.payloadLimit
    package var headerListSize = UInt32.max

    package init() {}

    /// Takes all settings of one frame, in their order; unknown ones are passed over. The number of settings is bounded
    /// by the frame's length.
    package mutating func read(_ payload: RawSpan) -> HTTP2Fault? {
        var offset = 0
        while offset + 6 <= payload.byteCount {
            // Six bytes are there.
            let name = UInt16(bigEndian: payload.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
            let value = UInt32(bigEndian: payload.unsafeLoadUnaligned(fromByteOffset: offset + 2, as: UInt32.self))
            if let fault = take(name, value) { return fault }
            offset += 6
        }
        return offset == payload.byteCount ? nil : HTTP2Fault(.connection, .frameSizeError)
    }

    private mutating func take(_ name: UInt16, _ value: UInt32) -> HTTP2Fault? {
        switch Name(rawValue: name) {
        case .headerTableSize: headerTableSize = value
        case .enablePush, .enableConnect, .noPriorities:
            if value > 1 { return HTTP2Fault(.connection, .protocolError) }
        case .maxConcurrentStreams: maxConcurrentStreams = value
        case .initialWindow:
            guard value <= Self.windowLimit else { return HTTP2Fault(.connection, .flowControlError) }
            initialWindow = Int(value)
        case .payloadLimit:
            guard (16384...0xff_ffff).contains(value) else { return HTTP2Fault(.connection, .protocolError) }
            payloadLimit = Int(value)
        case .headerListSize: headerListSize = value
        case nil: break
        }
        return nil
    }

    /// Writes one setting into six bytes of `output`, which must have room for them.
    package static func write(_ name: Name, _ value: UInt32, to output: UnsafeMutableRawBufferPointer) {
        precondition(output.count >= 6)
        output.storeBytes(of: name.rawValue.bigEndian, as: UInt16.self)
        output.storeBytes(of: value.bigEndian, toByteOffset: 2, as: UInt32.self)
    }
}
