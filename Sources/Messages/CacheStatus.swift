/// What one lane's cache did for one site.
package struct CacheStatus: Equatable, Figures {
    /// Requests answered from what is kept, while it was fresh; those after a revalidation are not among them.
    package var hits: UInt64 = 0
    /// The same where it was stale: in need, under pressure, or while somebody asked for a newer one.
    package var stale: UInt64 = 0
    /// Asked of the origin, which said that what is kept still holds.
    package var revalidated: UInt64 = 0
    /// Requests that waited for another one's response.
    package var collapsed: UInt64 = 0
    /// Requests that nobody waited for, made while visitors were shown what was stale.
    package var refreshes: UInt64 = 0
    /// Responses taken in.
    package var stored: UInt64 = 0
    /// The site's own page shown where nothing else could be.
    package var fallbacks: UInt64 = 0
    /// Kept now: responses and their bytes.
    package var objects: UInt64 = 0
    package var bytes: UInt64 = 0

    package init() {}

    /// Every figure, in the order in which they are written.
    package static let fields: [any WritableKeyPath<Self, UInt64> & Sendable] = [
        \.hits, \.stale, \.revalidated, \.collapsed, \.refreshes, \.stored, \.fallbacks, \.objects, \.bytes,
    ]
}
