package import Addresses
package import Filters

/// What carries the book out: the kernel's filter, nftables, or nothing. A door holds one; it is used by one thread.
package protocol Enforcer: AnyObject {
    var conduct: EnforcerConduct { get }
    /// Carries out what the book says has changed; all of it, or it throws and may be asked again.
    func perform(_ actions: [FilterAction], of book: FilterBook, at now: FilterTime) throws(EnforcerError)
    /// Makes the kernel say what the book says, whatever it said before: after a start, and after a step of the clock.
    func align(with book: FilterBook, at now: FilterTime) throws(EnforcerError)
    /// What is done now and then: old programs are let go.
    func rest(at now: FilterTime)
    /// By the number of Filters' `FilterReason`; empty: it does not count.
    func counts() throws(EnforcerError) -> [FilterCount]
    /// By the counters of rules, in the order that they are asked for.
    func hits(of counters: [UInt32]) throws(EnforcerError) -> [FilterCount]
    /// What entries hit by whose they are, so many places from the first on: see Filters' `FilterMaps.Entry.counter`; nil:
    /// it is not counted.
    func tallies(ofFirst count: Int) throws(EnforcerError) -> [FilterCount]?
    /// What one entry hit since it is there; nil: it is not counted.
    func hits(of prefix: Prefix, in list: FilterList) -> FilterCount?
    /// What came to each destination and from each network until now, in the sketch; nil: there is none.
    func sketch() -> SketchCounts?
    /// Takes samples that have come, so many at most; the body gets a sample's first bytes in place.
    func takeSamples(_ most: Int, _ body: (FilterSample) -> Void)
    /// Takes everything away: from here on all passes.
    func detach() throws(EnforcerError)
}

extension Enforcer {
    package func tallies(ofFirst count: Int) throws(EnforcerError) -> [FilterCount]? { nil }
    package func hits(of prefix: Prefix, in list: FilterList) -> FilterCount? { nil }
    package func sketch() -> SketchCounts? { nil }
}

/// Packets and bytes.
package struct FilterCount: Equatable, Sendable, Codable {
    package var packets: UInt64
    package var bytes: UInt64

    package init(packets: UInt64 = 0, bytes: UInt64 = 0) {
        self.packets = packets
        self.bytes = bytes
    }
}

/// The first bytes of a frame, one of many.
package struct FilterSample: Equatable, Sendable {
    /// On the machine's clock.
    package var clock: UInt64
    /// Bytes of the whole frame.
    package var length: UInt32
    /// At most ``byteLimit``.
    package var bytes: [UInt8]

    package static let byteLimit = 128

    package init(clock: UInt64, length: UInt32, bytes: [UInt8]) {
        self.clock = clock
        self.length = length
        self.bytes = bytes
    }
}

/// How the filtering is done.
package struct EnforcerConduct: Equatable, Sendable {
    package enum Mode: UInt8, CaseIterable, Sendable {
        /// Nothing is filtered.
        case none = 0
        /// By the interface's driver, before the kernel has made anything of a packet.
        case native = 1
        /// By the kernel, for any interface: several times dearer.
        case generic = 2
        case nftables = 3
    }

    package var mode = Mode.none
    /// What it cannot do and why, in sentences.
    package var missing: [String] = []
    /// Counts up with each set of rules.
    package var generation: UInt64 = 0
    /// Samples that were taken, and that there was no room for.
    package var samples: UInt64 = 0
    package var lost: UInt64 = 0

    package init() {}
}

/// Why something could not be carried out: one sentence, for people.
package struct EnforcerError: Error, Equatable, Sendable, CustomStringConvertible {
    package var reason: String

    package init(_ reason: String) { self.reason = reason }

    package var description: String { reason }
}

/// Carries nothing out: where the rights are missing, the book and its answers go on.
package final class NoEnforcer: Enforcer {
    package let conduct: EnforcerConduct

    package init(missing: [String]) {
        var conduct = EnforcerConduct()
        conduct.missing = missing
        self.conduct = conduct
    }

    package func perform(_: [FilterAction], of _: FilterBook, at _: FilterTime) throws(EnforcerError) {}
    package func align(with _: FilterBook, at _: FilterTime) throws(EnforcerError) {}
    package func rest(at _: FilterTime) {}
    package func counts() throws(EnforcerError) -> [FilterCount] { [] }
    package func hits(of counters: [UInt32]) throws(EnforcerError) -> [FilterCount] { [] }
    package func takeSamples(_: Int, _: (FilterSample) -> Void) {}
    package func detach() throws(EnforcerError) {}
}
