import Sketches

/// Streams that the tests of the sketches count, and their exact answers.
struct Stream {
    struct Item {
        var key: UInt64
        var packets: UInt64
        var bytes: UInt64
    }

    var items: [Item] = []

    /// Keys by Zipf's law: key k of `keys` comes with a probability that falls as 1 / k^exponent.
    static func zipf(_ exponent: Double, keys: Int, count: Int, seed: UInt64) -> Stream {
        var random = SplitMix64(seed: seed)
        var sums: [Double] = []
        var sum = 0.0
        for key in 1...keys {
            sum += 1 / power(Double(key), exponent)
            sums.append(sum)
        }
        var stream = Stream()
        for _ in 0..<count {
            let point = random.unit() * sum
            var low = 0
            var high = keys - 1
            while low < high {
                let middle = (low + high) / 2
                if sums[middle] < point { low = middle + 1 } else { high = middle }
            }
            stream.items.append(
                Item(
                    key: UInt64(low), packets: 1 + UInt64(random.below(3)),
                    bytes: 60 + UInt64(random.below(1_400))))
        }
        return stream
    }

    /// Exponents here are multiples of a half: no logarithm is needed.
    private static func power(_ base: Double, _ exponent: Double) -> Double {
        var result = 1.0
        for _ in 0..<Int(exponent) { result *= base }
        return exponent == Double(Int(exponent)) ? result : result * base.squareRoot()
    }

    /// Keys that would meet in one set or cell, were they taken modulo its number: equal low bits, or equal high ones.
    static func crafted(count: Int, seed: UInt64) -> Stream {
        var random = SplitMix64(seed: seed)
        var stream = Stream()
        for index in 0..<UInt64(count) {
            let key = index.isMultiple(of: 2) ? index << 32 : index << 20 | 0xfffff
            stream.items.append(Item(key: key, packets: 1, bytes: 40))
            // Ten heavy ones among them, one packet in eleven each.
            stream.items.append(Item(key: UInt64(random.below(10)) << 48, packets: 1, bytes: 1_500))
        }
        return stream
    }

    /// Every key once, and one key that stays under them: what spoofed sources are.
    static func oneTime(count: Int) -> Stream {
        var stream = Stream()
        for index in 0..<UInt64(count) {
            stream.items.append(Item(key: 1 << 63 | index, packets: 1, bytes: 60))
            if index.isMultiple(of: 20) { stream.items.append(Item(key: 7, packets: 1, bytes: 1_000)) }
        }
        return stream
    }

    var packets: UInt64 { items.reduce(0) { $0 + $1.packets } }

    func exact() -> [UInt64: (packets: UInt64, bytes: UInt64)] {
        var exact: [UInt64: (packets: UInt64, bytes: UInt64)] = [:]
        for item in items {
            exact[item.key, default: (0, 0)].packets += item.packets
            exact[item.key, default: (0, 0)].bytes += item.bytes
        }
        return exact
    }

    /// The items in another order, dealt out to `parts` streams at random.
    func split(_ parts: Int, seed: UInt64) -> [Stream] {
        var random = SplitMix64(seed: seed)
        var streams = Array(repeating: Stream(), count: parts)
        for item in items.shuffled(using: &random) {
            streams[Int(random.below(UInt32(parts)))].items.append(item)
        }
        return streams
    }

    /// The streams that bounds are measured on, by the name in Documentation/sketches.md.
    static let named: [(name: String, stream: Stream)] = [
        ("Zipf 0.5", .zipf(0.5, keys: 100_000, count: 200_000, seed: 1)),
        ("Zipf 1.0", .zipf(1, keys: 100_000, count: 200_000, seed: 2)),
        ("Zipf 1.5", .zipf(1.5, keys: 100_000, count: 200_000, seed: 3)),
        ("Zipf 2.0", .zipf(2, keys: 100_000, count: 200_000, seed: 4)),
        ("crafted keys", .crafted(count: 100_000, seed: 5)),
        ("one-time keys", .oneTime(count: 200_000)),
    ]
}
