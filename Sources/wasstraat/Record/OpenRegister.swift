internal import Exchange
internal import Register

/// The register in a state folder: the file, and the key beside it.
enum OpenRegister {
    static let file = "register.db"
    private static let keyFile = "register.key"
    private static let keySize = 32

    static func open(in folder: StateFolder) async throws -> SQLiteRecords {
        try await SQLiteRecords(path: folder.file(file), key: try key(in: folder))
    }

    /// The key, made where there is none yet. Without it the sealed part of a register cannot be read by anyone.
    static func key(in folder: StateFolder) throws(OfficeError) -> [UInt8] {
        try secret(keyFile, in: folder, isNeeded: folder.names().contains(file))
    }

    /// What fingerprints are signed with, made where there is none yet.
    static func signingKey(in folder: StateFolder) throws -> SigningKey {
        try SigningKey(raw: try secret("signing.key", in: folder))
    }

    /// 32 random bytes that are made once.
    /// - Parameter isNeeded: there is something that can only be read with it, so a new one would be of no use.
    static func secret(_ name: String, in folder: StateFolder, isNeeded: Bool = false) throws(OfficeError) -> [UInt8] {
        if let known = folder.read(name, limit: keySize) {
            guard known.count == keySize else {
                throw OfficeError(.system, "\(folder.file(name)) is no key: it must have \(keySize) bytes")
            }
            return known
        }
        guard !isNeeded, !folder.names().contains(name) else {
            throw OfficeError(
                .system, "\(folder.file(name)) is missing or cannot be read; without it the register stays shut")
        }
        var random = SystemRandomNumberGenerator()
        let made = (0..<keySize).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        try folder.write(made, to: name)
        return made
    }
}
