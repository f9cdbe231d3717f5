internal import Messages
internal import Telemetry

extension MetricsText {
    /// What the lanes keep of sites' responses, and what that did.
    mutating func writeCache(of sites: [SiteStatus], _ labels: (SiteStatus) -> [Label]) {
        family(
            "wasstraat_cached_responses_total", .counter,
            help: "Responses that were not the origin's, by where they came from.")
        for site in sites {
            sample(site.cache.hits, labels(site) + [("how", "fresh")])
            sample(site.cache.stale, labels(site) + [("how", "stale")])
            sample(site.cache.revalidated, labels(site) + [("how", "revalidated")])
            sample(site.cache.fallbacks, labels(site) + [("how", "fallback")])
        }
        let counters: [(String, String, (SiteStatus) -> UInt64)] = [
            ("wasstraat_collapsed_total", "Requests that waited for another one's response.", { $0.cache.collapsed }),
            (
                "wasstraat_cache_refreshes_total", "Requests to origins that nobody waited for, for stale responses.",
                { $0.cache.refreshes }
            ),
            ("wasstraat_cache_stored_total", "Responses taken into the cache.", { $0.cache.stored }),
        ]
        for (name, help, value) in counters {
            family(name, .counter, help: help)
            for site in sites { sample(value(site), labels(site)) }
        }
        let gauges: [(String, String, (SiteStatus) -> UInt64)] = [
            ("wasstraat_cache_objects", "Responses that are kept now.", { $0.cache.objects }),
            ("wasstraat_cache_bytes", "Bytes of them.", { $0.cache.bytes }),
        ]
        for (name, help, value) in gauges {
            family(name, .gauge, help: help)
            for site in sites { sample(value(site), labels(site)) }
        }
    }

    /// What the lanes' caches have on disk, where a folder is set.
    mutating func writeDisk(_ lanes: [(name: String, disk: DiskStatus)]) {
        let lanes = lanes.filter { $0.disk.configured > 0 }
        guard !lanes.isEmpty else { return }
        let gauges: [(String, String, (DiskStatus) -> UInt64)] = [
            ("wasstraat_disk_cache_up", "1 while the cache's folder is in use.", { $0.open }),
            ("wasstraat_disk_cache_files", "Files in the cache's folder.", { $0.files }),
            ("wasstraat_disk_cache_bytes", "Bytes that they take.", { $0.bytes }),
        ]
        for (name, help, value) in gauges {
            family(name, .gauge, help: help)
            for lane in lanes { sample(value(lane.disk), [("lane", lane.name)]) }
        }
        let outcomes: [(String, (DiskStatus) -> UInt64)] = [
            ("written", { $0.written }), ("loaded", { $0.loaded }), ("evicted", { $0.evicted }),
            ("broken", { $0.broken }), ("failed", { $0.failed }), ("omitted", { $0.omitted }),
        ]
        family(
            "wasstraat_disk_cache_total", .counter,
            help: "What went on in the cache's folder: files written, loaded for a request, evicted, broken; what the "
                + "system refused; what was left out because too much else was to be done.")
        for lane in lanes {
            for (outcome, count) in outcomes {
                sample(count(lane.disk), [("lane", lane.name), ("outcome", outcome)])
            }
        }
    }
}
