internal import ArgumentParser

/// Which filter a command speaks to.
struct FilterOptions: ParsableArguments {
    @Option(help: "The state folder of the filter.")
    var state: String?

    @Option(help: "The configuration file that names the state folder.")
    var config: String?

    func validate() throws {
        if state != nil, config != nil { throw ValidationError("give --state or --config, not both") }
    }

    func link() throws -> FilterLink { try FilterLink(StateFolder(path: try folder())) }

    private func folder() throws -> String {
        guard let config else { return state ?? LoadedConfiguration.defaultState }
        let loaded = LoadedConfiguration(file: config)
        guard let configuration = loaded.configuration else {
            for complaint in loaded.complaints { complain(complaint.text) }
            throw ExitCode(1)
        }
        return configuration.state
    }
}

/// Runs a command that speaks to the filter: what went wrong is said in one line, with exit code 1.
func asking(_ work: () throws -> Void) throws {
    do {
        try tooling(work)
    } catch let error as FilterLinkError {
        complain(error.reason)
        throw ExitCode.failure
    }
}
