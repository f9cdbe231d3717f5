package import Addresses
package import Bytes
internal import Fingerprints
package import Mitigations

/// What is said between the filter's process and those who tell it what to do: `wasstraat filter …`, the office.
package enum FilterTalk {
    /// Entries of one reply.
    package static let pageLimit = 1_000
    /// Bytes of a sentence.
    package static let sentenceLimit = 1_024
    /// Sentences of one reply.
    package static let lineLimit = 256
    /// Rules of one report of what was observed.
    package static let reportLimit = FilterBook.ruleLimit
    /// Addresses of one question for rates.
    package static let rateLimit = 64
    /// The longest body of a request: a whole batch of prefixes, or a rule with all of its conditions. Far below
    /// `Frame.bodyLimit`, so that a caller cannot make the filter hold that much.
    package static let requestLimit = 1 << 20
    /// The longest body of a reply: a page of rules.
    package static let replyLimit = 8 << 20
}

/// What the filter's process is asked.
package enum FilterRequest: Equatable, Sendable {
    case status
    case add(FilterOrder)
    case remove(id: UInt64)
    case removePrefix(FilterKind, Prefix)
    /// What becomes of an address.
    case explain(Address)
    case explainEntry(id: UInt64)
    /// Entries from an id on: at most ``FilterTalk/pageLimit``.
    case list(FilterKind, from: UInt64, count: UInt32)
    /// Lets a rule drop, or count only: the operator's word, which machines leave as it is, or a machine's.
    case conduct(rule: UInt64, isDry: Bool, by: FilterNote.Author = .operator)
    /// The next so many samples, as they come; 0: no more.
    case samples(UInt32)
    /// What rules hit of live samples that the asker knows to be ordinary traffic.
    case observed([Observed])
    /// How much came since the same connection asked before: to these destinations, and from the networks of these sources.
    case rates(to: [Address], from: [Address])
    /// What entries did, site by site.
    case tallies
    /// Takes away what machines blocked within a prefix: at most ``FilterOrder/batchLimit`` at a time. The reply has their
    /// ids; none: all are away.
    case letIn(Prefix)

    package struct Observed: Equatable, Sendable {
        package var rule: UInt64
        package var hits: UInt64
        package var samples: UInt64

        package init(rule: UInt64, hits: UInt64, samples: UInt64) {
            self.rule = rule
            self.hits = hits
            self.samples = samples
        }
    }
}

extension FilterRequest: Message {
    /// The form's version; the filter refuses any other.
    package static let formVersion: UInt8 = 3

    package func write(to writer: inout ByteWriter) {
        writer.write(Self.formVersion)
        switch self {
        case .status: writer.write(UInt8(0))
        case .add(let order):
            writer.write(UInt8(1))
            order.write(to: &writer)
        case .remove(let id):
            writer.write(UInt8(2))
            writer.write(id)
        case .removePrefix(let kind, let prefix):
            writer.write(UInt8(3))
            writer.write(kind.rawValue)
            writer.write(prefix)
        case .explain(let address):
            writer.write(UInt8(4))
            writer.write(address)
        case .explainEntry(let id):
            writer.write(UInt8(5))
            writer.write(id)
        case .list(let kind, let from, let count):
            writer.write(UInt8(6))
            writer.write(kind.rawValue)
            writer.write(from)
            writer.write(count)
        case .conduct(let rule, let isDry, let author):
            // A filter of before machines said so knows the operator's word alone.
            writer.write(UInt8(author == .operator ? 7 : 10))
            writer.write(rule)
            writer.write(isDry)
            if author != .operator { writer.write(author.rawValue) }
        case .samples(let count):
            writer.write(UInt8(8))
            writer.write(count)
        case .observed(let list):
            writer.write(UInt8(9))
            writer.writeList(list) {
                $1.write($0.rule)
                $1.write($0.hits)
                $1.write($0.samples)
            }
        case .rates(let targets, let sources):
            writer.write(UInt8(16))
            for list in [targets, sources] { writer.writeList(list) { $1.write($0) } }
        case .tallies: writer.write(UInt8(17))
        case .letIn(let prefix):
            writer.write(UInt8(18))
            writer.write(prefix)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        guard try reader.readByte() == Self.formVersion else { throw reader.malformed(.unsupported) }
        switch try reader.readByte() {
        case 0: self = .status
        case 1: self = .add(try FilterOrder(reading: &reader))
        case 2: self = .remove(id: try reader.readUInt64())
        case 3: self = .removePrefix(try reader.readCase(), try reader.readPrefix())
        case 4: self = .explain(try reader.readAddress())
        case 5: self = .explainEntry(id: try reader.readUInt64())
        case 6:
            self = .list(try reader.readCase(), from: try reader.readUInt64(), count: try reader.readUInt32())
            if case .list(_, _, let count) = self, count > FilterTalk.pageLimit { throw reader.malformed(.overBudget) }
        case 7: self = .conduct(rule: try reader.readUInt64(), isDry: try reader.readBool())
        case 8: self = .samples(try reader.readUInt32())
        case 9:
            self = .observed(
                try reader.readList(limit: FilterTalk.reportLimit) { reader throws(Malformed) in
                    let one = Observed(
                        rule: try reader.readUInt64(), hits: try reader.readUInt64(), samples: try reader.readUInt64())
                    guard one.hits <= one.samples else { throw reader.malformed(.contradictory) }
                    return one
                })
        case 10:
            let (rule, isDry) = (try reader.readUInt64(), try reader.readBool())
            let author: FilterNote.Author = try reader.readCase()
            guard author.isMachine else { throw reader.malformed(.invalid) }
            self = .conduct(rule: rule, isDry: isDry, by: author)
        case 16:
            func addresses(_ reader: inout ByteReader) throws(Malformed) -> [Address] {
                try reader.readList(limit: FilterTalk.rateLimit) { reader throws(Malformed) in try reader.readAddress()
                }
            }
            self = .rates(to: try addresses(&reader), from: try addresses(&reader))
        case 17: self = .tallies
        case 18: self = .letIn(try reader.readPrefix())
        default: throw reader.malformed(.unsupported)
        }
    }
}

extension FilterOrder: Message {
    package func write(to writer: inout ByteWriter) {
        switch what {
        case .block(let prefixes):
            writer.write(FilterKind.blocked.rawValue)
            writer.writeList(prefixes) { $1.write($0) }
        case .allow(let prefixes):
            writer.write(FilterKind.allowed.rawValue)
            writer.writeList(prefixes) { $1.write($0) }
        case .rule(let fingerprint, let targets):
            writer.write(FilterKind.rule.rawValue)
            fingerprint.write(to: &writer)
            writer.writeList(targets) { $1.write($0) }
        case .flooded(let addresses):
            writer.write(FilterKind.flooded.rawValue)
            writer.writeList(addresses) { $1.write($0) }
        }
        note.write(to: &writer)
        writer.write(seconds)
        writer.write(isDry)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        func prefixes(_ limit: Int, _ reader: inout ByteReader) throws(Malformed) -> [Prefix] {
            try reader.readList(limit: limit) { reader throws(Malformed) in try reader.readPrefix() }
        }
        let what: What
        switch try reader.readCase(FilterKind.self) {
        case .blocked: what = .block(try prefixes(Self.batchLimit, &reader))
        case .allowed: what = .allow(try prefixes(Self.batchLimit, &reader))
        case .rule:
            what = .rule(try Fingerprint(reading: &reader), targets: try prefixes(Self.targetLimit, &reader))
        case .flooded:
            what = .flooded(
                try reader.readList(limit: Self.batchLimit) { reader throws(Malformed) in try reader.readAddress() })
        }
        self.init(
            what, note: try FilterNote(reading: &reader), seconds: try reader.readUInt32(),
            isDry: try reader.readBool())
    }
}
