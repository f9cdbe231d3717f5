internal import ArgumentParser
internal import Register

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy the register to a file, also while the office runs.",
        discussion: """
            Makes FILE and FILE.head, which belong together. The key (register.key in the state folder) is not copied: keep \
            it apart, for without it the copy cannot be read back.
            """)

    @OptionGroup var register: RegisterOptions

    @Argument(help: "The file to make; it must not be there yet.")
    var file: String

    func run() async throws {
        try await answering {
            let opened = try await register.open()
            try await opened.records.backup(to: file)
            print("The register was copied to \(file)")
        }
    }
}

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Put a copy of the register back in its place; the office must not run.")

    @OptionGroup var register: RegisterOptions

    @Argument(help: "The file that `backup` made.")
    var file: String

    @Flag(help: "Replace the register that is there.")
    var force = false

    func run() async throws {
        try await answering {
            let folder = StateFolder(path: try register.loaded().state)
            try folder.prepare()
            let key = try OpenRegister.key(in: folder)
            try SQLiteRecords.restore(
                from: file, to: folder.file(OpenRegister.file), key: key, force: force)
            print("The register was put back from \(file)")
        }
    }
}
