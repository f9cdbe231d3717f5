package import Addresses
package import Messages

/// The configuration of an installation, checked: what the office needs to run and to make a snapshot for the lane.
///
/// Every key, with its type, default and range, is in `Documentation/configuration.md`, which is made from the same
/// table as the check.
package struct Settings: Equatable, Sendable {
    /// Folder for what is kept: keys, logs, the control socket.
    package var state: String
    /// See `Snapshot.instance`.
    package var instance: String
    /// Where visitors connect; at least one, each endpoint once.
    package var listeners: [Snapshot.Listener]
    /// Peers whose forwarding fields are believed.
    package var trustedPeers: [Prefix]
    /// Where `/metrics` is served; nil: nowhere.
    package var metrics: Endpoint?
    /// Cores for the workers; empty: all, not pinned.
    package var cores: [UInt16]
    package var retention: Retention
    package var limits: Snapshot.Limits
    package var organisations: [Organisation]
    /// What the operator may want to change; the settings can be used all the same.
    package var warnings: [Complaint] = []

    /// How long data is kept, in seconds.
    package struct Retention: Equatable, Sendable {
        package var accessLog: UInt64
        package var history: UInt64
    }

    package struct Organisation: Equatable, Sendable {
        /// Unique; 1-64 of a-z, 0-9, "-" and ".".
        package var name: String
        /// The name for people.
        package var title: String
        package var sites: [Site]
    }

    package struct Site: Equatable, Sendable {
        /// Unique over all organisations; 1-64 of a-z, 0-9, "-" and ".".
        package var name: String
        /// Lower-case host names, unique over all organisations; the first may be a wildcard.
        package var hosts: [String]
        /// The files; nil where the site is served in clear only.
        package var certificate: CertificateFiles?
        /// At least one.
        package var origins: [Origin]
        package var mode = Snapshot.Mode.protect
        package var service = Snapshot.Service.publicService
        package var sourceLimit: Snapshot.SourceLimit?
        /// Bytes.
        package var bodyLimit: UInt64
        /// Where it stands in the file, for complaints that come up later.
        package var place: Place
    }

    /// The paths of a site's certificate and private key.
    package struct CertificateFiles: Equatable, Sendable {
        package var chain: String
        /// nil: in the same file, or beside it with the ending ".key".
        package var key: String?
        package var chainPlace: Place
        package var keyPlace: Place
    }

    package struct Origin: Equatable, Sendable {
        package var url: OriginURL
        /// The name to ask for and to verify; empty without TLS.
        package var serverName: String
        /// Path of the PEM file with the only authorities accepted; nil: those of the system.
        package var authority: String?
        package var place: Place
        package var authorityPlace: Place
    }
}
