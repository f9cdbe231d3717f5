internal import Settings

/// What the state folder holds for one lane. The lane of an installation that names none has the plain names.
struct LaneFiles: Sendable {
    /// Held by the lane's process for as long as it lives.
    let lock: String
    /// The same, of a lane that is to follow the one that serves; it takes the other one's place then.
    let nextLock: String
    /// The compiled configuration that the lane put in force last.
    let snapshot: String
    /// The memory of earlier visitors.
    let history: String
    private let tail: String

    init(of lane: String) {
        // Names of lanes are a-z, 0-9, "-" and "."; behind a dash none of them is another file's name.
        tail = lane == Settings.Lane.usualName ? "" : "-\(lane)"
        lock = "lane\(tail).lock"
        nextLock = "lane\(tail)~next.lock"
        snapshot = "snapshot\(tail).bin"
        history = "history\(tail).bin"
    }

    /// What the lane learnt of a site.
    func learnt(of site: String) -> String { "\(learntPrefix)\(site).bin" }

    /// Sites whose files are among these names.
    func learntSites(among names: [String]) -> [String] {
        names.filter { $0.hasPrefix(learntPrefix) && $0.hasSuffix(".bin") }.map {
            String($0.dropFirst(learntPrefix.count).dropLast(4))
        }
    }

    /// Names of lanes and sites hold no such mark.
    private var learntPrefix: String { "learnt\(tail)~" }
}
