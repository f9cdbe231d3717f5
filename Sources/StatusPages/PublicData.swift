internal import FoundationEssentials
internal import Languages
internal import Moments
internal import PublicStatus

// The public JSON: fields named one by one, so that a field that is added to a type is not public by accident.
// What is not known is left out: an attack without an end goes on, a length that is not there was not measured.

private struct OverviewData: Encodable {
    let licence = "CC0-1.0"
    let made: String
    /// How old this is, written in by the server; empty in a copy.
    let ageSeconds = String(PageFile.AgeForm.seconds.mark)
    let name: String
    let title: String
    let basis: [String: String]
    let services: [ServiceData]
    /// The latest, without what was done and said: that is in the data of each.
    let incidents: [IncidentData]
}

private struct ServiceData: Encodable {
    let name: String
    let title: String
    let organisation: String
    let state: PublicState
    let since: String?
    let days: [DayData]
}

private struct DayData: Encodable {
    let day: String
    let worst: PublicState
    let downSeconds: Int
    let known: Double
}

private struct IncidentData: Encodable {
    let number: String
    let organisation: String
    let services: [String]
    let start: String
    let end: String?
    let outcome: PublicOutcome
    let isProvisional: Bool
    let downSeconds: Int?
    let touchedBackOffice: Bool?
    /// Requests a second.
    let peakRate: Int?
    let usualRate: Int?
    let peakPacketsPerSecond: Int?
    let peakBitsPerSecond: Int?
    let basis: [String: String]
    let actions: [[String: String]]?
    let attribution: [String: String]
    let timeline: [EntryData]?
}

private struct EntryData: Encodable {
    let at: String
    let text: [String: String]
}

private struct IncidentFileData: Encodable {
    let licence = "CC0-1.0"
    let made: String
    let ageSeconds = String(PageFile.AgeForm.seconds.mark)
    let incident: IncidentData
    let plot: PlotData?
}

private struct PlotData: Encodable {
    let start: String
    let stepSeconds: Int
    let admittedPerSecond: [Double]
    let queuedPerSecond: [Double]
    let refusedPerSecond: [Double]
    let latencyMilliseconds: [Double?]
    let states: [PublicState]
}

extension Site {
    // What keeps a file below the 4 MiB that the lane takes.
    static let dataServices = 300
    static let dataIncidents = 300
    static let dataEntries = 100
    static let dataLetters = 600

    private func name(_ text: String) -> String { text.clipped(100).cleaned }

    func statusFile(_ overview: PublicOverview) throws -> PageFile {
        let data = OverviewData(
            made: overview.made.text, name: overview.name, title: name(overview.title),
            basis: both(overview.basis),
            services: overview.services.prefix(Self.dataServices).map { service in
                ServiceData(
                    name: name(service.name), title: name(service.title),
                    organisation: name(service.organisation), state: service.state, since: service.since?.text,
                    days: service.days.suffix(ServiceCard.span).map {
                        DayData(
                            day: $0.day.text, worst: $0.worst, downSeconds: $0.downSeconds, known: rounded($0.known))
                    })
            },
            incidents: overview.incidents.sorted(by: IncidentList.isLater).prefix(Self.dataIncidents)
                .map { self.data($0, isWhole: false) })
        return try json(path: overview.name.isEmpty ? "/status.json" : "/\(overview.name)/status.json", data)
    }

    /// One incident with its series.
    func dataFile(_ incident: PublicIncident) throws -> PageFile {
        let plot = incident.plot.map {
            PlotData(
                start: $0.start.text, stepSeconds: $0.step,
                admittedPerSecond: $0.admitted.prefix(PlotFigure.steps).map(rounded),
                queuedPerSecond: $0.queued.prefix(PlotFigure.steps).map(rounded),
                refusedPerSecond: $0.refused.prefix(PlotFigure.steps).map(rounded),
                latencyMilliseconds: $0.latency.prefix(PlotFigure.steps).map { $0.map(rounded) },
                states: Array($0.states.prefix(PlotFigure.steps)))
        }
        return try json(
            path: "/incident/\(incident.number).json",
            IncidentFileData(made: made.text, incident: data(incident, isWhole: true), plot: plot))
    }

    private func data(_ incident: PublicIncident, isWhole: Bool) -> IncidentData {
        IncidentData(
            number: incident.number, organisation: name(incident.organisation),
            services: incident.services.prefix(isWhole ? 100 : 10).map(name), start: incident.start.text,
            end: incident.end?.text,
            outcome: incident.outcome, isProvisional: incident.isProvisional, downSeconds: incident.downSeconds,
            touchedBackOffice: incident.touchedBackOffice, peakRate: incident.peakRate, usualRate: incident.usualRate,
            peakPacketsPerSecond: incident.peakPackets, peakBitsPerSecond: incident.peakBits,
            basis: both(incident.basis, isWhole ? Self.dataLetters : 200),
            actions: isWhole ? incident.actions.prefix(Self.dataEntries).map { both($0) } : nil,
            attribution: both(incident.attribution, isWhole ? Self.dataLetters : 200),
            timeline: isWhole
                ? incident.timeline.suffix(Self.dataEntries).map { EntryData(at: $0.at.text, text: both($0.text)) }
                : nil)
    }

    private func both(_ words: Words, _ letters: Int = dataLetters) -> [String: String] {
        ["nl": words.nl.clipped(letters).cleaned, "en": words.en.clipped(letters).cleaned]
    }

    /// Four decimals; a number that JSON cannot hold becomes 0.
    private func rounded(_ value: Double) -> Double {
        value.isFinite ? (max(-1e12, min(1e12, value)) * 10_000).rounded() / 10_000 : 0
    }

    private func json(path: String, _ data: some Encodable) throws -> PageFile {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = try encoder.encode(data)
        return PageFile(
            path: path, contentType: "application/json", text: String(decoding: bytes, as: UTF8.self) + "\n")
    }
}
