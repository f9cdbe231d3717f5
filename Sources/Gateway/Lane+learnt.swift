internal import Admission
internal import Bytes
internal import Messages
internal import Sketches
internal import Synchronization

/// What calm taught of the sites, kept by the office: a lane that takes over in the middle of an attack judges as this one
/// did.
extension Lane {
    /// Nanoseconds between two times that the office is told of a site.
    private static let learntTime: UInt64 = 60_000_000_000

    /// Tells of one site at most, for a profile is a hundred kilobytes and more.
    func sendLearnt(at now: UInt64) {
        guard isConnected, let sites = table?.sites else { return }
        for _ in sites.indices {
            nextLearnt = (nextLearnt + 1) % sites.count
            let state = sites[nextLearnt].state
            guard now - state.toldAt.load(ordering: .relaxed) >= Self.learntTime else { continue }
            state.toldAt.store(now, ordering: .relaxed)
            if tellLearnt(sites[nextLearnt]) { return }
        }
    }

    /// The lane ends: the one that follows shall know what it knew. As many sites as the office gives back.
    func tellAllLearnt() {
        var told = 0
        for site in table?.sites ?? [] where told < LearntSite.countLimit { told += tellLearnt(site) ? 1 : 0 }
    }

    /// - Returns: whether there was anything to tell.
    private func tellLearnt(_ site: Site) -> Bool {
        // Bytes are made of a copy: nobody waits for the lock meanwhile.
        guard let profile = site.state.admission.withLock({ $0.profile }) else { return false }
        let learnt = LearntSite(
            site: site.settings.name, at: Clock.wall() / 1_000_000_000, profile: profile.encoded())
        send(Frame(.learnt, body: learnt.encoded()))
        return true
    }

    /// Goes on from what the lane before learnt, where that is for this site, not too old, and made under the same key.
    func recall(_ learnt: LearntSite) {
        let seconds = Clock.wall() / 1_000_000_000
        guard let site = table?.sites.first(where: { $0.settings.name == learnt.site }),
            learnt.at <= seconds, seconds - learnt.at <= LearntSite.lifetime
        else { return }
        do throws(Malformed) {
            let profile = try CalmProfile(decoding: learnt.profile.span.bytes)
            let now = Instant(nanoseconds: Clock.monotonic())
            if site.state.admission.withLock({ $0.recall(profile, at: now) }) {
                say(6, "site \(learnt.site) goes on from what was learnt before")
            }
        } catch {
            say(4, "what was learnt of site \(learnt.site) cannot be read: \(error)")
        }
    }
}
