/// What one lane's cache has on disk, and what went on there.
package struct DiskStatus: Equatable, Figures {
    /// 1 where a folder is set; 1 while it is in use.
    package var configured: UInt64 = 0
    package var open: UInt64 = 0
    /// There now, and the bytes that they take.
    package var files: UInt64 = 0
    package var bytes: UInt64 = 0
    /// Files written; files read for a request that memory had nothing for.
    package var written: UInt64 = 0
    package var loaded: UInt64 = 0
    /// Files removed for want of room, or because nobody asked for them for long.
    package var evicted: UInt64 = 0
    /// Files that do not hold what they should; they are removed.
    package var broken: UInt64 = 0
    /// Reads, writes and removals that the system refused.
    package var failed: UInt64 = 0
    /// Responses not written and not read, because too much else was.
    package var omitted: UInt64 = 0

    package init() {}

    package static let fields: [any WritableKeyPath<Self, UInt64> & Sendable] = [
        \.configured, \.open, \.files, \.bytes, \.written, \.loaded, \.evicted, \.broken, \.failed, \.omitted,
    ]
}
