/// A throw-away authority and the certificates it signs, made by the openssl program; valid for two days.
package final class TestAuthority: Sendable {
    package enum Key: Sendable {
        case p256, rsa2048

        fileprivate var arguments: [String] {
            switch self {
            case .p256: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
            case .rsa2048: ["-newkey", "rsa:2048"]
            }
        }
    }

    /// A certificate with its key, as files and as PEM.
    package struct Certificate: Sendable {
        /// The leaf, then the authority.
        package var chain: [UInt8]
        package var key: [UInt8]
        package var chainPath: String
        package var keyPath: String
    }

    private let folder: TemporaryFolder
    /// The authority's own certificate.
    package let path: String
    package let certificate: [UInt8]

    package init(name: String = "Wasstraat test authority", key: Key = .p256) throws(TestKitError) {
        folder = try TemporaryFolder()
        path = folder.path("authority.pem")
        try Tool.run(
            ["openssl", "req", "-x509"] + key.arguments + [
                "-nodes", "-days", "2", "-subj", "/CN=\(name)", "-keyout", folder.path("authority.key"), "-out", path,
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
            ])
        certificate = try folder.read("authority.pem")
    }

    /// Signs a certificate for host names and IP addresses; the first host is its subject.
    package func certificate(
        for hosts: [String], addresses: [String] = [], key: Key = .p256
    ) throws(TestKitError) -> Certificate {
        let name = hosts.first ?? addresses.first ?? "nobody"
        // A file name of its own for each certificate.
        let stem = folder.path("leaf-\(UInt64.random(in: 0 ... .max))")
        let names = hosts.map { "DNS:\($0)" } + addresses.map { "IP:\($0)" }
        try Tool.run(
            ["openssl", "req", "-new"] + key.arguments + [
                "-nodes", "-subj", "/CN=\(name)", "-keyout", "\(stem).key", "-out", "\(stem).csr",
            ])
        let file = String(stem.dropFirst(folder.path.utf8.count + 1))
        try folder.write(
            "subjectAltName=\(names.joined(separator: ","))\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n",
            to: "\(file).cnf")
        try Tool.run([
            "openssl", "x509", "-req", "-in", "\(stem).csr", "-CA", path, "-CAkey", folder.path("authority.key"),
            "-set_serial", "0x\(String(UInt64.random(in: 1...UInt64.max >> 1), radix: 16))", "-days", "2", "-sha256",
            "-extfile", "\(stem).cnf", "-out", "\(stem).crt",
        ])
        let chain = try folder.read("\(file).crt") + certificate
        return Certificate(
            chain: chain, key: try folder.read("\(file).key"),
            chainPath: try folder.write(chain, to: "\(file).pem"), keyPath: "\(stem).key")
    }
}
