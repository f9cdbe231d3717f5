internal import Addresses
internal import FoundationEssentials
internal import Glibc

/// What the demonstration needs on disk, in a folder of its own: a throw-away authority, the site's certificate, the
/// configuration of Wasstraat.
struct Setting {
    /// Where the public pages are; browsers look for names under "localhost" on this machine.
    static let statusHost = "status.waterdam.localhost"

    let folder: String
    var authority: String { "\(folder)/authority.pem" }
    var configuration: String { "\(folder)/wasstraat.yaml" }
    var state: String { "\(folder)/state" }
    var socket: String { "\(state)/office.sock" }

    init() throws(DemoError) {
        umask(0o077)
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/wasstraat-demo-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw DemoError("cannot make a folder in \(parent): error \(errno)") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func log(_ name: String) -> String { "\(folder)/\(name).log" }

    /// A P-256 authority and a certificate by it, good for two days.
    func makeCertificate(for host: String) throws(DemoError) {
        let extensions = """
            subjectAltName=DNS:\(host),DNS:\(Self.statusHost)
            basicConstraints=critical,CA:FALSE
            keyUsage=critical,digitalSignature
            extendedKeyUsage=serverAuth

            """
        try write(extensions, to: "\(folder)/extensions")
        let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"]
        let authorityKey = "\(folder)/authority.key"
        let request = "\(folder)/site.csr"
        let commands = [
            ["req", "-x509", "-days", "2", "-subj", "/CN=Wasstraat demonstration", "-out", authority] + newKey
                + [authorityKey],
            ["req", "-subj", "/CN=\(host)", "-out", request] + newKey + ["\(folder)/site.key"],
            ["x509", "-req", "-days", "2", "-in", request, "-out", "\(folder)/site.pem", "-CA", authority]
                + ["-CAkey", authorityKey, "-CAcreateserial", "-extfile", "\(folder)/extensions"],
        ]
        for words in commands { try Children.complete(["openssl"] + words, log: log("openssl")) }
    }

    /// One site, and nothing that says what is a visitor and what is not.
    func writeConfiguration(
        listener: Endpoint, metrics: Endpoint, console: Endpoint, origin: Endpoint, host: String, core: UInt16?,
        isProbing: Bool
    ) throws(DemoError) {
        let lane = core.map { "lane:\n  cores: [\($0)]\n" } ?? ""
        try write(
            """
            state: \(state)
            listeners:
              - listen: \(listener)
                tls: true
            metrics:
              listen: \(metrics)
            pages:
              host: \(Self.statusHost)
              certificate: \(folder)/site.pem
              key: \(folder)/site.key
              address: https://\(Self.statusHost):\(listener.port)
            console:
              listen: \(console)
            prober:
              enabled: \(isProbing)
              authority: \(authority)
            \(lane)organisations:
              - name: waterdam
                title: Gemeente Waterdam
                sites:
                  - host: \(host)
                    certificate: \(folder)/site.pem
                    key: \(folder)/site.key
                    origin: http://\(origin)
                    check: {path: "/", word: \(Waterdam.pages[0].word)}

            """, to: configuration)
        guard mkdir(state, 0o700) == 0 else { throw DemoError("cannot make \(state): error \(errno)") }
    }

    /// Writes a small file that only its user may read, and gives its path.
    func keep(_ text: String, as name: String) throws(DemoError) -> String {
        try write(text, to: "\(folder)/\(name)")
        return "\(folder)/\(name)"
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}

/// Writes a text file anew.
func write(_ text: String, to path: String) throws(DemoError) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw DemoError("cannot write \(path): error \(errno)") }
    defer { close(file) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        guard count > 0 else { throw DemoError("cannot write \(path): error \(errno)") }
        rest = rest.dropFirst(count)
    }
}
