import Detection
import Incidents
import Messages
import Moments
import TestKit
import Testing
import wasstraat

/// What is counted of a site while offices follow one another: each request once, and no second that never was.
struct SiteLedgerTests {
    /// A full minute's start.
    private static let start = Moment(seconds: 1_800_000_000 / 60 * 60)

    private static func ledger() -> SiteLedger {
        SiteLedger(
            RecordedSite(name: "www", organisation: "voorbeeld", host: "www.example.nl", service: .publicService),
            watch: AttackWatch(site: "www", profile: SiteProfile()))
    }

    private static func status(_ requests: UInt64) -> SiteStatus {
        var status = SiteStatus()
        status.classes[0].requests = requests / 2
        status.classes[1].requests = requests - requests / 2
        status.classes[1].admitted = requests
        status.firstByte[3] = requests
        return status
    }

    /// An office that heard 35 requests beyond the first hundred, and is at its end.
    private static func ended() -> (requests: UInt64, points: [SitePoint], remainder: SiteLedger.Remainder) {
        var ledger = Self.ledger()
        ledger.hear(status(100), of: "lane", started: 7)
        ledger.hear(status(130), of: "lane", started: 7)
        #expect(ledger.close(start)?.requests == 30)
        ledger.hear(status(135), of: "lane", started: 7)
        return ledger.end(start + 1)
    }

    @Test func `at its end it knows all that it heard`() {
        let end = Self.ended()
        #expect(end.requests == 5)
        #expect(end.points.map(\.requests) == [35] && end.points.map(\.span) == [60])
        #expect(end.points.map(\.at) == [Self.start] && end.points.map(\.median) == [8])
    }

    @Test func `what came while there was no office is of the minute and of the day, and of no second`() {
        var next = Self.ledger()
        next.inherit(Self.ended().remainder, made: Self.start + 1)
        next.hear(Self.status(175), of: "lane", started: 7)
        #expect(next.close(Self.start + 3)?.requests == 40)
        #expect(next.last?.requests == 0)
        next.hear(Self.status(185), of: "lane", started: 7)
        #expect(next.close(Self.start + 4)?.requests == 10)
        #expect(next.last?.requests == 10)
        let minutes = next.close(Self.start + 60)?.points.filter { $0.span == 60 } ?? []
        #expect(minutes.map(\.requests) == [85] && minutes.map(\.admitted) == [85])
        #expect(minutes.map(\.at) == [Self.start])
    }

    @Test func `a lane that began meanwhile is counted from its start, one that nobody knew is not`() {
        var next = Self.ledger()
        next.inherit(Self.ended().remainder, made: Self.start + 1)
        next.hear(Self.status(12), of: "lane", started: 8)
        next.hear(Self.status(1_000), of: "other", started: 3)
        #expect(next.close(Self.start + 3)?.requests == 12)
        #expect(next.last?.requests == 0)
    }

    @Test func `a lane that is heard too late says nothing of the time before`() {
        var next = Self.ledger()
        next.inherit(Self.ended().remainder, made: Self.start + 1)
        #expect(next.close(Self.start + 2 + RecordRemainder.lifetime) == nil)
        next.hear(Self.status(175), of: "lane", started: 7)
        #expect(next.close(Self.start + 3 + RecordRemainder.lifetime)?.requests == 0)
    }

    @Test func `is handed on by an office that never heard the lane`() {
        var between = Self.ledger()
        between.inherit(Self.ended().remainder, made: Self.start + 1)
        let end = between.end(Self.start + 2)
        #expect(end.requests == 0 && end.points.map(\.requests) == [35])
        var next = Self.ledger()
        next.inherit(end.remainder, made: Self.start + 2)
        next.hear(Self.status(175), of: "lane", started: 7)
        #expect(next.close(Self.start + 4)?.requests == 40)
    }

    @Test func `made at an impossible time is taken out and counts for nothing`() throws {
        let place = try TemporaryFolder()
        defer { withExtendedLifetime(place) {} }
        let folder = StateFolder(path: place.path("state"))
        try folder.prepare()
        try RecordRemainder(made: Moment(milliseconds: .min), sites: [:]).keep(in: folder)
        #expect(RecordRemainder.take(from: folder, now: Self.start) == nil)
        #expect(RecordRemainder.take(from: folder, now: Self.start) == nil)
    }

    @Test func `lies in the state folder for the next office alone, and not for long`() throws {
        let place = try TemporaryFolder()
        defer { withExtendedLifetime(place) {} }
        let folder = StateFolder(path: place.path("state"))
        try folder.prepare()
        let remainder = RecordRemainder(made: Self.start, sites: ["www": Self.ended().remainder])
        try remainder.keep(in: folder)
        let taken = RecordRemainder.take(from: folder, now: Self.start + 2)
        var next = Self.ledger()
        next.inherit(try #require(taken?.sites["www"]), made: Self.start + 1)
        next.hear(Self.status(175), of: "lane", started: 7)
        #expect(next.close(Self.start + 3)?.requests == 40)
        #expect(RecordRemainder.take(from: folder, now: Self.start + 2) == nil)
        for late in [-5, RecordRemainder.lifetime + 1] {
            try remainder.keep(in: folder)
            #expect(RecordRemainder.take(from: folder, now: Self.start + late) == nil)
        }
        #expect(folder.names().filter { $0.contains("remainder") } == [])
    }
}
