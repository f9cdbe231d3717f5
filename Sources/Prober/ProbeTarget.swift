package import Addresses
package import Incidents

/// A service to check: what is asked, and how it is reached on each path.
package struct ProbeTarget: Sendable {
    package var site: String
    /// Asked for in Host, and by default in TLS too; without a port.
    package var host: String
    /// The page that is asked for: "/" and what follows, printable ASCII, at most 2,048 bytes.
    package var path: String
    /// Must stand in the page's first MiB, byte for byte; 1-1,024 bytes. nil: the status is enough.
    package var word: String?
    /// The status that the page has.
    package var status: UInt16
    package var ways: [Sample.Path: Way]

    package init(
        site: String, host: String, path: String = "/", word: String? = nil, status: UInt16 = 200,
        ways: [Sample.Path: Way]
    ) {
        self.site = site
        self.host = host
        self.path = path
        self.word = word
        self.status = status
        self.ways = ways
    }

    /// How checks reach the service on one path.
    package struct Way: Sendable {
        /// Checks take them in turn: where one of two is down, every second check fails. 1-64.
        package var endpoints: [Endpoint]
        package var security: Security

        package init(endpoints: [Endpoint], security: Security) {
            self.endpoints = endpoints
            self.security = security
        }
    }

    /// There is no way to speak TLS without verifying it.
    package enum Security: Equatable, Sendable {
        case clear
        /// The name is asked for (SNI) and verified; nil: the target's host. An IP address is verified, not asked for.
        case verified(name: String? = nil, by: Authorities = .system)
    }

    /// Whose certificates are accepted. PEM, one or more.
    package enum Authorities: Hashable, Sendable {
        case system
        case systemAnd([UInt8])
        case only([UInt8])
    }

    static let pathLimit = 2_048
    static let wordLimit = 1_024
    static let endpointLimit = 64

    /// What is wrong with it; nil: nothing.
    var fault: String? {
        guard Self.isName(host) else { return "the host is no host name" }
        guard path.hasPrefix("/"), path.utf8.count <= Self.pathLimit, path.utf8.allSatisfy({ (33...126).contains($0) })
        else { return "the path is none" }
        if let word, !(1...Self.wordLimit).contains(word.utf8.count) { return "the word has no or too many letters" }
        for way in ways.values {
            guard (1...Self.endpointLimit).contains(way.endpoints.count) else { return "a way needs 1-64 endpoints" }
            guard way.endpoints.allSatisfy({ $0.port != 0 }) else { return "an endpoint needs a port" }
            if case .verified(let name?, _) = way.security, !Self.isName(name), Address(name) == nil {
                return "the name to verify is none"
            }
        }
        return nil
    }

    private static func isName(_ name: String) -> Bool {
        (1...253).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 46
                    || $0 == 95
            }
    }
}

/// Why a prober cannot begin.
package enum ProberRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    case target(site: String, reason: String)
    /// PEM that cannot be read, for a site.
    case authorities(site: String)
    case configuration(String)

    package var description: String {
        switch self {
        case .target(let site, let reason): "\(site): \(reason)"
        case .authorities(let site): "\(site): the authorities cannot be read"
        case .configuration(let reason): reason
        }
    }
}
