internal import Fingerprints

/// Finds what samples of one skeleton have in common: first parts them where a place has few, heavy values, then says
/// for each place what it is: a fixed text, or characters of an alphabet within a text that stays.
struct TemplateMiner {
    /// What was found: samples that one template holds.
    struct Find {
        var template: RequestTemplate
        /// Places in the samples.
        var members: [Int]
        /// Nothing varies.
        var isStatic = true
        /// A run of letters (and digits) is drawn from its alphabet as by a machine: no language, no choice.
        var hasRandomLetters = false
        /// All that varies is digits, drawn alike.
        var hasRandomDigits = false
    }

    /// Parts that one skeleton is split into.
    private static let splitLimit = 24
    /// Bytes of a fixed text that a template spells out; of a longer one it says the alphabet of the rest.
    private static let literalLimit = 128
    /// A value is heavy from this share of its place on.
    private static let heavyShare = 0.15
    /// A class may leave out this share of what varies: strays that came from elsewhere.
    private static let strayShare = 0.02

    /// From this share of values that come once on, the others are strays.
    private static let singleShare = 0.8

    let samples: [RequestSample]
    private var pieces: [[Range<Int>]] = []
    private var marks: [[UInt8]] = []

    init(_ samples: [RequestSample]) {
        self.samples = samples
        for sample in samples {
            let (pieces, marks) = Self.cut(sample.target)
            self.pieces.append(pieces)
            self.marks.append(marks)
        }
    }

    /// The values of a target, and the mark before each: "/", "?", "&", "=", or 0 at a begin without one.
    private static func cut(_ target: [UInt8]) -> ([Range<Int>], [UInt8]) {
        var pieces: [Range<Int>] = []
        var marks: [UInt8] = []
        var start = 0
        var mark: UInt8 = 0
        var isQuery = false
        var hasName = false
        for (index, byte) in target.enumerated() {
            let isMark =
                isQuery
                ? byte == UInt8(ascii: "&") || byte == UInt8(ascii: "=") && !hasName
                : byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?")
            guard isMark else { continue }
            if index > 0 {
                pieces.append(start..<index)
                marks.append(mark)
            }
            mark = byte
            start = index + 1
            isQuery = isQuery || byte == UInt8(ascii: "?")
            hasName = byte == UInt8(ascii: "=")
        }
        pieces.append(start..<target.count)
        marks.append(mark)
        return (pieces, marks)
    }

    /// All finds, the heaviest first.
    func finds() -> [Find] {
        var byMarks: [[UInt8]: [Int]] = [:]
        for index in samples.indices { byMarks[marks[index], default: []].append(index) }
        var all: [Find] = []
        for group in byMarks.values.sorted(by: { ($0.count, $1[0]) > ($1.count, $0[0]) }).prefix(Self.splitLimit) {
            var parts: [[Int]] = []
            split(group, from: 0, into: &parts)
            for part in parts {
                var rest = part
                // What the first template leaves over may be a second one.
                for _ in 0..<3 where !rest.isEmpty {
                    guard let find = find(rest), find.members.count * 2 >= rest.count else { break }
                    all.append(find)
                    let found = Set(find.members)
                    rest = rest.filter { !found.contains($0) }
                    guard rest.count >= 16 else { break }
                }
            }
        }
        return all.sorted { ($0.members.count, $1.members[0]) > ($1.members.count, $0.members[0]) }
    }

    private func value(_ sample: Int, _ place: Int) -> ArraySlice<UInt8> {
        samples[sample].target[pieces[sample][place]]
    }

    private func split(_ members: [Int], from first: Int, into parts: inout [[Int]]) {
        guard let one = members.first else { return }
        for place in first..<pieces[one].count where parts.count < Self.splitLimit {
            var values: [ArraySlice<UInt8>: [Int]] = [:]
            for member in members { values[value(member, place), default: []].append(member) }
            guard values.count > 1 else { continue }
            // Ten digits are an alphabet, not ten texts; only one of them that outweighs the others is a text.
            let areDigits = values.count >= 5 && values.keys.allSatisfy { $0.allSatisfy { $0 >= 48 && $0 <= 57 } }
            let bound = max(4, Double(members.count) * (areDigits ? 0.5 : Self.heavyShare))
            let heavy = values.filter { Double($0.value.count) >= bound }
            guard !heavy.isEmpty else { continue }
            for part in heavy.values.sorted(by: { ($0.count, $1[0]) > ($1.count, $0[0]) }) {
                split(part, from: place + 1, into: &parts)
            }
            split(members.filter { heavy[value($0, place)] == nil }, from: place + 1, into: &parts)
            return
        }
        parts.append(members)
    }

    private func find(_ members: [Int]) -> Find? {
        guard let one = members.first else { return nil }
        var find = Find(template: RequestTemplate("/")!, members: [])
        var parts: [RequestTemplate.Part] = []
        var digitsOnly = true
        for place in pieces[one].indices {
            if marks[one][place] != 0 { parts.append(.literal([marks[one][place]])) }
            let values = members.map { value($0, place) }
            if values.allSatisfy({ $0 == values[0] }) {
                parts += Self.fixed(values[0])
                continue
            }
            find.isStatic = false
            let varying = Self.varying(values)
            parts += varying.parts
            find.hasRandomLetters = find.hasRandomLetters || varying.hasRandomLetters
            find.hasRandomDigits = find.hasRandomDigits || varying.hasRandomDigits
            digitsOnly = digitsOnly && !varying.hasOtherLetters
        }
        if samples[one].isCut { parts.append(.run(.everything, 0...RequestTemplate.runLimit)) }
        find.hasRandomDigits = find.hasRandomDigits && digitsOnly
        guard let template = RequestTemplate(scope: .target, parts: parts) else { return nil }
        find.template = template
        find.members = members.filter { samples[$0].matches(template) }
        return find.members.isEmpty ? nil : find
    }

    /// A text, the rest of a very long one by its alphabet.
    private static func fixed(_ text: ArraySlice<UInt8>) -> [RequestTemplate.Part] {
        guard text.count > literalLimit else { return [.literal(Array(text))] }
        var alphabet = Alphabet()
        let rest = text.dropFirst(literalLimit)
        for byte in rest { alphabet.insert(byte) }
        return [.literal(Array(text.prefix(literalLimit))), .run(alphabet.widened, rest.count...rest.count)]
    }

    private struct Varying {
        var parts: [RequestTemplate.Part] = []
        var hasRandomLetters = false
        var hasRandomDigits = false
        var hasOtherLetters = false
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        byte >= 48 && byte <= 57 || byte | 32 >= 97 && byte | 32 <= 122
    }

    /// Runs of letters and digits, and what stands between: each run and each other byte is one.
    private static func words(_ value: ArraySlice<UInt8>) -> (skeleton: [UInt8], words: [ArraySlice<UInt8>]) {
        var skeleton: [UInt8] = []
        var words: [ArraySlice<UInt8>] = []
        var index = value.startIndex
        while index < value.endIndex {
            var end = index + 1
            if isAlphanumeric(value[index]) {
                while end < value.endIndex, isAlphanumeric(value[end]) { end += 1 }
                skeleton.append(0)
            } else {
                skeleton.append(value[index])
            }
            words.append(value[index..<end])
            index = end
        }
        return (skeleton, words)
    }

    private static func varying(_ all: [ArraySlice<UInt8>]) -> Varying {
        // Among values that come once each, one that comes again is a text from elsewhere: a page beside random names.
        var counts: [ArraySlice<UInt8>: Int] = [:]
        for value in all { counts[value, default: 0] += 1 }
        let single = all.filter { counts[$0] == 1 }
        let values = Double(single.count) >= singleShare * Double(all.count) ? single : all
        let cuts = values.map { words($0) }
        var skeletons: [[UInt8]: Int] = [:]
        for cut in cuts { skeletons[cut.skeleton, default: 0] += 1 }
        let best = skeletons.max { ($0.value, $1.key.count) < ($1.value, $0.key.count) }
        var varying = Varying()
        guard let best, Double(best.value) >= 0.9 * Double(values.count), !best.key.isEmpty else {
            run(values, into: &varying, isWhole: true)
            return varying
        }
        let alike = cuts.filter { $0.skeleton == best.key }
        for (place, kind) in best.key.enumerated() {
            let words = alike.map { $0.words[place] }
            if kind != 0 || words.allSatisfy({ $0 == words[0] }) {
                varying.parts.append(.literal(Array(words[0])))
            } else {
                run(words, into: &varying, isWhole: false)
            }
        }
        return varying
    }

    /// One run: a beginning and an end that all have, and between them what varies.
    private static func run(_ words: [ArraySlice<UInt8>], into varying: inout Varying, isWhole: Bool) {
        let shortest = words.map(\.count).min() ?? 0
        var front = 0
        var back = 0
        if !isWhole {
            while front < shortest,
                words.allSatisfy({ $0[$0.startIndex + front] == words[0][words[0].startIndex + front] })
            {
                front += 1
            }
            while back < shortest - front,
                words.allSatisfy({ $0[$0.endIndex - 1 - back] == words[0][words[0].endIndex - 1 - back] })
            {
                back += 1
            }
        }
        let middles = words.map { $0.dropFirst(front).dropLast(back) }
        let (alphabet, lengths) = bounds(middles, isWhole: isWhole)
        varying.parts.append(.literal(Array(words[0].prefix(front))))
        varying.parts.append(.run(alphabet, lengths))
        varying.parts.append(.literal(Array(words[0].suffix(back))))
        let even = isEven(middles, alphabet)
        let hasLetters = alphabet.alphanumerics != Alphabet.digits
        let mean = middles.reduce(0) { $0 + $1.count } / max(1, middles.count)
        varying.hasRandomLetters = varying.hasRandomLetters || even && hasLetters && mean >= 4
        varying.hasRandomDigits = varying.hasRandomDigits || even && !hasLetters
        varying.hasOtherLetters = varying.hasOtherLetters || hasLetters
    }

    /// The smallest class that holds nearly all, and the lengths of nearly all.
    private static func bounds(
        _ middles: [ArraySlice<UInt8>], isWhole: Bool
    ) -> (Alphabet, ClosedRange<Int>) {
        let own = middles.map { middle in
            var alphabet = Alphabet()
            for byte in middle { alphabet.insert(byte) }
            return alphabet
        }
        var union = Alphabet()
        for alphabet in own { union.formUnion(alphabet) }
        var result = union.widened
        var kept = middles
        if !isWhole {
            let least = Double(middles.count) * (1 - strayShare)
            for alphabet in Alphabet.classAlphabets where alphabet.count < result.count {
                let inside = own.indices.filter { own[$0].isSubset(of: alphabet) }
                guard Double(inside.count) >= least else { continue }
                result = alphabet
                kept = inside.map { middles[$0] }
                break
            }
        }
        var counts: [Int: Int] = [:]
        for middle in kept { counts[middle.count, default: 0] += 1 }
        var lengths = counts.keys.sorted()
        // Strays lie at the ends, alone. Words of random length have each length often; numbers have short ones seldom.
        let stray = kept.count / (result.alphanumerics == .digits ? 200 : 100)
        while lengths.count > 1, counts[lengths[0]]! <= stray { lengths.removeFirst() }
        while lengths.count > 1, counts[lengths[lengths.count - 1]]! <= stray { lengths.removeLast() }
        return (result, lengths[0]...max(1, lengths[lengths.count - 1]))
    }

    /// Whether letters and digits come about equally often, as a machine draws them: the chance that two are the same
    /// (Friedman's index of coincidence) against that of an even draw. Words and slugs are at twice that and more.
    private static func isEven(_ middles: [ArraySlice<UInt8>], _ alphabet: Alphabet) -> Bool {
        var counts = [Double](repeating: 0, count: 128)
        var total = 0.0
        for middle in middles {
            for byte in middle where isAlphanumeric(byte) {
                counts[Int(byte)] += 1
                total += 1
            }
        }
        let size = Double(alphabet.alphanumerics.count)
        guard size > 1, total >= 24 else { return false }
        let same = counts.reduce(0) { $0 + $1 * ($1 - 1) } / (total * (total - 1))
        // Three standard deviations of an even draw.
        return same * size <= 1.25 + 3 * (2 * size).squareRoot() / total
    }
}
