internal import Messages
internal import Telemetry

extension MetricsText {
    /// The lanes as the office sees them, and their own counters. Those of a lane begin at zero when it starts anew, as
    /// Prometheus expects of a process; while it does not serve they are left out, and only `wasstraat_lane_up` says so.
    /// A site's figures are summed over the lanes that serve it.
    init(lanes state: OfficeReport.State, at now: Int64, version: String) {
        self.init()
        family("wasstraat_build_info", .gauge, help: "The version of the office, as a label.")
        sample(UInt64(1), [("version", version)])
        let lanes = state.lanes
        family("wasstraat_lane_up", .gauge, help: "1 while the lane is connected to the office.")
        for lane in lanes { sample(UInt64(lane.isUp ? 1 : 0), [("lane", lane.name)]) }
        family(
            "wasstraat_lane_restarts_total", .counter, help: "Lanes started after the first, since the office started.")
        for lane in lanes { sample(UInt64(lane.restarts), [("lane", lane.name)]) }
        family("wasstraat_generation", .gauge, help: "The newest compiled configuration for the lane.")
        for lane in lanes { sample(lane.generation, [("lane", lane.name)]) }
        family("wasstraat_lane_generation", .gauge, help: "The compiled configuration that the lane has in force.")
        for lane in lanes { sample(lane.inForce, [("lane", lane.name)]) }
        family("wasstraat_viewers", .gauge, help: "Terminals that watch now.")
        sample(UInt64(state.viewers))
        let speaking = lanes.compactMap { lane in
            lane.status.map { (name: lane.name, status: $0, age: max(0, now - lane.statusAt)) }
        }
        guard let merged = state.merged else { return }
        family("wasstraat_lane_start_time_seconds", .gauge, help: "When the lane started, in seconds since 1970.")
        for lane in speaking { sample(Double(lane.status.started) / 1e9, [("lane", lane.name)]) }
        family("wasstraat_lane_status_age_seconds", .gauge, help: "Time since the lane last spoke of itself.")
        for lane in speaking { sample(Double(lane.age) / 1e3, [("lane", lane.name)]) }
        write(speaking.map { ($0.name, $0.status.connections) })
        writeDisk(speaking.map { ($0.name, $0.status.disk) })
        write(merged.sites)
        writeTenants(merged.sites)
    }

    private mutating func write(_ lanes: [(name: String, connections: LaneStatus.Connections)]) {
        family("wasstraat_connections", .gauge, help: "Visitors' connections open now.")
        for lane in lanes { sample(lane.connections.open, [("lane", lane.name)]) }
        family("wasstraat_connections_total", .counter, help: "Visitors' connections, by what became of them.")
        for lane in lanes {
            sample(lane.connections.accepted, [("lane", lane.name), ("outcome", "accepted")])
            sample(lane.connections.refused, [("lane", lane.name), ("outcome", "refused")])
            sample(lane.connections.timedOut, [("lane", lane.name), ("outcome", "timed_out")])
            sample(lane.connections.closedForOthers, [("lane", lane.name), ("outcome", "closed_for_others")])
        }
        family(
            "wasstraat_tls_handshakes_total", .counter,
            help: "TLS handshakes by outcome; resumed ones are among the done.")
        for lane in lanes {
            sample(lane.connections.handshakes, [("lane", lane.name), ("outcome", "done")])
            sample(lane.connections.resumed, [("lane", lane.name), ("outcome", "resumed")])
            sample(lane.connections.failedHandshakes, [("lane", lane.name), ("outcome", "failed")])
            sample(lane.connections.tls.refused, [("lane", lane.name), ("outcome", "refused")])
        }
        writeHandshakes(lanes.map { ($0.name, $0.connections.tls) })
        family("wasstraat_malformed_total", .counter, help: "Requests and prefaces refused before a site was known.")
        for lane in lanes {
            sample(lane.connections.malformed, [("lane", lane.name), ("what", "request")])
            sample(lane.connections.badPreface, [("lane", lane.name), ("what", "proxy_header")])
        }
        family("wasstraat_http2_connections_total", .counter, help: "Connections that spoke HTTP/2.")
        for lane in lanes { sample(lane.connections.http2, [("lane", lane.name)]) }
        family("wasstraat_http2_requests_total", .counter, help: "Requests that came over HTTP/2.")
        for lane in lanes { sample(lane.connections.streams, [("lane", lane.name)]) }
        family(
            "wasstraat_http2_restrained_total", .counter,
            help: "Times that an HTTP/2 connection was slowed or closed for resets, pings, settings or empty frames.")
        for lane in lanes {
            sample(lane.connections.slowed, [("lane", lane.name), ("how", "slowed")])
            sample(lane.connections.abusive, [("lane", lane.name), ("how", "closed")])
        }
    }

    private mutating func write(_ sites: [SiteStatus]) {
        func labels(_ site: SiteStatus) -> [Label] { [("organisation", site.organisation), ("site", site.name)] }
        let gauges: [(String, String, (SiteStatus) -> Double)] = [
            ("wasstraat_pressure", "1 while demand exceeds what the origins can take.", { $0.isUnderPressure ? 1 : 0 }),
            (
                "wasstraat_observing", "1 where the site only counts what would have been done.",
                { $0.isObserving ? 1 : 0 }
            ),
            ("wasstraat_limit", "Requests that the origins may hold at once.", { Double($0.limit) / 100 }),
            ("wasstraat_in_flight", "Requests at the origins now.", { Double($0.inFlight) }),
            ("wasstraat_waiting", "Requests in the queue now.", { Double($0.waiting) }),
            ("wasstraat_origins", "Origins configured.", { Double($0.origins) }),
            ("wasstraat_healthy_origins", "Origins that answer.", { Double($0.healthyOrigins) }),
        ]
        for (name, help, value) in gauges {
            family(name, .gauge, help: help)
            for site in sites { sample(value(site), labels(site)) }
        }
        family(
            "wasstraat_requests_total", .counter, help: "Requests by visitor class and outcome; received counts all.")
        for site in sites { writeClasses(of: site, labels(site)) }
        family("wasstraat_waited_seconds_total", .counter, help: "Time that admitted requests had waited in the queue.")
        for site in sites {
            for (visitors, counts) in zip(VisitorClass.allCases, site.classes) {
                sample(Double(counts.waitedMicroseconds) / 1e6, labels(site) + [("class", visitors.rawValue)])
            }
        }
        family("wasstraat_responses_total", .counter, help: "Responses by the first digit of their status.")
        for site in sites {
            for (index, count) in site.responses.enumerated() {
                sample(count, labels(site) + [("status", "\(index + 1)xx")])
            }
        }
        let counters: [(String, String, (SiteStatus) -> UInt64)] = [
            ("wasstraat_origin_failures_total", "Origins that did not answer: 502 and 504.", { $0.originFailures }),
            ("wasstraat_bad_requests_total", "Requests to the site refused as malformed.", { $0.badRequests }),
            ("wasstraat_unlike_total", "Requests suspect for their score alone.", { $0.unlike }),
            ("wasstraat_waiting_pages_total", "Waiting pages sent.", { $0.waitingPages }),
            ("wasstraat_cookie_proofs_total", "Redirects that ask for a cookie.", { $0.cookieProofs }),
            ("wasstraat_turns_returned_total", "Requests with a turn that had to wait.", { $0.turnsReturned }),
            ("wasstraat_turns_overused_total", "Those that asked more than a turn is good for.", { $0.turnsOverused }),
            ("wasstraat_received_bytes_total", "Bytes from visitors.", { $0.bytesIn }),
            ("wasstraat_sent_bytes_total", "Bytes to visitors.", { $0.bytesOut }),
        ]
        for (name, help, value) in counters {
            family(name, .counter, help: help)
            for site in sites { sample(value(site), labels(site)) }
        }
        writeStandings(of: sites, labels)
        writeFirstByte(of: sites, labels)
        writeCache(of: sites, labels)
    }

    private mutating func writeClasses(of site: SiteStatus, _ labels: [Label]) {
        for (visitors, counts) in zip(VisitorClass.allCases, site.classes) {
            let own = labels + [("class", visitors.rawValue)]
            sample(counts.requests, own + [("outcome", "received")])
            sample(counts.admitted, own + [("outcome", "admitted")])
            sample(counts.queued, own + [("outcome", "queued")])
            sample(counts.refused, own + [("outcome", "refused")])
            sample(counts.abandoned, own + [("outcome", "abandoned")])
        }
    }

    /// A histogram without its sum, which the lane does not keep: so only its buckets and count, as a counter of each.
    private mutating func writeFirstByte(of sites: [SiteStatus], _ labels: (SiteStatus) -> [Label]) {
        family(
            "wasstraat_first_byte_seconds_bucket", .counter,
            help: "Origins' times to first byte at or under le seconds, cumulated.")
        for site in sites {
            var cumulated: UInt64 = 0
            for (index, count) in site.firstByte.enumerated() {
                cumulated &+= count
                let bound = index < site.firstByte.count - 1 ? String(Double(1 << index) / 1e3) : "+Inf"
                sample(cumulated, labels(site) + [("le", bound)])
            }
        }
    }
}

/// The classes in the order in which a lane counts them.
enum VisitorClass: String, CaseIterable {
    case known, unknown, suspect
}
