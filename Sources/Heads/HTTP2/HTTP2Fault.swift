/// The error codes of HTTP/2 (RFC 9113, section 7).
package enum HTTP2Code: UInt32, Sendable, CaseIterable {
    case noError, protocolError, internalError, flowControlError, settingsTimeout, streamClosed, frameSizeError
    case refusedStream, cancel, compressionError, connectError, enhanceYourCalm, inadequateSecurity, http11Required
}

/// What a peer did wrong, and what it costs: its stream or its connection. A plain value: faulting allocates nothing.
package struct HTTP2Fault: Error, Equatable, Sendable {
    package enum Scope: UInt8, Sendable { case stream, connection }

    package var scope: Scope
    package var code: HTTP2Code

    package init(_ scope: Scope, _ code: HTTP2Code) {
        self.scope = scope
        self.code = code
    }
}
