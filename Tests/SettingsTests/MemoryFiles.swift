import Settings

/// Files that exist only in a test.
struct MemoryFiles: Files {
    var contents: [String: FileContents] = [:]
    var troubles: [String: FileTrouble] = [:]
    /// What every other path holds; nil: it does not exist.
    var others: FileContents?

    func read(_ path: String, limit: Int) throws(FileTrouble) -> FileContents {
        if let trouble = troubles[path] { throw trouble }
        guard let found = contents[path] ?? others else { throw .missing }
        guard found.bytes.count <= limit else { throw .tooLong(limit: limit) }
        return found
    }

    static func pem(_ labels: String...) -> String {
        labels.map { "-----BEGIN \($0)-----\nTm90IGEgcmVhbCBvbmU=\n-----END \($0)-----\n" }.joined()
    }

    static let certificate = pem("CERTIFICATE")
    static let key = pem("PRIVATE KEY")

    /// The folder that the golden files name things in.
    static let golden: MemoryFiles = {
        var files = MemoryFiles()
        let texts = [
            "site.pem": "subject=www.voorbeeld.example\n" + pem("CERTIFICATE", "CERTIFICATE"),
            "site.key": pem("EC PARAMETERS", "EC PRIVATE KEY"),
            "both.pem": certificate + key,
            "alone.pem": certificate,
            "request.pem": pem("CERTIFICATE REQUEST"),
            "text.pem": "no certificate, just words",
            "cut.pem": String(certificate.dropLast(30)),
            "damaged.pem": certificate.replacing("Tm90", with: "T<>0"),
            "locked.pem": certificate + pem("ENCRYPTED PRIVATE KEY"),
            "two.pem": certificate + key + key,
            "many.pem": String(repeating: certificate, count: 17) + key,
            "ca.pem": certificate,
            "crawler.txt": "# published 2026\n203.0.113.0/28\r\n\n 2001:db8:7::/48\n",
            "crawler-wrong.txt": "203.0.113.0/28\n203.0.113.9/28\n",
        ]
        for (name, text) in texts { files.contents["/etc/wasstraat/" + name] = FileContents(Array(text.utf8)) }
        files.contents["/etc/wasstraat/open.pem"] = FileContents(Array((certificate + key).utf8), isReadableByAll: true)
        files.contents["/etc/wasstraat/long.pem"] = FileContents(Array(repeating: 65, count: 2 << 20))
        files.troubles["/etc/wasstraat/secret.pem"] = .notAllowed
        files.troubles["/etc/wasstraat/folder.pem"] = .notAFile
        return files
    }()
}

extension Settings {
    /// Parses text as if it stood in /etc/wasstraat.
    static func parse(text: String, files: MemoryFiles = .golden) throws(Complaints) -> Settings {
        try parse(Array(text.utf8), folder: "/etc/wasstraat", files: files)
    }
}
