internal import Detection
internal import Languages
internal import Mitigations
package import Moments
package import PublicStatus

// The one place where what is on record becomes what the public may see.

extension PublicState {
    package init(_ state: ServiceState) {
        self =
            switch state {
            case .up: .up
            case .degraded: .degraded
            case .down: .down
            case .unknown: .unknown
            case .maintenance: .maintenance
            }
    }
}

extension PublicOutcome {
    package init(_ outcome: Outcome) {
        self =
            switch outcome {
            case .fendedOff: .fendedOff
            case .degraded: .degraded
            case .down: .down
            case .unknown: .unknown
            }
    }
}

extension PublicDay {
    package init(_ record: DayRecord) {
        self.init(
            day: record.day, worst: PublicState(record.worst), downSeconds: Int(record.downSeconds.rounded()),
            known: record.known)
    }
}

extension Incident {
    /// - Parameters:
    ///   - titles: the host names of the sites by their short names; a site without one is not named.
    ///   - backOffice: see `Answers`.
    package func published(
        titles: [String: String], backOffice: Availability?, plot: PublicPlot?, now: Moment
    ) -> PublicIncident {
        let shown = attacks.filter { $0.service == .publicService }
        let basis = shown.last?.judgement ?? attacks.last?.judgement
        let traffic = shown.compactMap(\.attack.traffic)
        let defended = shown.filter { $0.attack.traffic == nil }
        let named = defended.map(\.attack.site) + traffic.flatMap(\.sites)
        return PublicIncident(
            number: number, organisation: organisation,
            services: Set(named.compactMap { titles[$0] }).sorted(), start: start, end: isOver ? end : nil,
            outcome: PublicOutcome(publicOutcome(shown)), isProvisional: isProvisional,
            downSeconds: downtime(.publicService).map { Int($0.seconds.rounded()) },
            touchedBackOffice: touchedBackOffice(backOffice),
            peakRate: defended.map { Int(clamping: $0.attack.peakRate) }.max(),
            usualRate: defended.first.map { Int($0.attack.usualRate.rounded()) },
            peakPackets: traffic.map { Int(clamping: $0.peakPackets) }.max(),
            peakBits: traffic.map { Int(clamping: $0.peakBytes).multipliedReportingOverflow(by: 8) }
                .map { $0.overflow ? .max : $0.partialValue }.max(),
            isFiltered: shown.contains { $0.attack.traffic != nil && handling(of: $0) == .dropped },
            isAnswered: shown.contains { $0.attack.traffic != nil && handling(of: $0) == .answered },
            actions: actions(shown),
            attribution: Attribution(claims: claims, evidence: evidence, now: now).text,
            timeline: posts.map { PublicIncident.Entry(at: $0.at, text: $0.text) },
            basis: basis.map { Phrases.basis($0.basis, isProvisional: isProvisional) }
                ?? Words(nl: "Er is niet gemeten.", en: "Nothing was measured."), plot: plot)
    }

    /// Whether it may be shown: an attack on a service of the public is part of it.
    package var isPublic: Bool { attacks.contains { $0.service == .publicService } }

    private func publicOutcome(_ shown: [AttackRecord]) -> Outcome {
        var part = self
        part.attacks = shown
        return part.outcome
    }

    private func actions(_ shown: [AttackRecord]) -> [Words] {
        var actions: [Words] = []
        if shown.contains(where: { $0.attack.queued + $0.attack.refused > 0 }) {
            actions.append(
                Words(
                    nl: "Bezoekers die al bekend waren, gingen voor.", en: "Visitors who were known already went first."
                ))
        }
        if shown.contains(where: { $0.attack.refused > 0 }) {
            actions.append(
                Words(
                    nl: "Wat er te veel was, is geweigerd.", en: "What was too much was refused."))
        }
        if !actions.isEmpty, mitigations.contains(where: { $0.marked ?? 0 > 0 }) {
            actions.append(
                Words(
                    nl: "Verzoeken die op de aanval leken, kwamen achteraan.",
                    en: "Requests that looked like the attack went last."))
        }
        if shown.contains(where: { record in
            isFiltered(record) { $0 == .blockedSources }
        }) {
            actions.append(
                Words(
                    nl: "Computers die bleven aanvallen, zijn bij de ingang tegengehouden.",
                    en: "Computers that went on attacking were stopped at the entrance."))
        }
        if shown.contains(where: { record in isFiltered(record) { $0 == .blockedByHand } }) {
            actions.append(
                Words(
                    nl: "Verkeer van bepaalde afzenders is bij de ingang tegengehouden.",
                    en: "Traffic from certain senders was stopped at the entrance."))
        }
        if shown.contains(where: { record in
            isFiltered(record) { if case .packetRule = $0 { true } else { false } }
        }) {
            actions.append(
                Words(
                    nl: "Netwerkverkeer met de kenmerken van de aanval is bij de ingang tegengehouden.",
                    en: "Network traffic with the fingerprint of the attack was stopped at the entrance."))
        }
        if shown.contains(where: { record in
            packetMeasures(against: record).contains { ($0.packets?.answered?.packets ?? 0) > 0 }
        }) {
            actions.append(
                Words(
                    nl: "Pogingen om verbinding te maken zijn zo beantwoord dat zij geen plaats innamen.",
                    en: "Attempts to connect were answered in a way that takes up no room."))
        }
        return actions
    }
}

extension PublicPlot {
    /// Most steps in one plot.
    package static let steps = 120

    /// Draws from points of one site and its availability; nil where the window is empty.
    package init?(_ points: [SitePoint], availability: Availability, in window: Range<Moment>) {
        let length = Int((window.upperBound - window.lowerBound).rounded(.up))
        guard length > 0 else { return nil }
        let step = (length + Self.steps - 1) / Self.steps
        let count = (length + step - 1) / step
        var admitted = [Double](repeating: 0, count: count)
        var queued = admitted
        var refused = admitted
        var latency = [Double?](repeating: nil, count: count)
        for point in points {
            // A minute's point is spread over its steps, so that its rate is right in each.
            let first = (point.at - window.lowerBound) / Double(step)
            let last = (point.at + Double(point.span) - window.lowerBound) / Double(step)
            guard last > 0, first < Double(count), point.span > 0 else { continue }
            for index in max(0, Int(first.rounded(.down)))..<min(count, Int(last.rounded(.up))) {
                let part = min(last, Double(index + 1)) - max(first, Double(index))
                guard part > 0 else { continue }
                // Requests a second, times the share of the step that the point covers.
                let share = part / Double(point.span)
                admitted[index] += Double(point.admitted) * share
                queued[index] += Double(point.queued) * share
                refused[index] += Double(point.refused) * share
                if let p95 = point.p95 { latency[index] = max(latency[index] ?? 0, p95) }
            }
        }
        var states = [PublicState](repeating: .unknown, count: count)
        for span in availability.spans {
            let first = max(0, Int(((span.from - window.lowerBound) / Double(step)).rounded(.down)))
            let last = min(count, Int(((span.until - window.lowerBound) / Double(step)).rounded(.up)))
            guard first < last else { continue }
            for index in first..<last { states[index] = states[index].worse(of: PublicState(span.state)) }
        }
        self.init(
            start: window.lowerBound, step: step, admitted: admitted, queued: queued, refused: refused,
            latency: latency, states: states)
    }
}

extension PublicState {
    /// What a step that holds both is drawn as.
    fileprivate func worse(of other: PublicState) -> PublicState {
        let order: [PublicState] = [.unknown, .maintenance, .up, .degraded, .down]
        return (order.firstIndex(of: self) ?? 0) >= (order.firstIndex(of: other) ?? 0) ? self : other
    }
}
