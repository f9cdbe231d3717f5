package import Messages

extension LaneStatus {
    /// Several lanes as one: counters summed, sites by name. It has started when the youngest lane did, so that a reader
    /// of counters sees that one of them began anew.
    package init(merging all: [LaneStatus]) {
        self.init()
        var places: [String: Int] = [:]
        for status in all {
            started = max(started, status.started)
            generation = max(generation, status.generation)
            connections.add(status.connections)
            disk.add(status.disk)
            for site in status.sites {
                if let place = places[site.name] {
                    sites[place].add(site)
                } else {
                    places[site.name] = sites.count
                    sites.append(site)
                }
            }
        }
    }
}

extension LaneStatus.Connections {
    fileprivate mutating func add(_ other: Self) {
        open &+= other.open
        accepted &+= other.accepted
        refused &+= other.refused
        handshakes &+= other.handshakes
        resumed &+= other.resumed
        failedHandshakes &+= other.failedHandshakes
        timedOut &+= other.timedOut
        malformed &+= other.malformed
        badPreface &+= other.badPreface
        pages &+= other.pages
        http2 &+= other.http2
        streams &+= other.streams
        slowed &+= other.slowed
        abusive &+= other.abusive
        tls.add(other.tls)
        closedForOthers &+= other.closedForOthers
    }
}

extension SiteStatus {
    /// The same site in another lane, before the same origins.
    fileprivate mutating func add(_ other: Self) {
        isObserving = isObserving && other.isObserving
        isUnderPressure = isUnderPressure || other.isUnderPressure
        limit &+= other.limit
        inFlight &+= other.inFlight
        waiting &+= other.waiting
        healthyOrigins = min(healthyOrigins, other.healthyOrigins)
        origins = max(origins, other.origins)
        for index in classes.indices where index < other.classes.count { classes[index].add(other.classes[index]) }
        for index in responses.indices where index < other.responses.count {
            responses[index] &+= other.responses[index]
        }
        for index in firstByte.indices where index < other.firstByte.count {
            firstByte[index] &+= other.firstByte[index]
        }
        originFailures &+= other.originFailures
        badRequests &+= other.badRequests
        unlike &+= other.unlike
        waitingPages &+= other.waitingPages
        cookieProofs &+= other.cookieProofs
        turnsReturned &+= other.turnsReturned
        turnsOverused &+= other.turnsOverused
        access.add(other.access)
        bytesIn &+= other.bytesIn
        bytesOut &+= other.bytesOut
        connections &+= other.connections
        memory &+= other.memory
        processorMicroseconds &+= other.processorMicroseconds
        budgetRefused &+= other.budgetRefused
        budgetClosed &+= other.budgetClosed
        capRefused &+= other.capRefused
        capClosed &+= other.capClosed
        cache.add(other.cache)
    }
}
