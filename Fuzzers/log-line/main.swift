import Bytes
import Fingerprints
import FuzzerSupport
import Glibc
import Heads
import Moments

// The input is a log, read whole and cut in two at a place that the input chooses: the same lines and faults come out,
// and every place in a summary lies in its line. What follows a zero byte is read as a template too.
private func run(_ bytes: [UInt8]) {
    let whole = read([bytes])
    let cut = Digest.of(bytes.span).place(in: bytes.count)
    let parts = read([Array(bytes[..<cut]), Array(bytes[cut...])])
    require(whole == parts, "pieces change what is read")
    if let zero = bytes.firstIndex(of: 0) {
        let text = String(decoding: bytes[(zero + 1)...].prefix(RequestTemplate.textLimit), as: UTF8.self)
        if let template = RequestTemplate(text) {
            require(template.text == text, "one way to write a template")
            _ = template.matches(bytes.span, 0, zero)
        }
    }
}

private struct Outcome: Equatable {
    var good: UInt64 = 0
    var lines: UInt64 = 0
    var bad: [UInt64] = []
    var digest = Digest()
}

private func read(_ pieces: [[UInt8]]) -> Outcome {
    var lines = LogLines()
    var outcome = Outcome()
    for (number, piece) in pieces.enumerated() {
        lines.append(piece.span.bytes)
        if number == pieces.count - 1 { lines.end() }
        while lines.next() {
            outcome.good += 1
            check(lines.summary, lines.text)
            for byte in lines.text { outcome.digest.add(byte) }
        }
    }
    outcome.lines = lines.lines
    outcome.bad = lines.faultCounts
    require(lines.badLines == lines.faultCounts.reduce(0, +), "faults are counted once")
    require(lines.badLines + outcome.good <= lines.lines, "no line twice")
    require(lines.faults.count <= LogLines.faultLimit, "faults told")
    return outcome
}

private func check(_ summary: RequestSummary, _ line: [UInt8]) {
    for slice in [summary.methodName, summary.target, summary.host, summary.agent, summary.path, summary.query] {
        require(slice.range.upperBound <= line.count, "a place outside the line")
    }
    require(summary.methodName.count > 0, "no method")
    require(summary.time >= 0 && summary.status < 1_000, "time or status")
    let route = RequestShape.route(of: Array(line[summary.target.range]))
    require(route.utf8.count <= RequestShape.routeLimit, "route")
}

exit(
    runFuzzer { data, size in
        run(size > 0 ? Array(UnsafeBufferPointer(start: data, count: size)) : [])
        return 0
    })
