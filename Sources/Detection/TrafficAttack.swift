package import Addresses
package import Fingerprints
package import Moments

/// What is attacked.
package enum TrafficTarget: Hashable, Sendable, CustomStringConvertible {
    /// An address, or a block that is bombed all over.
    case prefix(Prefix)
    /// A host name, in logs.
    case host(String)

    /// "192.0.2.1", "192.0.2.0/24", "www.example.nl".
    package var description: String {
        switch self {
        case .prefix(let prefix):
            prefix.length == (prefix.address.isIPv4 ? 32 : 128) ? "\(prefix.address)" : "\(prefix)"
        case .host(let name): name
        }
    }
}

/// An attack found in packets, flows or log lines.
package struct TrafficAttack: Equatable, Sendable {
    package enum State: String, Sendable, CaseIterable {
        /// One second exceeds.
        case suspected
        case confirmed
        /// A new vector joined in the last seconds.
        case changing
        /// Below the bound, but not for long enough.
        case ending
        case ended
    }

    package var target: TrafficTarget
    package var state: State
    package var start: Moment
    /// The last second seen so far.
    package var end: Moment
    /// When it was found.
    package var detected: Moment
    /// The heaviest first.
    package var vectors: [TrafficVector]
    /// Packets and bytes in a second from `start` on, the attack's and all of the target's: of packets each second of the
    /// first hour, of requests as many seconds each as `pointSeconds` says.
    package var points: [Point] = []
    package var pointSeconds: Int = 1

    package struct Point: Equatable, Sendable {
        package var time: Moment
        package var attackPackets: Double
        package var attackBytes: Double
        package var allPackets: Double
        package var allBytes: Double

        package init(
            time: Moment, attackPackets: Double, attackBytes: Double, allPackets: Double, allBytes: Double
        ) {
            self.time = time
            self.attackPackets = attackPackets
            self.attackBytes = attackBytes
            self.allPackets = allPackets
            self.allBytes = allBytes
        }
    }

    package init(
        target: TrafficTarget, state: State, start: Moment, end: Moment, detected: Moment, vectors: [TrafficVector]
    ) {
        self.target = target
        self.state = state
        self.start = start
        self.end = end
        self.detected = detected
        self.vectors = vectors
    }
}

/// One way in which an attack comes, with its fingerprint and evidence.
package struct TrafficVector: Equatable, Sendable {
    /// "dns-reflection", "tcp-syn-flood", "http-flood": `Fingerprint.kind` has it too.
    package var kind: String
    package var fingerprint: Fingerprint
    /// Packets (of a log: requests), as far as they were the attack's.
    package var packets: UInt64
    /// Bytes from the IP header on (of a log: 0).
    package var bytes: UInt64
    package var start: Moment
    package var end: Moment
    /// How the vector's features are spread, the heaviest values first: "source_port" → [("53", 0.98), …].
    package var shares: [Share] = []

    package struct Share: Equatable, Sendable {
        package var feature: Feature
        package var values: [(value: String, share: Double)]

        package init(feature: Feature, values: [(value: String, share: Double)]) {
            self.feature = feature
            self.values = values
        }

        package static func == (left: Share, right: Share) -> Bool {
            left.feature == right.feature
                && left.values.elementsEqual(right.values) { $0.value == $1.value && $0.share == $1.share }
        }
    }

    package init(
        kind: String, fingerprint: Fingerprint, packets: UInt64, bytes: UInt64, start: Moment, end: Moment
    ) {
        self.kind = kind
        self.fingerprint = fingerprint
        self.packets = packets
        self.bytes = bytes
        self.start = start
        self.end = end
    }
}

/// Growth that looks like the baseline, only more: no attack.
package struct BenignGrowth: Equatable, Sendable {
    package var target: TrafficTarget
    /// "flash-crowd", "backup", "download", "software-update".
    package var kind: String
    package var start: Moment
    package var end: Moment
    package var packets: UInt64
    package var bytes: UInt64

    package init(target: TrafficTarget, kind: String, start: Moment, end: Moment, packets: UInt64, bytes: UInt64) {
        self.target = target
        self.kind = kind
        self.start = start
        self.end = end
        self.packets = packets
        self.bytes = bytes
    }
}

/// What was found in a stream from its begin to its end.
package struct TrafficReport: Equatable, Sendable {
    package var attacks: [TrafficAttack] = []
    package var growth: [BenignGrowth] = []
    /// Packets, flows' packets or log lines read; sampled ones as many as they stand for.
    package var packets: UInt64 = 0
    package var bytes: UInt64 = 0
    package var from: Moment?
    package var until: Moment?

    package init() {}

    /// Fingerprints of what was recorded long ago are made on the day that it is looked at, and hold as long as others.
    package mutating func date(_ today: Moment) {
        for attack in attacks.indices {
            for vector in attacks[attack].vectors.indices {
                let made = attacks[attack].vectors[vector].fingerprint.made
                guard made < today else { continue }
                attacks[attack].vectors[vector].fingerprint.expires =
                    attacks[attack].vectors[vector].fingerprint.expires + (today - made)
                attacks[attack].vectors[vector].fingerprint.made = today
            }
        }
    }
}
