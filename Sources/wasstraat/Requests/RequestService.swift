internal import Bytes
internal import Detection
internal import FoundationEssentials
internal import Logging
internal import Messages
internal import Moments
internal import ServiceLifecycle

/// Looks after the rules on requests, beside the record and without it: whatever becomes of the register, rules go to the
/// lanes.
struct RequestService: Service {
    /// Seconds between two savings of the profiles.
    private static let saveTime = 600.0
    private static let profileLimit = 4 << 20
    /// The operator's words on rules: what was undone stays undone in the office that comes after this one.
    private static let wordFile = "rules.words"
    private static let wordLimit = 16 << 20

    let feed: RequestFeed
    let mailbox: Mailbox
    let folder: StateFolder
    let current: CurrentConfiguration
    let report: OfficeReport
    let logger = Logger(label: "requests")

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup { group in
                group.addTask { await tick() }
                group.addTask { await work() }
                // Whichever ends first ends the other.
                await group.next()
                group.cancelAll()
            }
        }
    }

    private func tick() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            feed.ring()
        }
    }

    private func work() async {
        var desk = RequestDesk()
        var words = readWords()
        var version = -1
        var savedAt = Moment.now
        var reportedAt = Moment(milliseconds: 0)
        for await _ in feed.bells {
            let (configuration, newest) = current.now
            if newest != version {
                desk.follow(configuration.checks.map(\.site), configuration.fingerprints) { profile(of: $0) }
                desk.recall(words, at: .now)
                version = newest
            }
            let (news, missed) = feed.take()
            var isOrdered = false
            for item in news {
                switch item {
                case .samples(let samples, let at): desk.take(samples, at: at)
                case .take(let fingerprint, let at): desk.take(fingerprint, at: at)
                case .order(let order, let rule, let site):
                    desk.follow(order, of: rule, at: site)
                    isOrdered = true
                }
            }
            if isOrdered { keep(&words, of: desk) }
            let now = Moment.now
            if let rules = desk.turn(now) { mailbox.send(.requestRules(rules)) }
            // Who gave an order looks at once whether it holds.
            guard now - reportedAt >= 1 || now < reportedAt || isOrdered else { continue }
            reportedAt = now
            let state = OfficeReport.Requests(
                rules: desk.rules(now), standing: desk.standing, entries: desk.entries, missed: missed)
            report.update { $0.requests = state }
            if now - savedAt >= Self.saveTime || now < savedAt {
                savedAt = now
                keep(&words, of: desk)
                save(desk)
            }
        }
        keep(&words, of: desk)
        save(desk)
    }

    // MARK: Words on disk

    private func readWords() -> [String: [LiveRule.Word]] {
        guard let bytes = folder.read(Self.wordFile, limit: Self.wordLimit) else { return [:] }
        do {
            return try JSONDecoder().decode([String: [LiveRule.Word]].self, from: Data(bytes))
        } catch {
            logger.error("words on rules on requests are broken, and forgotten", metadata: ["reason": "\(error)"])
            return [:]
        }
    }

    /// Brings them up to date, and to disk. A site that is away for a while keeps its own until their time is over.
    private func keep(_ words: inout [String: [LiveRule.Word]], of desk: RequestDesk) {
        let (before, now) = (words, Moment.now)
        words = words.mapValues { $0.filter { !$0.isOver(at: now) } }.filter { !$0.value.isEmpty }
        for (name, watch) in desk.street.sites { words[name] = watch.words.isEmpty ? nil : watch.words }
        guard words != before else { return }
        do {
            try folder.write(Array(JSONEncoder().encode(words)), to: Self.wordFile)
        } catch {
            logger.error("words on rules on requests were not saved", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: Profiles on disk: requests with masked values, and no address.

    private static func file(of site: String) -> String { "requests-\(site).profile" }

    private func profile(of site: String) -> RequestProfile? {
        guard let bytes = folder.read(Self.file(of: site), limit: Self.profileLimit) else { return nil }
        do throws(Malformed) {
            return try RequestProfile(bytes: bytes)
        } catch {
            logger.error(
                "a profile of requests is broken; it is learnt anew",
                metadata: ["site": "\(site)", "reason": "\(error)"])
            return nil
        }
    }

    private func save(_ desk: RequestDesk) {
        for (name, watch) in desk.street.sites where watch.profile.since != nil {
            do throws(OfficeError) {
                try folder.write(watch.profile.bytes, to: Self.file(of: name), isDurable: false)
            } catch {
                return logger.error("a profile of requests was not saved", metadata: ["reason": "\(error)"])
            }
        }
    }
}
