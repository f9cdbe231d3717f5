/// How a lane's TLS handshakes fare, beside those that were completed or failed. But for the last two all count up.
package struct TLSStatus: Equatable, Sendable {
    /// Refused before anything was computed: what came is no ClientHello, names no site of ours, or offers no version or
    /// protocol that we speak.
    package var malformed: UInt64 = 0
    package var unknownNames: UInt64 = 0
    package var unsupported: UInt64 = 0
    /// Too slow with the ClientHello, or with the answer to ours.
    package var timedOut: UInt64 = 0
    /// Gone before the handshake was complete.
    package var abandoned: UInt64 = 0
    /// Refused before the key exchange, because more was asked for than there was time for; and those of them whose source
    /// was here before.
    package var refused: UInt64 = 0
    package var refusedKnown: UInt64 = 0
    /// Made to wait for the key exchange, and how long, summed.
    package var waited: UInt64 = 0
    package var waitedMicroseconds: UInt64 = 0
    /// Time that workers spent in key exchanges, summed.
    package var busyNanoseconds: UInt64 = 0
    /// Connections ended because their records cost more than they held.
    package var cut: UInt64 = 0
    /// Wait for a key exchange now.
    package var waiting: UInt64 = 0
    /// Workers of whom more key exchanges are asked than they have time for.
    package var pressed: UInt64 = 0

    package init() {}
}

extension TLSStatus: Figures {
    package static let fields: [any WritableKeyPath<Self, UInt64> & Sendable] = [
        \.malformed, \.unknownNames, \.unsupported, \.timedOut, \.abandoned, \.refused, \.refusedKnown, \.waited,
        \.waitedMicroseconds, \.busyNanoseconds, \.cut, \.waiting, \.pressed,
    ]
}
