package import Addresses
package import Detection
package import Mitigations
package import Moments

/// Cookies against floods of SYN: to which addresses the filter is told to send them, and for how long. They are said again
/// while a flood lasts, and end by themselves after it, also where nobody is left to take them back.
package struct FloodOrders: Sendable {
    /// The kind of vector that they are against.
    package static let kind = "tcp-syn-flood"
    /// Seconds that an order lasts.
    package static let lifetime: UInt32 = 60
    /// Seconds after which it is said again.
    package static let renewal = 20.0
    /// Seconds since a flood's last packet after which it is taken for over.
    package static let pause = 10.0
    /// Addresses at a time: machines have a few.
    package static let limit = 256

    private struct Flood: Sendable {
        var saidAt: Moment?
        var seenAt: Moment
        var note: FilterNote
    }

    private var floods: [Address: Flood] = [:]

    package init() {}

    /// Addresses that are answered for.
    package var addresses: [Address] { floods.keys.sorted { ($0.high, $0.low) < ($1.high, $1.low) } }

    /// What began and what is over since the last time, for the log.
    package struct Change: Equatable, Sendable {
        package var begun: [Address] = []
        package var over: [Address] = []
    }

    /// Takes in what goes on.
    /// - Parameters:
    ///   - own: addresses of this machine. The kernel answers for a listener that takes all addresses whatever a packet's
    ///     destination is: what is only passed on must not be answered for.
    ///   - parts: whose networks a target or an address is on; none: nobody's that is known.
    package mutating func observe(
        _ attacks: [TrafficAttack], own: [Address], parts: (Prefix) -> [ServedNetworks.Part], at now: Moment
    ) -> Change {
        var change = Change()
        for attack in attacks where attack.state != .suspected && attack.state != .ended {
            guard case .prefix(let target) = attack.target,
                let vector = attack.vectors.first(where: { $0.kind == Self.kind && now - $0.end <= Self.pause })
            else { continue }
            for address in own where target.contains(address) {
                if floods[address] != nil {
                    floods[address]?.seenAt = now
                    continue
                }
                guard floods.count < Self.limit else { continue }
                let reason = "SYN flood on \(attack.target) since \(Moment(seconds: vector.start.seconds).text)"
                // Whose address it is; of several of theirs in the target the record names the first.
                let owner = parts(Prefix(address, length: address.isIPv4 ? 32 : 128)).first?.organisation
                let part = owner.flatMap { name in parts(target).first { $0.organisation == name } }
                // As the attack is called on record.
                let note = FilterNote(
                    tenant: part?.organisation ?? "", reason: String(reason.prefix(FilterNote.reasonLimit)),
                    author: .detection, site: part.map { "\(TrafficTarget.prefix($0.block))" } ?? "")
                floods[address] = Flood(seenAt: now, note: note)
                change.begun.append(address)
            }
        }
        // What is over ends by itself; it is forgotten, so that the next flood is said at once.
        for (address, flood) in floods where flood.seenAt != now {
            floods[address] = nil
            change.over.append(address)
        }
        change.begun.sort { ($0.high, $0.low) < ($1.high, $1.low) }
        change.over.sort { ($0.high, $0.low) < ($1.high, $1.low) }
        return change
    }

    /// What the filter is to be told now.
    package func orders(at now: Moment) -> [FilterOrder] {
        let due = floods.filter { _, flood in
            guard let saidAt = flood.saidAt else { return true }
            return now - saidAt >= Self.renewal || now < saidAt
        }
        return Dictionary(grouping: due, by: \.value.note)
            .map { note, members in
                FilterOrder(
                    .flooded(members.map(\.key).sorted { ($0.high, $0.low) < ($1.high, $1.low) }), note: note,
                    seconds: Self.lifetime)
            }
            .sorted { ($0.note.tenant, $0.note.reason, $0.note.site) < ($1.note.tenant, $1.note.reason, $1.note.site) }
    }

    /// The filter took an order.
    package mutating func done(_ order: FilterOrder, at now: Moment) {
        guard case .flooded(let addresses) = order.what else { return }
        for address in addresses { floods[address]?.saidAt = now }
    }
}
