internal import Fingerprints
internal import Packets

/// Collects the rules of a file.
struct RuleWriter {
    let language: RuleLanguage
    let options: RuleOptions
    /// nftables: a chain's lines. Others: the file's.
    private var body: [String] = []
    private var count = 0
    private var program = BPFProgram()
    private var signature: UInt32

    struct Written {
        var lines: [String]
        var unsaid: [CompiledRules.Unsaid] = []
        var routes: [FlowSpec.Route] = []
    }

    init(language: RuleLanguage, options: RuleOptions) {
        self.language = language
        self.options = options
        signature = options.firstSignature
    }

    mutating func write(_ draft: RuleDraft) -> Result<Written, RuleRefusal> {
        let isOfPackets = draft.fingerprint.isOfPackets
        let patterns = isOfPackets ? PacketPattern.patterns(draft.tests) : []
        if isOfPackets, patterns.isEmpty {
            return .failure(RuleRefusal("no single packet can meet its conditions together"))
        }
        var written = Written(lines: [])
        do throws(RuleRefusal) {
            switch language {
            case .nftables:
                written.lines = NFTables.lines(patterns, draft, options)
            case .bpf:
                var extended = program
                if extended.instructions.isEmpty { extended.begin(options.link) }
                let before = extended.instructions.count
                try extended.add(patterns, targets: options.targets, sources: draft.sources)
                program = extended
                written.lines = program.instructions[before...].map(\.description)
            case .flowspec:
                written.routes = try FlowSpec.routes(patterns, draft, options)
                written.lines = written.routes.map { FlowSpec.line($0, options.announcer, name: draft.id) }
            case .suricata:
                written.lines =
                    isOfPackets
                    ? try Suricata.lines(patterns, draft, options, first: signature)
                    : [try Suricata.line(ofRequests: draft, options, signature)]
                signature &+= UInt32(written.lines.count)
            case .haproxy:
                written.lines = try HAProxy.lines(draft, options, number: count)
            case .nginx:
                written.lines = try Nginx.lines(draft, options, number: count)
            }
        } catch {
            return .failure(error)
        }
        guard !written.lines.isEmpty else {
            return .failure(RuleRefusal("nothing of it is of the target's IP version"))
        }
        if options.isCommented, language != .bpf {
            body.append("# \(RuleText.heading(draft))")
            body.append("# \(RuleText.summary(draft))")
            if !draft.dropped.isEmpty {
                let left = draft.dropped.map(\.feature.rawValue).joined(separator: ", ")
                body.append("# widened: it goes without \(left), and hits more than the fingerprint")
            }
        }
        body += written.lines
        count += 1
        return .success(written)
    }

    /// The whole file.
    mutating func finish(_ rules: [CompiledRule]) -> String {
        switch language {
        case .nftables: return NFTables.file(body, options)
        case .bpf:
            if program.instructions.isEmpty { program.begin(options.link) }
            return program.finished().text
        case .flowspec: return FlowSpec.file(body, options.announcer)
        case .suricata, .haproxy: return body.map { $0 + "\n" }.joined()
        case .nginx: return Nginx.file(body, count: count)
        }
    }
}
