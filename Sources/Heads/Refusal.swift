/// Why a message head or body was refused, and where: a plain value, so that refusing allocates nothing.
package struct Refusal: Equatable, Sendable, CustomStringConvertible {
    package enum Reason: UInt8, Sendable, CaseIterable {
        case badMethod, badTarget, badVersion, unsupportedVersion
        case bareLineFeed, bareCarriageReturn, foldedLine, badFieldName, badFieldValue
        case headTooLong, targetTooLong, tooManyFields
        case missingHost, duplicateHost, badHost
        case badContentLength, duplicateContentLength, lengthAndCoding, badCoding, codingInHTTP10
        case badExpectation, unsupportedMethod
        case badChunkSize, badChunkEnd, chunkExtensionTooLong, badTrailer, trailersTooLong
        case badStatusLine
    }

    package var reason: Reason
    /// Bytes from the start of the message.
    package var offset: Int

    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    /// The status to answer a request with (RFC 9110, section 15.5).
    package var status: Int {
        switch reason {
        case .targetTooLong: 414
        case .headTooLong, .tooManyFields, .trailersTooLong: 431
        case .badExpectation: 417
        case .unsupportedMethod: 405
        case .unsupportedVersion: 505
        default: 400
        }
    }

    package var description: String { "\(reason) at byte \(offset)" }
}
