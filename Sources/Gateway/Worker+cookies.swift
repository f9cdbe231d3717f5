internal import Admission
internal import Glibc
internal import Heads

/// What a request's cookies say to the lane itself.
extension Worker {
    struct OwnCookies {
        /// The site's cookie, given out within its lifetime.
        var isKnown = false
        var turn: Turn?
        var age: UInt32 = 0
        /// There is no cookie but the turn: nothing of the site's own.
        var isTurnAlone = false
        /// There is no cookie but ours.
        var isOwnAlone = false
    }

    /// Reads both in one go over the first field, as browsers write it.
    func readCookies(_ site: Site, _ bytes: UnsafeBufferPointer<UInt8>) -> OwnCookies {
        var cookies = OwnCookies()
        guard let field = request.first(.cookie) else { return cookies }
        let raw = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[field.value.range])
        let name = SiteCookie.name
        let size = name.utf8CodeUnitCount
        var (index, own, count) = (0, 0, 0)
        while index + size < raw.count {
            if memcmp(raw.baseAddress! + index, name.utf8Start, size) == 0 {
                let rest = UnsafeRawBufferPointer(rebasing: raw[(index + size)...])
                if rest[0] == UInt8(ascii: "=") {
                    cookies.isKnown = isGenuine(rest, site)
                    if cookies.isKnown { (own, count) = (own + size + 1 + SiteCookie.size, count + 1) }
                } else if let value = Self.turnValue(rest), let (turn, age) = site.turns.read(value, at: wallSeconds) {
                    cookies.turn = turn
                    cookies.age = age
                    let length = TurnCookie.name.utf8CodeUnitCount + 1 + TurnCookie.size
                    cookies.isTurnAlone = raw.count == length
                    (own, count) = (own + length, count + 1)
                }
            }
            while index < raw.count, raw[index] != UInt8(ascii: ";") { index += 1 }
            index += 1
            while index < raw.count, raw[index] == UInt8(ascii: " ") { index += 1 }
        }
        // By the length of all: what is too short to be looked at is not ours either.
        cookies.isOwnAlone = count > 0 && raw.count == own + 2 * (count - 1)
        return cookies
    }

    /// - Parameter rest: what comes behind the name.
    private func isGenuine(_ rest: UnsafeRawBufferPointer, _ site: Site) -> Bool {
        guard rest.count > SiteCookie.size else { return false }
        let value = UnsafeRawBufferPointer(rebasing: rest[1...SiteCookie.size])
        let hour = wallSeconds / 3600
        guard let given = SiteCookie.hour(of: value), given <= hour, hour - given <= SiteCookie.lifetime else {
            return false
        }
        return site.cookie.isGenuine(value, hour: given)
    }

    private static func turnValue(_ rest: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let end: StaticString = "-turn="
        let size = end.utf8CodeUnitCount
        guard rest.count >= size + TurnCookie.size, memcmp(rest.baseAddress!, end.utf8Start, size) == 0 else {
            return nil
        }
        return UnsafeRawBufferPointer(rebasing: rest[size..<size + TurnCookie.size])
    }

    /// Gives a turn out: the cookie as Set-Cookie has it.
    func writeTurnCookie(_ site: Site, isTLS: Bool, to ink: Ink) {
        turnsGiven &+= 1
        // The workers' numbers do not meet; what they give out within one second is far from 2^24.
        let serial = UInt32(truncatingIfNeeded: index) << 24 | turnsGiven & 0xff_ffff
        ink.write(TurnCookie.name)
        ink.write("=")
        site.turns.write(Turn(since: UInt32(truncatingIfNeeded: wallSeconds), serial: serial), to: ink)
        ink.write("; Path=/; Max-Age=")
        ink.write(decimal: TurnSeal.lifetime)
        ink.write("; HttpOnly; SameSite=Lax")
        if isTLS { ink.write("; Secure") }
    }
}
