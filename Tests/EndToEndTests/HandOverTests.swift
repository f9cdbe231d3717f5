import Addresses
import Glibc
import Load
import TestKit
import Testing

/// The office is replaced, twice in the middle of an attack, while visitors ask all the time.
@Suite(.serialized) struct HandOverTests {
    static let host = "www.example.nl"

    @Test(.needs(tool: "sqlite3")) func `a replaced office costs no request, and each one is on record once`()
        throws
    {
        let origin = try MunicipalOrigin()
        let wasstraat = try RunningWasstraat(at: Address(ipv4: 127 << 24 | 78 << 8 | 9))
        try wasstraat.configure([RunningWasstraat.Site(host: Self.host, origin: origin.endpoint)])
        var office = try wasstraat.start()
        // What a lane counted before it was heard of would be on no record.
        pauseThread(2_000)
        let lane = try #require(wasstraat.lane)
        let traffic = try Traffic(
            Traffic.Plan(host: Self.host, target: wasstraat.clear, authority: nil, floodRate: 250, seconds: 16))
        try traffic.waitUntilMixed()
        let others = try NewConnections(to: wasstraat.clear, host: Self.host)
        var gaps: [UInt64] = []
        for round in 1...2 {
            pauseThread(4_000)
            let told = Clock.now()
            office.signal(SIGUSR1)
            #expect(office.wait() == 0, "\(wasstraat.log)")
            let gone = Clock.now()
            // As systemd waits before it starts the next one.
            pauseThread(250)
            office = try wasstraat.startOffice()
            let isTaken = eventually(within: 15_000) {
                wasstraat.log.ranges(of: "took over from an earlier office").count == round
            }
            try #require(isTaken, "\(wasstraat.log)")
            gaps += [(gone - told) / 1_000_000, (Clock.now() - gone) / 1_000_000]
        }
        let figures = try traffic.figures()
        let visits = others.end()
        print("office replaced twice (ms to its end, and to the next one's take-over: \(gaps)): \(figures.text);")
        print("  \(visits.count) new connections")
        #expect(figures.visitors.clicks.count > 200 && figures.failed == 0)
        #expect(visits.count > 200 && visits.allSatisfy { $0.end == .answered(200) })
        #expect(wasstraat.lane == lane && wasstraat.isRunning(lane))
        #expect(wasstraat.crashes == [])
        // The lane's own count, once nothing is under way any more, and what the register has at the end.
        pauseThread(2_500)
        let counted = try wasstraat.received
        office.signal(SIGTERM)
        #expect(office.wait() == 0)
        #expect(!wasstraat.isRunning(lane))
        let day = try wasstraat.sum("day"), minutes = try wasstraat.sum("point WHERE span = 60")
        print("  \(Int(counted)) requests counted by the lane, \(day) on record by day, \(minutes) by minute")
        #expect(counted > 3_000)
        #expect(Double(day) == counted)
        #expect(Double(minutes) == counted)
        // One attack, which no office saw from beginning to end.
        #expect(try wasstraat.rows("attack") == 1)
        #expect(try wasstraat.rows("attack WHERE finish - start > 9000") == 1)
    }
}

extension RunningWasstraat {
    /// Requests that the lane has counted.
    fileprivate var received: Double {
        get throws {
            try scrape().split(separator: "\n")
                .filter { $0.hasPrefix("wasstraat_requests_total{") && $0.contains("outcome=\"received\"") }
                .reduce(0) { $0 + (Double($1.split(separator: " ").last ?? "") ?? 0) }
        }
    }

    private func value(_ query: String) throws -> Int {
        let text = try Tool.run(["sqlite3", "-readonly", state + "/register.db", query])
        guard let value = Int(text.filter { !$0.isWhitespace }) else { throw NotReady("no number: \(text)") }
        return value
    }

    /// Requests on record, and rows.
    fileprivate func sum(_ table: String) throws -> Int { try value("SELECT sum(requests) FROM \(table)") }
    fileprivate func rows(_ table: String) throws -> Int { try value("SELECT count(*) FROM \(table)") }
}
