import Addresses
import Filters
import Glibc
import Messages
import Mitigations
import PacketFilter
import TestKit
import Testing

private let note = FilterNote(tenant: "example", reason: "a test", author: .gateway)

private func block(_ texts: String..., for seconds: UInt32 = 600) throws -> FilterRequest {
    let prefixes = try texts.map { try #require(Prefix($0)) }
    return .add(FilterOrder(.block(prefixes), note: note, seconds: seconds))
}

private func status(_ running: RunningFilter) throws -> FilterStatus {
    guard case .status(let status) = try running.ask(.status) else { throw TestKitError.timedOut("a status") }
    return status
}

@Suite(.serialized, .needsRoot, .needsBPF, .needs(tool: "ip"), .needs(tool: "setpriv"))
struct `The filter's process with the unit's three rights` {
    /// As deploy/wasstraat-filter.service gives them; that the user is called root gives none.
    private static let prefix = {
        let rights = "-all,+bpf,+net_admin,+perfmon"
        return [
            "setpriv", "--securebits", "+noroot,+noroot_locked", "--no-new-privs", "--inh-caps", rights,
            "--ambient-caps", rights, "--bounding-set", rights,
        ]
    }()

    @Test func `filters in the driver, takes over what stands, and attaches anew`() throws {
        // systemd mounts it where it runs; the three rights do not.
        try Tool.run(["sh", "-c", "mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf"])
        try OwnNetwork.run { _, _ in
            let folder = try TemporaryFolder()
            for round in 0..<2 {
                let running = try RunningFilter(state: folder.path("state"), prefix: Self.prefix)
                let found = try status(running)
                #expect(found.conduct.mode == .native, "\(found.conduct.missing)")
                #expect(!found.conduct.missing.contains { $0.contains("CAP_") }, "\(found.conduct.missing)")
                if round == 0 { #expect(try running.ask(block("10.99.0.1")) == .done(ids: [1])) }
                let before = try status(running).counts[Int(FilterReason.blockedSource.rawValue)].packets
                let sent = try OwnNetwork.send(20)
                #expect(
                    eventually {
                        (try? status(running))?.counts[Int(FilterReason.blockedSource.rawValue)].packets
                            == before + UInt64(sent)
                    })
                #expect(running.end() == 0)
            }
            try Tool.run([RunningFilter.program, "--interface", "near", "--state", folder.path("state"), "--detach"])
        }
    }
}

@Suite(.needs(tool: "setpriv")) struct `The filter's process without rights` {
    private func start(_ folder: TemporaryFolder) throws -> RunningFilter {
        // As root it may do everything: its rights are taken away.
        try RunningFilter(
            state: folder.path("state"), interface: "lo",
            prefix: ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"])
    }

    @Test func `says what is missing, and keeps the book all the same`() throws {
        let folder = try TemporaryFolder()
        let running = try start(folder)
        let found = try status(running)
        #expect(found.conduct.mode == .none && found.interface == "lo")
        #expect(found.conduct.missing.contains { $0.contains("CAP_BPF") })
        #expect(try running.ask(block("192.0.2.1", "192.0.2.0/24")) == .done(ids: [1, 2]))
        guard case .refused(let code, _) = try running.ask(block("0.0.0.0/0")) else {
            Issue.record("taken")
            return
        }
        #expect(code == "tooWide")
        guard case .entries(let entries) = try running.ask(.list(.blocked, from: 0, count: 10)) else {
            Issue.record("no entries")
            return
        }
        #expect(entries.map(\.id) == [1, 2] && entries.map(\.note) == [note, note])
        guard case .lines(let lines) = try running.ask(.explain(try #require(Address("192.0.2.1")))) else {
            Issue.record("no lines")
            return
        }
        #expect(lines.count == 2 && lines[0].contains("a test"))
        #expect(try running.ask(.remove(id: 2)) == .done(ids: [2]))
        #expect(try status(running).sizes == [1, 0, 0, 0])
        #expect(running.end() == 0)
        // The next one knows what this one knew.
        let next = try start(folder)
        #expect(try status(next).sizes == [1, 0, 0, 0])
        #expect(try next.ask(block("192.0.2.9")) == .done(ids: [3]))
    }

    @Test func `writes what only root reads, and nothing that has ended`() throws {
        let folder = try TemporaryFolder()
        let running = try start(folder)
        _ = try running.ask(block("203.0.113.77", for: 3))
        let address: [UInt8] = [0xff, 0xff, 203, 0, 113, 77]
        func isOnDisk() -> Bool {
            let bytes = (try? folder.read("state/filter.book")) ?? []
            return bytes.indices.dropLast(5).contains { bytes[$0..<$0 + 6].elementsEqual(address) }
        }
        #expect(eventually(within: 3_000) { isOnDisk() })
        for name in ["filter.book", "filter.sock", "filter.lock"] {
            var facts = stat()
            #expect(stat(folder.path("state/" + name), &facts) == 0)
            #expect(facts.st_mode & 0o777 == 0o600)
        }
        #expect(eventually { !isOnDisk() })
    }

    @Test func `is bounded by its clients, and cuts off who breaks the form`() throws {
        let folder = try TemporaryFolder()
        let running = try start(folder)
        let talks = try (0..<32).map { _ in try running.connect() }
        #expect(try talks.allSatisfy { try $0.ask(.samples(0)) == .done(ids: []) })
        let more = try running.connect()
        #expect(try more.frame() == nil)
        // An unknown form, a body that is too long, another kind.
        let hostile: [[UInt8]] = [
            Frame(.filterRequest, body: [99, 0]).encoded(), [13, 0x00, 0x10, 0x00, 0x01], Frame(.drain).encoded(),
            Array("GET / HTTP/1.1\r\n\r\n".utf8),
        ]
        for (talk, bytes) in zip(talks, hostile) {
            try talk.socket.send(bytes)
            #expect(try talk.frame() == nil)
        }
        // Many at once are answered in their order.
        let talk = talks[9]
        for _ in 0..<200 { try talk.socket.send(Frame(.filterRequest, body: FilterRequest.status.encoded()).encoded()) }
        for _ in 0..<200 { #expect(try talk.frame()?.kind == .filterReply) }
        #expect(try running.connect().ask(.samples(0)) == .done(ids: []))
    }

    @Test func `lets idle clients go where another one asks, and none that waits for samples`() throws {
        let folder = try TemporaryFolder()
        let running = try start(folder)
        let talks = try (0..<32).map { _ in try running.connect() }
        #expect(try talks.enumerated().allSatisfy { try $1.ask(.samples($0 == 0 ? 1 : 0)) == .done(ids: []) })
        usleep(2_300_000)
        #expect(try talks[5].ask(.samples(0)) == .done(ids: []))
        let more = try (0..<30).map { _ in try running.connect() }
        #expect(try more.allSatisfy { try $0.ask(.samples(0)) == .done(ids: []) })
        #expect(try talks[5].ask(.samples(0)) == .done(ids: []))
        #expect(try talks[0].ask(.samples(0)) == .done(ids: []))
        #expect(try talks[6].frame() == nil)
    }

    @Test(.needsRoot) func `a lock that root made at --detach is of the folder's user`() throws {
        let folder = try TemporaryFolder()
        #expect(mkdir(folder.path("state"), 0o700) == 0)
        #expect(chown(folder.path("state"), 12_345, 12_346) == 0)
        let words = ["--interface", "lo", "--state", folder.path("state"), "--detach"]
        _ = try Child([RunningFilter.program] + words).wait()
        var facts = stat()
        #expect(stat(folder.path("state/filter.lock"), &facts) == 0)
        #expect(facts.st_uid == 12_345 && facts.st_gid == 12_346 && facts.st_mode & 0o777 == 0o600)
    }

    @Test func `is alone in its folder, and says what it does not understand`() throws {
        let folder = try TemporaryFolder()
        let running = try start(folder)
        let second = try Child([RunningFilter.program, "--interface", "lo", "--state", running.state])
        #expect(second.waitForLine(holding: "another wasstraat-filter") != nil)
        #expect(second.wait() == 75)
        let wrong = ["--sampling", "x", "--state", "y"]
        for words in [["--interface", "lo"], ["--what"], ["--sampling"], wrong, ["--malformed", "x"]] {
            let child = try Child([RunningFilter.program] + words)
            #expect(child.waitForLine(holding: "usage:") != nil)
            #expect(child.wait() == 64)
        }
    }

    @Test func `puts a broken book aside, begins anew, and says so`() throws {
        let folder = try TemporaryFolder()
        #expect(mkdir(folder.path("state"), 0o700) == 0)
        try folder.write([1, 2, 3], to: "state/filter.book")
        let running = try start(folder)
        #expect(try status(running).sizes == [0, 0, 0, 0])
        #expect(try status(running).conduct.missing.contains { $0.contains("an empty book began") })
        #expect(try folder.read("state/filter.book.unreadable") == [1, 2, 3])
    }

    @Test func `does not take away what is at no interface`() throws {
        let folder = try TemporaryFolder()
        #expect(mkdir(folder.path("state"), 0o700) == 0)
        try folder.write([1], to: "state/filter.book")
        let slip = try Child([
            RunningFilter.program, "--interface", "nowhere0", "--state", folder.path("state"), "--detach",
        ])
        #expect(slip.waitForLine(holding: "nowhere0") != nil)
        #expect(slip.wait() == 71)
        #expect(try folder.read("state/filter.book") == [1])
    }
}

@Suite(.needsBPF, .needsRoot, .needs(tool: "ip")) struct `The filter's process` {
    @Test func `filters, goes on filtering when it ends, and takes over`() throws {
        try OwnNetwork.run { near, _ in
            // A name of its own: pins are in the machine's file system of pins.
            let name = "wsf\(getpid())"
            try Tool.run(["ip", "link", "set", "near", "name", name])
            defer { try? Filter.detach(interface: name) }
            let folder = try TemporaryFolder()
            let running = try RunningFilter(["--sampling", "1"], state: folder.path("state"), interface: name)
            #expect(try status(running).conduct.mode == .native)
            func packets(_ running: RunningFilter, _ reason: FilterReason) -> UInt64 {
                (try? status(running).counts[Int(reason.rawValue)].packets) ?? 0
            }
            let talk = try running.connect()
            #expect(try talk.ask(.samples(5)) == .done(ids: []))
            #expect(try OwnNetwork.send(20) == 20)
            #expect(eventually(within: 3_000) { packets(running, .passed) >= 20 })
            let frame = try #require(try talk.frame())
            #expect(frame.kind == .filterSamples)
            let samples = try FilterSamples(decoding: frame.body.span.bytes)
            #expect((1...5).contains(samples.samples.count))
            // The sketch counts what came since it was asked before, to an address and from a network.
            let asked = FilterRequest.rates(
                to: ["10.99.0.2", "10.99.0.3"].compactMap { Address($0) }, from: [try #require(Address("10.99.0.77"))])
            let counter = try running.connect()
            #expect(try counter.ask(asked) == .rates(FilterRates()))
            #expect(try OwnNetwork.send(300) == 300)
            #expect(eventually(within: 3_000) { packets(running, .passed) >= 320 })
            // More than a tick of the kernel's clock after it was asked first.
            pauseThread(30)
            guard case .rates(let rates) = try counter.ask(asked) else {
                Issue.record("no rates")
                return
            }
            #expect(rates.targets == [300, 0] && rates.milliseconds > 0)
            #expect((300...310).contains(try #require(rates.sources.first)))
            #expect(try status(running).busy.contains { $0.isTarget && "\($0.prefix)".hasPrefix("10.99.0.2") })
            // What nobody asked for takes no memory of the kernel's.
            let names = PinFolder(interface: name).names
            #expect(names.contains("sketch") && !names.contains("source_budgets") && !names.contains("target_budgets"))
            #expect(try running.ask(block("10.99.0.1")) == .done(ids: [1]))
            #expect(try OwnNetwork.send(20) == 20)
            #expect(eventually(within: 3_000) { packets(running, .blockedSource) == 20 })
            #expect(running.end() == 0)
            #expect(try Occupant(of: near) != nil)
            #expect(try OwnNetwork.send(20) == 20)
            let next = try RunningFilter(["--no-sketch"], state: folder.path("state"), interface: name)
            #expect(!PinFolder(interface: name).names.contains("sketch"))
            #expect(try next.ask(asked) == .rates(FilterRates()))
            #expect(try OwnNetwork.send(20) == 20)
            #expect(eventually(within: 3_000) { packets(next, .blockedSource) == 60 })
            #expect(try next.ask(.removePrefix(.blocked, #require(Prefix("10.99.0.1")))) == .done(ids: [1]))
            #expect(next.end() == 0)
            let last = try Child([
                RunningFilter.program, "--interface", name, "--state", folder.path("state"), "--detach",
            ])
            #expect(last.wait() == 0)
            #expect(try Occupant(of: near) == nil)
            #expect(PinFolder(interface: name).names.isEmpty)
        }
    }
}
