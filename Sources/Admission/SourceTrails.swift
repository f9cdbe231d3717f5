internal import Sketches

/// What sources had of the site lately, pages and parts of pages: 128 KiB, whatever comes. A new source takes the place of the
/// one in its set that was silent longest.
struct SourceTrails: Sendable {
    private struct Entry: Sendable {
        var tag: UInt32 = 0
        /// Seconds, modulo 65,536.
        var at: UInt16 = 0
        var pages: UInt8 = 0
        var assets: UInt8 = 0
    }

    private static let ways = 4
    private static let sets = 4096
    /// Seconds of silence after which a visit is over.
    private static let visit: UInt16 = 600
    private var entries = [Entry](repeating: Entry(), count: ways * sets)

    /// A number for what a source has had so far: how many pages, how many parts of pages for them, a cookie. Only
    /// what went to an origin counts: who is refused cannot ask for a page's parts, and must ask again.
    func trail(of source: UInt64, hasCookie: Bool, at now: Instant) -> UInt64 {
        let seconds = Self.seconds(now)
        let cookie = hasCookie ? 1 : Self.nothing
        let (first, tag) = Self.place(source)
        for place in first..<first + Self.ways where entries[place].tag == tag {
            let entry = entries[place]
            guard Self.age(entry, at: seconds) <= Self.visit else { break }
            let pages = UInt64(8 - entry.pages.leadingZeroBitCount)
            let assets: UInt64 =
                entry.assets == 0 ? 0 : entry.assets < entry.pages ? 1 : entry.assets / 4 < entry.pages ? 2 : 3
            return pages << 8 | assets << 4 | cookie
        }
        return cookie
    }

    /// How many pages a trail has, in steps: 0 for none.
    func pages(of source: UInt64, at now: Instant) -> UInt64 { trail(of: source, hasCookie: false, at: now) >> 8 }

    /// Nothing is known of the source.
    static let nothing: UInt64 = 0

    /// Counts a request that goes to an origin.
    mutating func step(_ source: UInt64, isAsset: Bool, at now: Instant) {
        let place = find(source, Self.seconds(now))
        let entry = entries[place]
        if isAsset {
            entries[place].assets = entry.assets == .max ? .max : entry.assets + 1
        } else {
            entries[place].pages = entry.pages == .max ? .max : entry.pages + 1
        }
    }

    /// Seconds of silence. Workers read the clock one after the other, so a source may have been seen a little ahead.
    private static func age(_ entry: Entry, at seconds: UInt16) -> UInt16 {
        let age = seconds &- entry.at
        return age > .max - 10 ? 0 : age
    }

    private static func seconds(_ now: Instant) -> UInt16 {
        UInt16(truncatingIfNeeded: now.nanoseconds / 1_000_000_000)
    }

    private static func place(_ source: UInt64) -> (first: Int, tag: UInt32) {
        ((Int(truncatingIfNeeded: source) & (sets - 1)) * ways, UInt32(truncatingIfNeeded: source >> 32) | 1)
    }

    /// The place of the source, made free for it where it has none.
    private mutating func find(_ source: UInt64, _ seconds: UInt16) -> Int {
        let (start, tag) = Self.place(source)
        var oldest = start
        for place in start..<start + Self.ways {
            if entries[place].tag == tag {
                if Self.age(entries[place], at: seconds) > Self.visit { entries[place] = Entry(tag: tag) }
                entries[place].at = seconds
                return place
            }
            let isOlder = Self.age(entries[place], at: seconds) > Self.age(entries[oldest], at: seconds)
            if entries[oldest].tag != 0, entries[place].tag == 0 || isOlder { oldest = place }
        }
        entries[oldest] = Entry(tag: tag, at: seconds)
        return oldest
    }
}
