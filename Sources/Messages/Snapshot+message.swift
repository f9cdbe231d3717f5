package import Bytes

extension Snapshot: Message {
    /// The form's version; a lane refuses any other.
    package static let formVersion: UInt16 = 7

    package func write(to writer: inout ByteWriter) {
        writer.write(Self.formVersion)
        writer.write(generation)
        writer.writeText(instance)
        writer.writeList(cores) { $1.write($0) }
        limits.write(to: &writer)
        writer.writeList(listeners) { $0.write(to: &$1) }
        writer.writeList(trustedPeers) { $1.write($0) }
        writer.writeList(sites) { $0.write(to: &$1) }
        writer.write(pages != nil)
        pages?.write(to: &writer)
        secrets.write(to: &writer)
        writer.write(historyTime)
        writer.writeList(bots) { $0.write(to: &$1) }
        writer.write(cacheFolder != nil)
        cacheFolder?.write(to: &writer)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        guard try reader.readUInt16() == Self.formVersion else { throw reader.malformed(.unsupported) }
        generation = try reader.readUInt64()
        instance = try reader.readText(limit: 32)
        cores = try reader.readList { reader throws(Malformed) in try reader.readUInt16() }
        limits = try Limits(reading: &reader)
        listeners = try reader.readList(limit: 64) { reader throws(Malformed) in try Listener(reading: &reader) }
        trustedPeers = try reader.readList { reader throws(Malformed) in try reader.readPrefix() }
        sites = try reader.readList { reader throws(Malformed) in try Site(reading: &reader) }
        if try reader.readBool() { pages = try PagesHost(reading: &reader) }
        secrets = try Secrets(reading: &reader)
        historyTime = try reader.readUInt32()
        bots = try reader.readList(limit: Self.botLimit) { reader throws(Malformed) in try Bot(reading: &reader) }
        if try reader.readBool() { cacheFolder = try CacheFolder(reading: &reader) }
    }
}

extension Snapshot.Listener: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(endpoint)
        writer.write(isTLS)
        writer.writeList(proxyPeers) { $1.write($0) }
        writer.write(servesClear)
        writer.write(speaksHTTP2)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init(endpoint: try reader.readEndpoint(), isTLS: try reader.readBool())
        proxyPeers = try reader.readList { reader throws(Malformed) in try reader.readPrefix() }
        servesClear = try reader.readBool()
        speaksHTTP2 = try reader.readBool()
    }
}

extension Snapshot.Site: Message {
    package func write(to writer: inout ByteWriter) {
        writer.writeText(name)
        writer.writeText(organisation)
        writer.write(service.rawValue)
        writer.writeList(hosts) { $1.writeText($0) }
        writer.writeBlob(certificateChain)
        writer.writeBlob(privateKey)
        writer.writeList(origins) { $0.write(to: &$1) }
        writer.write(mode.rawValue)
        writer.write(sourceLimit != nil)
        if let sourceLimit {
            writer.write(sourceLimit.rate)
            writer.write(sourceLimit.burst)
        }
        writer.write(bodyLimit)
        writer.write(isScored)
        writer.write(share)
        for cap in [caps.connections, caps.queue, caps.processor] { writer.writeOptional(cap) { $1.write($0) } }
        writer.writeOptional(caps.memory) { $1.write($0) }
        cache.write(to: &writer)
        writer.writeList(allow) { $1.write($0) }
        writer.writeList(deny) { $1.write($0) }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init(name: try reader.readText(limit: 64), organisation: try reader.readText(), hosts: [], origins: [])
        service = try reader.readCase()
        hosts = try reader.readList { reader throws(Malformed) in try reader.readText(limit: 255) }
        certificateChain = try reader.readBlob()
        privateKey = try reader.readBlob()
        origins = try reader.readList(limit: 16) { reader throws(Malformed) in try Snapshot.Origin(reading: &reader) }
        mode = try reader.readCase()
        if try reader.readBool() {
            sourceLimit = Snapshot.SourceLimit(rate: try reader.readUInt32(), burst: try reader.readUInt32())
        }
        bodyLimit = try reader.readUInt64()
        isScored = try reader.readBool()
        share = try reader.readByte()
        guard (1...100).contains(share) else { throw reader.malformed(.invalid) }
        caps.connections = try reader.readOptional { reader throws(Malformed) in try reader.readUInt32() }
        caps.queue = try reader.readOptional { reader throws(Malformed) in try reader.readUInt32() }
        caps.processor = try reader.readOptional { reader throws(Malformed) in try reader.readUInt32() }
        caps.memory = try reader.readOptional { reader throws(Malformed) in try reader.readUInt64() }
        cache = try Snapshot.Caching(reading: &reader)
        allow = try reader.readList { reader throws(Malformed) in try reader.readPrefix() }
        deny = try reader.readList { reader throws(Malformed) in try reader.readPrefix() }
    }
}

extension Snapshot.PagesHost: Message {
    package func write(to writer: inout ByteWriter) {
        writer.writeList(hosts) { $1.writeText($0) }
        writer.writeBlob(certificateChain)
        writer.writeBlob(privateKey)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init(hosts: try reader.readList(limit: 16) { reader throws(Malformed) in try reader.readText(limit: 255) })
        certificateChain = try reader.readBlob()
        privateKey = try reader.readBlob()
    }
}

extension Snapshot.Origin: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(endpoint)
        writer.write(isTLS)
        writer.writeText(serverName)
        writer.writeBlob(authorities)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init(endpoint: try reader.readEndpoint())
        isTLS = try reader.readBool()
        serverName = try reader.readText(limit: 255)
        authorities = try reader.readBlob()
    }
}

extension Snapshot.Limits: Message {
    /// The bounds in the order in which they are written.
    private static let fields: [any WritableKeyPath<Self, UInt32> & Sendable] = [
        \.headBytes, \.targetBytes, \.headFields, \.connections, \.idleOriginConnections, \.headTime, \.progressTime,
        \.progressRate, \.idleTime, \.connectTime, \.originTime, \.tunnelTime, \.queueTime, \.queueLength, \.drainTime,
        \.cacheMemory,
    ]

    package func write(to writer: inout ByteWriter) {
        for field in Self.fields { writer.write(self[keyPath: field]) }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        for field in Self.fields { self[keyPath: field] = try reader.readUInt32() }
    }
}

extension Snapshot.Secrets: Message {
    package func write(to writer: inout ByteWriter) {
        writer.writeList(ticketKeys) { $1.writeBlob($0) }
        writer.writeBlob(pseudonymKey)
        writer.writeBlob(historyKey)
        writer.writeList(cookieKeys) { $1.writeBlob($0) }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        ticketKeys = try reader.readList(limit: 8) { reader throws(Malformed) in try reader.readBlob(limit: 48) }
        pseudonymKey = try reader.readBlob(limit: 16)
        historyKey = try reader.readBlob(limit: 16)
        cookieKeys = try reader.readList(limit: 4) { reader throws(Malformed) in try reader.readBlob(limit: 32) }
    }
}
