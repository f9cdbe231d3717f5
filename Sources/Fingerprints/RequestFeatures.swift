/// What a fingerprint can be about of one request, as it is kept for a while: no address, nothing of its fields' values
/// but a number for the agent.
package struct RequestFeatures: Hashable, Sendable {
    package var method: String
    /// Path and query, cut at `targetLimit`.
    package var target: [UInt8]
    package var isCut: Bool
    /// The target's values are masked (``MaskedTarget``).
    package var isMasked = false
    /// ``RequestTraits/fields``.
    package var program: UInt64
    /// `JA4.mixed`; 0 in clear.
    package var ja4: UInt64
    /// How the program speaks HTTP/2; 0: it does not.
    package var http2: UInt64
    /// ``RequestSummary/hash(_:_:)`` of the agent; 0: it says nothing.
    package var agent: UInt64

    package static let targetLimit = 256

    package init(
        method: String, target: [UInt8], isCut: Bool = false, program: UInt64 = 0, ja4: UInt64 = 0, http2: UInt64 = 0,
        agent: UInt64 = 0
    ) {
        self.method = method
        self.target = target
        self.isCut = isCut
        self.program = program
        self.ja4 = ja4
        self.http2 = http2
        self.agent = agent
    }

    /// Which program seems to ask.
    package struct Program: Hashable, Sendable {
        package var names: UInt64
        package var ja4: UInt64
        package var http2: UInt64
    }

    package var client: Program { Program(names: program, ja4: ja4, http2: http2) }

    /// The same with its values masked.
    package var masked: RequestFeatures {
        guard !isMasked else { return self }
        var result = self
        MaskedTarget.mask(&result.target)
        result.isMasked = true
        return result
    }
}
