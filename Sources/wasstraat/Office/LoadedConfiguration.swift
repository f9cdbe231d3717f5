internal import Messages
internal import Settings

/// A configuration file as the office and `check` see it: fit for use, or with the reasons why not.
///
/// Making one reads the files and resolves the names that the configuration names: it may take seconds.
package struct LoadedConfiguration: Sendable {
    struct Line: Sendable {
        /// A fault keeps the file from being used; everything else is a warning.
        var isFault: Bool
        /// "FILE:LINE: reason".
        var text: String
    }

    static let defaultState = "/var/lib/wasstraat"
    static var reference: String { Reference.markdown() }

    /// nil where there is a fault.
    package private(set) var configuration: OfficeConfiguration?
    private(set) var complaints: [Line] = []
    /// What is configured, in one line; empty where there is a fault.
    private(set) var summary = ""

    package init(file: String) {
        do throws(Complaints) {
            let settings = try Settings.load(file: file)
            complaints = settings.warnings.map { Self.line($0, in: file) }
            let compiled = try settings.compile(generation: 0, secrets: Snapshot.Secrets())
            complaints += compiled.warnings.map { Self.line($0, in: file) }
            summary = Self.summary(of: settings)
            configuration = OfficeConfiguration(settings, compiled)
        } catch {
            complaints += error.list.map { Self.line($0, in: file) }
            if error.omitted > 0 {
                complaints.append(Line(isFault: true, text: "\(file): and \(error.omitted) more complaints"))
            }
        }
    }

    private static func line(_ complaint: Complaint, in file: String) -> Line {
        let place = complaint.place.path.isEmpty ? "" : "\(complaint.place.path): "
        let level = complaint.level == .warning ? "warning: " : ""
        return Line(
            isFault: complaint.level == .error,
            text: "\(file):\(complaint.place.mark?.line ?? 1): \(level)\(place)\(complaint.reason)")
    }

    private static func summary(of settings: Settings) -> String {
        let sites = settings.organisations.flatMap(\.sites)
        let observed = sites.count { $0.mode == .observe }
        let parts: [String?] = [
            count(settings.organisations.count, "organisation"),
            count(sites.count, "site") + (observed > 0 ? " (\(observed) only observed)" : ""),
            count(sites.reduce(0) { $0 + $1.hosts.count }, "host name"),
            count(sites.reduce(0) { $0 + $1.origins.count }, "origin"),
            count(settings.listeners.count, "listener") + ": "
                + settings.listeners.map { "\($0.endpoint)\($0.isTLS ? " TLS" : "")" }.joined(separator: ", "),
            settings.lanes.count > 1 ? "\(settings.lanes.count) lanes" : nil,
            settings.collector.map { "flow exports at \($0.listen)" },
            settings.filter.map { "filter at \($0.interface)" },
            settings.pages.map { "pages at \($0.address)" },
            settings.diskCache.map { "cache on disk in \($0.folder)" },
            "metrics \(settings.metrics.map { "\($0)" } ?? "off")",
        ]
        return parts.compactMap { $0 }.joined(separator: ", ")
    }

    private static func count(_ number: Int, _ what: String) -> String { "\(number) \(what)\(number == 1 ? "" : "s")" }
}
