/// A fingerprint of the Dutch Anti-DDoS Coalition's clearing house, as its dissector writes it and DDoS-DB keeps it
/// (NLADC/dissector, fingerprint_format.md). It describes a whole attack by what its packets have in common; it has no
/// baseline, and its key is a name, not a proof.
package struct CoalitionFingerprint: Equatable, Sendable {
    package var vectors: [Vector]
    package var target: Target
    package var tags: [String]
    /// 32 small hexadecimal digits.
    package var key: String
    package var start: CoalitionTime
    package var end: CoalitionTime
    package var seconds: UInt64
    package var packets: UInt64
    /// Of fingerprints made of flows.
    package var flows: UInt64?
    /// Of 1,000,000 bytes, rounded down.
    package var megabytes: UInt64
    /// Distinct sources.
    package var sources: UInt64
    /// Bits a second, packets a second, bytes a packet: each rounded down.
    package var bitRate: UInt64
    package var packetRate: UInt64
    package var packetSize: UInt64
    /// What DDoS-DB adds, as far as it is there.
    package var submitter: String?
    package var submitted: CoalitionTime?
    package var isShareable: Bool?
    package var comment: String?

    /// Most bytes of a text with one or more of them.
    package static let sizeLimit = 16 << 20
    package static let countLimit = 64
    package static let vectorLimit = 256
    /// Most source addresses of a vector, and most targets.
    package static let addressLimit = 1 << 20
    /// Most values of a distribution.
    package static let valueLimit = 256
    /// Longest text in bytes.
    package static let textLimit = 4_096

    package enum Target: Equatable, Sendable {
        /// "Anonymized - 1 target(s)", or the one address.
        case text(String)
        case list([String])
    }

    package struct Vector: Equatable, Sendable {
        package var service: String?
        package var `protocol`: String
        /// Of the bytes of all vectors but the fragments'; nil for these.
        package var fraction: Double?
        package var sourcePort: Distribution
        package var packets: UInt64
        package var flows: UInt64?
        package var megabytes: UInt64
        package var start: CoalitionTime
        package var seconds: UInt64
        /// Addresses as text; broken converters write an empty one.
        package var sources: [String]
        /// Those that are there, by name.
        package var distributions: [DistributionName: Distribution]

        package static let fragments = "Fragmented IP packets"
    }

    /// The fields of a vector that are distributions, by their keys.
    package enum DistributionName: String, CaseIterable, Sendable {
        case destinationPorts = "destination_ports"
        case flags = "tcp_flags"
        case etherType = "ethernet_type"
        case length = "frame_len"
        case fragmentOffset = "fragmentation_offset"
        case ttl
        case dnsName = "dns_query_name"
        case dnsType = "dns_query_type"
        case ntpCode = "ntp_requestcode"
        case icmpType = "icmp_type"
        /// As the format's document, but not its program, has it.
        case icmpTypeOfDocument = "ICMP type"
        case uri = "http_uri"
        case method = "http_method"
        case agent = "http_user_agent"
    }

    package enum Distribution: Equatable, Sendable {
        /// null.
        case none
        /// No value stands out.
        case random
        /// A source port that is the vector's own.
        case single(UInt64)
        /// The values that stand out with their shares of the packets; "others" is the rest. Made by `ordered`.
        case shares([Share])

        package struct Share: Equatable, Sendable {
            package var value: String
            /// 0...1.
            package var share: Double

            package init(_ value: String, _ share: Double) {
                self.value = value
                self.share = share
            }
        }

        static let others = "others"

        /// In the one order that a distribution has here, for an object of JSON has none: the heaviest first, the rest
        /// last.
        static func ordered(_ shares: [Share]) -> Distribution {
            .shares(
                shares.sorted { left, right in
                    if (left.value == others) != (right.value == others) { return right.value == others }
                    return left.share == right.share ? left.value < right.value : left.share > right.share
                })
        }

        /// The values that stand out, without the rest.
        var named: [Share] {
            switch self {
            case .none, .random: []
            case .single(let value): [Share("\(value)", 1)]
            case .shares(let shares): shares.filter { $0.value != Self.others }
            }
        }
    }
}

/// What one format says and the other cannot.
package struct Loss: Hashable, Sendable, CustomStringConvertible {
    /// Which vector, counted from 0; nil for the whole.
    package var vector: Int?
    /// The field by the name that it has where it is lost.
    package var field: String
    package var reason: Reason

    package enum Reason: String, Sendable, CaseIterable {
        case noField = "the other format has no field for it"
        case spread = "no value, and no few values, make up nearly all of it"
        case ambiguousUnit = "its unit depends on the program that wrote it: every reading is taken"
        case unknownValue = "the value has no meaning known here"
        case rounded = "the other format has it in a coarser unit"
        case assumed = "not said, so it is assumed"
        case ofNetwork = "seen from the sender's network: it may differ elsewhere"
        case privacy = "addresses do not pass"
        case onePlane = "a fingerprint is of packets or of requests, not of both"
        case empty = "nothing of the vector can be said"
    }

    package init(vector: Int? = nil, field: String, reason: Reason) {
        self.vector = vector
        self.field = field
        self.reason = reason
    }

    package var description: String {
        (vector.map { "vector \($0 + 1), " } ?? "") + "\(Text.shown(field)): \(reason.rawValue)"
    }
}
