/// Makes of a stream's decoded fields the HTTP/1.1 head that ``RequestHead`` reads, so that one strict parser judges
/// both versions (RFC 9113, section 8).
///
/// Whatever the fields hold, what is written is one head with that method, target, host and those fields, or nothing.
package enum HTTP2Request {
    package enum Outcome: Equatable, Sendable {
        /// A whole head of so many bytes.
        case head(Int)
        /// Malformed (section 8.1.1): a stream error, PROTOCOL_ERROR.
        case malformed
        /// Well formed, but not for us: answer with the refusal's status (405 for CONNECT, 414, 431).
        case refused(Refusal)
    }

    /// Bytes of a trailer section, as for a chunked body.
    private static let trailerLimit = 4096

    /// Writes the head into `output`. Without Content-Length and with `endsStream` false it says "transfer-encoding:
    /// chunked" in its last line, as content follows whose length is unknown. A list that is too large is refused.
    package static func write(
        _ fields: HPACKFields, endsStream: Bool, limits: HeadLimits, to output: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        if fields.isTooLarge {
            let isLong = fields.size > fields.limits.bytes
            return .refused(Refusal(isLong ? .headTooLong : .tooManyFields, at: 0))
        }
        return fields.bytes.withUnsafeBytes { bytes in
            var reading = HTTP2RequestReading(bytes)
            for entry in fields.entries { if !reading.take(entry) { return .malformed } }
            if let outcome = reading.conclude(endsStream: endsStream, limits: limits) { return outcome }
            let capacity = min(output.count, limits.bytes)
            var outlet = Outlet(UnsafeMutableRawBufferPointer(rebasing: output[..<capacity]))
            reading.writeHead(fields.entries, isChunked: !endsStream && !reading.hasLength, to: &outlet)
            return outlet.isFull ? .refused(Refusal(.headTooLong, at: capacity)) : .head(outlet.count)
        }
    }

    /// Writes trailers as the end of a chunked body: "0 CRLF", field lines, CRLF. Fields that may not come as
    /// trailers (RFC 9110, section 6.5.1) are left out.
    package static func writeTrailers(_ fields: HPACKFields, to output: UnsafeMutableRawBufferPointer) -> Outcome {
        let tooLong = Outcome.refused(Refusal(.trailersTooLong, at: 0))
        if fields.isTooLarge { return tooLong }
        return fields.bytes.withUnsafeBytes { bytes in
            var outlet = Outlet(UnsafeMutableRawBufferPointer(rebasing: output[..<min(output.count, trailerLimit)]))
            let reading = HTTP2RequestReading(bytes)
            outlet.write("0\r\n")
            for entry in fields.entries {
                guard reading.takeTrailer(entry) else { return .malformed }
                let name = UnsafeRawBufferPointer(rebasing: bytes[entry.name.range])
                if ChunkedBody.mayTrail(name) { reading.writeLine(entry, to: &outlet) }
            }
            outlet.write("\r\n")
            return outlet.isFull ? tooLong : .head(outlet.count)
        }
    }

    /// In which order the pseudo-header fields came, which tells agents apart: the letters after the colons, a byte
    /// each, the last one lowest ("masp" for Chrome).
    package static func pseudoOrder(_ fields: HPACKFields) -> UInt32 {
        var order: UInt32 = 0
        for entry in fields.entries {
            guard entry.name.count > 1, fields.bytes[Int(entry.name.start)] == Octets.colon else { break }
            order = order << 8 | UInt32(fields.bytes[Int(entry.name.start) + 1])
        }
        return order
    }
}
