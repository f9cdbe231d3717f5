package import Bytes
package import Detection
internal import Fingerprints

/// Some of the requests that came to the sites of one lane since its last word, a quarter of a second ago, and what its
/// rules matched: no address, no value of a field, and no more than is counted here.
package struct RequestSamples: Equatable, Sendable {
    package var sites: [Site] = []

    package init() {}

    package struct Site: Equatable, Sendable {
        package var name: String
        package var batch: RequestBatch
        package var counts: [Count] = []

        package init(name: String, batch: RequestBatch, counts: [Count] = []) {
            self.name = name
            self.batch = batch
            self.counts = counts
        }
    }

    /// What one rule matched.
    package struct Count: Equatable, Sendable {
        package var rule: UInt64
        package var hits: UInt64
        /// Of known visitors, which no rule marks.
        package var known: UInt64
        package var marked: UInt64

        package init(rule: UInt64, hits: UInt64 = 0, known: UInt64 = 0, marked: UInt64 = 0) {
            self.rule = rule
            self.hits = hits
            self.known = known
            self.marked = marked
        }
    }

    /// Requests in one word, over all its sites.
    package static let limit = 4_096
    fileprivate static let methodLimit = 32
    fileprivate static let namesLimit = 1_024
    fileprivate static let ja4Limit = 64
}

extension RequestSamples: Message {
    package func write(to writer: inout ByteWriter) {
        writer.writeList(sites) { site, writer in
            writer.writeText(site.name)
            site.batch.write(to: &writer)
            writer.writeList(site.counts) {
                for number in [$0.rule, $0.hits, $0.known, $0.marked] { $1.write(number) }
            }
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        var left = Self.limit
        sites = try reader.readList { reader throws(Malformed) in
            let name = try reader.readText(limit: 64)
            let batch = try RequestBatch(reading: &reader)
            left -= batch.requests.count
            guard left >= 0 else { throw reader.malformed(.overBudget) }
            return Site(
                name: name, batch: batch,
                counts: try reader.readList(limit: RequestWatch.ruleLimit) { reader throws(Malformed) in
                    Count(
                        rule: try reader.readUInt64(), hits: try reader.readUInt64(), known: try reader.readUInt64(),
                        marked: try reader.readUInt64())
                })
        }
    }
}

extension RequestBatch: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(seen)
        writer.write(known)
        writer.write(seconds)
        writer.write(isUnderPressure)
        writer.writeList(requests) { request, writer in
            let features = request.features
            writer.writeText(features.method)
            writer.writeBlob(features.target)
            writer.write(features.isCut)
            writer.write(features.program)
            writer.write(features.ja4)
            writer.write(features.http2)
            writer.write(features.agent)
            writer.writeText(request.names)
            writer.writeText(request.ja4)
            writer.write(request.weight)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        seen = try reader.readUInt64()
        known = try reader.readUInt64()
        seconds = try reader.readNumber()
        isUnderPressure = try reader.readBool()
        requests = try reader.readList(limit: RequestSamples.limit) { reader throws(Malformed) in
            var features = RequestFeatures(
                method: try reader.readText(limit: RequestSamples.methodLimit),
                target: try reader.readBlob(limit: RequestFeatures.targetLimit))
            features.isCut = try reader.readBool()
            features.program = try reader.readUInt64()
            features.ja4 = try reader.readUInt64()
            features.http2 = try reader.readUInt64()
            features.agent = try reader.readUInt64()
            return Seen(
                features, names: try reader.readText(limit: RequestSamples.namesLimit),
                ja4: try reader.readText(limit: RequestSamples.ja4Limit), weight: try reader.readNumber())
        }
    }
}
