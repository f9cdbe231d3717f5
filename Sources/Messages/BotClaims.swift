package import Addresses
package import Bytes

/// Sources whose requests say that a known crawler sent them, and that the lane cannot judge by itself. Lane to office.
package struct BotClaims: Equatable, Sendable {
    /// Claims of one message; what a lane has beyond it is asked again with the source's next connection.
    package static let limit = 256
    /// The form's version; any other is refused.
    package static let formVersion: UInt8 = 1

    package struct Claim: Hashable, Sendable {
        package var address: Address
        /// The crawler's name, as the snapshot has it.
        package var bot: String

        package init(_ address: Address, bot: String) {
            self.address = address
            self.bot = bot
        }
    }

    package var claims: [Claim]

    package init(_ claims: [Claim] = []) { self.claims = claims }
}

extension BotClaims: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(Self.formVersion)
        writer.writeList(claims) {
            $1.write($0.address)
            $1.writeText($0.bot)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        guard try reader.readByte() == Self.formVersion else { throw reader.malformed(.unsupported) }
        claims = try reader.readList(limit: Self.limit) { reader throws(Malformed) in
            Claim(try reader.readAddress(), bot: try reader.readText(limit: 64))
        }
    }
}

/// What the office found out about such claims: all that it holds for true or false now. It replaces the one before, and
/// each verdict ends by itself.
package struct BotVerdicts: Equatable, Sendable {
    /// Verdicts that an office holds, true and false together.
    package static let limit = 12_288
    /// The form's version; any other is refused.
    package static let formVersion: UInt8 = 1

    package struct Verdict: Equatable, Sendable {
        package var claim: BotClaims.Claim
        package var isTrue: Bool
        /// When it ends, in seconds since 1970.
        package var until: UInt64

        package init(_ claim: BotClaims.Claim, isTrue: Bool, until: UInt64) {
            self.claim = claim
            self.isTrue = isTrue
            self.until = until
        }
    }

    package var verdicts: [Verdict]

    package init(_ verdicts: [Verdict] = []) { self.verdicts = verdicts }
}

extension BotVerdicts: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(Self.formVersion)
        writer.writeList(verdicts) {
            $1.write($0.claim.address)
            $1.writeText($0.claim.bot)
            $1.write($0.isTrue)
            $1.write($0.until)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        guard try reader.readByte() == Self.formVersion else { throw reader.malformed(.unsupported) }
        verdicts = try reader.readList(limit: Self.limit) { reader throws(Malformed) in
            let claim = BotClaims.Claim(try reader.readAddress(), bot: try reader.readText(limit: 64))
            return Verdict(claim, isTrue: try reader.readBool(), until: try reader.readUInt64())
        }
    }
}
