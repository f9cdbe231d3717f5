internal import ArgumentParser
internal import Messages
internal import Telemetry

struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Watch sites, pressure, visitor classes and rates in the terminal.",
        discussion: "Leave it with q or Ctrl-C. Colour only on a terminal, and not where NO_COLOR is set.")

    @Option(help: "The office's state folder.")
    var state: String?

    @Option(help: "The configuration file that names the state folder.")
    var config: String?

    @Flag(help: "Print once and end; exit code 1 where no office answers.")
    var once = false

    @Flag(help: "Print JSON, for machines; with --once.")
    var json = false

    func validate() throws {
        if json, !once { throw ValidationError("--json goes with --once") }
        if state != nil, config != nil { throw ValidationError("give --state or --config, not both") }
    }

    func run() throws {
        let folder = StateFolder(path: try stateFolder())
        if once { try printOnce(folder) } else { watch(folder) }
    }

    private func stateFolder() throws -> String {
        guard let config else { return state ?? LoadedConfiguration.defaultState }
        let loaded = LoadedConfiguration(file: config)
        guard let configuration = loaded.configuration else {
            for complaint in loaded.complaints { complain(complaint.text) }
            throw ExitCode(1)
        }
        return configuration.state
    }

    /// Two statuses make a rate; the second comes a second after the first.
    private func printOnce(_ folder: StateFolder) throws {
        var model = TopModel()
        let link = OfficeLink(socket: folder.socket)
        let deadline = Clock.monotonic + 4_000
        while let link, !model.hasRates, Clock.monotonic < deadline {
            link.wait(milliseconds: 200)
            guard link.receive(into: &model) != nil else {
                model.officeGone()
                break
            }
            if let lane = model.lane, !lane.isUp { break }
        }
        if json {
            putAll(model.json(at: .now))
        } else {
            let screen = TopScreen(columns: 80, rows: .max, hasColour: Terminal.hasColour)
            putAll(Array((screen.lines(model, at: .now).joined(separator: "\n") + "\n").utf8))
        }
        if model.lane == nil {
            complain("no office answers at \(folder.socket)")
            throw ExitCode(1)
        }
    }

    private func watch(_ folder: StateFolder) {
        let terminal = Terminal()
        defer { terminal.restore() }
        var model = TopModel()
        var link: OfficeLink?
        var nextDial: Int64 = 0
        var nextDraw: Int64 = 0
        while !terminal.isAskedToStop {
            let now = Clock.monotonic
            if link == nil, now >= nextDial {
                nextDial = now + 1_000
                link = OfficeLink(socket: folder.socket)
            }
            if terminal.wait(for: link?.descriptor, milliseconds: 200) { return }
            if let open = link {
                guard let hasNews = open.receive(into: &model) else {
                    link = nil
                    model.officeGone()
                    nextDraw = 0
                    continue
                }
                if hasNews { nextDraw = 0 }
            }
            guard Clock.monotonic >= nextDraw else { continue }
            nextDraw = Clock.monotonic + 1_000
            let size = terminal.size
            let screen = TopScreen(columns: size.columns, rows: size.rows, hasColour: Terminal.hasColour)
            terminal.draw(screen.lines(model, at: .now))
        }
    }
}
