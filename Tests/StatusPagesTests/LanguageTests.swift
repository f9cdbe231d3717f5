internal import StatusPages
internal import Testing

/// Plain language: what our pages say, read as a reader reads it, in sentences.
struct LanguageTests {
    /// The sentences of a page's main part. An element of a list, a term or a cell is no sentence unless it ends as one.
    private static func sentences(_ page: String) -> [String] {
        let main = page.elements("main").first.map(String.init) ?? ""
        var result: [String] = []
        for tag in ["p", "li", "dd", "figcaption", "caption"] {
            for element in main.elements(tag) where !element.contains("<p") && !element.contains("<li") {
                let text = element.withoutTags
                var sentence: [Substring] = []
                for word in text.split(separator: " ") {
                    sentence.append(word)
                    guard let last = word.last, ".?!".contains(last) else { continue }
                    result.append(sentence.joined(separator: " "))
                    sentence = []
                }
            }
        }
        return result
    }

    @Test(arguments: ["/en/", "/"]) func `sentences are short`(language: String) throws {
        let pages = try seedFiles(hostile: false).filter {
            $0.isPage && $0.path.hasPrefix("/en/") == (language == "/en/")
        }
        let sentences = Set(pages.flatMap { Self.sentences($0.text) })
        #expect(sentences.count > 60)
        // A time with its zone reads as one thing; it is no burden of the sentence.
        let lengths = sentences.map { ($0.split(separator: " ").count, $0) }
        for (length, sentence) in lengths { #expect(length <= 20, "\(sentence)") }
        let mean = Double(lengths.reduce(0) { $0 + $1.0 }) / Double(lengths.count)
        #expect(mean <= 12, "\(mean)")
    }

    @Test func `a reader of Dutch is called u, and times have their zone`() throws {
        for page in try seedFiles(hostile: false) where page.isPage {
            let main = page.text.elements("main").first.map { $0.withoutTags } ?? ""
            let isEnglish = page.path.hasPrefix("/en/")
            let words = Set(main.lowercased().split { !$0.isLetter }.map(String.init))
            if !isEnglish {
                #expect(words.isDisjoint(with: ["je", "jij", "jouw", "jullie"]), "\(page.path)")
            }
            for time in page.text.elements("time") {
                #expect(time.hasSuffix(isEnglish ? " (Dutch time)" : " uur (Nederlandse tijd)"), "\(page.path)")
            }
        }
    }
}

extension StringProtocol {
    var withoutTags: String {
        var result = ""
        var isTag = false
        for character in self {
            if character == "<" {
                isTag = true
            } else if character == ">" {
                isTag = false
            } else if !isTag {
                result.append(character == "\n" ? " " : character)
            }
        }
        return result
    }
}
