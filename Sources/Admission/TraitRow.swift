internal import Heads
internal import Sketches

/// What is counted of a request, one number each.
enum Trait: Int, CaseIterable {
    case route, signs
    case shape, novelty
    case client, fields, claim, accepts
    case trail
    case network, region

    static let count = 11

    /// Traits that tell of the same thing, of which the strongest counts: what is aimed at, with which words, by which
    /// program, in what kind of visit, from where. A route is that of one method, so it says that of a form which the sign of
    /// its body says.
    static let groups: [Range<Int>] = [0..<2, 2..<4, 4..<8, 8..<9, 9..<11]
}

/// A request as its places in the tables of the traits: 24 bytes, in which nothing of it can be read any more.
struct TraitRow: Sendable {
    /// Values that each trait tells apart; those that share a place are taken for one.
    static let cells = 1024

    /// One for each trait.
    var places: [11 of UInt16]
    /// Parts of pages are compared with parts of pages: who is refused a page does not ask for its parts.
    var isAsset: Bool

    /// - Parameters:
    ///   - isSeen: the same target was asked for before.
    ///   - trail: what the source had before.
    init(_ arrival: Arrival, _ traits: RequestTraits, isSeen: Bool, trail: UInt64, key: TraitKey) {
        places = [11 of UInt16](repeating: 0)
        isAsset = traits.isAsset
        let query: UInt64 = traits.hasQuery ? 2 : 0
        set(.route, traits.route, key)
        // Whoever asks for one and the same thing asks in one shape; only where values vary does it tell more than the route.
        set(.shape, isSeen ? 0 : traits.shape ^ query << 60 | 1 << 63, key)
        set(.novelty, query | (isSeen ? 1 : 0), key)
        set(.client, traits.client, key)
        set(.fields, traits.fields, key)
        set(.claim, traits.client ^ traits.agent &* 0x9e37_79b9_7f4a_7c15 ^ UInt64(traits.version), key)
        set(.accepts, traits.accepts, key)
        set(.trail, trail, key)
        set(.signs, UInt64(traits.signs & ~RequestTraits.Sign.cookie), key)
        set(.network, arrival.network, key)
        set(.region, arrival.region, key)
    }

    private mutating func set(_ trait: Trait, _ value: UInt64, _ key: TraitKey) {
        places[trait.rawValue] = key.place(of: value, trait.rawValue, isAsset: isAsset)
    }

    /// Where the trail is counted of a source of which nothing is known yet.
    static func noTrail(isAsset: Bool, _ key: TraitKey) -> UInt16 {
        key.place(of: SourceTrails.nothing, Trait.trail.rawValue, isAsset: isAsset)
    }
}

/// Where a value of a trait is counted. Keyed, so that nobody outside can choose values that fall on those of visitors.
struct TraitKey: Sendable {
    private let hash: UniversalHash

    init(_ key: KeyedHash) {
        hash = UniversalHash(key: key, index: 0x7472_6169)
    }

    /// Pages and parts of pages have a half of the places each.
    func place(of value: UInt64, _ trait: Int, isAsset: Bool) -> UInt16 {
        UInt16(truncatingIfNeeded: hash(UInt64(trait), value) >> 22) >> 1 | (isAsset ? 512 : 0)
    }
}
