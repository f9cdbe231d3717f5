internal import Addresses
internal import Messages
internal import Synchronization

/// Sources that say they are a crawler, on their way to the office: each asked for once in a while, few at once. A flood of
/// them fills the list and the table of those asked for, and nothing more.
final class BotWatch: Sendable {
    /// Sources remembered as asked for, one for each place.
    private static let places = 4_096
    /// Seconds after which a source is asked for again.
    private static let again: UInt64 = 60

    private struct Asked: Sendable {
        var address = Address(high: 0, low: 0)
        var at: UInt64 = 0
    }

    private struct State {
        var asked = [Asked](repeating: Asked(), count: places)
        var waiting: [BotClaims.Claim] = []
    }

    private let state = Mutex(State())

    /// - Parameter now: seconds since 1970.
    func ask(_ address: Address, bot: String, at now: UInt64) {
        state.withLock { state in
            let mixed = (address.high ^ address.low &* 0x9e37_79b9_7f4a_7c15) &* 0xd6e8_feb8_6659_fd93
            let place = Int(truncatingIfNeeded: mixed >> 40) & (Self.places - 1)
            let before = state.asked[place]
            guard before.address != address || now >= before.at + Self.again,
                state.waiting.count < BotClaims.limit
            else { return }
            state.asked[place] = Asked(address: address, at: now)
            state.waiting.append(BotClaims.Claim(address, bot: bot))
        }
    }

    /// What is to be asked for since the last time.
    func take() -> BotClaims {
        state.withLock { state in
            defer { state.waiting = [] }
            return BotClaims(state.waiting)
        }
    }
}
