import Bytes
import Testing

// A reader is made inside each closure: a captured one crashes the 6.3.1 compiler.

@Suite struct `A byte reader` {
    @Test func `reads integers in network byte order and counts what it read`() throws {
        let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
        var reader = ByteReader(bytes.span.bytes)
        #expect(try reader.readByte() == 1)
        #expect(try reader.readUInt16() == 0x0203)
        #expect(try reader.readUInt24() == 0x04_0506)
        #expect(try reader.readUInt32() == 0x0708_090a)
        #expect(try reader.readUInt64() == 0x0b0c_0d0e_0f10_1112)
        #expect(reader.offset == 18)
        #expect(reader.remaining == 2)
        #expect(try reader.readArray(2) == [19, 20])
        #expect(reader.remaining == 0)
    }

    @Test func `lends a part of the input and passes over another`() throws {
        let bytes = Array(UInt8(0)..<10)
        var reader = ByteReader(bytes.span.bytes)
        try reader.skip(3)
        let part = try reader.readBytes(4)
        #expect(part.byteCount == 4)
        #expect(part.unsafeLoad(fromByteOffset: 0, as: UInt8.self) == 3)
        #expect(reader.offset == 7)
        #expect(try reader.readBytes(0).byteCount == 0)
        try reader.skip(0)
        #expect(reader.offset == 7)
    }

    @Test func `lends a part as a reader that ends with it and tells places of the whole`() throws {
        let bytes = Array(UInt8(0)..<10)
        var reader = ByteReader(bytes.span.bytes)
        try reader.skip(2)
        var part = try reader.readPart(3)
        #expect(reader.offset == 5)
        #expect(part.remaining == 3)
        #expect(try part.readUInt16() == 0x0203)
        #expect(try part.readByte() == 4)
        #expect(part.remaining == 0)
        #expect(part.malformed(.invalid) == Malformed(.invalid, at: 5))
        #expect(try reader.readByte() == 5)
        #expect(throws: Malformed(.truncated, at: 2)) {
            var reader = ByteReader(bytes.span.bytes)
            try reader.skip(2)
            _ = try reader.readPart(9)
        }
        #expect(throws: Malformed(.truncated, at: 2)) {
            var reader = ByteReader(bytes.span.bytes)
            try reader.skip(2)
            var part = try reader.readPart(1)
            _ = try part.readUInt16()
        }
    }

    @Test(arguments: 0..<8) func `refuses to read past the end, and stays where it was`(length: Int) {
        let bytes = Array(repeating: UInt8(7), count: length)
        func refused(_ size: Int, _ read: (inout ByteReader) throws(Malformed) -> Void) {
            var reader = ByteReader(bytes.span.bytes)
            do {
                try read(&reader)
                #expect(length >= size)
                #expect(reader.offset == size)
            } catch {
                #expect(length < size)
                #expect(error == Malformed(.truncated, at: 0))
                #expect(reader.offset == 0)
            }
        }
        refused(1) { (reader) throws(Malformed) in _ = try reader.readByte() }
        refused(2) { (reader) throws(Malformed) in _ = try reader.readUInt16() }
        refused(3) { (reader) throws(Malformed) in _ = try reader.readUInt24() }
        refused(4) { (reader) throws(Malformed) in _ = try reader.readUInt32() }
        refused(8) { (reader) throws(Malformed) in _ = try reader.readUInt64() }
        refused(5) { (reader) throws(Malformed) in _ = try reader.readBytes(5) }
        refused(6) { (reader) throws(Malformed) in _ = try reader.readArray(6) }
        refused(7) { (reader) throws(Malformed) in try reader.skip(7) }
    }

    @Test func `refuses lengths that are negative or overflow`() {
        for count in [-1, Int.min, Int.max] {
            #expect(throws: Malformed(.truncated, at: 1)) {
                var reader = ByteReader([UInt8(1), 2, 3].span.bytes)
                try reader.skip(1)
                try reader.skip(count)
            }
            #expect(throws: Malformed(.truncated, at: 1)) {
                var reader = ByteReader([UInt8(1), 2, 3].span.bytes)
                try reader.skip(1)
                _ = try reader.readArray(count)
            }
        }
    }

    @Test func `says what it refused and where`() {
        #expect(Malformed(.overBudget, at: 12).description == "overBudget at byte 12")
    }
}

@Suite struct `A byte writer` {
    @Test func `writes what the reader reads`() throws {
        var writer = ByteWriter()
        writer.write(UInt8(1))
        writer.write(UInt16(0x0203))
        writer.write(UInt32(0x0405_0607))
        writer.write(UInt64(0x0809_0a0b_0c0d_0e0f))
        writer.write([UInt8(16), 17])
        #expect(writer.bytes == Array(UInt8(1)...17))
    }

    @Test func `puts a length over earlier bytes`() {
        var writer = ByteWriter(reserving: 16)
        writer.write([UInt8](repeating: 9, count: 6))
        writer.overwrite(0x0102_0304, at: 1)
        #expect(writer.bytes == [9, 1, 2, 3, 4, 9])
    }

    @Test func `round trips any integers`() throws {
        for _ in 0..<1000 {
            let (a, b, c) = (
                UInt16.random(in: 0 ... .max), UInt32.random(in: 0 ... .max), UInt64.random(in: 0 ... .max)
            )
            var writer = ByteWriter()
            writer.write(a)
            writer.write(b)
            writer.write(c)
            var reader = ByteReader(writer.bytes.span.bytes)
            #expect(try reader.readUInt16() == a)
            #expect(try reader.readUInt32() == b)
            #expect(try reader.readUInt64() == c)
        }
    }
}
