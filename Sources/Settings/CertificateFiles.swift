/// A site's certificate and key as the lane gets them: PEM, and nothing else in it.
struct Credentials {
    var chain: [UInt8]
    var key: [UInt8]
}

/// Certificates in a site's chain, and authorities that an origin is pinned to; the lane reads no more (Gateway).
private let certificateLimit = 16

/// Longest certificate or key file: what the lane takes (`ByteReader.readBlob`).
private let fileLimit = 1 << 20

extension Settings.CertificateFiles {
    /// Reads both; complains, and returns nil, where one is missing or not what it should be.
    func read(_ files: some Files, _ complaints: inout Complaints) -> Credentials? {
        guard let (chain, isReadableByAll) = readPEM(chain, chainPlace, files, &complaints) else { return nil }
        guard !chain.certificates.isEmpty else {
            let other = chain.blocks.first.map { ", but a \($0.label)" } ?? ""
            complaints.refuse(
                chainPlace, "the file \(shownPath(self.chain)) holds no certificate in PEM form\(other)")
            return nil
        }
        guard chain.certificates.count <= certificateLimit else {
            complaints.refuse(chainPlace, tooMany(chain, self.chain))
            return nil
        }
        guard let key = readKey(beside: chain, isReadableByAll, files, &complaints) else { return nil }
        return Credentials(chain: chain.certificates.flatMap(\.bytes), key: key)
    }

    private func readKey(
        beside chain: PEM, _ isReadableByAll: Bool, _ files: some Files, _ complaints: inout Complaints
    ) -> [UInt8]? {
        if key == nil, !chain.keys.isEmpty { return check(chain, of: self.chain, isReadableByAll, &complaints) }
        if key == nil, trouble(neighbour, files) == .missing {
            complaints.refuse(
                keyPlace,
                "no private key: it is not in \(shownPath(self.chain)), and \(shownPath(neighbour)) does not exist; "
                    + "name its file with 'key'")
            return nil
        }
        let path = key ?? neighbour
        guard let (pem, isReadableByAll) = readPEM(path, keyPlace, files, &complaints) else { return nil }
        return check(pem, of: path, isReadableByAll, &complaints)
    }

    /// The same path with the ending ".key".
    private var neighbour: String {
        let name = chain.lastIndex(of: "/").map { chain.index(after: $0) } ?? chain.startIndex
        guard let dot = chain[name...].lastIndex(of: "."), dot != name else { return chain + ".key" }
        return chain[..<dot] + ".key"
    }

    private func trouble(_ path: String, _ files: some Files) -> FileTrouble? {
        do throws(FileTrouble) {
            _ = try files.read(path, limit: fileLimit)
            return nil
        } catch {
            return error
        }
    }

    private func check(
        _ pem: PEM, of path: String, _ isReadableByAll: Bool, _ complaints: inout Complaints
    ) -> [UInt8]? {
        guard let key = pem.keys.first else {
            complaints.refuse(keyPlace, "the file \(shownPath(path)) holds no private key in PEM form")
            return nil
        }
        guard pem.keys.count == 1 else {
            complaints.refuse(
                keyPlace, "the file \(shownPath(path)) holds \(pem.keys.count) private keys; it should hold one"
            )
            return nil
        }
        guard !key.isEncrypted, key.label != "ENCRYPTED PRIVATE KEY" else {
            complaints.refuse(
                keyPlace,
                "the key in \(shownPath(path)) has a password; store it without, readable by its user only")
            return nil
        }
        if isReadableByAll {
            complaints.warn(
                keyPlace, "every user of this machine can read the key in \(shownPath(path)); try chmod o-r")
        }
        return key.bytes
    }
}

extension Settings.Origin {
    /// The authorities that the origin's certificate may come from; empty where none are named, nil after a complaint.
    func readAuthorities(_ files: some Files, _ complaints: inout Complaints) -> [UInt8]? {
        guard let authority else { return [] }
        return authorities(in: authority, authorityPlace, files, &complaints)
    }
}

extension Settings.Prober {
    /// As of an origin.
    func readAuthorities(_ files: some Files, _ complaints: inout Complaints) -> [UInt8]? {
        guard let authority else { return [] }
        return authorities(in: authority, authorityPlace, files, &complaints)
    }
}

private func authorities(
    in path: String, _ place: Place, _ files: some Files, _ complaints: inout Complaints
) -> [UInt8]? {
    guard let (pem, _) = readPEM(path, place, files, &complaints) else { return nil }
    guard !pem.certificates.isEmpty else {
        complaints.refuse(place, "the file \(shownPath(path)) holds no certificate in PEM form")
        return nil
    }
    guard pem.certificates.count <= certificateLimit else {
        complaints.refuse(place, tooMany(pem, path))
        return nil
    }
    return pem.certificates.flatMap(\.bytes)
}

private func readPEM(
    _ path: String, _ place: Place, _ files: some Files, _ complaints: inout Complaints
) -> (PEM, isReadableByAll: Bool)? {
    let contents: FileContents
    do throws(FileTrouble) {
        contents = try files.read(path, limit: fileLimit)
    } catch {
        complaints.refuse(place, error.reason(for: path))
        return nil
    }
    do throws(Misfit) {
        return (try PEM(contents.bytes), contents.isReadableByAll)
    } catch {
        complaints.refuse(place, "the file \(shownPath(path)) is no clean PEM: \(error.reason)")
        return nil
    }
}

private func tooMany(_ pem: PEM, _ path: String) -> String {
    "the file \(shownPath(path)) holds \(pem.certificates.count) certificates; at most \(certificateLimit)"
}
