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

    /// Writes the head into `output`. Without Content-Length and with `endsStream` false it says "transfer-encoding:
    /// chunked" in its last line, as content follows whose length is unknown. A list that is too large is refused.
    package static func write(
        _ fields: HPACKFields, endsStream: Bool, limits: HeadLimits, to output: UnsafeMutableRawBufferPointer
    ) -> Outcome { .malformed }

    /// Writes trailers as the end of a chunked body: "0 CRLF", field lines, CRLF. Fields that may not come as
    /// trailers (RFC 9110, section 6.5.1) are left out.
    package static func writeTrailers(_ fields: HPACKFields, to output: UnsafeMutableRawBufferPointer) -> Outcome {
        .malformed
    }

    /// In which order the pseudo-header fields came, which tells agents apart: the letters after the colons, a byte
    /// each, the last one lowest ("masp" for Chrome).
    package static func pseudoOrder(_ fields: HPACKFields) -> UInt32 { 0 }
}
