internal import FoundationEssentials
internal import Glibc
internal import Load

/// What the demonstration asks Wasstraat's register afterwards: the commands are those that anybody would use.
extension Conductor {
    /// Seconds after a phase in which its last checks come in: the prober gives each of them ten.
    static let aftermath = 12.0

    private struct ListedIncident: Decodable {
        struct Attack: Decodable {
            var site: String
            var start: String
            var end: String
            var peakRate: Double
            var outcome: String
        }

        var number: String
        var attacks: [Attack]
    }

    private struct MeasuredDowntime: Decodable {
        struct Downtime: Decodable { var seconds: Double }
        var downtime: Downtime?
    }

    /// Reads what is on record of the run, and says it in words.
    func readRecord() throws -> RunResult.Register {
        screen.say("          waiting for the last measurements …")
        try wait(Self.aftermath)
        let incidents = try ask([ListedIncident].self, ["report", "incidents", "--format", "json"])
        var register = RunResult.Register()
        for incident in incidents.reversed() {
            register.attacks += incident.attacks.map {
                RunResult.Register.Attack(
                    site: $0.site, start: $0.start, end: $0.end, peak_rps: $0.peakRate, outcome: $0.outcome)
            }
        }
        register.downtime_seconds.direct = try downtime(on: "origin", in: result.direct)
        register.downtime_seconds.through = try downtime(on: "lane", in: result.through)
        for incident in incidents {
            screen.say("")
            screen.say(try output(["report", "questions", incident.number, "--language", "en"]))
        }
        if incidents.isEmpty { screen.say("\n The register holds no attack.") }
        return register
    }

    private func downtime(on path: String, in phase: RunResult.Phase?) throws -> Double? {
        guard let phase else { return nil }
        return try ask(
            MeasuredDowntime.self,
            ["report", "downtime", Waterdam.host, "--path", path, "--from", phase.start, "--until", phase.end]
        ).downtime?.seconds
    }

    private func ask<Value: Decodable>(_ type: Value.Type, _ words: [String]) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(try output(words).utf8))
        } catch let error as DecodingError {
            throw DemoError("wasstraat \(words.joined(separator: " ")) answered what cannot be read: \(error)")
        }
    }

    /// What `wasstraat WORDS --config …` prints.
    func output(_ words: [String], input: String? = nil) throws -> String {
        let answer = "\(setting.folder)/answer"
        try write("", to: answer)
        try Children.complete(
            [Self.beside("wasstraat")] + words + ["--config", setting.configuration], log: setting.log("report"),
            output: answer, input: try input.map { try setting.keep($0, as: "input") })
        return readFile(answer) ?? ""
    }

    /// Makes an account for the console with a password of its own, for as long as the demonstration stays up.
    func makeAccount() throws -> (name: String, password: String) {
        let letters = Array("abcdefghjkmnpqrstuvwxyz23456789")
        let password = String((0..<16).map { _ in letters[Int.random(in: letters.indices)] })
        _ = try output(["account", "add", "demo", "--role", "operator"], input: password + "\n")
        return ("demo", password)
    }
}
