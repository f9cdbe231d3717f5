internal import Admission
internal import Messages
internal import Synchronization

extension LaneStatus.Connections {
    mutating func add(_ other: Self) {
        open += other.open
        accepted += other.accepted
        refused += other.refused
        handshakes += other.handshakes
        resumed += other.resumed
        failedHandshakes += other.failedHandshakes
        timedOut += other.timedOut
        malformed += other.malformed
        badPreface += other.badPreface
        pages += other.pages
        http2 += other.http2
        streams += other.streams
        slowed += other.slowed
        abusive += other.abusive
        tls.add(other.tls)
        closedForOthers += other.closedForOthers
    }
}

extension SiteStatus {
    init(_ site: Site, _ counters: SiteCounters) {
        self.init()
        name = site.settings.name
        organisation = site.settings.organisation
        isObserving = site.settings.mode == .observe
        origins = UInt64(site.origins.count)
        site.state.admission.withLock { admission in
            isUnderPressure = admission.isUnderPressure
            limit = UInt64(admission.limit * 100)
            inFlight = UInt64(admission.inFlightCount)
            waiting = UInt64(admission.waitingCount)
            unlike = admission.unlike
            capRefused = admission.capped + counters.capRefused
            let ladder = admission.ladder.counts
            (waitingPages, cookieProofs) = (ladder.pages, ladder.proofs)
            (turnsReturned, turnsOverused) = (ladder.returned, ladder.overused)
            access.allowed = admission.standings.allowed
            access.probes = admission.standings.probes
            access.bots = admission.standings.bots
            access.impostors = admission.standings.impostors
            healthyOrigins = UInt64(admission.origins.count { $0.isHealthy })
            classes = admission.counts.map { counts in
                var status = ClassStatus()
                status.requests = counts.requests
                status.admitted = counts.admitted
                status.queued = counts.queued
                status.refused = counts.refused
                status.abandoned = counts.abandoned
                status.waitedMicroseconds = counts.waitedMicroseconds
                return status
            }
        }
        let responses = counters.responses
        self.responses = [responses.0, responses.1, responses.2, responses.3, responses.4]
        originFailures = counters.originFailures
        badRequests = counters.badRequests
        access.denied = counters.denied
        bytesIn = counters.bytesIn
        bytesOut = counters.bytesOut
        firstByte = counters.firstByte.indices.map { counters.firstByte[$0] }
        connections = counters.connections
        memory = counters.memory
        processorMicroseconds = counters.processorNanoseconds / 1000
        budgetRefused = counters.budgetRefused
        budgetClosed = counters.budgetClosed
        capClosed = counters.capClosed
        cache = counters.cache
        cache.objects = UInt64(site.state.cache.objects)
        cache.bytes = UInt64(max(0, site.state.cache.bytes))
    }
}
