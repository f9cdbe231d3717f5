extension TrafficProfile {
    /// What ordinary networks get, for targets that nobody knows yet.
    package static var shipped: TrafficProfile {
        TrafficProfile(
            name: "shipped profile", ordinary: Array(repeating: Ordinary(), count: TrafficClass.count))
    }
}
