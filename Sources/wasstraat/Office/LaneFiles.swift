internal import Settings

/// What the state folder holds for one lane. The lane of an installation that names none has the plain names.
struct LaneFiles: Sendable {
    /// Held by the lane's process for as long as it lives.
    let lock: String
    /// The compiled configuration that the lane put in force last.
    let snapshot: String
    /// The memory of earlier visitors.
    let history: String

    init(of lane: String) {
        // Names of lanes are a-z, 0-9, "-" and "."; behind a dash none of them is another file's name.
        let tail = lane == Settings.Lane.usualName ? "" : "-\(lane)"
        lock = "lane\(tail).lock"
        snapshot = "snapshot\(tail).bin"
        history = "history\(tail).bin"
    }
}
