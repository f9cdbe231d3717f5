internal import Messages
package import Telemetry

/// Draws what `top` knows as lines of text: a pure function of the model, the size and the time.
package struct TopScreen {
    package var columns = 80
    package var rows = 24
    package var hasColour = false

    package init(columns: Int = 80, rows: Int = 24, hasColour: Bool = false) {
        self.columns = columns
        self.rows = rows
        self.hasColour = hasColour
    }

    enum Style: String {
        case plain = ""
        case strong = "1"
        case dim = "2"
        case alarm = "1;31"
        case calm = "32"
    }

    typealias Part = (style: Style, text: String)

    /// The whole picture, at most `rows` lines of at most `columns` characters, without line feeds.
    package func lines(_ model: TopModel, at time: UTCTime) -> [String] {
        var lines = [header(model, at: time)]
        guard let lane = model.lane else {
            lines += [[], [(.alarm, "No office answers. A lane that runs goes on serving; retrying every second.")]]
            return lines.map(line)
        }
        guard lane.isUp, let status = model.status else {
            let text =
                lane.isUp
                ? "The lane is up; waiting for its first status." : "The lane is down; the office starts it again."
            lines += [filterLine(model.filter)].compactMap(\.self) + [[], [(lane.isUp ? .plain : .alarm, text)]]
            return lines.map(line)
        }
        lines.append(connections(model, status))
        if let handshakes = handshakeLine(model, status) { lines.append(handshakes) }
        if let disk = diskLine(model, status) { lines.append(disk) }
        if let filter = filterLine(model.filter) { lines.append(filter) }
        lines += ruleLines(model.rules)
        let sites = model.sitesByUrgency
        for (index, site) in sites.enumerated() {
            let block = [[]] + self.block(site, model)
            let isLast = index == sites.count - 1
            guard lines.count + block.count + (isLast ? 0 : 1) <= max(rows, 10) else {
                lines.append([(.dim, "and \(sites.count - index) more sites; a taller terminal shows them")])
                break
            }
            lines += block
        }
        return lines.map(line)
    }

    private func header(_ model: TopModel, at time: UTCTime) -> [Part] {
        let name: Part = (.strong, "wasstraat")
        let clock: Part = (.dim, "  \(time.date) \(time.clock) UTC")
        guard let lane = model.lane else { return [name, clock, (.alarm, "  office gone")] }
        var parts = [name, clock]
        if lane.isUp {
            let areAllUp = lane.serving == lane.lanes
            let count = lane.lanes > 1 ? "  lanes up \(lane.serving) of \(lane.lanes)" : "  lane up"
            parts.append((areAllUp ? .calm : .alarm, count))
            if let status = model.status {
                parts.append((.plain, " \(Self.duration(time.seconds - Int64(status.started / 1_000_000_000)))"))
                parts.append((.plain, "  generation \(status.generation)"))
            }
        } else {
            parts.append((.alarm, "  lane down"))
        }
        parts.append((lane.restarts > 0 ? .strong : .plain, "  restarts \(lane.restarts)"))
        return parts
    }

    private func connections(_ model: TopModel, _ status: LaneStatus) -> [Part] {
        func rate(_ count: (LaneStatus) -> UInt64) -> String { Self.rate(model.rate(count)) }
        return [
            (.plain, "connections \(status.connections.open)"),
            (.plain, "  accepted \(rate(\.connections.accepted))/s"),
            (.plain, "  refused \(rate(\.connections.refused))/s"),
            (.plain, "  handshakes \(rate(\.connections.handshakes))/s"),
            (.plain, "  malformed \(rate(\.connections.malformed))/s"),
        ]
    }

    private func block(_ site: SiteStatus, _ model: TopModel) -> [[Part]] {
        let pressure: Part = site.isUnderPressure ? (.alarm, "UNDER PRESSURE") : (.calm, "calm")
        let mode = site.isObserving ? "  observe" : ""
        let room = max(0, columns - pressure.text.count - mode.count - 2)
        var title = [Part]()
        let name = String(Self.shown(site.name).prefix(room))
        title.append((.strong, name))
        let organisation = String("  \(Self.shown(site.organisation))".prefix(max(0, room - name.count)))
        title.append((.dim, organisation))
        title.append((.plain, String(repeating: " ", count: max(2, room + 2 - name.count - organisation.count))))
        title.append(pressure)
        title.append((.plain, mode))
        let origins: Part = (
            site.healthyOrigins < site.origins ? .alarm : .plain, "  origins \(site.healthyOrigins)/\(site.origins)"
        )
        let median = Self.milliseconds(model.firstByte(site, quantile: 0.5))
        let late = Self.milliseconds(model.firstByte(site, quantile: 0.95))
        let state: [Part] = [
            (.plain, "  limit \(Decimals.text(Double(site.limit) / 100, digits: 1))"),
            (.plain, "  in flight \(site.inFlight)"), (.plain, "  waiting \(site.waiting)"), origins,
            (.plain, "  first byte \(median) p95 \(late)"),
        ]
        let head = "  class    requests/s  admitted/s  queued/s  refused/s  left/s  mean wait"
        let over = budget(site, model).map { [$0] } ?? []
        return [title, state] + over + cache(site, model) + [[(.dim, head)]]
            + VisitorClass.allCases.indices.map { row($0, site, model) } + [ladder(site, model)].compactMap(\.self)
            + standing(site, model)
    }

    /// One line where something is kept of the site's responses.
    private func cache(_ site: SiteStatus, _ model: TopModel) -> [[Part]] {
        guard site.cache.objects > 0 || site.cache.fallbacks > 0 else { return [] }
        func rate(_ count: (SiteStatus) -> UInt64) -> String { Self.rate(model.rate(site, count)) }
        let stale = model.rate(site) { $0.cache.stale + $0.cache.fallbacks } ?? 0
        return [
            [
                (.plain, "  cache fresh \(rate(\.cache.hits))/s"),
                (stale > 0 ? .alarm : .plain, "  stale \(rate(\.cache.stale))/s"),
                (.plain, "  waited \(rate(\.cache.collapsed))/s  kept \(site.cache.objects)"),
                (.plain, " in \(Decimals.text(Double(site.cache.bytes) / 1_048_576, digits: 1)) MiB"),
            ]
        ]
    }

    /// What those get who are refused; nil while nobody does.
    private func ladder(_ site: SiteStatus, _ model: TopModel) -> [Part]? {
        let pages = model.rate(site, \.waitingPages)
        let proofs = model.rate(site, \.cookieProofs)
        guard (pages ?? 0) + (proofs ?? 0) > 0 else { return nil }
        let turns = "  turns back \(Self.rate(model.rate(site, \.turnsReturned)))/s"
        return [
            (.plain, "  waiting pages \(Self.rate(pages))/s  cookie proofs \(Self.rate(proofs))/s" + turns),
            (.plain, "  overused \(Self.rate(model.rate(site, \.turnsOverused)))/s"),
        ]
    }

    private func row(_ visitors: Int, _ site: SiteStatus, _ model: TopModel) -> [Part] {
        func cell(_ count: (ClassStatus) -> UInt64, _ width: Int) -> String {
            Self.right(Self.rate(model.rate(site, visitors, count)), width)
        }
        let refused = cell(\.refused, 11)
        let isRefusing = (model.rate(site, visitors, \.refused) ?? 0) > 0
        let name = VisitorClass.allCases[visitors].rawValue
        return [
            (.plain, "  " + name + String(repeating: " ", count: 8 - name.count)),
            (.plain, cell(\.requests, 11) + cell(\.admitted, 12) + cell(\.queued, 10)),
            (isRefusing ? .alarm : .plain, refused),
            (.plain, cell(\.abandoned, 8) + Self.right(Self.milliseconds(model.meanWait(site, visitors)), 11)),
        ]
    }

    /// Parts to one line, cut off at the terminal's edge.
    private func line(_ parts: [Part]) -> String {
        var room = columns
        var text = ""
        for part in parts where room > 0 && !part.text.isEmpty {
            let piece = String(part.text.prefix(room))
            room -= piece.count
            text += hasColour && part.style != .plain ? "\u{1b}[\(part.style.rawValue)m\(piece)\u{1b}[0m" : piece
        }
        return text
    }

    /// A name from the lane without anything that a terminal could obey.
    static func shown(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.isASCII && $0.value >= 0x20 && $0.value < 0x7f ? $0 : "?" }))
    }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    static func rate(_ value: Double?) -> String {
        guard let value else { return "-" }
        return value < 100 ? Decimals.text(value, digits: 1) : Decimals.text(value, digits: 0)
    }

    static func milliseconds(_ value: Double?) -> String {
        guard let value else { return "-" }
        if value >= 10_000 { return Decimals.text(value / 1_000, digits: 1) + " s" }
        return Decimals.text(value, digits: value < 10 ? 1 : 0) + " ms"
    }

    static func duration(_ seconds: Int64) -> String {
        let seconds = max(0, seconds)
        if seconds < 60 { return "\(seconds)s" }
        if seconds < 3_600 { return "\(seconds / 60)m\(seconds % 60)s" }
        if seconds < 86_400 { return "\(seconds / 3_600)h\(seconds / 60 % 60)m" }
        return "\(seconds / 86_400)d\(seconds / 3_600 % 24)h"
    }
}
