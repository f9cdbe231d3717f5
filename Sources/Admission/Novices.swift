package import Sketches

/// Sources that a site served for the first time, on their way into its history. They enter it only after two whole
/// slices of time without pressure, so that the first wave of an attack, served before it is felt, is not remembered as
/// visitors.
package struct Novices: Sendable {
    /// Length of a slice in seconds.
    private static let slice: Float = 5
    /// Sources remembered in a slice; more come again and are learnt later.
    private static let room = 4096

    private var sliceStart: Instant
    private var present: [UInt64] = []
    private var previous: [UInt64] = []

    package init(at now: Instant) {
        sliceStart = now
    }

    package mutating func served(_ source: UInt64) {
        if present.count < Self.room, present.last != source { present.append(source) }
    }

    /// Under pressure nothing is learnt.
    package mutating func forget(at now: Instant) {
        present.removeAll(keepingCapacity: true)
        previous.removeAll(keepingCapacity: true)
        sliceStart = now
    }

    /// Ends the slice when it is over; returns the sources that may enter the history now.
    package mutating func settle(at now: Instant) -> [UInt64] {
        guard now.seconds(since: sliceStart) >= Self.slice else { return [] }
        let settled = previous
        previous = present
        present = []
        sliceStart = now
        return settled
    }
}
