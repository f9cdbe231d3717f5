internal import Incidents
internal import Languages
internal import Moments
internal import PublicStatus
internal import Testing

@Suite struct PreparedTextsTests {
    private static let all = PreparedText.allCases.flatMap { text in
        Outcome.allCases.flatMap { outcome in
            [nil, Moment(seconds: 1_795_455_000)].map { end in
                text.words(
                    .init(
                        service: "www.voorbeeld.nl", start: Moment(seconds: 1_795_452_228), end: end, outcome: outcome,
                        downtime: 754, next: end == nil ? Moment(seconds: 1_795_455_000) : nil))
            }
        }
    }

    @Test func `sentences are short`() {
        for words in Self.all {
            for text in [words.nl, words.en] {
                #expect(!text.isEmpty && !text.contains("  "))
                // A dot within a host name is not the end of a sentence.
                for sentence in text.replacing("www.voorbeeld.nl", with: "site").split(whereSeparator: {
                    ".?!".contains($0)
                }) {
                    #expect(sentence.split(separator: " ").count <= 20, "\(sentence)")
                }
            }
        }
    }

    @Test func `a text says since when and never who`() {
        let words = PreparedText.started.words(
            .init(
                service: "www.voorbeeld.nl", start: Moment(seconds: 1_795_452_228), end: nil, outcome: .degraded,
                downtime: nil, next: Moment(seconds: 1_795_455_000)))
        #expect(words.nl.hasPrefix("Sinds 17:43 uur krijgt www.voorbeeld.nl veel meer verkeer dan normaal."))
        #expect(words.en.hasSuffix("At 18:30 you can read more here."))
        let evaluation = PreparedText.evaluation.words(
            .init(
                service: "www.voorbeeld.nl", start: Moment(seconds: 1_795_452_228), end: Moment(seconds: 1_795_455_000),
                outcome: .down, downtime: 754))
        #expect(evaluation.nl.contains("ongeveer 13 minuten niet bereikbaar"))
        #expect(evaluation.nl.contains("Wij weten niet wie dit deed."))
    }

    @Test func `what was not measured is not called fine`() {
        for text in [PreparedText.effect, .ongoing, .evaluation] {
            let words = text.words(
                .init(service: "x.nl", start: Moment(seconds: 0), end: nil, outcome: .unknown, downtime: nil))
            #expect(!words.nl.contains("gewoon gebruiken") && !words.nl.contains("bleef bereikbaar"))
        }
    }
}
