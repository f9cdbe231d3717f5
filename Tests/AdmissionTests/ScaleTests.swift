import Admission
import Glibc
import Heads
import Sketches
import Testing

/// What a flood of ever new sources costs: memory that is fixed, and nobody that was known before.
@Suite(.serialized) struct ScaleTests {
    /// Ten million where they are asked for: WASSTRAAT_THOROUGH=1, with --filter ScaleTests.
    static let sources: UInt64 = ProcessSettings.isThorough ? 10_000_000 : 1_000_000

    @Test func `new sources cost no memory and push out no known visitor`() throws {
        let hash = KeyedHash(key: [5])
        let bytes = 4 << 20
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        let history = HistoryFilter(memory: memory, byteCount: bytes, now: 0)
        let known = (0..<20_000 as Range<UInt64>).map { hash($0, 9) }
        for source in known { history.insert(source) }

        var admission = SiteAdmission(rules: SiteAdmission.Rules(), key: KeyedHash(key: [3]), at: Self.instant(0))
        let traits = Self.traits()
        let before = Self.residentBytes()
        let start = processorTime()
        for number in 0..<Self.sources {
            // 20,000 a second, each from another network.
            let now = Self.instant(Double(number) / 20_000)
            let source = hash(number, 1)
            let arrival = Arrival(
                ticket: number, source: source, network: hash(number, 2), region: hash(number >> 16, 3),
                route: number % 64, isKnown: false, traits: traits[Int(number % 1024)])
            if case .admit = admission.arrived(arrival, at: now) { admission.novices.served(source) }
            guard number % 2000 == 0 else { continue }
            for novice in admission.tick(at: now) { history.insert(novice) }
            while admission.expired(at: now) != nil {}
            history.rotate(now: number / 20_000, lifetime: 7 * 86_400)
        }
        let elapsed = processorTime() - start
        let grown = Self.residentBytes() - before
        print(
            Self.sources, "sources: resident memory", grown >> 10, "KiB more;", elapsed / Double(Self.sources),
            "ns for each")
        // Other tests share this process; run alone, the figure means something.
        if ProcessSettings.isThorough { #expect(grown <= 64 << 20) }
        #expect(known.allSatisfy { history.contains($0) })
    }

    static func instant(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64((seconds + 10) * 1e9)) }

    /// 1,024 requests as they are read.
    static func traits() -> [RequestTraits] {
        var random = SplitMix64(seed: 4)
        var head = RequestHead()
        return (0..<1024).map { _ in
            let ask = SiteKind.search.flood(&random)
            let bytes = Array("GET \(ask.target) HTTP/1.1\r\n".utf8) + Client.flooders()[0].client.page + [13, 10]
            guard head.read(bytes.span, from: 0, limits: HeadLimits()) == nil else { return RequestTraits() }
            return head.traits(
                bytes.span,
                route: RouteHash.of(bytes.span, method: head.method, path: head.path, pathLength: head.pathLength))
        }
    }

    private static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var (size, resident) = (0, 0)
        withUnsafeMutablePointer(to: &size) { size in
            withUnsafeMutablePointer(to: &resident) { resident in
                _ = withVaList([size, resident]) { vfscanf(file, "%ld %ld", $0) }
            }
        }
        return resident * Int(getpagesize())
    }
}

/// Nanoseconds that this thread has worked: what other work the machine does counts less.
private func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

/// What who runs the tests asks for.
enum ProcessSettings {
    /// WASSTRAAT_THOROUGH: the sizes that the project promises, not those that fit a quick run.
    static var isThorough: Bool { getenv("WASSTRAAT_THOROUGH") != nil }
}

/// What a decision costs. Printed, for a machine that does other work says nothing; `Documentation/performance.md` has
/// figures of a quiet one.
@Suite(.serialized) struct DecisionCostTests {
    @Test func `a decision with its score takes a fixed time`() {
        let traits = ScaleTests.traits()
        let hash = KeyedHash(key: [5])
        let sources = (0..<65_536 as Range<UInt64>).map { hash($0, 1) }
        for isScored in [false, true] {
            var admission = SiteAdmission(
                rules: SiteAdmission.Rules(), key: KeyedHash(key: [3]), at: ScaleTests.instant(0))
            // A minute of calm, then far more than the limit.
            var second = 0.0
            var slots: [Slot] = []
            func arrival(_ number: Int) -> Arrival {
                let source = sources[number & 0xffff]
                return Arrival(
                    ticket: UInt64(number), source: source, network: source >> 8, region: source >> 16,
                    route: UInt64(number & 63), isKnown: false, traits: isScored ? traits[number & 1023] : nil)
            }
            for number in 0..<6000 {
                second = Double(number) / 100
                if case .admit(let slot) = admission.arrived(arrival(number), at: ScaleTests.instant(second)) {
                    admission.answered(slot, at: ScaleTests.instant(second + 0.002))
                    admission.released(slot)
                }
                _ = admission.tick(at: ScaleTests.instant(second))
            }
            let count = 500_000
            let start = processorTime()
            for number in 0..<count {
                let now = ScaleTests.instant(second + Double(number) / 50_000)
                if case .admit(let slot) = admission.arrived(arrival(number), at: now) { slots.append(slot) }
            }
            let elapsed = processorTime() - start
            print(
                isScored ? "with" : "without", "score:", elapsed / Double(count),
                "ns a decision under pressure, queue full")
            #expect(admission.isUnderPressure)
        }
    }

    @Test func `reading a request's traits takes a fixed time`() {
        var random = SplitMix64(seed: 4)
        let heads = (0..<256).map { _ -> ([UInt8], RequestHead) in
            let bytes =
                Array("GET \(SiteKind.search.page(&random).target) HTTP/1.1\r\n".utf8)
                + Client.browsers(language: "nl-NL,nl;q=0.9,en;q=0.8")[0].client.page + [13, 10]
            var head = RequestHead()
            _ = head.read(bytes.span, from: 0, limits: HeadLimits())
            return (bytes, head)
        }
        var sum: UInt64 = 0
        let start = processorTime()
        for _ in 0..<1000 {
            for (bytes, head) in heads { sum &+= head.traits(bytes.span, route: 1).fields }
        }
        print((processorTime() - start) / 256_000, "ns for the traits of a browser's request")
        #expect(sum != 0)
    }
}
