internal import Messages

/// What the lane learns of the sites in calm lies in the state folder, for the lane that comes next.
extension LaneDesk {
    /// Not durable: what a power cut takes is learnt again.
    func keep(_ learnt: LearntSite) {
        guard wanted.sites.contains(where: { $0.name == learnt.site }) else { return }
        do throws(OfficeError) {
            try office.folder.write(learnt.encoded(), to: files.learnt(of: learnt.site), isDurable: false)
        } catch {
            office.stateFailed(error)
        }
    }

    func sendLearnt(to peer: Peer) {
        var told = 0
        for site in wanted.sites where told < LearntSite.countLimit {
            guard let bytes = office.folder.read(files.learnt(of: site.name), limit: 2 * LearntSite.profileLimit),
                // A power cut may have left half of it.
                (try? LearntSite(decoding: bytes.span.bytes)) != nil
            else { continue }
            told += 1
            office.send(Frame(.learnt, body: bytes), to: peer)
        }
    }

    /// Takes away what was learnt of sites that are gone.
    func forgetGoneSites() {
        let names = Set(wanted.sites.map(\.name))
        for site in files.learntSites(among: office.folder.names()) where !names.contains(site) {
            office.folder.remove(files.learnt(of: site))
        }
    }
}
