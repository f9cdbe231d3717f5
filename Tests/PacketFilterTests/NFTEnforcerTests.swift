import Addresses
import Filters
import Fingerprints
import Glibc
import Mitigations
import Moments
import PacketFilter
import TestKit
import Testing

/// The present on both clocks, as the door reads them.
private func present() -> FilterTime {
    var wall = timespec()
    clock_gettime(CLOCK_REALTIME, &wall)
    return FilterTime(
        wall: Moment(milliseconds: Int64(wall.tv_sec) * 1_000 + Int64(wall.tv_nsec) / 1_000_000), clock: KernelClock.now
    )
}

private let note = FilterNote(tenant: "example", reason: "flood", author: .operator)

private func prefixes(_ texts: [String]) throws -> [Prefix] { try texts.map { try #require(Prefix($0)) } }

private func fingerprint(_ conditions: (Feature, String)..., seconds: Double = 600) -> Fingerprint {
    let now = present().wall
    return Fingerprint(
        conditions: conditions.map { Fingerprint.Condition($0.0, $0.1) },
        evidence: Fingerprint.Evidence(
            coverage: 1, collateral: 0, attackCount: 1_000, baselineCount: 1_000, sources: 10, from: now, until: now),
        made: now, expires: now + seconds)
}

/// An enforcer with its book, and the wire that it filters.
private final class Filtered {
    let wire: OwnWire
    var enforcer: NFTEnforcer
    var book = FilterBook(key: 1)

    init(_ wire: OwnWire) throws {
        self.wire = wire
        enforcer = try NFTEnforcer(interface: wire.near)
        try enforcer.align(with: book, at: present())
    }

    func tell(
        _ what: FilterOrder.What, note: FilterNote = note, seconds: UInt32 = 600, isDry: Bool = false
    ) throws {
        let now = present()
        let added = try book.add(FilterOrder(what, note: note, seconds: seconds, isDry: isDry), at: now)
        try enforcer.perform(added.actions, of: book, at: now)
    }

    func block(_ texts: String..., seconds: UInt32 = 600, isDry: Bool = false) throws {
        try tell(.block(prefixes(texts)), seconds: seconds, isDry: isDry)
    }

    func unblock(_ text: String) throws {
        let actions = try book.remove(.blocked, try #require(Prefix(text)))
        try enforcer.perform(actions, of: book, at: present())
    }

    func count(_ reason: FilterReason) throws -> UInt64 { try enforcer.counts()[Int(reason.rawValue)].packets }

    func pass(_ source: String, _ port: UInt16 = 0) throws -> Int { try wire.pass(10, from: source, port) }

    static func run(_ body: (Filtered) throws -> Void) throws {
        try OwnWire.run { try body(Filtered($0)) }
    }

    static func rules() throws -> String { try Tool.run(["nft", "list", "ruleset"]) }
}

/// Puts a program in nft's place.
private func install(_ script: String, in folder: TemporaryFolder) throws {
    let path = "\(folder.path)/nft"
    try Tool.run(["sh", "-c", "cat > \(path); chmod 755 \(path)"], input: Array(script.utf8))
}

@Suite(.needsRoot, .needs(tool: "nft"), .needs(tool: "ip"), .serialized) struct `nftables in place of XDP` {
    @Test func `stops addresses and networks, and lets them pass again`() throws {
        try Filtered.run { filtered in
            try filtered.wire.own("10.99.7.7", "10.99.8.1", "10.99.8.2")
            #expect(try filtered.pass("10.99.7.7") == 10)
            try filtered.block("10.99.7.7", "10.99.8.0/24")
            #expect(try filtered.pass("10.99.7.7") == 0)
            #expect(try filtered.pass("10.99.8.1") == 0)
            #expect(try filtered.pass("10.99.8.2") == 0)
            #expect(try filtered.pass("10.99.0.1") == 10)
            #expect(try filtered.count(.blockedSource) == 10)
            #expect(try filtered.count(.blockedNetwork) == 20)
            #expect(try filtered.count(.passed) >= 20)
            let counts = try filtered.enforcer.counts()
            #expect(counts.count == FilterReason.allCases.count)
            #expect(counts[Int(FilterReason.blockedSource.rawValue)].bytes == 10 * (20 + 8 + 8))
            try filtered.unblock("10.99.7.7")
            try filtered.unblock("10.99.8.0/24")
            #expect(try filtered.pass("10.99.7.7") == 10)
            #expect(try filtered.pass("10.99.8.1") == 10)
        }
    }

    @Test func `stops IPv6 too`() throws {
        try Filtered.run { filtered in
            try filtered.wire.own("fd99::7", "fd99::8:1", "fd99::9:1")
            try filtered.block("fd99::7", "fd99::8:0/112")
            #expect(try filtered.pass("fd99::7") == 0)
            #expect(try filtered.pass("fd99::8:1") == 0)
            #expect(try filtered.pass("fd99::9:1") == 10)
            #expect(try filtered.count(.blockedSource) == 10)
            #expect(try filtered.count(.blockedNetwork) == 10)
        }
    }

    @Test func `lets what is allowed pass, whatever else is said`() throws {
        try Filtered.run { filtered in
            try filtered.wire.own("10.99.8.1", "10.99.8.2", "fd99::8:1")
            // What is allowed may be within what is blocked.
            try filtered.tell(.allow(prefixes(["10.99.8.1", "fd99::8:1"])))
            try filtered.block("10.99.8.0/24", "fd99::/64")
            #expect(try filtered.pass("10.99.8.1") == 10)
            #expect(try filtered.pass("fd99::8:1") == 10)
            #expect(try filtered.pass("10.99.8.2") == 0)
            #expect(try filtered.count(.allowed) >= 20)
        }
    }

    @Test func `asks the smallest network, of those that lie in each other`() throws {
        try Filtered.run { filtered in
            try filtered.wire.own("10.99.8.1", "10.99.9.1")
            try filtered.block("10.99.8.0/22")
            try filtered.block("10.99.8.0/24", isDry: true)
            #expect(try filtered.pass("10.99.8.1") == 10)
            #expect(try filtered.pass("10.99.9.1") == 0)
            #expect(try filtered.count(.dryBlockedNetwork) == 10)
            try filtered.unblock("10.99.8.0/24")
            #expect(try filtered.pass("10.99.8.1") == 0)
        }
    }

    @Test func `counts what is dry and drops it not, until it is live`() throws {
        try Filtered.run { filtered in
            try filtered.wire.own("10.99.7.7")
            try filtered.block("10.99.7.7", isDry: true)
            #expect(try filtered.pass("10.99.7.7") == 10)
            #expect(try filtered.count(.dryBlockedSource) == 10)
            #expect(try filtered.count(.blockedSource) == 0)
            try filtered.block("10.99.7.7")
            #expect(try filtered.pass("10.99.7.7") == 0)
            try filtered.block("10.99.7.7", seconds: 900, isDry: true)
            #expect(try filtered.pass("10.99.7.7") == 10)
        }
    }

    @Test func `lets entries and rules end by themselves`() throws {
        try Filtered.run { filtered in
            try filtered.wire.own("10.99.7.7", "10.99.7.8", "10.99.8.1")
            try filtered.block("10.99.7.7", "10.99.8.0/24", seconds: 2)
            try filtered.block("10.99.7.8", seconds: 2)
            // Said once more, it lasts longer: its first end is not kept.
            try filtered.block("10.99.7.8", seconds: 600)
            try filtered.tell(.rule(fingerprint((.sourcePort, "5000"), (.protocol, "udp"), seconds: 2), targets: []))
            #expect(try filtered.pass("10.99.7.7") == 0)
            #expect(try filtered.pass("10.99.8.1") == 0)
            #expect(try filtered.pass("10.99.0.1", 5_000) == 0)
            // The second in which they are told may just have begun.
            usleep(3_600_000)
            #expect(try filtered.pass("10.99.7.7") == 10)
            #expect(try filtered.pass("10.99.8.1") == 10)
            #expect(try filtered.pass("10.99.0.1", 5_000) == 10)
            #expect(try filtered.pass("10.99.7.8") == 0)
            // What has ended in the kernel is taken out of the book, and that is no error.
            let now = present()
            let expired = filtered.book.expire(at: now)
            #expect(expired.actions.count == 3)
            try filtered.enforcer.perform(expired.actions, of: filtered.book, at: now)
            #expect(try filtered.pass("10.99.7.8") == 0)
        }
    }

    @Test func `drops and counts by fingerprints`() throws {
        try Filtered.run { filtered in
            try filtered.tell(.rule(fingerprint((.protocol, "udp"), (.sourcePort, "5000")), targets: []))
            try filtered.tell(.rule(fingerprint((.protocol, "udp"), (.sourcePort, "5001")), targets: []), isDry: true)
            try filtered.tell(
                .rule(fingerprint((.protocol, "udp"), (.sourcePort, "5002")), targets: prefixes(["10.99.0.3"])))
            for source in ["10.99.0.1", "fd99::1"] {
                #expect(try filtered.pass(source, 5_000) == 0)
                #expect(try filtered.pass(source, 5_001) == 10)
                #expect(try filtered.pass(source, 5_002) == 10)
                #expect(try filtered.pass(source, 5_003) == 10)
            }
            let counters = filtered.book.rules.map(\.counter)
            #expect(try filtered.enforcer.hits(of: counters).map(\.packets) == [20, 20, 0])
            #expect(try filtered.enforcer.hits(of: [4_000, counters[1]]).map(\.packets) == [0, 20])
            #expect(try filtered.count(.rule) == 20)
            #expect(try filtered.count(.dryRule) == 20)
            // How one is carried out changes nothing of its counts; a new rule begins with none.
            let now = present()
            let actions = try filtered.book.conduct(rule: filtered.book.rules[0].id, isDry: true, at: now)
            try filtered.enforcer.perform(actions, of: filtered.book, at: now)
            #expect(try filtered.pass("10.99.0.1", 5_000) == 10)
            #expect(try filtered.enforcer.hits(of: counters).map(\.packets) == [30, 20, 0])
            try filtered.enforcer.perform([.clearHits(counters[0])], of: filtered.book, at: now)
            #expect(try filtered.enforcer.hits(of: counters).map(\.packets) == [0, 20, 0])
            #expect(filtered.enforcer.conduct.generation >= 5)
        }
    }

    @Test func `leaves a rule out that nft cannot say, and says so`() throws {
        try Filtered.run { filtered in
            // A type without the name before it: the kernel's own filter walks there.
            try filtered.tell(.rule(fingerprint((.protocol, "udp"), (.dnsType, "255")), targets: []))
            try filtered.tell(.rule(fingerprint((.protocol, "udp"), (.sourcePort, "5000")), targets: []))
            let missing = filtered.enforcer.conduct.missing
            #expect(
                missing.filter { $0.hasPrefix("Rule 1 is not carried out: nftables cannot say dns_type") }.count == 1)
            #expect(!missing.contains { $0.hasPrefix("Rule 2") })
            #expect(try filtered.pass("10.99.0.1", 5_000) == 0)
            #expect(try filtered.pass("10.99.0.1", 5_001) == 10)
        }
    }

    @Test func `leaves a rule out that this kernel refuses, and keeps the others`() throws {
        try Filtered.run { filtered in
            // An nft of which the kernel refuses one source port.
            let folder = try TemporaryFolder()
            let nft = try #require(Tool.path(of: "nft"))
            let script = """
                #!/bin/sh
                input=$(cat)
                case "$input" in *"sport 5003"*) echo "Error: Operation not supported" >&2; exit 1;; esac
                printf '%s' "$input" | \(nft) "$@"

                """
            try install(script, in: folder)
            filtered.enforcer = try NFTEnforcer(interface: filtered.wire.near, searching: folder.path)
            for port in 5_000...5_007 {
                try filtered.tell(
                    .rule(fingerprint((.protocol, "udp"), (.sourcePort, "\(port)")), targets: []))
            }
            #expect(
                filtered.enforcer.conduct.missing.last
                    == "Rule 4 is not carried out: nft said: Operation not supported.")
            #expect(try filtered.pass("10.99.0.1", 5_002) == 0)
            #expect(try filtered.pass("10.99.0.1", 5_003) == 10)
            #expect(try filtered.pass("10.99.0.1", 5_004) == 0)
            // A new table asks again.
            try filtered.enforcer.align(with: filtered.book, at: present())
            #expect(filtered.enforcer.conduct.missing.count { $0.hasPrefix("Rule 4") } == 1)
        }
    }

    @Test func `filters on without us, and is brought to what the book says`() throws {
        try Filtered.run { filtered in
            try filtered.wire.own("10.99.7.7", "10.99.7.8", "10.99.8.1")
            try filtered.block("10.99.7.7", "10.99.8.0/24")
            try filtered.tell(.rule(fingerprint((.protocol, "udp"), (.sourcePort, "5000")), targets: []))
            // As after kill -9: nobody takes the table away.
            filtered.enforcer = try NFTEnforcer(interface: filtered.wire.near)
            #expect(try filtered.pass("10.99.7.7") == 0)
            var book = FilterBook(key: 1)
            let now = present()
            _ = try book.add(FilterOrder(.block(prefixes(["10.99.7.8"])), note: note, seconds: 600), at: now)
            filtered.book = book
            // The first thing that it is told makes it write all.
            try filtered.enforcer.perform([], of: book, at: now)
            #expect(try filtered.pass("10.99.7.7") == 10)
            #expect(try filtered.pass("10.99.8.1") == 10)
            #expect(try filtered.pass("10.99.0.1", 5_000) == 10)
            #expect(try filtered.pass("10.99.7.8") == 0)
            // Counters outlive us as well.
            #expect(try filtered.count(.blockedSource) == 20)
            // No set of the old table is left.
            #expect(try Filtered.rules().split(separator: "\n").count { $0.contains("set ") } == 1)
            try filtered.enforcer.align(with: book, at: present())
            #expect(try Filtered.rules().split(separator: "\n").count { $0.contains("set ") } == 1)
            #expect(try filtered.pass("10.99.7.8") == 0)
        }
    }

    @Test func `notices that somebody has taken the table away, and writes it anew`() throws {
        try Filtered.run { filtered in
            try filtered.wire.own("10.99.7.7")
            try filtered.block("10.99.7.7")
            try Tool.run(["nft", "flush", "ruleset"])
            #expect(throws: EnforcerError.self) { try filtered.enforcer.counts() }
            #expect(filtered.enforcer.conduct.mode == .none)
            #expect(filtered.enforcer.conduct.missing[0].contains("taken the table wasstraat_near away"))
            try filtered.enforcer.perform([], of: filtered.book, at: present())
            #expect(filtered.enforcer.conduct.mode == .nftables)
            #expect(try filtered.pass("10.99.7.7") == 0)
            // Unnoticed, the next order fails, and the one after it does all.
            try Tool.run(["nft", "flush", "ruleset"])
            #expect(throws: EnforcerError.self) { try filtered.block("10.99.7.6") }
            try filtered.block("10.99.7.5")
            #expect(try filtered.pass("10.99.7.7") == 0)
        }
    }

    @Test func `writes the ends of rules anew where the wall clock is set`() throws {
        try Filtered.run { filtered in
            try filtered.tell(.rule(fingerprint((.protocol, "udp"), (.sourcePort, "5000")), targets: []))
            var now = present()
            now.wall = now.wall + 1
            filtered.enforcer.rest(at: now)
            #expect(try filtered.pass("10.99.0.1", 5_000) == 0)
            // By the clock that is said here, 600 s from now lie long behind the one that the kernel has.
            now.wall = now.wall + -3_600
            filtered.enforcer.rest(at: now)
            #expect(try filtered.pass("10.99.0.1", 5_000) == 10)
            filtered.enforcer.rest(at: present())
            #expect(try filtered.pass("10.99.0.1", 5_000) == 0)
            #expect(try filtered.enforcer.hits(of: [filtered.book.rules[0].counter]).map(\.packets) == [20])
        }
    }

    @Test func `notices that the interface has gone`() throws {
        try Filtered.run { filtered in
            filtered.enforcer.rest(at: present())
            #expect(filtered.enforcer.conduct.mode == .nftables)
            try OwnWire.ip("link delete near")
            filtered.enforcer.rest(at: present())
            #expect(filtered.enforcer.conduct.mode == .none)
        }
    }

    @Test func `leaves nothing behind`() throws {
        try Filtered.run { filtered in
            try filtered.wire.own("10.99.7.7")
            try Tool.run(["nft", "-f", "-"], input: Array("table netdev other {}".utf8))
            try filtered.block("10.99.7.7")
            try filtered.enforcer.detach()
            #expect(filtered.enforcer.conduct.mode == .none)
            #expect(try filtered.pass("10.99.7.7") == 10)
            let rules = try Filtered.rules()
            #expect(!rules.contains("wasstraat") && rules.contains("table netdev other"))
            #expect(try filtered.enforcer.counts().allSatisfy { $0 == FilterCount() })
            // There is nothing to take away, which is fine; and all of it can come back.
            try filtered.enforcer.detach()
            try filtered.enforcer.align(with: filtered.book, at: present())
            #expect(try filtered.pass("10.99.7.7") == 0)
        }
    }

    @Test func `writes no text of the book's`() throws {
        try Filtered.run { filtered in
            let hostile = "x\" } ; flush ruleset ; include \"/etc/passwd\" #$'`"
            let note = FilterNote(tenant: hostile, reason: hostile, author: .operator)
            try filtered.tell(.block(prefixes(["10.99.7.7"])), note: note)
            var rule = fingerprint((.protocol, "udp"), (.service, "dns response"))
            rule.kind = hostile
            rule.evidence.networks = [.init(prefix: hostile, share: 1)]
            rule.evidence.isSpoofable = false
            try filtered.tell(.rule(rule, targets: []), note: note)
            let rules = try Filtered.rules()
            #expect(!rules.contains("flush") && !rules.contains("passwd") && !rules.contains("comment"))
            #expect(rules.contains("10.99.7.7") && rules.contains("rule_1"))
        }
    }

    @Test func `splits what is too much for one transaction`() throws {
        try Filtered.run { filtered in
            try filtered.wire.own("10.99.7.7")
            let now = present()
            let until = now.clock + 600_000_000_000
            func actions(_ count: UInt32) -> [FilterAction] {
                (0..<count).map {
                    .insert(.blocked, Prefix(Address(ipv4: 0xc612_0000 + $0), length: 32), until: until, isDry: false)
                }
            }
            let last = FilterAction.insert(.blocked, try #require(Prefix("10.99.7.7")), until: until, isDry: false)
            let count = UInt32(NFTEnforcer.elementLimit) + 1_000
            try filtered.enforcer.perform(actions(count) + [last], of: filtered.book, at: now)
            #expect(try filtered.pass("10.99.7.7") == 0)
            try filtered.enforcer.perform(
                actions(count).map { action in
                    guard case .insert(let list, let prefix, _, _, _) = action else { return action }
                    return .remove(list, prefix)
                }, of: filtered.book, at: now)
            let left = try Tool.run(["nft", "list", "set", "netdev", "wasstraat_near", "blocked_4_32_live_1"])
            #expect(left.contains("10.99.7.7") && !left.contains("198.18."))
        }
    }

    @Test func `writes a large book beside the one that holds`() throws {
        try Filtered.run { filtered in
            try filtered.wire.own("10.99.7.7")
            try filtered.block("10.99.7.7")
            for start in stride(from: UInt32(0), to: 40_000, by: 4_000) {
                let many = (start..<start + 4_000).map { Prefix(Address(ipv4: 0xc612_0000 + $0), length: 32) }
                _ = try filtered.book.add(FilterOrder(.block(many), note: note, seconds: 600), at: present())
            }
            try filtered.enforcer.align(with: filtered.book, at: present())
            #expect(try filtered.pass("10.99.7.7") == 0)
            let set = try Tool.run(["nft", "list", "set", "netdev", "wasstraat_near", "blocked_4_32_live_2"])
            #expect(set.split(separator: ",").count == 40_001)
            #expect(try filtered.count(.blockedSource) == 10)
        }
    }

    @Test func `says what one action makes of another, in their order`() throws {
        try Filtered.run { filtered in
            try filtered.wire.own("10.99.7.7", "10.99.7.8")
            let (one, two) = (try #require(Prefix("10.99.7.7")), try #require(Prefix("10.99.7.8")))
            let now = present()
            let until = now.clock + 60_000_000_000
            try filtered.enforcer.perform(
                [
                    .insert(.blocked, one, until: until, isDry: false), .remove(.blocked, one), .remove(.blocked, two),
                    .insert(.blocked, two, until: until, isDry: true),
                    .insert(.blocked, two, until: .max, isDry: false),
                    .insert(.flooded, one, until: until, isDry: false),
                ], of: filtered.book, at: now)
            #expect(try filtered.pass("10.99.7.7") == 10)
            #expect(try filtered.pass("10.99.7.8") == 0)
            // One that has ended is none.
            try filtered.enforcer.perform(
                [.insert(.blocked, two, until: now.clock, isDry: false)], of: filtered.book, at: now)
            #expect(try filtered.pass("10.99.7.8") == 10)
        }
    }

    @Test func `names an interface as it is`() throws {
        try OwnWire.run { wire in
            try OwnWire.ip("link add name e-x@.1_0 type veth peer name other")
            #expect(NFTEnforcer.probe(interface: "e-x@.1_0") == nil)
            let other = try NFTEnforcer(interface: NetworkInterface(named: "e-x@.1_0"))
            try other.align(with: FilterBook(key: 1), at: present())
            #expect(try Filtered.rules().contains("table netdev wasstraat_e_2dx_40_2e1_5f0"))
            try other.detach()
        }
    }

    @Test func `says what is missing`() throws {
        try OwnWire.run { wire in
            #expect(NFTEnforcer.probe(interface: "near") == nil)
            let left = try Filtered.rules()
            #expect(left.isEmpty)
            #expect(NFTEnforcer.probe(interface: "nothing") == "There is no interface nothing.")
            #expect(NFTEnforcer.probe(interface: "near", searching: "/nowhere")?.contains("nftables") == true)
            for name in ["", "n*", "a\"b", "x y", "a;b", "abcdefghijklmnop", "naïf"] {
                #expect(NFTEnforcer.probe(interface: name)?.contains("characters") == true)
                #expect(throws: EnforcerError.self) {
                    try NFTEnforcer(interface: NetworkInterface(name: name, index: 1))
                }
            }
        }
    }

    @Test func `ends an nft that hangs, talks too much or fails`() throws {
        try OwnWire.run { wire in
            func said(_ script: String) throws -> (reason: String, milliseconds: UInt64) {
                let folder = try TemporaryFolder()
                try install(script, in: folder)
                let enforcer = try NFTEnforcer(interface: wire.near, searching: folder.path)
                let start = KernelClock.now
                let error = try #require(throws: EnforcerError.self) {
                    try enforcer.align(with: FilterBook(key: 1), at: present())
                }
                return (error.reason, (KernelClock.now - start) / 1_000_000)
            }
            let hung = try said("#!/bin/sh\nexec sleep 60\n")
            #expect(hung.reason.contains("longer than 5 s") && hung.milliseconds < 8_000)
            #expect(try said("#!/bin/sh\nexec cat /dev/zero\n").reason.contains("more than"))
            #expect(
                try said("#!/bin/sh\necho 'x: Error: of \"mine\"' >&2\nexit 1\n").reason.contains(
                    "nft said: of \"mine\""))
            #expect(try said("#!/bin/sh\nexit 0\n").reason.contains("listing"))
            for listing in [
                "{", "[]", #"{"nftables": [{"chain": {"name": "a", "table": "#, #"{"nftables": [{"chain": {"name": "\"#,
                #"{"nftables": [{"counter": {"packets": -1}}]}"#, #"{"nftables": 7"#,
                #"{"nftables": [{"counter": {"packets": 99999999999999999999}}]}"#, #"{"nftables": [{"a": }]}"#,
                String(repeating: "[", count: 100_000), #"{"nftables": "# + String(repeating: "[", count: 100_000),
            ] {
                #expect(try said("#!/bin/sh\ncat <<'END'\n\(listing)\nEND\n").reason.contains("listing"), "\(listing)")
            }
            #expect(try said("#!/bin/sh\nkill -9 $$\n").reason.contains("signal 9"))
            #expect(try said("not a program").reason.contains("cannot start"))
        }
    }
}
