import Exchange
import Fingerprints
import Moments
import Testing

@Suite struct HostileTests {
    let exchange: ExchangeTests

    init() throws { exchange = try ExchangeTests() }

    @Test func `every truncation is refused as one`() throws {
        for length in 0..<exchange.exported.count {
            #expect(try exchange.refusal(in: Array(exchange.exported[..<length])) == .truncated, "\(length)")
        }
    }

    @Test func `every flipped bit is refused`() {
        for place in exchange.exported.indices {
            for bit in 0..<8 {
                var bytes = exchange.exported
                bytes[place] ^= 1 << bit
                #expect(throws: ExchangeError.self, "byte \(place), bit \(bit)") {
                    try exchange.accept(bytes, acceptingUnknown: true)
                }
            }
        }
    }

    @Test func `a hundred thousand mutations are refused or mean the same`() throws {
        var draw = SystemlessGenerator(state: 7)
        let original = try exchange.accept(exchange.exported)
        let pieces = [
            "\"", "\\", "{", "}", "[", "]", ",", ":", "\\ud800", "\\u0000", "null", "1e999", " ", "\u{202e}", "0.",
        ]
        var codes: Set<String> = []
        for _ in 0..<100_000 {
            var bytes = exchange.exported
            for _ in 0...Int.random(in: 0..<4, using: &draw) {
                let place = Int.random(in: 0..<max(1, bytes.count), using: &draw)
                guard place < bytes.count else { continue }
                switch Int.random(in: 0..<5, using: &draw) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &draw)
                case 1: bytes.insert(contentsOf: pieces.randomElement(using: &draw)?.utf8 ?? "".utf8, at: place)
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1..<20, using: &draw)))
                case 3: bytes.removeSubrange(place...)
                default:
                    let other = Int.random(in: 0...place, using: &draw)
                    bytes.insert(contentsOf: Array(bytes[other..<place]), at: place)
                }
            }
            do {
                #expect(try exchange.accept(bytes) == original)
                codes.insert("accepted")
            } catch let error as ExchangeError {
                codes.insert(error.code.rawValue)
            }
        }
        #expect(
            codes.isSuperset(of: ["accepted", "truncated", "not-json", "wrong-value", "wrong-signature"]), "\(codes)")
    }
}

/// SplitMix64: the same numbers each time.
struct SystemlessGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
