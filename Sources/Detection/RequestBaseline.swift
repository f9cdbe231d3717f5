package import Heads

/// What is usual on the sites of a log: a sample of its requests that prefers later ones (of equal times each has the
/// same chance; one a half-life older has half of it), in fixed memory. Two of them can be put together.
package struct RequestBaseline: Sendable {
    /// Requests kept: a collateral of 0.1 % is 16 of them.
    package static let sampleLimit = 16_384
    /// Days.
    package static let halfLife = 7.0

    /// A heap, the least rank first.
    private(set) var samples: [RequestSample] = []
    private var ranks: [Double] = []
    private var draw = Draw()
    /// Requests that were learnt.
    package private(set) var requests: UInt64 = 0
    /// Seconds since 1970 of the first and last request; nil where there is none.
    package private(set) var from: Int64?
    package private(set) var until: Int64?

    package init() {}

    package var isEmpty: Bool { samples.isEmpty }

    /// Learns a request. Call it with those that are taken for usual.
    package mutating func observe(_ request: RequestSummary, _ line: Span<UInt8>) {
        requests += 1
        let second = request.time / 1_000_000_000
        from = min(from ?? second, second)
        until = max(until ?? second, second)
        // Gumbel's trick: the highest of log weight + -log(-log u) are a sample without replacement by weight.
        let uniform = (Double(draw.next() >> 11) + 0.5) / 0x1p53
        let rank = Double(second) / 86_400 * 0.693_147 / Self.halfLife - Logarithm.natural(-Logarithm.natural(uniform))
        if samples.count < Self.sampleLimit {
            var sample = RequestSample()
            sample.set(request, line, host: LogWatch.hostHash(request, line))
            insert(sample, rank)
        } else if rank > ranks[0] {
            ranks[0] = rank
            samples[0].set(request, line, host: LogWatch.hostHash(request, line))
            sink(0)
        }
    }

    /// Puts another one's requests to these.
    package mutating func merge(_ other: RequestBaseline) {
        requests &+= other.requests
        if let first = other.from { from = min(from ?? first, first) }
        if let last = other.until { until = max(until ?? last, last) }
        for (sample, rank) in zip(other.samples, other.ranks) {
            if samples.count < Self.sampleLimit {
                insert(sample, rank)
            } else if rank > ranks[0] {
                ranks[0] = rank
                samples[0] = sample
                sink(0)
            }
        }
    }

    private mutating func insert(_ sample: RequestSample, _ rank: Double) {
        samples.append(sample)
        ranks.append(rank)
        var place = samples.count - 1
        while place > 0, ranks[place] < ranks[(place - 1) / 2] {
            swap(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func sink(_ start: Int) {
        var place = start
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < ranks.count && ranks[child] < ranks[least] {
                least = child
            }
            guard least != place else { return }
            swap(place, least)
            place = least
        }
    }

    private mutating func swap(_ one: Int, _ other: Int) {
        samples.swapAt(one, other)
        ranks.swapAt(one, other)
    }
}

enum Logarithm {
    /// The natural logarithm of a positive number by its series, for there is no Foundation here; to ten digits.
    static func natural(_ value: Double) -> Double {
        let fraction = (value.significand - 1) / (value.significand + 1)
        let square = fraction * fraction
        var term = fraction
        var sum = 0.0
        for odd in stride(from: 1.0, through: 21, by: 2) {
            sum += term / odd
            term *= square
        }
        return 2 * sum + Double(value.exponent) * 0.693_147_180_559_945_3
    }
}
