internal import Messages
package import Telemetry

extension TopModel {
    /// All that the screen shows and the counters behind it, as one line of JSON; rates are null while there is one status
    /// only.
    package func json(at time: UTCTime) -> [UInt8] {
        var json = JSONText()
        json.raw("{\"version\":1,\"time\":")
        json.string(time.description)
        json.raw(",\"office\":")
        json.literal(lane != nil)
        json.raw(",\"lane\":")
        if let lane {
            json.raw("{\"up\":")
            json.literal(lane.isUp)
            json.raw(",\"restarts\":")
            json.number(lane.restarts)
            json.raw(",\"lanes\":")
            json.number(UInt32(lane.lanes))
            json.raw(",\"serving\":")
            json.number(UInt32(lane.serving))
            if let status {
                json.field(",\"started\":", Double(status.started) / 1e9, digits: 3)
                json.raw(",\"generation\":")
                json.number(status.generation)
            }
            json.raw("}")
        } else {
            json.raw("null")
        }
        if let status {
            json.raw(",\"connections\":{\"open\":")
            json.number(status.connections.open)
            json.field(",\"accepted_per_s\":", rate(\.connections.accepted))
            json.field(",\"refused_per_s\":", rate(\.connections.refused))
            json.field(",\"handshakes_per_s\":", rate(\.connections.handshakes))
            json.field(",\"resumed_per_s\":", rate(\.connections.resumed))
            json.field(",\"malformed_per_s\":", rate(\.connections.malformed))
            json.field(",\"handshakes_failed_per_s\":", rate(\.connections.failedHandshakes))
            json.field(",\"handshakes_refused_per_s\":", rate(\.connections.tls.refused))
            json.field(",\"handshakes_waited_per_s\":", rate(\.connections.tls.waited))
            let busy = rate(\.connections.tls.busyNanoseconds).map { $0 / 1e9 }
            json.field(",\"handshake_seconds_per_s\":", busy, digits: 3)
            json.raw(",\"handshakes_waiting\":")
            json.number(status.connections.tls.waiting)
            json.raw("}")
            appendDisk(status.disk, to: &json)
        }
        filter.append(to: &json)
        appendRules(to: &json)
        json.raw(",\"sites\":[")
        for (index, site) in (status?.sites ?? []).enumerated() {
            if index > 0 { json.raw(",") }
            append(site, to: &json)
        }
        json.raw("]}\n")
        return json.bytes
    }

    func append(_ site: SiteStatus, to json: inout JSONText) {
        json.raw("{\"name\":")
        json.string(site.name)
        json.raw(",\"organisation\":")
        json.string(site.organisation)
        json.raw(",\"observing\":")
        json.literal(site.isObserving)
        json.raw(",\"pressure\":")
        json.literal(site.isUnderPressure)
        json.field(",\"limit\":", Double(site.limit) / 100, digits: 2)
        json.raw(",\"in_flight\":")
        json.number(site.inFlight)
        json.raw(",\"waiting\":")
        json.number(site.waiting)
        json.raw(",\"origins\":")
        json.number(site.origins)
        json.raw(",\"healthy_origins\":")
        json.number(site.healthyOrigins)
        json.field(",\"waiting_pages_per_s\":", rate(site, \.waitingPages))
        json.field(",\"cookie_proofs_per_s\":", rate(site, \.cookieProofs))
        json.field(",\"turns_returned_per_s\":", rate(site, \.turnsReturned))
        json.field(",\"turns_overused_per_s\":", rate(site, \.turnsOverused))
        json.field(",\"first_byte_median_ms\":", firstByte(site, quantile: 0.5))
        json.field(",\"first_byte_p95_ms\":", firstByte(site, quantile: 0.95))
        append(tenant: site, to: &json)
        json.raw(",\"classes\":{")
        for (index, visitors) in VisitorClass.allCases.enumerated() {
            if index > 0 { json.raw(",") }
            json.string(visitors.rawValue)
            json.field(":{\"requests_per_s\":", rate(site, index, \.requests))
            json.field(",\"admitted_per_s\":", rate(site, index, \.admitted))
            json.field(",\"queued_per_s\":", rate(site, index, \.queued))
            json.field(",\"refused_per_s\":", rate(site, index, \.refused))
            json.field(",\"abandoned_per_s\":", rate(site, index, \.abandoned))
            json.raw(",\"requests\":")
            json.number(site.classes[index].requests)
            json.raw(",\"admitted\":")
            json.number(site.classes[index].admitted)
            json.raw(",\"refused\":")
            json.number(site.classes[index].refused)
            json.raw("}")
        }
        json.field("},\"cache\":{\"hits_per_s\":", rate(site, \.cache.hits))
        json.field(",\"stale_per_s\":", rate(site, \.cache.stale))
        json.field(",\"revalidated_per_s\":", rate(site, \.cache.revalidated))
        json.field(",\"collapsed_per_s\":", rate(site, \.cache.collapsed))
        json.raw(",\"objects\":")
        json.number(site.cache.objects)
        json.raw(",\"bytes\":")
        json.number(site.cache.bytes)
        json.raw("}")
        appendStanding(site, to: &json)
        json.raw("}")
    }
}

extension JSONText {
    mutating func literal(_ value: Bool) {
        if value { raw("true") } else { raw("false") }
    }

    mutating func field(_ prefix: StaticString, _ value: Double?, digits: Int = 1) {
        raw(prefix)
        if let value { number(value, digits: digits) } else { raw("null") }
    }
}
