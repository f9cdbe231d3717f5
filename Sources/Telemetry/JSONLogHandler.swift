internal import Glibc
package import Logging

/// Writes each log record as one line of JSON, for journald and every log shipper to read:
///
///     {"time":"2025-03-01T12:00:00.000Z","level":"info","label":"office","message":"listening","endpoint":"[::]:443"}
///
/// Metadata stand beside the message under their own names, sorted; a name that would cover one of the four fixed ones
/// gets "_" in front. A record is one write(2), so lines of several threads do not mix. Budgets: strings are cut at 8 KiB,
/// nesting at ``depthLimit``, metadata at ``fieldLimit`` fields. No Foundation.
package struct JSONLogHandler: LogHandler {
    /// Levels of arrays and dictionaries in metadata; what lies deeper is written as text.
    package static let depthLimit = 4
    /// Metadata fields and list elements that are written; a mistake in a loop must not flood the journal.
    package static let fieldLimit = 64

    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let descriptor: Int32
    private let clock: @Sendable () -> UTCTime

    /// - Parameters:
    ///   - descriptor: where lines go; standard error by default. It is not closed here.
    ///   - clock: the time of a record; another one only in tests.
    package init(
        label: String, level: Logger.Level = .info, descriptor: Int32 = 2,
        clock: @escaping @Sendable () -> UTCTime = { UTCTime.now }
    ) {
        self.label = label
        self.logLevel = level
        self.descriptor = descriptor
        self.clock = clock
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
        if let own = event.metadata { fields.merge(own) { $1 } }
        if let error = event.error { fields["error"] = .string("\(error)") }
        write(line(level: event.level, message: event.message.description, fields: fields))
    }

    /// The line of one record, with its line feed.
    package func line(level: Logger.Level, message: String, fields: Logger.Metadata) -> [UInt8] {
        var json = JSONText()
        json.raw("{\"time\":")
        json.string(clock().description)
        json.raw(",\"level\":")
        json.string(level.rawValue)
        json.raw(",\"label\":")
        json.string(label)
        json.raw(",\"message\":")
        json.string(message)
        for (key, value) in fields.sorted(by: { $0.key < $1.key }).prefix(Self.fieldLimit) {
            json.raw(",")
            json.string(Self.reserved.contains(key) ? "_" + key : key)
            json.raw(":")
            Self.append(value, to: &json, depth: 1)
        }
        json.raw("}\n")
        return json.bytes
    }

    private static let reserved: Set<String> = ["time", "level", "label", "message"]

    private static func append(_ value: Logger.MetadataValue, to json: inout JSONText, depth: Int) {
        switch value {
        case .string(let text): json.string(text)
        case .stringConvertible(let value): json.string(value.description)
        case .array, .dictionary: nested(value, to: &json, depth: depth)
        }
    }

    private static func nested(_ value: Logger.MetadataValue, to json: inout JSONText, depth: Int) {
        guard depth < depthLimit else { return json.string("…") }
        switch value {
        case .array(let list):
            json.raw("[")
            for (index, element) in list.prefix(fieldLimit).enumerated() {
                if index > 0 { json.raw(",") }
                append(element, to: &json, depth: depth + 1)
            }
            json.raw("]")
        case .dictionary(let fields):
            json.raw("{")
            for (index, field) in fields.sorted(by: { $0.key < $1.key }).prefix(fieldLimit).enumerated() {
                if index > 0 { json.raw(",") }
                json.string(field.key)
                json.raw(":")
                append(field.value, to: &json, depth: depth + 1)
            }
            json.raw("}")
        case .string, .stringConvertible: append(value, to: &json, depth: depth)
        }
    }

    /// A log that cannot be written is given up: nobody is left to tell.
    private func write(_ line: [UInt8]) {
        line.withUnsafeBytes { raw in
            var offset = 0
            while offset < raw.count {
                let written = Glibc.write(descriptor, raw.baseAddress! + offset, raw.count - offset)
                if written > 0 {
                    offset += written
                } else if written == 0 || errno != EINTR {
                    return
                }
            }
        }
    }
}
