internal import Incidents
internal import Languages
internal import PublicStatus

/// Reports as one HTML page, to be read, printed and sent: no script, nothing from outside.
enum ReportPage {
    static func page(_ answers: Answers, in language: Language) -> String {
        let title = Words(
            nl: "Vragen en antwoorden bij incident \(answers.incident)",
            en: "Questions and answers on incident \(answers.incident)")
        let body = answers.list.map {
            "<dt>\(escaped($0.question[language]))</dt>\n<dd>\(escaped($0.answer[language]))</dd>"
        }
        return page(
            title[language], language, under: "\(answers.organisation), \(Phrases.time(answers.made)[language])",
            "<dl>\n\(body.joined(separator: "\n"))\n</dl>")
    }

    static func page(_ table: Statistics, in language: Language) -> String {
        let rows = StatisticsRows(table).rows.map {
            "<tr><th scope=\"row\">\(escaped($0.name[language]))</th><td>\(escaped($0.value[language]))</td></tr>"
        }
        let heads = language == .nl ? ("Wat", "Cijfer") : ("What", "Figure")
        let title = language == .nl ? "Cijfers over aanvallen" : "Figures on attacks"
        return page(
            title, language, under: StatisticsRows.title(table)[language],
            "<table>\n<thead><tr><th scope=\"col\">\(heads.0)</th><th scope=\"col\">\(heads.1)</th></tr></thead>\n<tbody>\n"
                + "\(rows.joined(separator: "\n"))\n</tbody>\n</table>")
    }

    private static func page(_ title: String, _ language: Language, under: String, _ body: String) -> String {
        """
        <!doctype html>
        <html lang="\(language.rawValue)">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(escaped(title))</title>
        <style>
        :root { color-scheme: light dark; }
        body { font: 1.05rem/1.55 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem;
          overflow-wrap: anywhere; }
        h1 { font-size: 1.6rem; line-height: 1.2; }
        dt { font-weight: 700; margin-top: 1.2rem; }
        dd { margin: .2rem 0 0; }
        table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; vertical-align: top; padding: .45rem .6rem .45rem 0; border-bottom: 1px solid; }
        tbody th { font-weight: 400; }
        </style>
        </head>
        <body>
        <main>
        <h1>\(escaped(title))</h1>
        <p>\(escaped(under))</p>
        \(body)
        </main>
        </body>
        </html>
        """
    }

    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
    }
}
