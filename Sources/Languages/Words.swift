/// A text in both languages that citizens read.
package struct Words: Hashable, Sendable, Codable {
    package var nl: String
    package var en: String

    package init(nl: String, en: String) {
        self.nl = nl
        self.en = en
    }

    package subscript(language: Language) -> String {
        switch language {
        case .nl: nl
        case .en: en
        }
    }
}

package enum Language: String, CaseIterable, Sendable, Codable {
    case nl
    case en
}
