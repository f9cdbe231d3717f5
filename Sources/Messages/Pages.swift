package import Bytes

/// The public pages as the lane serves them from memory: all files of one moment.
package struct Pages: Equatable, Sendable {
    /// When they were made: milliseconds since 1970. The lane shows their age.
    package var made: UInt64
    package var files: [File]

    /// Bytes of all files together; 64 organisations with a hundred incidents each stay far below.
    package static let limit = 32 << 20

    package init(made: UInt64, files: [File]) {
        self.made = made
        self.files = files
    }

    package struct File: Equatable, Sendable {
        /// "/", "/en/waterdam/", "/atom.xml".
        package var path: String
        package var contentType: String
        package var body: [UInt8]
        /// Where in the body the lane writes the age, in which words; empty: nowhere. In ascending order.
        package var ages: [AgeMark]

        package init(path: String, contentType: String, body: [UInt8], ages: [AgeMark] = []) {
            self.path = path
            self.contentType = contentType
            self.body = body
            self.ages = ages
        }
    }

    package struct AgeMark: Equatable, Sendable {
        /// Byte offset in the body.
        package var offset: UInt32
        package var form: AgeForm

        package init(offset: UInt32, form: AgeForm) {
            self.offset = offset
            self.form = form
        }
    }

    package enum AgeForm: UInt8, Sendable, CaseIterable {
        /// "12 seconden", "3 minuten"
        case dutch = 0
        /// "12 seconds", "3 minutes"
        case english = 1
        /// A number of seconds, for machines.
        case seconds = 2
    }
}

extension Pages: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(made)
        writer.writeList(files) { $0.write(to: &$1) }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init(made: try reader.readUInt64(), files: [])
        files = try reader.readList(limit: 16_384) { reader throws(Malformed) in try File(reading: &reader) }
        guard files.reduce(0, { $0 + $1.body.count }) <= Self.limit else { throw reader.malformed(.overBudget) }
    }
}

extension Pages.File: Message {
    package func write(to writer: inout ByteWriter) {
        writer.writeText(path)
        writer.writeText(contentType)
        writer.writeBlob(body)
        writer.writeList(ages) {
            $1.write($0.offset)
            $1.write($0.form.rawValue)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init(
            path: try reader.readText(limit: 512), contentType: try reader.readText(limit: 128),
            body: try reader.readBlob(limit: 4 << 20))
        ages = try reader.readList(limit: 8) { reader throws(Malformed) in
            Pages.AgeMark(offset: try reader.readUInt32(), form: try reader.readCase())
        }
        var last: UInt32 = 0
        for mark in ages {
            guard mark.offset >= last, Int(mark.offset) <= body.count else { throw reader.malformed(.invalid) }
            last = mark.offset
        }
    }
}
