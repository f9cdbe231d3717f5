internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import Incidents
internal import Moments
internal import NIOCore
internal import Synchronization

/// Those who read live figures now.
final class Viewers: Sendable {
    private let count = Atomic<Int>(0)

    /// Whether there was room for one more.
    func enter(limit: Int) -> Bool {
        guard count.wrappingAdd(1, ordering: .relaxed).newValue <= limit else {
            leave()
            return false
        }
        return true
    }

    func leave() { count.wrappingSubtract(1, ordering: .relaxed) }
}

/// Live figures as server-sent events (WHATWG HTML, section 9.2): each second what changes in the page, as a list of
/// [identifier, "t" text | "d" path | "c" class, value]. All drawing is done here, so that the script only has to put it in.
extension Console {
    /// - Parameter site: nil: all sites that may be seen.
    func live(_ visit: Visit, of site: SiteNow?) throws -> Response {
        guard visit.account != nil else { throw Refusal.signedOut }
        let console = self
        let body = ResponseBody { writer in
            guard console.viewers.enter(limit: console.configuration.viewerLimit) else {
                try await writer.write(ByteBuffer(string: "retry: 60000\n\n"))
                return try await writer.finish(nil)
            }
            defer { console.viewers.leave() }
            try await console.follow(visit, site, &writer)
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "text/event-stream"], body: body)
    }

    @concurrent private func follow(_ visit: Visit, _ site: SiteNow?, _ writer: inout any ResponseBodyWriter)
        async throws
    {
        try await writer.write(ByteBuffer(string: "retry: 5000\n\n"))
        let now = visit.now
        var plot: Plot?
        if let site {
            plot = Plot(try await records.points(site: site.site, in: now + -Double(Plot.window)..<now + 1), at: now)
        }
        var seen = 0
        var sent: [String: String] = [:]
        var names = try await visible(visit, site)
        for await points in await street.seconds() {
            seen += 1
            // Who signs out, or loses an account or a site, reads at most this many seconds more.
            if seen % 10 == 0 {
                guard let fresh = try await still(visit) else { return }
                names = try await visible(fresh, site)
            }
            var changes =
                plot == nil && seen % 10 == 0
                ? stateChanges(names.values.sorted { $0.site < $1.site }, visit.wording) : []
            for point in points {
                guard let now = names[point.site] else { continue }
                if plot == nil { changes += cardChanges(point, now, visit.wording) }
                plot?.add(point)
                if let plot { changes += plotChanges(plot, point, visit.wording) }
            }
            changes = changes.filter { sent.updateValue($0[2], forKey: $0[0]) != $0[2] }
            guard !changes.isEmpty else {
                // A comment, to learn whether someone still reads.
                try await writer.write(ByteBuffer(string: ":\n\n"))
                continue
            }
            let text = String(decoding: try JSONEncoder().encode(changes), as: UTF8.self)
            try await writer.write(ByteBuffer(string: "data: \(text)\n\n"))
        }
    }

    /// The visit with the account as it is now; nil where its session has ended.
    private func still(_ visit: Visit) async throws -> Visit? {
        guard let token = visit.token, let account = try await records.account(name: token.name),
            let session = try await records.session(key: token.key(account)), session.expires > clock()
        else { return nil }
        var visit = visit
        visit.account = account
        return visit
    }

    private func visible(_ visit: Visit, _ site: SiteNow?) async throws -> [String: SiteNow] {
        let sites = await street.now().filter { visit.sees($0.organisation) && (site == nil || $0.site == site?.site) }
        return Dictionary(sites.map { ($0.site, $0) }) { first, _ in first }
    }

    private func cardChanges(_ point: SitePoint, _ site: SiteNow, _ wording: Wording) -> [[String]] {
        let bar = Bar(point)
        return Figures(point).named.map { ["\(site.key)-\($0.0)", "t", wording.number($0.1)] } + [
            ["\(site.key)-bar-admitted", "d", bar.admitted], ["\(site.key)-bar-queued", "d", bar.queued],
            ["\(site.key)-bar-refused", "d", bar.refused],
        ]
    }

    private func stateChanges(_ sites: [SiteNow], _ wording: Wording) -> [[String]] {
        sites.flatMap { site in
            let state = wording.state(site.state)
            return [
                ["\(site.key)-badge", "c", "badge is-\(site.state.rawValue)"],
                ["\(site.key)-card", "c", "card site is-\(site.state.rawValue)"],
                ["\(site.key)-sign", "t", state["sign"] as? String ?? ""],
                ["\(site.key)-state", "t", state["name"] as? String ?? ""],
            ]
        }
    }

    private func plotChanges(_ plot: Plot, _ point: SitePoint, _ wording: Wording) -> [[String]] {
        plot.drawing(wording).map { [$0.id, $0.isPath ? "d" : "t", $0.value] }
            + Figures(point).named.map { ["n-\($0.0)", "t", wording.number($0.1)] }
    }
}
