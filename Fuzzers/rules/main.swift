import Addresses
import Filters
import Fingerprints
import FuzzerSupport
import Glibc
import Moments

// The input is a fingerprint from elsewhere: a feature and a value for each line. Whatever it says, each language's file
// is printable, its quotes are closed on their line, and no text of the input stands in it that is not a number, a word
// of letters and digits, or an escape.
private func run(_ text: String) {
    var conditions: [Fingerprint.Condition] = []
    for line in text.split(separator: "\u{1f}", maxSplits: 8, omittingEmptySubsequences: false) {
        guard let first = line.utf8.first else { continue }
        let feature = Feature.allCases[Int(first) % Feature.allCases.count]
        conditions.append(Fingerprint.Condition(feature, String(line.dropFirst())))
    }
    let start = Moment(seconds: 0)
    let fingerprint = Fingerprint(
        conditions: conditions, kind: text,
        evidence: Fingerprint.Evidence(
            coverage: 1, collateral: 0, attackCount: 1, baselineCount: 1, sources: 1, from: start, until: start,
            isSpoofable: false, networks: [Fingerprint.Evidence.Network(prefix: text, share: 1)]),
        made: start, expires: start)
    var options = RuleOptions()
    options.targets = [Prefix(Address(ipv4: 0xc000_0201), length: 32)]
    options.limitsToNetworks = true
    for language in RuleLanguage.allCases {
        let compiled = Rules.compile([fingerprint], as: language, options: options)
        require(compiled.rules.count + compiled.refused.count == 1, "lost")
        var quotes = (0, 0)
        for byte in compiled.text.utf8 {
            require(byte == 10 || (32...126).contains(byte), "a character from outside")
            if byte == UInt8(ascii: "'") { quotes.0 += 1 }
            if byte == UInt8(ascii: "\"") { quotes.1 += 1 }
            if byte == 10 {
                require(quotes.0 % 2 == 0 && quotes.1 % 2 == 0, "a quote that is open at the line's end")
                quotes = (0, 0)
            }
        }
        if language == .bpf { require(ClassicBPF.Program(text: compiled.text) != nil, "a program that is none") }
    }
}

exit(
    runFuzzer { data, size in
        guard size <= 4096 else { return 0 }
        run(String(decoding: UnsafeBufferPointer(start: data, count: size), as: UTF8.self))
        return 0
    })
