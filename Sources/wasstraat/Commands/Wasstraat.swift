internal import ArgumentParser

/// The office and the tools.
@main
struct Wasstraat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wasstraat",
        abstract: "An open washing street: keeps websites reachable during a DDoS attack.",
        version: Version.text,
        subcommands: [
            RunCommand.self, CheckCommand.self, TopCommand.self, ReportCommand.self, SayCommand.self,
            DissectCommand.self, CollectCommand.self, ProfileCommand.self, MatchCommand.self, RulesCommand.self,
            FilterCommand.self, AccessCommand.self, ModeCommand.self, AccountCommand.self, ExportCommand.self,
            ImportCommand.self, BackupCommand.self,
            RestoreCommand.self, VersionCommand.self,
        ])
}

enum Version {
    /// Semantic version of this package (semver.org).
    static let number = "0.1.0"
    static let text = "wasstraat \(number)"
}
