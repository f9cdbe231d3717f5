package import Addresses
package import Moments

/// What an operator said by hand, each for a time: whom to let in or turn away, and how a site is treated meanwhile. All of
/// it ends by itself, and can be taken back in one step.
///
/// A pure value. *Their fault*: what the rules do not allow is refused with a reason. *Ignored, because it is fine*: an
/// order for what there is an order for already; the new one takes its place.
package struct ControlBook: Equatable, Sendable {
    /// Orders at a time; a person does not say more, a script that does wants the configuration.
    package static let limit = 4_096
    /// Of them, those that one organisation's own people may have at its sites, so that they leave room for all others'.
    package static let shareLimit = 512
    /// Orders that one organisation's own people may give in a minute.
    package static let pace = 30
    /// Seconds for which an order may hold.
    package static let longestLife: Int64 = 30 * 86_400
    package static let reasonLimit = 200
    package static let authorLimit = 128
    package static let siteLimit = 64
    /// Bits of the widest block that may be let in or turned away: what is wider is half the world.
    package static let widestFour = 8
    package static let widestSix = 16

    package enum Act: Equatable, Sendable {
        /// Sources that pass, or are answered with 403.
        case allow(Prefix)
        case deny(Prefix)
        /// The site only counts; the site protects.
        case observe
        case protect

        package var name: String {
            switch self {
            case .allow: "allow"
            case .deny: "deny"
            case .observe: "observe"
            case .protect: "protect"
            }
        }

        /// Of a source as somebody typed it: an address, or a block.
        package init(_ name: Source, _ text: String) throws(Refusal) {
            guard let prefix = Prefix(text) else {
                throw Refusal(
                    .source, "'prefix' is an address or a block, such as 192.0.2.7 or 2001:db8::/48")
            }
            self = name == .allow ? .allow(prefix) : .deny(prefix)
        }

        package enum Source: String, CaseIterable, Sendable {
            case allow, deny
        }

        package enum Mode: String, CaseIterable, Sendable {
            case observe, protect
        }

        package init(_ mode: Mode) { self = mode == .observe ? .observe : .protect }

        /// The source as people write it: an address alone has no length; nil: it is of none.
        package var source: String? {
            prefix.map { $0.length == ($0.address.isIPv4 ? 32 : 128) ? $0.address.description : $0.description }
        }

        package var prefix: Prefix? {
            switch self {
            case .allow(let prefix), .deny(let prefix): prefix
            case .observe, .protect: nil
            }
        }
    }

    package struct Order: Equatable, Sendable {
        package var id: UInt64
        package var act: Act
        /// The name of the site; empty: all sites.
        package var site: String
        package var since: Moment
        package var until: Moment
        package var reason: String
        /// Who said so: a user of this machine, or an account of the console.
        package var author: String

        package init(
            id: UInt64, act: Act, site: String, since: Moment, until: Moment, reason: String, author: String
        ) {
            self.id = id
            self.act = act
            self.site = site
            self.since = since
            self.until = until
            self.reason = reason
            self.author = author
        }

        /// Only one order can hold for the same block at the same site, or for the mode of a site.
        fileprivate func concerns(the other: Self) -> Bool { site == other.site && act.prefix == other.act.prefix }
    }

    package struct Refusal: Error, Equatable, Sendable, CustomStringConvertible {
        /// What is wrong, for those who say it in other words, or beside a field of a form.
        package enum Cause: Equatable, Sendable {
            /// The form of what was sent: no page of ours sends it so.
            case form
            case source, tooWide(least: Int), site, time
            case noReason, longReason, reasonOfLines
            case full, share, pace
            case noOrder, noRule
            /// The disk refused; the office ends.
            case notKept, notServed
        }

        package var cause: Cause
        package var reason: String

        package init(_ cause: Cause, _ reason: String) {
            self.cause = cause
            self.reason = reason
        }

        package var description: String { reason }
    }

    /// By their numbers.
    package private(set) var orders: [Order] = []
    /// The number of the next order: none is given twice.
    package private(set) var nextID: UInt64 = 1

    package init() {}

    /// A book as it was kept; nil where it is none of ours.
    package init?(_ orders: [Order], nextID: UInt64) {
        guard orders.count <= Self.limit else { return nil }
        var last: UInt64 = 0
        for order in orders {
            guard order.id > last, order.id < nextID, Self.fault(of: order) == nil,
                order.until - order.since <= Double(Self.longestLife)
            else { return nil }
            last = order.id
        }
        self.orders = orders
        self.nextID = nextID
    }

    /// Gives an order.
    /// - Parameters:
    ///   - seconds: how long it holds.
    ///   - own: the sites of the organisation whose people give it; nil: the street's do.
    package mutating func add(
        _ act: Act, site: String, seconds: Int64, reason: String, author: String, own: Set<String>? = nil,
        at now: Moment
    ) throws(Refusal) -> Order {
        guard (1...Self.longestLife).contains(seconds) else {
            throw Refusal(.time, "an order holds for 1 second to \(Self.longestLife / 86_400) days")
        }
        let order = Order(
            id: nextID, act: act, site: site, since: now, until: now + Double(seconds), reason: reason, author: author)
        if let fault = Self.fault(of: order) { throw fault }
        let kept = orders.filter { !$0.concerns(the: order) }
        // The street's own people always have some left.
        let limit = own == nil ? Self.limit : Self.limit - Self.shareLimit
        guard kept.count < limit else {
            throw Refusal(.full, "there are \(limit) orders already; take some back, or use the configuration")
        }
        if let own {
            guard own.contains(site) else { throw Self.noSite(site) }
            guard kept.count(where: { own.contains($0.site) }) < Self.shareLimit else {
                throw Refusal(.share, "there are \(Self.shareLimit) orders at the organisation's sites already")
            }
        }
        orders = kept + [order]
        nextID += 1
        return order
    }

    /// Takes an order back; nil: there is none of that number.
    package mutating func remove(_ id: UInt64) -> Order? {
        guard let place = orders.firstIndex(where: { $0.id == id }) else { return nil }
        return orders.remove(at: place)
    }

    /// Takes out what has ended.
    package mutating func expire(at now: Moment) -> [Order] {
        let ended = orders.filter { $0.until <= now }
        if !ended.isEmpty { orders.removeAll { $0.until <= now } }
        return ended
    }

    package static func noSite(_ name: String) -> Refusal { Refusal(.site, "there is no site '\(name)'") }

    /// What is wrong with a reason; nil: nothing.
    package static func fault(inReason reason: String) -> Refusal? {
        if reason.isEmpty { return Refusal(.noReason, "a reason is needed: somebody will ask") }
        guard reason.utf8.count <= reasonLimit else {
            return Refusal(.longReason, "the reason is longer than \(reasonLimit) bytes")
        }
        return isLine(reason) ? nil : Refusal(.reasonOfLines, lineFault)
    }

    private static let lineFault = "site and reason are one line of text, without control characters"

    /// They are shown in terminals and logs, a line each.
    private static func isLine(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 32 && $0 != 127 } }

    private static func fault(of order: Order) -> Refusal? {
        if let prefix = order.act.prefix {
            let widest = prefix.address.isIPv4 ? widestFour : widestSix
            guard prefix.length >= widest else {
                return Refusal(.tooWide(least: widest), "\(prefix) is too wide: at least /\(widest)")
            }
        } else if order.site.isEmpty {
            return Refusal(.site, "a mode is of one site")
        }
        guard order.site.utf8.count <= siteLimit else { return Refusal(.site, "the site's name is too long") }
        if let fault = fault(inReason: order.reason) { return fault }
        guard order.author.utf8.count <= authorLimit, isLine(order.site + order.author) else {
            return Refusal(.form, "site and author are one line of text, without control characters")
        }
        return nil
    }
}
