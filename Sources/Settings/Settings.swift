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
    /// The processes that carry traffic; at least one. No endpoint is in two of them.
    package var lanes: [Lane]
    /// Peers whose forwarding fields are believed.
    package var trustedPeers: [Prefix]
    /// Where `/metrics` is served; nil: nowhere.
    package var metrics: Endpoint?
    /// Where the console is served.
    package var console: Console
    package var prober: Prober
    /// Where flow exports come in; nil: nowhere.
    package var collector: Collector?
    /// The filter of packets in the kernel; nil: none.
    package var filter: Filter?
    /// What becomes of fingerprints of requests.
    package var fingerprints = Fingerprints()
    /// The public pages' host; nil: the pages are written to the state folder only.
    package var pages: Pages?
    package var retention: Retention
    package var limits: Snapshot.Limits
    /// Where lanes keep responses on disk too; nil: nowhere.
    package var diskCache: DiskCache?
    package var organisations: [Organisation]
    /// Crawlers that may be proven, the built-in ones among them.
    package var bots: [Bot] = []
    /// Who is asked for their names; nil: as the system does.
    package var nameServer: Endpoint?
    /// What the operator may want to change; the settings can be used all the same.
    package var warnings: [Complaint] = []

    package struct DiskCache: Equatable, Sendable {
        package var folder: String
        /// Bytes, for each lane.
        package var size: UInt64
        package var place: Place
    }

    /// How long data is kept, in seconds.
    package struct Retention: Equatable, Sendable {
        package var accessLog: UInt64
        package var history: UInt64
        /// Single checks by the prober.
        package var samples: UInt64
        /// Series for plots.
        package var points: UInt64
        /// The sealed part of an incident.
        package var sealed: UInt64
    }

    /// Where visitors connect, over all lanes.
    package var listeners: [Snapshot.Listener] { lanes.flatMap(\.listeners) }

    package struct Lane: Equatable, Sendable {
        /// The name of the only lane where the file names none.
        package static let usualName = "lane"

        /// Unique; 1-64 of a-z, 0-9, "-" and ".".
        package var name: String
        /// At least one.
        package var listeners: [Snapshot.Listener]
        /// Cores for the workers; empty: all, not pinned.
        package var cores: [UInt16]
        /// Names of the organisations whose sites it serves.
        package var organisations: [String] = []
        /// Where its listeners stand in the file.
        package var place: Place
    }

    package struct Pages: Equatable, Sendable {
        /// Lower-case host names, none of them a site's.
        package var hosts: [String]
        package var certificate: CertificateFiles?
        /// The public base URL, without a slash at its end.
        package var address: String
    }

    package struct Prober: Equatable, Sendable {
        package var isEnabled: Bool
        package var name: String
        package var network: String
        /// Milliseconds.
        package var interval: UInt64
        /// Milliseconds.
        package var timeout: UInt64
        /// Path of a PEM file with authorities that are trusted beside the system's; nil: none.
        package var authority: String?
        package var authorityPlace = Place()
    }

    package struct Console: Equatable, Sendable {
        /// nil: nowhere.
        package var listen: Endpoint?
        /// Seconds that someone stays signed in.
        package var session: UInt64
        /// Who has no second factor must set one up first.
        package var needsFactor: Bool
    }

    package struct Collector: Equatable, Sendable {
        package var listen: Endpoint
        /// Path of a profile; nil: the shipped one.
        package var baseline: String?
    }

    package struct Filter: Equatable, Sendable {
        /// What becomes of fingerprints of attacks that samples and the collector show; the same words serve for sources.
        package enum Rules: String, CaseIterable, Sendable {
            case off, dry, live
        }

        /// What becomes of malformed packets.
        package enum Malformed: String, CaseIterable, Sendable {
            case off, dry, live
        }

        /// The name of the interface.
        package var interface: String
        /// One frame in so many is sampled; 0: none.
        package var sampling: UInt32
        /// Whether packets inside tunnels are judged too.
        package var tunnels: Bool
        package var malformed: Malformed
        package var rules: Rules
        /// What becomes of sources that a lane has proven hostile.
        package var sources: Rules
        /// Seconds that such a source is blocked for, the first time.
        package var blockTime: UInt32
        /// Whether samples are looked at.
        package var detection: Bool
        /// Whether a flood of SYN is answered with cookies.
        package var cookies: Bool
        /// What one source may send, and one address may get; nil: any.
        package var sourceBudget: Budget?
        package var destinationBudget: Budget?

        /// Over time, a second.
        package struct Budget: Equatable, Sendable {
            package var packets: UInt64
            package var bytes: UInt64
            /// What is beyond passes, and is counted.
            package var isDry: Bool
        }

        /// Samples come, and are looked at.
        package var detects: Bool { detection && sampling > 0 }
    }

    /// What the prober asks a site for.
    package struct Check: Equatable, Sendable {
        /// Begins with "/".
        package var path: String
        /// A text that only the right page holds; nil: the status alone counts.
        package var word: String?
        package var status: UInt16
    }

    package struct Organisation: Equatable, Sendable {
        /// Unique; 1-64 of a-z, 0-9, "-" and ".".
        package var name: String
        /// The name for people.
        package var title: String
        /// Its own address blocks; none overlaps one of another organisation.
        package var networks: [Prefix] = []
        /// What its sites may have of what is short in a lane, against others': 1 ... 100.
        package var share: UInt8 = 1
        /// What its sites may have in a lane at most, together.
        package var caps = Snapshot.Caps()
        package var access = Access()
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
        package var check: Check
        package var sourceLimit: Snapshot.SourceLimit?
        /// Bytes.
        package var bodyLimit: UInt64
        package var isScored = true
        package var access = Access()
        /// Where it stands in the file, for complaints that come up later.
        package var place: Place
        package var cache = Cache()
    }

    /// What is kept of a site's responses.
    package struct Cache: Equatable, Sendable {
        package var mode = Snapshot.Caching.Mode.on
        /// Seconds.
        package var stale: UInt32 = 86_400
        /// Path of a page for when nothing else can be shown; nil: none.
        package var fallback: String?
        package var fallbackPlace = Place()
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
