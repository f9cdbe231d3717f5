package import Bytes
package import Detection
package import Fingerprints

/// The rules on requests that are at work, by site.
package struct RequestRules: Equatable, Sendable {
    package var sites: [Site] = []

    package init() {}

    package struct Site: Equatable, Sendable {
        package var name: String
        package var rules: [Rule]

        package init(name: String, rules: [Rule]) {
            self.name = name
            self.rules = rules
        }
    }

    package struct Rule: Equatable, Sendable {
        package var id: UInt64
        package var conditions: [Fingerprint.Condition]
        package var conduct: LiveRule.Conduct
        /// Found at another site.
        package var isFromElsewhere: Bool
        /// Seconds until it ends by itself, by the clock of who reads this.
        package var seconds: UInt32
        /// The share of the site's usual requests that it would have hit; nil: not measured.
        package var collateral: Double?
        /// As the office counted; a lane does not ask.
        package var hits: UInt64 = 0
        package var knownHits: UInt64 = 0
        package var marked: UInt64 = 0

        package init(
            id: UInt64, conditions: [Fingerprint.Condition], conduct: LiveRule.Conduct, isFromElsewhere: Bool = false,
            seconds: UInt32, collateral: Double? = nil
        ) {
            self.id = id
            self.conditions = conditions
            self.conduct = conduct
            self.isFromElsewhere = isFromElsewhere
            self.seconds = seconds
            self.collateral = collateral
        }
    }

    fileprivate static let conditionLimit = 16
    fileprivate static let valueLimit = 1_024
}

extension RequestRules: Message {
    package func write(to writer: inout ByteWriter) {
        writer.writeList(sites) {
            $1.writeText($0.name)
            $1.writeList($0.rules) { $0.write(to: &$1) }
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        sites = try reader.readList { reader throws(Malformed) in
            Site(
                name: try reader.readText(limit: 64),
                rules: try reader.readList(limit: RequestWatch.ruleLimit) { reader throws(Malformed) in
                    try Rule(reading: &reader)
                })
        }
    }
}

extension RequestRules.Rule: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(id)
        writer.writeList(conditions) {
            $1.writeText($0.feature.rawValue)
            $1.writeText($0.value)
        }
        writer.write(conduct.rawValue)
        writer.write(isFromElsewhere)
        writer.write(seconds)
        writer.writeOptional(collateral) { $1.write($0) }
        for number in [hits, knownHits, marked] { writer.write(number) }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        let id = try reader.readUInt64()
        let conditions = try reader.readList(limit: RequestRules.conditionLimit) { reader throws(Malformed) in
            guard let feature = Feature(rawValue: try reader.readText(limit: 32)), !feature.isOfPacket else {
                throw reader.malformed(.invalid)
            }
            return Fingerprint.Condition(feature, try reader.readText(limit: RequestRules.valueLimit))
        }
        self.init(
            id: id, conditions: conditions, conduct: try reader.readCase(), isFromElsewhere: try reader.readBool(),
            seconds: try reader.readUInt32(),
            collateral: try reader.readOptional { reader throws(Malformed) in try reader.readShare() })
        hits = try reader.readUInt64()
        knownHits = try reader.readUInt64()
        marked = try reader.readUInt64()
    }
}
