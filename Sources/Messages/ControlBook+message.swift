internal import Addresses
package import Bytes
package import Mitigations
internal import Moments

/// The book of orders given by hand as a file of the office's state folder. It holds addresses: only the office's user may
/// read it, and what has ended is not in the next one.
extension ControlBook: Message {
    static let formVersion: UInt8 = 1

    package func write(to writer: inout ByteWriter) {
        writer.write(Self.formVersion)
        writer.write(nextID)
        writer.writeList(orders) { order, writer in
            writer.write(order.id)
            switch order.act {
            case .allow(let prefix):
                writer.write(UInt8(0))
                writer.write(prefix)
            case .deny(let prefix):
                writer.write(UInt8(1))
                writer.write(prefix)
            case .observe: writer.write(UInt8(2))
            case .protect: writer.write(UInt8(3))
            }
            writer.writeText(order.site)
            writer.write(UInt64(bitPattern: order.since.milliseconds))
            writer.write(UInt64(bitPattern: order.until.milliseconds))
            writer.writeText(order.reason)
            writer.writeText(order.author)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        guard try reader.readByte() == Self.formVersion else { throw reader.malformed(.unsupported) }
        let nextID = try reader.readUInt64()
        let orders = try reader.readList(limit: Self.limit) { reader throws(Malformed) in
            let id = try reader.readUInt64()
            let act: Act =
                switch try reader.readByte() {
                case 0: .allow(try reader.readPrefix())
                case 1: .deny(try reader.readPrefix())
                case 2: .observe
                case 3: .protect
                default: throw reader.malformed(.invalid)
                }
            let site = try reader.readText(limit: Self.siteLimit)
            let since = try Self.readMoment(&reader)
            return Order(
                id: id, act: act, site: site, since: since, until: try Self.readMoment(&reader),
                reason: try reader.readText(limit: Self.reasonLimit),
                author: try reader.readText(limit: Self.authorLimit))
        }
        guard let book = Self(orders, nextID: nextID) else { throw reader.malformed(.contradictory) }
        self = book
    }

    /// Within some 30,000 years, so that times can be reckoned with.
    private static func readMoment(_ reader: inout ByteReader) throws(Malformed) -> Moment {
        let milliseconds = try reader.readUInt64()
        guard milliseconds < 1 << 50 else { throw reader.malformed(.invalid) }
        return Moment(milliseconds: Int64(milliseconds))
    }
}
