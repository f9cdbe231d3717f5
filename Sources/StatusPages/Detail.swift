/// How much a page tells. A page that comes out larger than `pageLimit` is made again with the next, smaller detail; the
/// last one fits whatever the texts are.
struct Detail: Sendable {
    /// Organisations in the list of the overall page.
    var organisations: Int
    /// Services with their 90 days; the worst ones first.
    var services: Int
    /// Days listed below a service.
    var days: Int
    /// Incidents on an overview; older ones stand on the pages of their year.
    var incidents: Int
    /// Entries of a timeline, latest kept; and of the list of what was done.
    var entries: Int
    /// Unicode scalars of a text; names get at most half.
    var letters: Int
    var hasPlot = true

    /// Bytes of a page: one round trip more is all that a slow line needs for it.
    static let pageLimit = 30_000
    /// Incidents on one page of a year.
    static let listed = 30

    static let overview = [
        Detail(organisations: 100, services: 40, days: 10, incidents: 10, entries: 8, letters: 600),
        Detail(organisations: 100, services: 30, days: 5, incidents: 6, entries: 4, letters: 400),
        Detail(organisations: 80, services: 20, days: 3, incidents: 4, entries: 2, letters: 300),
        Detail(organisations: 60, services: 10, days: 0, incidents: 3, entries: 1, letters: 200),
        Detail(organisations: 12, services: 4, days: 0, incidents: 2, entries: 1, letters: 60),
    ]

    static let incident = [
        Detail(organisations: 1, services: 12, days: 0, incidents: 1, entries: 40, letters: 1_000),
        Detail(organisations: 1, services: 8, days: 0, incidents: 1, entries: 20, letters: 500),
        Detail(organisations: 1, services: 4, days: 0, incidents: 1, entries: 10, letters: 300),
        Detail(organisations: 1, services: 3, days: 0, incidents: 1, entries: 4, letters: 120, hasPlot: false),
    ]

    /// The first of the details with which the page fits.
    static func fit(_ details: [Detail], _ page: (Detail) -> Markup) -> Markup {
        for detail in details.dropLast() {
            let markup = page(detail)
            if markup.text.utf8.count <= pageLimit { return markup }
        }
        return page(details[details.count - 1])
    }
}
