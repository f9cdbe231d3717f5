internal import Languages
internal import Mustache
internal import PublicStatus

/// The console's pages as templates, one set per language. A template has both languages side by side:
/// "[[Nederlands|English]]".
struct PageLibrary: Sendable {
    private let libraries: [Language: MustacheLibrary]

    static let shared = PageLibrary()

    static let templates: [String: String] = [
        "layout": layoutTemplate, "refusal": refusalTemplate, "login": loginTemplate, "now": nowTemplate,
        "site": siteTemplate, "plot": plotTemplate, "mitigation": mitigationTemplate, "incidents": incidentsTemplate,
        "incident": incidentTemplate, "attack": attackTemplate, "incident-forms": incidentFormsTemplate,
        "fingerprints": fingerprintsTemplate, "notes": notesTemplate, "accounts": accountsTemplate,
        "account": accountTemplate, "proof": proofTemplate, "badge": badgeTemplate, "time": timeTemplate,
        "key": keyTemplate, "filter": filterTemplate, "orders": ordersTemplate, "order": orderTemplate,
        "place-error": placeErrorTemplate, "rule": ruleTemplate, "rule-facts": ruleFactsTemplate,
    ]

    private init() {
        var libraries: [Language: MustacheLibrary] = [:]
        for language in Language.allCases {
            var library = MustacheLibrary()
            for (name, text) in Self.templates {
                do {
                    try library.register(Self.text(text, in: language), named: name)
                } catch {
                    assertionFailure("the template \(name) does not parse: \(error)")
                }
            }
            libraries[language] = library
        }
        self.libraries = libraries
    }

    func render(_ name: String, _ view: View, in language: Language) -> String {
        libraries[language]?.render(view, withTemplate: name) ?? ""
    }

    /// The template with only this language in it.
    static func text(_ template: String, in language: Language) -> String {
        var text = ""
        var rest = template[...]
        while let open = rest.firstRange(of: "[[") {
            text += rest[..<open.lowerBound]
            rest = rest[open.upperBound...]
            guard let bar = rest.firstIndex(of: "|"), let close = rest.firstRange(of: "]]") else { break }
            text += language == .nl ? rest[..<bar] : rest[rest.index(after: bar)..<close.lowerBound]
            rest = rest[close.upperBound...]
        }
        return text + rest
    }
}
