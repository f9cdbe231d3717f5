package import Bytes
package import Messages
package import Telemetry

/// The keys of this installation, as `STATE/secrets.bin` holds them (mode 0600): made at random, never logged.
///
/// A pure value: `renew` says whether something changed, and the caller writes the file and tells the lane.
package struct StoredSecrets: Equatable, Message {
    /// Session ticket keys kept: the one in use and two older, so that a ticket lives 16 to 24 hours.
    package static let ticketKeyCount = 3
    /// Seconds that a ticket key is the one in use.
    package static let ticketKeyAge: Int64 = 8 * 3_600
    /// Cookie keys kept: the one in use, and the one before it, for as long as what it signed is accepted.
    package static let cookieKeyCount = 2
    /// Seconds that a cookie key is the one in use: as long as a site's cookie lasts.
    package static let cookieKeyAge: Int64 = 7 * 86_400
    static let formVersion: UInt16 = 2

    /// A key that others follow.
    package struct DatedKey: Equatable {
        /// Seconds since 1970.
        package var made: Int64
        package var key: [UInt8]
    }

    package var historyKey: [UInt8]
    /// The newest first.
    package var cookieKeys: [DatedKey]
    /// The day (since 1970, UTC) whose pseudonyms `pseudonymKey` makes.
    package var pseudonymDay: Int64
    package var pseudonymKey: [UInt8]
    /// The newest first.
    package var ticketKeys: [DatedKey]

    package init(at now: UTCTime) {
        historyKey = Self.random(16)
        cookieKeys = [DatedKey(made: now.seconds, key: Self.random(32))]
        pseudonymDay = now.day
        pseudonymKey = Self.random(16)
        ticketKeys = [DatedKey(made: now.seconds, key: Self.random(48))]
    }

    /// Makes the keys that are due: the pseudonyms' on another day, a ticket or cookie key when the one in use is old. The old
    /// pseudonym key is gone with this, and with it the way back from a pseudonym to an address.
    /// - Returns: whether a key changed.
    package mutating func renew(at now: UTCTime) -> Bool {
        var isChanged = false
        if now.day != pseudonymDay {
            pseudonymDay = now.day
            pseudonymKey = Self.random(16)
            isChanged = true
        }
        if now.seconds - (ticketKeys.first?.made ?? 0) >= Self.ticketKeyAge {
            ticketKeys.insert(DatedKey(made: now.seconds, key: Self.random(48)), at: 0)
            ticketKeys.removeLast(max(0, ticketKeys.count - Self.ticketKeyCount))
            isChanged = true
        }
        if now.seconds - (cookieKeys.first?.made ?? 0) >= Self.cookieKeyAge {
            cookieKeys.insert(DatedKey(made: now.seconds, key: Self.random(32)), at: 0)
            cookieKeys.removeLast(max(0, cookieKeys.count - Self.cookieKeyCount))
            isChanged = true
        }
        return isChanged
    }

    /// What the lane gets.
    package var secrets: Snapshot.Secrets {
        var secrets = Snapshot.Secrets()
        secrets.ticketKeys = ticketKeys.map(\.key)
        secrets.pseudonymKey = pseudonymKey
        secrets.historyKey = historyKey
        secrets.cookieKeys = cookieKeys.map(\.key)
        return secrets
    }

    /// The system's generator is getrandom(2) on Linux.
    private static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    package func write(to writer: inout ByteWriter) {
        writer.write(Self.formVersion)
        writer.writeBlob(historyKey)
        Self.write(cookieKeys, to: &writer)
        writer.write(UInt64(bitPattern: pseudonymDay))
        writer.writeBlob(pseudonymKey)
        Self.write(ticketKeys, to: &writer)
    }

    private static func write(_ keys: [DatedKey], to writer: inout ByteWriter) {
        writer.writeList(keys) { key, writer in
            writer.write(UInt64(bitPattern: key.made))
            writer.writeBlob(key.key)
        }
    }

    private static func readKeys(
        _ reader: inout ByteReader, limit: Int, size: Int
    ) throws(Malformed) -> [DatedKey] {
        let keys = try reader.readList(limit: limit) { reader throws(Malformed) in
            DatedKey(made: Int64(bitPattern: try reader.readUInt64()), key: try reader.readBlob(limit: size))
        }
        guard !keys.isEmpty, keys.allSatisfy({ $0.key.count == size }) else { throw reader.malformed(.invalid) }
        return keys
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        let version = try reader.readUInt16()
        guard (1...Self.formVersion).contains(version) else { throw reader.malformed(.unsupported) }
        historyKey = try reader.readBlob(limit: 16)
        // Version 1 had one key that was never renewed: it is old, and the next one follows at once.
        cookieKeys =
            version == 1
            ? [DatedKey(made: 0, key: try reader.readBlob(limit: 32))]
            : try Self.readKeys(&reader, limit: Self.cookieKeyCount, size: 32)
        pseudonymDay = Int64(bitPattern: try reader.readUInt64())
        pseudonymKey = try reader.readBlob(limit: 16)
        ticketKeys = try Self.readKeys(&reader, limit: Self.ticketKeyCount, size: 48)
        guard historyKey.count == 16, cookieKeys.allSatisfy({ $0.key.count == 32 }), pseudonymKey.count == 16 else {
            throw reader.malformed(.invalid)
        }
    }
}

extension StateFolder {
    private static let secretsFile = "secrets.bin"

    /// The stored secrets, or nil when there are none that can be read.
    func readSecrets() -> StoredSecrets? {
        guard let bytes = read(Self.secretsFile, limit: 4_096) else { return nil }
        return try? StoredSecrets(decoding: bytes.span.bytes)
    }

    func write(_ secrets: StoredSecrets) throws(OfficeError) {
        try write(secrets.encoded(), to: Self.secretsFile)
    }

    /// The last snapshot that a lane put in force.
    func readSnapshot(_ name: String) -> Snapshot? {
        guard let bytes = read(name, limit: Frame.bodyLimit) else { return nil }
        return try? Snapshot(decoding: bytes.span.bytes)
    }

    func write(_ snapshot: Snapshot, to name: String) throws(OfficeError) {
        try write(snapshot.encoded(), to: name)
    }
}
