package import Flows
internal import Addresses

/// One line that nfdump printed of one flow, in the form that `NfdumpFile` asks for.
///
/// The form was chosen by trying nfdump 1.7.1: its csv leaves out milliseconds and shows ports as flags of UDP, its json
/// takes 28 lines a flow, and the seconds since 1970 of %ter are wrong (.889 is printed as .089), so that times are asked
/// for as text in UTC.
package enum NfdumpLine {
    /// nfdump's names of what is asked for, in the order in which `read` takes them.
    package static let form = """
        fmt:%ts|%te|%sa|%da|%sp|%dp|%it|%ic|%pr|%flg|%tos|%pkt|%byt|%in|%out|%sas|%das|%smk|%dmk
        """

    /// What nfdump prints instead of flows where there are none, even when told to be quiet.
    package static let nothing: StaticString = "No matching flows"

    /// Reads a line without its end; nil where it is none of this form. Sampling: nfcapd has multiplied already what it
    /// wrote to the file, so the record's rate is 1.
    package static func read(_ line: RawSpan) -> FlowRecord? {
        var fields = Fields(line)
        var record = FlowRecord()
        guard let first = fields.time(), let last = fields.time(), let source = fields.address(),
            let destination = fields.address(), let sourcePort = fields.port(), let destinationPort = fields.port(),
            let icmpType = fields.number(upTo: 255), let icmpCode = fields.number(upTo: 255),
            let protocolNumber = fields.number(upTo: 255), let flags = fields.flags(),
            let typeOfService = fields.number(upTo: 255), let packets = fields.number(upTo: .max),
            let bytes = fields.number(upTo: .max), let input = fields.number(upTo: 0xffff_ffff),
            let output = fields.number(upTo: 0xffff_ffff), let sourceAS = fields.number(upTo: 0xffff_ffff),
            let destinationAS = fields.number(upTo: 0xffff_ffff), let sourceMask = fields.number(upTo: 128),
            let destinationMask = fields.number(upTo: 128), fields.isAtEnd
        else { return nil }
        record.first = first
        record.last = last
        record.source = source
        record.destination = destination
        record.protocolNumber = UInt8(protocolNumber)
        record.packets = packets
        record.bytes = bytes
        record.typeOfService = UInt8(typeOfService)
        record.input = UInt32(input)
        record.output = UInt32(output)
        record.sourceAS = UInt32(sourceAS)
        record.destinationAS = UInt32(destinationAS)
        record.sourceMask = UInt8(sourceMask)
        record.destinationMask = UInt8(destinationMask)
        // What the protocol has not, nfdump fills with remains of other fields: of TCP its type and code of ICMP.
        switch protocolNumber {
        case 1, 58:
            record.icmpType = UInt8(icmpType)
            record.icmpCode = UInt8(icmpCode)
        case 6:
            record.flags = flags
            fallthrough
        default:
            record.sourcePort = sourcePort
            record.destinationPort = destinationPort
        }
        return record
    }

    /// The fields of a line, one after the other, without the space around them.
    private struct Fields: ~Escapable {
        private let line: RawSpan
        private var next = 0

        @_lifetime(copy line)
        init(_ line: RawSpan) { self.line = line }

        /// Nothing is left, not even an empty field.
        var isAtEnd: Bool { next > line.byteCount }

        @inline(__always)
        private func byte(_ place: Int) -> UInt8 { line.unsafeLoad(fromByteOffset: place, as: UInt8.self) }

        private mutating func field() -> Range<Int>? {
            let count = line.byteCount
            var start = next
            while start < count, byte(start) == 32 { start += 1 }
            var end = start
            while end < count, byte(end) != UInt8(ascii: "|") { end += 1 }
            guard next <= count else { return nil }
            next = end + 1
            while end > start, byte(end - 1) == 32 { end -= 1 }
            return start < end ? start..<end : nil
        }

        /// Two, three or four digits at a place that is within the line.
        @inline(__always)
        private func fixed(_ start: Int, _ length: Int) -> Int64? {
            var value: Int64 = 0
            var isWrong = false
            for place in start..<start + length {
                let digit = byte(place) &- 48
                if digit > 9 { isWrong = true }
                value = value &* 10 &+ Int64(digit)
            }
            return isWrong ? nil : value
        }

        private func digits(_ range: Range<Int>, upTo limit: UInt64) -> UInt64? {
            var value: UInt64 = 0
            for place in range {
                let digit = byte(place) &- 48
                let (tens, isTooLarge) = value.multipliedReportingOverflow(by: 10)
                let (sum, isOver) = tens.addingReportingOverflow(UInt64(digit))
                guard digit <= 9, !isTooLarge, !isOver, sum <= limit else { return nil }
                value = sum
            }
            return range.isEmpty ? nil : value
        }

        /// In one pass, for most fields are numbers.
        mutating func number(upTo limit: UInt64) -> UInt64? {
            let count = line.byteCount
            var place = next
            while place < count, byte(place) == 32 { place += 1 }
            let start = place
            var value: UInt64 = 0
            // 19 digits are always below 2^64.
            while place < count, place - start < 19 {
                let digit = byte(place) &- 48
                guard digit <= 9 else { break }
                value = value &* 10 &+ UInt64(digit)
                place += 1
            }
            guard place > start else { return nil }
            if place < count, byte(place) &- 48 <= 9 {
                guard let range = field() else { return nil }
                return digits(range, upTo: limit)
            }
            while place < count, byte(place) == 32 { place += 1 }
            guard place == count || byte(place) == UInt8(ascii: "|"), value <= limit else { return nil }
            next = place + 1
            return value
        }

        /// A port, or type and code of ICMP with a dot between them, which is no port: 0.
        mutating func port() -> UInt16? {
            guard let range = field() else { return nil }
            for place in range where byte(place) == UInt8(ascii: ".") {
                let parts = (range.lowerBound..<place, place + 1..<range.upperBound)
                return digits(parts.0, upTo: 255) != nil && digits(parts.1, upTo: 255) != nil ? 0 : nil
            }
            return digits(range, upTo: 65535).map { UInt16($0) }
        }

        mutating func address() -> Address? {
            guard let range = field() else { return nil }
            return Address(text: line.extracting(range))
        }

        /// CEUAPRSF, each a letter or a dot; older programs print 0x and two digits where C or E is set.
        mutating func flags() -> UInt8? {
            guard let range = field() else { return nil }
            if range.count == 4, byte(range.lowerBound) == 48, byte(range.lowerBound + 1) | 32 == UInt8(ascii: "x") {
                var value: UInt8 = 0
                for place in range.dropFirst(2) {
                    let byte = byte(place)
                    let digit = byte &- 48 <= 9 ? byte &- 48 : (byte | 32) &- UInt8(ascii: "a") &+ 10
                    guard digit < 16 else { return nil }
                    value = value << 4 | digit
                }
                return value
            }
            guard range.count == 8 else { return nil }
            var value: UInt8 = 0
            for (index, place) in range.enumerated() {
                let byte = byte(place)
                guard byte == UInt8(ascii: ".") || (byte | 32) &- UInt8(ascii: "a") <= 25 else { return nil }
                if byte != UInt8(ascii: ".") { value |= 0x80 >> UInt8(index) }
            }
            return value
        }

        /// 2026-11-23 21:18:00.123, in UTC: nanoseconds since 1970. The year 0 stands for a time that was not told: 0.
        mutating func time() -> Int64? {
            guard let range = field(), range.count == 23 else { return nil }
            let start = range.lowerBound
            let separators: [6 of (Int, UInt8)] = [(4, 45), (7, 45), (10, 32), (13, 58), (16, 58), (19, 46)]
            for index in separators.indices {
                guard byte(start + separators[index].0) == separators[index].1 else { return nil }
            }
            guard let year = fixed(start, 4), let month = fixed(start + 5, 2), let day = fixed(start + 8, 2),
                let hour = fixed(start + 11, 2), let minute = fixed(start + 14, 2),
                let second = fixed(start + 17, 2), let millisecond = fixed(start + 20, 3),
                month <= 12, day <= 31, hour <= 23, minute <= 59, second <= 60
            else { return nil }
            if year == 0 { return 0 }
            // Nanoseconds in 64 bits end in 2262.
            guard (1970...2261).contains(year), month > 0, day > 0 else { return nil }
            // Days from 1970-01-01 in the Gregorian calendar, with years that begin in March.
            let shifted = month > 2 ? year : year - 1
            let era = shifted / 400
            let yearOfEra = shifted - era * 400
            let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
            let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
            let milliseconds = ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + millisecond
            return milliseconds * 1_000_000
        }
    }
}
