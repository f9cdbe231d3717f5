internal import Languages
internal import Moments
package import PublicStatus

/// A file of the public pages: what the lane serves at one path.
package struct PageFile: Sendable {
    /// "/", "/en/waterdam/", "/atom.xml".
    package var path: String
    package var contentType: String
    package var body: [UInt8]
    /// Byte offsets in the body at which the server writes how old the page is, in ascending order. Nothing stands there
    /// in the body itself; a copy that is served as it is hides the sentence.
    package var ages: [(offset: Int, form: AgeForm)]

    package init(path: String, contentType: String, body: [UInt8], ages: [(offset: Int, form: AgeForm)]) {
        self.path = path
        self.contentType = contentType
        self.body = body
        self.ages = ages
    }

    package enum AgeForm: Sendable, CaseIterable {
        /// "12 seconden", "3 minuten"
        case dutch
        /// "12 seconds", "3 minutes"
        case english
        /// A whole number of seconds.
        case seconds
    }
}

package enum StatusPagesError: Error, Equatable {
    /// A name of an organisation that cannot be part of an address, or is taken by a page of ours.
    case name(String)
    /// The number of an incident that cannot be part of an address.
    case number(String)
    /// Two organisations, or two incidents, with one name.
    case twice(String)
}

/// Makes the public pages: Dutch and English, HTML, Atom and JSON. The same input gives the same bytes; there is no clock
/// here and no I/O.
package struct StatusPages: Sendable {
    /// "https://status.example", without a path: feeds need whole addresses.
    let address: String

    /// Incidents with a page of their own, latest first; older ones stand in the lists only.
    package static let incidentPages = 500
    /// Incidents whose page has a plot, latest first.
    package static let plots = 100
    /// Bytes of those pages and their data together, half of what the lane keeps in memory; older ones are left out.
    package static let incidentBytes = 16 << 20
    /// Names that an organisation cannot have, as pages of ours stand there.
    package static let reserved: Set<String> = [
        "en", "incident", "jaar", "year", "toegankelijkheid", "accessibility", "index",
    ]

    package init(address: String) {
        self.address = address.hasSuffix("/") ? String(address.dropLast()) : address
    }

    /// All files, in the order of their paths.
    package func files(overall: PublicOverview, organisations: [PublicOverview]) throws -> [PageFile] {
        var site = Site(address: address, made: overall.made, title: overall.title)
        for organisation in organisations {
            try site.add(organisation)
        }
        var incidents: [String: PublicIncident] = [:]
        for incident in overall.incidents + organisations.flatMap(\.incidents) {
            guard Self.isNumber(incident.number) else { throw StatusPagesError.number(incident.number) }
            guard incidents[incident.number].map({ $0.organisation == incident.organisation }) ?? true else {
                throw StatusPagesError.twice(incident.number)
            }
            incidents[incident.number] = incidents[incident.number] ?? incident
        }
        let latest = incidents.values.sorted { ($0.start, $0.number) > ($1.start, $1.number) }
            .prefix(Self.incidentPages)

        var files: [PageFile] = []
        var bytes = 0
        for (index, incident) in latest.enumerated() {
            let own =
                Language.allCases.map { site.incidentFile(incident, hasPlot: index < Self.plots, Voice($0)) }
                + [try site.dataFile(incident)]
            bytes += own.reduce(0) { $0 + $1.body.count }
            guard bytes <= Self.incidentBytes else { break }
            site.linked.insert(incident.number)
            files += own
        }
        for language in Language.allCases {
            let voice = Voice(language)
            files += site.overviewFiles(overall, organisations: organisations, voice)
            for organisation in organisations {
                files += site.overviewFiles(organisation, organisations: [], voice)
            }
            files.append(site.accessibilityFile(voice))
        }
        for overview in [overall] + organisations { files.append(try site.statusFile(overview)) }
        files.append(
            PageFile(path: "/robots.txt", contentType: "text/plain; charset=utf-8", text: "User-agent: *\nAllow: /\n"))
        return files.sorted { $0.path < $1.path }
    }

    static func isName(_ name: String) -> Bool {
        (1...63).contains(name.utf8.count) && !reserved.contains(name)
            && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
    }

    static func isNumber(_ number: String) -> Bool {
        (1...32).contains(number.utf8.count) && number.utf8.allSatisfy { (48...57).contains($0) || $0 == 45 }
    }
}

/// What all pages of one moment have in common.
struct Site {
    let address: String
    let made: Moment
    let title: String
    /// The titles of organisations by name.
    var titles: [String: String] = [:]
    /// Numbers of the incidents that have a page.
    var linked: Set<String> = []

    init(address: String, made: Moment, title: String) {
        self.address = address
        self.made = made
        self.title = title
    }

    mutating func add(_ organisation: PublicOverview) throws(StatusPagesError) {
        guard StatusPages.isName(organisation.name) else { throw .name(organisation.name) }
        guard titles.updateValue(organisation.title, forKey: organisation.name) == nil else {
            throw .twice(organisation.name)
        }
    }

    func title(of organisation: String) -> String { titles[organisation] ?? organisation }
}
