import Detection
import Fingerprints
import Messages
import Mitigations
import Moments
import Telemetry
import Testing
import wasstraat

struct TopTests {
    private let time = UTCTime(nanoseconds: 1_740_830_400_000_000_000)

    private func status(_ second: UInt64, pressed: Bool = true) -> LaneStatus {
        var status = LaneStatus()
        status.started = 1_740_830_400_000_000_000 - 11_520_000_000_000
        status.generation = 7
        status.connections.open = 1_234
        status.connections.accepted = 812 * second
        status.connections.refused = 3 * second
        status.connections.handshakes = 96 * second
        var site = SiteStatus()
        site.name = "www.example.nl"
        site.organisation = "voorbeeld"
        site.isUnderPressure = pressed
        site.limit = 4_250
        site.inFlight = 42
        site.waiting = 17
        site.origins = 2
        site.healthyOrigins = 2
        site.classes[0].requests = 50 * second
        site.classes[0].admitted = 50 * second
        site.classes[1].requests = 120 * second
        site.classes[1].admitted = 60 * second
        site.classes[1].queued = 40 * second
        site.classes[1].refused = 50 * second
        site.classes[1].waitedMicroseconds = 40 * 120_000 * second
        site.classes[2].requests = 1_500 * second
        site.classes[2].refused = 1_500 * second
        site.firstByte[3] = 90 * second
        site.firstByte[6] = 10 * second
        var quiet = SiteStatus()
        quiet.name = "balie.example.nl"
        quiet.organisation = "voorbeeld"
        quiet.isObserving = true
        quiet.limit = 800
        quiet.origins = 1
        status.sites = [quiet, site]
        return status
    }

    private func model(seconds: UInt64) -> TopModel {
        var model = TopModel()
        model.received(LaneState(isUp: true, restarts: 1, lanes: 1, serving: 1))
        for second in 1...seconds { model.received(status(second), at: Int64(second) * 1_000) }
        return model
    }

    @Test func `shows the cache's folders where they are set, and which are not in use`() {
        func model(_ change: (inout DiskStatus) -> Void) -> TopModel {
            var model = self.model(seconds: 1)
            var next = status(2)
            change(&next.disk)
            model.received(next, at: 2_000)
            return model
        }
        func text(_ model: TopModel) -> String {
            TopScreen(columns: 100, rows: 40).lines(model, at: time).joined(separator: "\n")
        }
        #expect(!text(model { _ in }).contains("disk"))
        let whole = model {
            ($0.configured, $0.open, $0.files, $0.bytes, $0.loaded) = (1, 1, 1234, 5 << 20, 40)
        }
        #expect(text(whole).contains("cache on disk  1234 in 5.0 MiB  read 40.0/s  written 0.0/s  lost 0.0/s"))
        #expect(text(model { ($0.configured, $0.open) = (2, 1) }).contains("CACHE ON DISK: 1 of 2 folders"))
        let json = String(decoding: whole.json(at: time), as: UTF8.self)
        #expect(json.contains(",\"disk_cache\":{\"configured\":1,\"open\":1,\"files\":1234,\"bytes\":5242880,"))
        #expect(!String(decoding: model { _ in }.json(at: time), as: UTF8.self).contains("disk_cache"))
    }

    @Test func `shows handshakes while they cost much or some are refused`() {
        var model = model(seconds: 1)
        var busy = status(2)
        busy.connections.resumed = 20
        busy.connections.failedHandshakes = 7
        busy.connections.tls.refused = 4_000
        busy.connections.tls.waiting = 12
        busy.connections.tls.pressed = 1
        busy.connections.tls.busyNanoseconds = 310_000_000
        model.received(busy, at: 2_000)
        let line = "TLS UNDER PRESSURE  full 76.0/s  resumed 20.0/s  failed 7.0/s  refused 4000/s"
        #expect(TopScreen(columns: 80, rows: 24).lines(model, at: time)[2].hasPrefix(line))
        let json = String(decoding: model.json(at: time), as: UTF8.self)
        #expect(json.contains("\"handshakes_refused_per_s\":4000.0"))
        #expect(json.contains("\"handshake_seconds_per_s\":0.310"))
        #expect(json.contains("\"handshakes_waiting\":12"))
    }

    @Test func `draws a status in eighty columns`() {
        let lines = TopScreen(columns: 80, rows: 24).lines(model(seconds: 3), at: time)
        #expect(
            lines.joined(separator: "\n") == """
                wasstraat  2025-03-01 12:00:00 UTC  lane up 3h12m  generation 7  restarts 1
                connections 1234  accepted 812/s  refused 3.0/s  handshakes 96.0/s  malformed 0.

                www.example.nl  voorbeeld                                         UNDER PRESSURE
                  limit 42.5  in flight 42  waiting 17  origins 2/2  first byte 6.2 ms p95 48 ms
                  class    requests/s  admitted/s  queued/s  refused/s  left/s  mean wait
                  known          50.0        50.0       0.0        0.0     0.0          -
                  unknown         120        60.0      40.0       50.0     0.0     120 ms
                  suspect        1500         0.0       0.0       1500     0.0          -
                  ladder refuse

                balie.example.nl  voorbeeld                                        calm  observe
                  limit 8.0  in flight 0  waiting 0  origins 0/1  first byte - p95 -
                  class    requests/s  admitted/s  queued/s  refused/s  left/s  mean wait
                  known           0.0         0.0       0.0        0.0     0.0          -
                  unknown         0.0         0.0       0.0        0.0     0.0          -
                  suspect         0.0         0.0       0.0        0.0     0.0          -
                """)
    }

    @Test func `has a line for what is kept of a site's responses`() {
        var model = TopModel()
        model.received(LaneState(isUp: true, restarts: 1, lanes: 1, serving: 1))
        for second in 1...2 as ClosedRange<UInt64> {
            var status = status(second)
            status.sites[1].cache.hits = 30 * second
            status.sites[1].cache.stale = 5 * second
            status.sites[1].cache.collapsed = 2 * second
            status.sites[1].cache.objects = 12
            status.sites[1].cache.bytes = 3 << 20
            model.received(status, at: Int64(second) * 1_000)
        }
        let lines = TopScreen(columns: 80, rows: 24).lines(model, at: time)
        #expect(lines[5] == "  cache fresh 30.0/s  stale 5.0/s  waited 2.0/s  kept 12 in 3.0 MiB")
        let json = String(decoding: model.json(at: time), as: UTF8.self)
        #expect(
            json.contains(
                #""cache":{"hits_per_s":30.0,"stale_per_s":5.0,"revalidated_per_s":0.0,"collapsed_per_s":2.0,"objects":12"#
            ))
    }

    @Test func `shows who passed, who was turned away, and what is asked for most`() {
        var model = model(seconds: 2)
        var third = status(3)
        third.sites[1].access.denied = 30
        third.sites[1].access.bots = 2
        model.received(third, at: 3_000)
        var ledger = BusiestLedger()
        var traffic = Traffic()
        traffic.networks = ["192.0.2.0/24": 400, "2001:db8::/48": 10]
        traffic.shapes = [
            RequestShape(method: "GET", route: "/zoek\u{1b}", ja4: "a", http2: "8f0c1a9be2d45571"): 300,
            RequestShape(method: "GET", route: "/zoek\u{1b}", ja4: "b"): 100,
            RequestShape(method: "GET", route: "/", ja4: "a"): 10,
        ]
        var lane = LaneTraffic()
        lane.sites = [
            .init(name: "www.example.nl", traffic: traffic), .init(name: "balie.example.nl", traffic: Traffic()),
        ]
        ledger.hear(lane)
        _ = ledger.next()
        model.received(ledger.next())
        let lines = TopScreen(columns: 80, rows: 40).lines(model, at: time)
        #expect(
            lines[9...12].joined(separator: "\n") == """
                  ladder refuse  bots 2.0/s  denied 30.0/s
                  asked GET /zoek? 200/s  GET / 5.0/s
                  from 192.0.2.0/24 200/s  2001:db8::/48 5.0/s  about 0 sources
                  by a h2 8f0c1a9be2d45571 150/s  b 50.0/s  a 5.0/s
                """)
        let json = String(decoding: model.json(at: time), as: UTF8.self)
        #expect(json.contains(#""step":"refuse","access":{"allowed":0,"probes":0,"bots":2,"impostors":0,"denied":30}"#))
        #expect(json.contains(#""networks":[{"name":"192.0.2.0/24","requests_per_s":200.0}"#))
        #expect(json.contains(#""programs":[{"name":"a h2 8f0c1a9be2d45571","requests_per_s":150.0}"#))
        #expect(json.contains(#""step":"observe""#) && json.contains(#""traffic":null"#))
    }

    @Test func `keeps the busiest sites of the last seconds, and no more`() {
        var ledger = BusiestLedger()
        for second in 0..<20 {
            var lane = LaneTraffic()
            lane.sites = (0..<200).map { number in
                var traffic = Traffic()
                traffic.networks = ["192.0.2.0/24": UInt64(number + 1)]
                traffic.shapes = [RequestShape(method: "GET", route: "/\(second)", ja4: ""): UInt64(number + 1)]
                return .init(name: "site-\(number)", traffic: traffic)
            }
            ledger.hear(lane)
            let busiest = ledger.next()
            #expect(busiest.sites.count == BusiestTraffic.siteLimit && busiest.sites[0].name == "site-199")
            #expect(busiest.sites[0].routes.count == min(BusiestTraffic.lineLimit, second + 1))
            #expect(busiest.seconds == UInt32(min(BusiestLedger.window, second + 1)))
            #expect(busiest.sites[0].networks[0].requests == 200 * UInt64(busiest.seconds))
        }
    }

    private func filter(_ second: UInt64, mode: EnforcerConduct.Mode = .native, missing: [String] = []) -> FilterReply {
        var status = FilterStatus(since: Moment(seconds: 1_740_830_400))
        status.interface = "eth0"
        status.conduct.mode = mode
        status.conduct.missing = missing
        guard mode != .none else { return .status(status) }
        status.counts = (0..<17).map { FilterCount(packets: $0 == 4 || $0 == 8 || $0 == 16 ? $0 * 10 * second : 0) }
        status.rules = [
            .init(id: 3, conduct: .live, hits: FilterCount(packets: 80 * second, bytes: 800), observed: .init())
        ]
        return .status(status)
    }

    @Test func `has a line for the filter of packets, where there is one`() {
        var model = model(seconds: 3)
        func line(_ columns: Int = 120) -> String {
            TopScreen(columns: columns, rows: 24).lines(model, at: time)[2]
        }
        #expect(line() == "")
        model.received(filter(1, mode: .none, missing: ["CAP_BPF is missing\u{1b}"]), at: 0)
        #expect(line() == "filter none: CAP_BPF is missing?")
        model.received(.refused(code: "down", reason: "it does not answer"), at: 0)
        #expect(line() == "filter down: it does not answer")
        model.received(filter(1), at: 1_000)
        #expect(line() == "filter native eth0  dropped -/s  dry -/s  rules 1")
        var sources = HandedSources()
        sources.taken = 7
        model.received(sources)
        #expect(line() == "filter native eth0  dropped -/s  dry -/s  rules 1")
        sources.conduct = .dry
        model.received(sources)
        #expect(line() == "filter native eth0  dropped -/s  dry -/s  rules 1  sources 7 dry")
        model.received(HandedSources())
        model.received(filter(2, missing: ["no book\u{1b}", "no samples"]), at: 2_000)
        #expect(
            line()
                == "filter native eth0  dropped 120/s (rule 80.0, blocked_source 40.0)  dry 160/s  rules 1"
                + "  missing 2: no book?")
        #expect(line(30).count == 30)
        let json = String(decoding: model.json(at: time), as: UTF8.self)
        #expect(json.contains(#""dropped_per_s":120.0,"would_drop_per_s":160.0,"packets":{"other":0"#))
        #expect(json.contains(#""rules":[{"id":3,"live":true,"conduct":"live","packets":160,"bytes":800}],"busy":[],"#))
        #expect(json.contains(#","sources":{"conduct":"off","#))
        #expect(json.contains(#""taken":0,"refused":0,"omitted":0,"spared":0}},"sites":["#))
        model.officeGone()
        #expect(!String(decoding: model.json(at: time), as: UTF8.self).contains("filter"))
    }

    @Test(arguments: [1, 20, 40, 80, 132]) func `never draws beyond the edge`(columns: Int) {
        for line in TopScreen(columns: columns, rows: 24).lines(model(seconds: 3), at: time) {
            #expect(line.count <= columns)
        }
    }

    @Test func `says how many sites have no room`() {
        let lines = TopScreen(columns: 80, rows: 12).lines(model(seconds: 3), at: time)
        #expect(lines.count <= 12)
        #expect(lines.last == "and 1 more sites; a taller terminal shows them")
    }

    @Test func `colours only where it may`() {
        let plain = TopScreen(columns: 80, rows: 24).lines(model(seconds: 3), at: time)
        let coloured = TopScreen(columns: 80, rows: 24, hasColour: true).lines(model(seconds: 3), at: time)
        #expect(!plain.joined().contains("\u{1b}"))
        #expect(coloured.map { $0.replacing(/\u{1b}\[[0-9;]*m/, with: "") } == plain)
        #expect(coloured.joined().contains("\u{1b}[1;31mUNDER PRESSURE\u{1b}[0m"))
    }

    @Test func `tells a gone office, a dead lane and a fresh lane apart`() {
        var model = model(seconds: 3)
        model.received(LaneState(isUp: false, restarts: 2, lanes: 1, serving: 0))
        #expect(TopScreen().lines(model, at: time).joined().contains("The lane is down"))
        model.received(LaneState(isUp: true, restarts: 3, lanes: 1, serving: 1))
        model.received(status(1), at: 9_000)
        // One status only: no rate can be told.
        #expect(TopScreen().lines(model, at: time)[1].contains("accepted -/s"))
        model.officeGone()
        #expect(TopScreen().lines(model, at: time).joined().contains("No office answers"))
    }

    @Test func `does not let a name from the lane reach the terminal`() {
        var model = TopModel()
        model.received(LaneState(isUp: true, restarts: 0, lanes: 1, serving: 1))
        var hostile = status(1)
        hostile.sites[0].name = "a\u{1b}[2Jb\n\u{202e}c"
        model.received(hostile, at: 0)
        let text = TopScreen(rows: 40).lines(model, at: time).joined()
        #expect(text.contains("a?[2Jb??c"))
        #expect(!text.contains("\u{1b}"))
    }

    @Test func `takes percentiles out of the buckets`() {
        #expect(TopModel.quantile(0.5, of: [0, 0]) == nil)
        #expect(TopModel.quantile(0.5, of: [10, 0, 0]) == 0.5)
        #expect(TopModel.quantile(0.5, of: [0, 0, 10, 0]) == 3)
        // Over the last bound only the bound is known.
        #expect(TopModel.quantile(0.95, of: [1, 0, 0, 99]) == 4)
    }

    @Test func `writes numbers for machines`() {
        let json = String(decoding: model(seconds: 2).json(at: time), as: UTF8.self)
        #expect(json.contains(#""connections":{"open":1234,"accepted_per_s":812.0"#))
        #expect(json.contains(#""suspect":{"requests_per_s":1500.0,"admitted_per_s":0.0"#))
        #expect(json.hasSuffix("]}\n"))
    }
}
