internal import Bytes

/// The head of an HTTP/2 frame (RFC 9113, section 4.1) and the rules that each type has for itself (section 6).
///
/// What a frame may do at this moment (a stream's state, CONTINUATION after HEADERS) is the connection's to know.
package struct HTTP2Frame: Equatable, Sendable, BitwiseCopyable {
    package enum Kind: UInt8, Sendable, CaseIterable {
        case data, headers, priority, reset, settings, pushPromise, ping, goAway, windowUpdate, continuation
    }

    package struct Flags: OptionSet, Sendable, BitwiseCopyable {
        package var rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static var acknowledged: Flags { Flags(rawValue: 0x1) }
        package static var endsStream: Flags { Flags(rawValue: 0x1) }
        package static var endsHeaders: Flags { Flags(rawValue: 0x4) }
        package static var padded: Flags { Flags(rawValue: 0x8) }
        package static var hasPriority: Flags { Flags(rawValue: 0x20) }
    }

    /// Bytes of every frame's head.
    package static var headSize: Int { 9 }
    /// What a client that knows prior to asking says first (section 3.4).
    package static var preface: StaticString { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" }
    /// The largest payload that a peer may send unless it was told otherwise.
    package static var payloadLimit: Int { 16384 }

    /// Bytes of the payload.
    package var length: Int
    /// The type as it came: a peer may send types that nobody knows, which are passed over.
    package var type: UInt8
    package var flags: Flags
    /// 0 is the connection itself.
    package var stream: UInt32

    package var kind: Kind? { Kind(rawValue: type) }

    package init(_ kind: Kind, _ flags: Flags = [], length: Int, stream: UInt32) {
        self.length = length
        type = kind.rawValue
        self.flags = flags
        self.stream = stream
    }

    /// Reads a frame's head at `offset`; nil where fewer than nine bytes are there.
    package init?(_ bytes: RawSpan, at offset: Int = 0) {
        guard offset >= 0, bytes.byteCount - offset >= Self.headSize else { return nil }
        // Both loads lie within the nine bytes that are there.
        let first = UInt32(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
        let last = UInt32(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset + 5, as: UInt32.self))
        length = Int(first >> 8)
        type = UInt8(truncatingIfNeeded: first)
        flags = Flags(rawValue: bytes.unsafeLoad(fromByteOffset: offset + 4, as: UInt8.self))
        stream = last & 0x7fff_ffff
    }

    /// Puts the nine bytes at the front of `output`, which must have room for them.
    package func write(to output: UnsafeMutableRawBufferPointer) {
        precondition(output.count >= Self.headSize)
        output.storeBytes(of: (UInt32(length) << 8 | UInt32(type)).bigEndian, as: UInt32.self)
        output[4] = flags.rawValue
        output.storeBytes(of: stream.bigEndian, toByteOffset: 5, as: UInt32.self)
    }

    /// What is wrong with this head by itself: its length or its stream; nil for types that nobody knows.
    ///
    /// A frame that is too long ends the connection whatever its type: nobody that keeps to the settings sends one, and
    /// the payload is not worth reading to pass over it.
    package func fault(payloadLimit: Int = HTTP2Frame.payloadLimit) -> HTTP2Fault? {
        if length > payloadLimit { return HTTP2Fault(.connection, .frameSizeError) }
        guard let kind else { return nil }
        switch kind {
        case .data, .headers, .continuation:
            if stream == 0 { return HTTP2Fault(.connection, .protocolError) }
        case .priority:
            if stream == 0 { return HTTP2Fault(.connection, .protocolError) }
            if length != 5 { return HTTP2Fault(.stream, .frameSizeError) }
        case .reset:
            if stream == 0 { return HTTP2Fault(.connection, .protocolError) }
            if length != 4 { return HTTP2Fault(.connection, .frameSizeError) }
        case .settings:
            if stream != 0 { return HTTP2Fault(.connection, .protocolError) }
            if flags.contains(.acknowledged) ? length != 0 : length % 6 != 0 {
                return HTTP2Fault(.connection, .frameSizeError)
            }
        case .pushPromise:
            // A client cannot push (section 8.4).
            return HTTP2Fault(.connection, .protocolError)
        case .ping:
            if stream != 0 { return HTTP2Fault(.connection, .protocolError) }
            if length != 8 { return HTTP2Fault(.connection, .frameSizeError) }
        case .goAway:
            if stream != 0 { return HTTP2Fault(.connection, .protocolError) }
            if length < 8 { return HTTP2Fault(.connection, .frameSizeError) }
        case .windowUpdate:
            if length != 4 { return HTTP2Fault(.connection, .frameSizeError) }
        }
        return nil
    }

    /// Where the content of DATA, or the block of HEADERS or CONTINUATION, lies in the frame's payload.
    package struct Content: Equatable, Sendable {
        package var range: Range<Int>
        /// HEADERS that let a stream depend on itself: the stream's fault, raised after its block was decoded.
        package var fault: HTTP2Fault?

        package init(range: Range<Int>, fault: HTTP2Fault? = nil) {
            self.range = range
            self.fault = fault
        }
    }

    /// Takes padding and priority off. `payload` is the whole payload; its flow-control size stays `length`.
    package func content(of payload: RawSpan) throws(HTTP2Fault) -> Content {
        var reader = ByteReader(payload)
        do {
            var padding = 0
            if flags.contains(.padded), kind != .continuation { padding = Int(try reader.readByte()) }
            var fault: HTTP2Fault?
            if kind == .headers, flags.contains(.hasPriority) {
                let dependency = try reader.readUInt32() & 0x7fff_ffff
                try reader.skip(1)
                if dependency == stream { fault = HTTP2Fault(.stream, .protocolError) }
            }
            guard padding <= reader.remaining else { throw HTTP2Fault(.connection, .protocolError) }
            return Content(range: reader.offset..<payload.byteCount - padding, fault: fault)
        } catch let fault as HTTP2Fault {
            throw fault
        } catch {
            throw HTTP2Fault(.connection, .frameSizeError)
        }
    }

    /// The dependency of a PRIORITY frame is read for its one rule and then forgotten (section 5.3.2).
    package func priorityFault(_ payload: RawSpan) -> HTTP2Fault? {
        guard let dependency = Self.number(payload) else { return HTTP2Fault(.stream, .frameSizeError) }
        return dependency & 0x7fff_ffff == stream ? HTTP2Fault(.stream, .protocolError) : nil
    }

    /// By how much a WINDOW_UPDATE opens its window.
    package func increment(_ payload: RawSpan) throws(HTTP2Fault) -> Int {
        guard let number = Self.number(payload) else { throw HTTP2Fault(.connection, .frameSizeError) }
        guard number & 0x7fff_ffff > 0 else {
            throw HTTP2Fault(stream == 0 ? .connection : .stream, .protocolError)
        }
        return Int(number & 0x7fff_ffff)
    }

    /// The first four bytes of a payload: the code of RST_STREAM, the last stream of GOAWAY (whose top bit is reserved).
    package static func number(_ payload: RawSpan) -> UInt32? {
        guard payload.byteCount >= 4 else { return nil }
        return UInt32(bigEndian: payload.unsafeLoadUnaligned(as: UInt32.self))
    }
}
