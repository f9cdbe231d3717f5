internal import ArgumentParser

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a configuration file: all faults at once, each with its line.",
        discussion:
            "Reads the files and resolves the names that the configuration names. Exit code 1 where it has faults.")

    @Argument(help: "The configuration file (YAML).")
    var file: String?

    @Flag(help: "Print the configuration reference.")
    var reference = false

    func run() throws {
        if reference { return print(LoadedConfiguration.reference, terminator: "") }
        guard let file else { throw ValidationError("name a file, or ask for --reference") }
        let loaded = LoadedConfiguration(file: file)
        for complaint in loaded.complaints {
            print(complaint.text)
        }
        guard loaded.configuration != nil else { throw ExitCode(1) }
        print("\(file): \(loaded.summary)")
    }
}
