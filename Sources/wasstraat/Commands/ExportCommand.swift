internal import ArgumentParser
internal import Exchange
internal import Fingerprints
internal import Glibc
internal import Incidents
internal import Moments
internal import Register

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a fingerprint in its signed form, to be shared.",
        discussion: "Without FINGERPRINT: lists those on file. It holds no source address.")

    @OptionGroup var register: RegisterOptions

    @Argument(help: "The fingerprint's identifier, or the beginning of it.")
    var fingerprint: String?

    @Option(help: "With whom it is shared; goes on record with the incident given.")
    var with: String?

    @Option(help: "The incident that it belongs to.")
    var incident: String?

    func run() async throws {
        try await answering {
            let opened = try await register.open()
            let all = try await opened.records.fingerprints()
            guard let fingerprint else {
                for one in all {
                    let kind = one.isImported ? "from \(one.origin)" : "own"
                    print("\(one.id)  \(one.filed.text)  \(kind)\(one.isDry ? "  dry" : "")")
                }
                return
            }
            let found = all.filter { $0.id.hasPrefix(fingerprint) }
            guard found.count == 1, let one = found.first else {
                throw ValidationError(
                    found.isEmpty ? "there is no fingerprint \(fingerprint)" : "several fingerprints begin like that")
            }
            if let with {
                let number = try await incident.mapAsync { try await find($0, in: opened.records).id }
                try await opened.records.add(
                    Sharing(at: .now, fingerprint: one.id, with: with, wasReceived: false), to: number)
            }
            print(String(decoding: one.form, as: UTF8.self))
        }
    }
}

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Take a signed fingerprint from someone else; it starts dry.",
        discussion: """
            A dry fingerprint is kept and shown, not acted on. The signer must be on the list of signers \
            (signers.txt in the state folder, one a line: the public key, then the name), or be accepted with --accept-unknown.
            """)

    @OptionGroup var register: RegisterOptions

    @Argument(help: "The file that holds it; - reads standard input.")
    var file: String

    @Flag(help: "Take it although its signer is not on the list.")
    var acceptUnknown = false

    func run() async throws {
        try await answering {
            let opened = try await register.open()
            guard let bytes = readAll(file, limit: ReceivedFingerprint.sizeLimit + 1) else {
                throw ValidationError("\(file) cannot be read")
            }
            let accepted: AcceptedFingerprint
            do {
                accepted = try AcceptedFingerprint(
                    try ReceivedFingerprint(parsing: bytes), trusting: Signers.listed(in: opened.folder),
                    acceptingUnknown: acceptUnknown, at: .now)
            } catch {
                throw ValidationError("\(file): \(error)")
            }
            try await opened.records.file(
                StoredFingerprint(
                    id: accepted.identifier, form: bytes, origin: accepted.signer.name, isImported: true, isDry: true,
                    filed: .now))
            try await opened.records.add(
                Sharing(
                    at: .now, fingerprint: accepted.identifier, with: accepted.signer.name, wasReceived: true), to: nil)
            print("\(accepted.identifier) is on file, dry: not acted on (signer: \(accepted.signer.name))")
        }
    }
}

/// The bytes of a file or, for "-", of standard input; nil where it cannot be read. At most `limit`.
private func readAll(_ path: String, limit: Int) -> [UInt8]? {
    let opened = path == "-" ? dup(0) : open(path, O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else { return nil }
    let descriptor = Descriptor(opened)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while bytes.count < limit {
        let count = read(descriptor.number, &chunk, min(chunk.count, limit - bytes.count))
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { return nil }
        if count == 0 { break }
        bytes += chunk[..<count]
    }
    return bytes
}

/// The signers whose fingerprints are taken, from the state folder.
enum Signers {
    static let file = "signers.txt"

    /// One a line: the public key (64 hexadecimal digits), then the name. "#" begins a comment.
    static func listed(in folder: StateFolder) -> [Signer] {
        let text = String(decoding: folder.read(file, limit: 1 << 20) ?? [], as: UTF8.self)
        return text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2, !line.hasPrefix("#") else { return nil }
            return Signer(name: String(words[1]), hexadecimalKey: String(words[0]))
        }
    }
}

extension Optional {
    func mapAsync<Value>(_ transform: (Wrapped) async throws -> Value) async rethrows -> Value? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
