package import Addresses

extension OrdinaryTraffic {
    /// What hosts of a normal network do.
    package enum Activity: UInt8, CaseIterable, Sendable, BitwiseCopyable {
        /// Visitors of the site's web server: TLS, plain HTTP, QUIC.
        case https, http, quic
        /// The site's name server is asked; its resolver asks others.
        case dnsAuthority, dnsResolver
        case mail, ntpServer, ntpClient
        /// A monitor walks over a device's tables: hundreds of requests and answers in a tenth of a second.
        case snmpWalk
        case ssh, openVPN, ipsec, wireGuard
        /// Voice and video: 50 to 500 packets a second each way.
        case call
        /// A host of the site fetches a big file; a remote host sends its backup, at the line's rate, for hours.
        case download, backup
        /// Many hosts of the site fetch from one content network.
        case update
        /// The site's own hosts browse.
        case browsing
        /// Multicast: mDNS, LLMNR, SSDP.
        case chatter
        /// ICMP echo of a monitor.
        case echo
        case traceroute
        /// What comes to every address: scans, backscatter, probes.
        case radiation
    }

    /// Which packets are seen.
    package enum View: UInt8, CaseIterable, Sendable {
        case both
        /// Only those towards the site (and multicast).
        case inbound
        /// Only those from the site.
        case outbound
    }

    /// An activity that grows for a while: a flash crowd.
    package struct Surge: Equatable, Sendable {
        package var activity: Activity
        /// Nanoseconds after the start at which it begins to rise, and how long it lasts.
        package var after: Int64
        package var duration: Int64
        /// How many times as many sessions, from a tenth of the duration on; it rises in a straight line until then.
        package var factor: UInt32

        package init(activity: Activity, after: Int64, duration: Int64, factor: UInt32) {
            self.activity = activity
            self.after = after
            self.duration = duration
            self.factor = factor
        }

        func factor(at elapsed: Int64) -> UInt32 {
            let since = elapsed &- after
            guard since >= 0, since < duration else { return 1 }
            let rise = max(1, duration / 10)
            guard since < rise else { return max(1, factor) }
            return 1
                + UInt32(truncatingIfNeeded: Int64(max(1, factor) - 1) * (since / 1_000_000) / max(1, rise / 1_000_000))
        }
    }

    /// A site and what goes on there.
    package struct Scenario: Equatable, Sendable {
        package var view = View.both
        /// The site's addresses: a /24 and a /48.
        package var network = Address(ipv4: 0xc000_0200)
        package var network6 = Address(high: 0x2001_0db8_0001_0000, low: 0)
        /// Own hosts, 1 to 240; the first ones serve.
        package var hosts: UInt32 = 40
        /// Remote hosts that come again and again, the first ones most often.
        package var clients: UInt32 = 20_000
        /// Of a hundred sessions, so many are IPv6.
        package var ipv6Percent: UInt32 = 35
        /// Nanoseconds between full packets of a bulk transfer: the line's rate.
        package var linePace: UInt32 = 120_000
        package var surge: Surge?
        /// Sessions that begin in 1,000,000 seconds.
        private var rates = [UInt64](repeating: 0, count: Activity.allCases.count)

        package init() {}

        func rate(_ activity: Activity) -> UInt64 { rates[Int(activity.rawValue)] }

        /// Sets how many sessions of an activity begin in 1,000 seconds.
        package mutating func set(_ activity: Activity, sessions: UInt32) {
            rates[Int(activity.rawValue)] = UInt64(sessions) * 1_000
        }

        /// Whether an address is the site's.
        package func holds(_ address: Address) -> Bool {
            address.isIPv4
                ? address.masked(to: 24) == network : address.high &>> 16 == network6.high &>> 16
        }

        package func viewed(_ view: View) -> Scenario {
            var scenario = self
            scenario.view = view
            return scenario
        }

        /// All activities so many thousandths as often.
        package func scaled(thousandths: UInt32) -> Scenario {
            var scenario = self
            for index in rates.indices where rates[index] > 0 {
                scenario.rates[index] = min(1 << 40, max(1, rates[index] * UInt64(thousandths) / 1_000))
            }
            return scenario
        }

        private static func of(_ rates: [Activity: UInt32]) -> Scenario {
            var scenario = Scenario()
            for (activity, rate) in rates { scenario.set(activity, sessions: rate) }
            // On any address, some a second.
            if rates[.radiation] == nil { scenario.set(.radiation, sessions: 1_500) }
            return scenario
        }
    }
}

extension OrdinaryTraffic.Scenario {
    /// An office of forty people: some tens of packets a second.
    package static var smallOffice: Self {
        of([
            .browsing: 150, .dnsResolver: 1_000, .mail: 40, .ntpClient: 60, .ssh: 1, .wireGuard: 2, .chatter: 300,
            .echo: 10, .https: 20, .snmpWalk: 2, .call: 1, .traceroute: 1, .radiation: 1_000,
        ])
    }

    /// A busy site of all kinds: about 1,500 packets a second at first, more when its long transfers have begun. Twelve
    /// times as much is `scaled(thousandths: 12_000)`.
    package static var busySite: Self {
        var scenario = of([
            .https: 9_000, .http: 2_000, .quic: 4_000, .browsing: 3_000, .dnsAuthority: 60_000, .dnsResolver: 30_000,
            .mail: 1_500, .ntpServer: 10_000, .ntpClient: 500, .snmpWalk: 60, .ssh: 30, .openVPN: 6, .ipsec: 6,
            .wireGuard: 6, .call: 3, .download: 4, .update: 20, .chatter: 1_000, .echo: 60, .traceroute: 20,
            .radiation: 4_000,
        ])
        scenario.hosts = 200
        return scenario
    }

    package static var webServer: Self { of([.https: 20_000, .http: 4_000, .quic: 8_000, .echo: 20]) }
    package static var plainWebServer: Self { of([.http: 20_000]) }
    package static var nameServer: Self { of([.dnsAuthority: 300_000]) }
    package static var resolver: Self { of([.dnsResolver: 200_000]) }
    package static var mailServer: Self { of([.mail: 10_000, .dnsResolver: 30_000]) }
    package static var timeServer: Self { of([.ntpServer: 300_000, .ntpClient: 100]) }
    package static var monitoring: Self { of([.snmpWalk: 600, .echo: 2_000, .traceroute: 50]) }
    package static var remoteWork: Self { of([.ssh: 60, .openVPN: 30, .ipsec: 30, .wireGuard: 30]) }
    package static var videoCalls: Self { of([.call: 20, .dnsResolver: 1_000]) }
    package static var bigDownload: Self { of([.download: 30, .browsing: 100, .dnsResolver: 1_000]) }

    /// One remote host that sends at the line's rate; it begins within the first seconds and goes on.
    package static var backup: Self {
        var scenario = of([.backup: 500, .browsing: 50, .dnsResolver: 500])
        scenario.linePace = 60_000
        return scenario
    }

    package static var softwareUpdate: Self {
        var scenario = of([.update: 200, .browsing: 50, .dnsResolver: 1_000])
        scenario.hosts = 200
        scenario.surge = .init(activity: .update, after: 20_000_000_000, duration: 300_000_000_000, factor: 10)
        return scenario
    }

    /// A web server that twenty times as many visitors come to, after a minute and for ten.
    package static var flashCrowd: Self {
        var scenario = of([.https: 5_000, .http: 500, .quic: 1_000])
        scenario.clients = 200_000
        scenario.surge = .init(activity: .https, after: 60_000_000_000, duration: 600_000_000_000, factor: 20)
        return scenario
    }

    package static var localChatter: Self { of([.chatter: 5_000]) }
    package static var background: Self { of([.radiation: 4_000]) }

    /// Every scenario by its name.
    package static var all: [(name: String, scenario: Self)] {
        [
            ("small office", smallOffice), ("busy site", busySite), ("web server", webServer),
            ("plain web server", plainWebServer), ("name server", nameServer), ("resolver", resolver),
            ("mail server", mailServer), ("time server", timeServer), ("monitoring", monitoring),
            ("remote work", remoteWork), ("video calls", videoCalls), ("big download", bigDownload),
            ("backup", backup), ("software update", softwareUpdate), ("flash crowd", flashCrowd),
            ("local chatter", localChatter), ("background", background),
        ]
    }
}
