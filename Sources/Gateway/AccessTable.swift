internal import Addresses
internal import Messages

/// Who passes and who is turned away, at each site of one snapshot: what the configuration says and what was said by hand.
/// Never changed; replaced as a whole.
final class AccessTable: Sendable {
    /// What a list says of a source.
    enum Word: UInt16, Sendable {
        case denied = 0
        case allowed = 1
        case probe = 2

        init(_ kind: AccessList.Kind) {
            switch kind {
            case .deny: self = .denied
            case .allow: self = .allowed
            case .probe: self = .probe
            }
        }
    }

    /// By the site's place.
    private let sites: [PrefixTable]
    /// Of every site that has no word of its own for a source.
    private let all: PrefixTable
    private let isEmpty: Bool
    /// When the next entry ends, in seconds since 1970.
    let end: UInt64

    /// - Parameter now: seconds since 1970; what has ended is left out.
    init(_ snapshot: Snapshot, _ list: AccessList, at now: UInt64) {
        let lasting = list.entries.filter { $0.until > now }
        end = lasting.map(\.until).min() ?? .max
        var byHand: [String: [(Prefix, UInt16)]] = [:]
        for entry in lasting { byHand[entry.site, default: []].append((entry.prefix, Word(entry.kind).rawValue)) }
        sites = snapshot.sites.map { site in
            // Of the same block the later one counts: what was said by hand.
            PrefixTable(
                site.allow.map { ($0, Word.allowed.rawValue) } + site.deny.map { ($0, Word.denied.rawValue) }
                    + (byHand[site.name] ?? []))
        }
        all = PrefixTable(byHand[""] ?? [])
        isEmpty = all.isEmpty && sites.allSatisfy(\.isEmpty)
    }

    /// What the lists say of a source; nil: nothing.
    func word(of source: Address, at site: UInt16) -> Word? {
        guard !isEmpty else { return nil }
        let found = sites[Int(site)].value(of: source) ?? all.value(of: source)
        return found.flatMap(Word.init)
    }
}
