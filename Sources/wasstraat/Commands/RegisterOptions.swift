internal import ArgumentParser
internal import Collector
internal import Incidents
internal import Moments
internal import Register

/// Which register a command works on: that of an office's configuration.
struct RegisterOptions: ParsableArguments {
    @Option(help: "The configuration file (YAML) of the office whose register is meant.")
    var config: String

    struct Opened {
        var records: SQLiteRecords
        var folder: StateFolder
        var configuration: OfficeConfiguration
    }

    /// Opens the register; it may be in use by a running office.
    func open() async throws -> Opened {
        let configuration = try loaded()
        let folder = StateFolder(path: configuration.state)
        try folder.prepare()
        return Opened(
            records: try await OpenRegister.open(in: folder), folder: folder, configuration: configuration)
    }

    func loaded() throws -> OfficeConfiguration { try Self.loaded(config) }

    static func loaded(_ file: String) throws -> OfficeConfiguration {
        let loaded = LoadedConfiguration(file: file)
        guard let configuration = loaded.configuration else {
            for complaint in loaded.complaints { complain(complaint.text) }
            throw ExitCode(OfficeError.Code.configuration.rawValue)
        }
        return configuration
    }
}

/// Runs a command's work and turns what it throws into one line and an exit code.
func answering(_ work: () async throws -> Void) async throws {
    do {
        try await work()
    } catch let error as OfficeError {
        complain(error.reason)
        throw ExitCode(error.code.rawValue)
    } catch let error as RegisterError {
        complain(error.description)
        throw ExitCode.failure
    } catch let error as InputError {
        complain(error.description)
        throw ExitCode.failure
    }
}

/// Finds an incident by its number, or says which there are.
func find(_ number: String, in records: any Records) async throws -> Incident {
    if let found = try await records.incident(number: number) { return found }
    let all = try await records.incidents(
        organisation: nil, in: Moment(seconds: 0)..<Moment(seconds: 1 << 40), limit: 5)
    let hint = all.isEmpty ? "the register holds none" : "the latest are \(all.map(\.number).joined(separator: ", "))"
    throw ValidationError("there is no incident \(number); \(hint)")
}
