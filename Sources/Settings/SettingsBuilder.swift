internal import Addresses
internal import Messages

/// Makes settings out of checked values: fills in what follows from other keys, and checks what only shows when keys
/// are seen together. It goes on after a complaint, so that all come at once; what it makes then is not used.
struct SettingsBuilder {
    /// Where relative paths begin.
    var folder: String
    var complaints: Complaints
    /// Names that must be unique, with the place of their first use.
    private var organisations: [String: Place] = [:]
    private var sites: [String: Place] = [:]
    private var hosts: [String: Place] = [:]

    init(folder: String, complaints: Complaints) {
        self.folder = folder
        self.complaints = complaints
    }

    mutating func settings(from root: Values) -> Settings {
        let retention = root.group(Keys.Retention.section)
        let lane = root.group(Keys.Lane.section)
        var settings = Settings(
            state: path(root.text(Keys.state) ?? ""),
            instance: root.text(Keys.instance) ?? "",
            listeners: listeners(root),
            trustedPeers: prefixes(root, Keys.trustedPeers),
            metrics: nil,
            cores: cores(lane),
            retention: Settings.Retention(
                accessLog: (retention.number(Keys.Retention.accessLog) ?? 0) / 1000,
                history: (retention.number(Keys.Retention.history) ?? 0) / 1000),
            limits: limits(root.group(Keys.Limits.section)),
            organisations: [])
        settings.metrics = metrics(root.group(Keys.Metrics.section), beside: settings.listeners)
        for values in root.sections(Keys.Organisation.list) {
            settings.organisations.append(organisation(values, settings.listeners))
        }
        checkTogether(settings, root)
        return settings
    }

    private func path(_ text: String) -> String { text.hasPrefix("/") ? text : folder + "/" + text }

    private mutating func prefixes(_ values: Values, _ key: Key) -> [Prefix] {
        values.list(key).compactMap { value in
            guard case .prefix(let prefix) = value.content else { return nil }
            if prefix.length == 0 {
                complaints.warn(value.place, "\(prefix) is everyone: each visitor can then claim any address")
            }
            return prefix
        }
    }

    private mutating func listeners(_ root: Values) -> [Snapshot.Listener] {
        guard root.has(Keys.Listener.list) else {
            let any = [Address(ipv4: 0), Address(high: 0, low: 0)]
            return any.map { Snapshot.Listener(endpoint: Endpoint($0, port: 443), isTLS: true) }
                + any.map { Snapshot.Listener(endpoint: Endpoint($0, port: 80), isTLS: false) }
        }
        var listeners: [Snapshot.Listener] = []
        var seen: [Endpoint: Place] = [:]
        for values in root.sections(Keys.Listener.list) {
            guard case .endpoint(let endpoint) = values[Keys.Listener.listen]?.content else { continue }
            let place = values.place(of: Keys.Listener.listen)
            if let first = seen.updateValue(place, forKey: endpoint) {
                complaints.refuse(place, "\(endpoint) is listened on twice\(also(first))")
            }
            var listener = Snapshot.Listener(
                endpoint: endpoint, isTLS: values.flag(Keys.Listener.tls) ?? (endpoint.port == 443))
            listener.proxyPeers = prefixes(values, Keys.Listener.proxyProtocolFrom)
            listener.servesClear = values.text(Keys.Listener.clear) == "serve"
            if listener.isTLS, values.has(Keys.Listener.clear) {
                complaints.refuse(
                    values.place(of: Keys.Listener.clear), "'clear' is for a listener without TLS; this one has it")
            }
            listeners.append(listener)
        }
        return listeners
    }

    private mutating func cores(_ lane: Values) -> [UInt16] {
        var seen: Set<UInt64> = []
        return lane.list(Keys.Lane.cores).compactMap { value in
            guard case .number(let core) = value.content else { return nil }
            if !seen.insert(core).inserted { complaints.refuse(value.place, "core \(core) is in the list twice") }
            return UInt16(core)
        }
    }

    private mutating func metrics(_ values: Values, beside listeners: [Snapshot.Listener]) -> Endpoint? {
        guard case .endpoint(let endpoint) = values[Keys.Metrics.listen]?.content else { return nil }
        let place = values.place(of: Keys.Metrics.listen)
        let wildcards = [Address(ipv4: 0), Address(high: 0, low: 0)]
        let isTaken = listeners.contains { listener in
            let other = listener.endpoint
            guard other.port == endpoint.port, other.address.isIPv4 == endpoint.address.isIPv4 else { return false }
            return other.address == endpoint.address || wildcards.contains(other.address)
                || wildcards.contains(endpoint.address)
        }
        if isTaken { complaints.refuse(place, "visitors are listened for at \(endpoint) already") }
        if !endpoint.address.isLoopback {
            complaints.warn(place, "the figures can be read, without password, by all who can reach \(endpoint)")
        }
        return endpoint
    }

    private mutating func limits(_ values: Values) -> Snapshot.Limits {
        var limits = Snapshot.Limits()
        for bound in Keys.Limits.all {
            if let number = values.number(bound.key) { limits[keyPath: bound.field] = UInt32(clamping: number) }
        }
        if limits.targetBytes > limits.headBytes {
            let key = Keys.Limits.targetBytes.key
            if values.has(key) {
                complaints.refuse(
                    values.place(of: key), "'target_bytes' is more than 'head_bytes', of which it is a part")
            }
            limits.targetBytes = limits.headBytes
        }
        return limits
    }

    private mutating func organisation(_ values: Values, _ listeners: [Snapshot.Listener]) -> Settings.Organisation {
        let name = values.text(Keys.Organisation.name) ?? ""
        let place = values.place(of: Keys.Organisation.name)
        if !name.isEmpty, let first = organisations.updateValue(place, forKey: name) {
            complaints.refuse(place, "the organisation '\(name)' is here twice\(also(first))")
        }
        return Settings.Organisation(
            name: name, title: values.text(Keys.Organisation.title) ?? name,
            sites: values.sections(Keys.Organisation.sites).map { site($0, listeners) })
    }

    /// What only shows when the whole is seen.
    private mutating func checkTogether(_ settings: Settings, _ root: Values) {
        let sites = settings.organisations.flatMap(\.sites)
        // The lane's bound for the list of sites (Messages).
        if sites.count > 4096 {
            complaints.refuse(
                root.place(of: Keys.Organisation.list), "\(sites.count) sites; one installation has at most 4096")
        }
        guard !sites.isEmpty, root.has(Keys.Listener.list) else { return }
        let place = root.place(of: Keys.Listener.list)
        let listensTLS = settings.listeners.contains(where: \.isTLS)
        let site = sites.first { $0.certificate != nil }
        if listensTLS, site == nil {
            complaints.warn(place, "a listener has TLS, but no site has a certificate: every connection to it fails")
        }
        if !listensTLS, let site {
            complaints.warn(place, "no listener has TLS, so the certificate of '\(site.name)' is not used")
        }
    }

    func also(_ first: Place) -> String { first.mark.map { ", first on line \($0.line)" } ?? "" }
}

/// Sites.
extension SettingsBuilder {
    private mutating func site(_ values: Values, _ listeners: [Snapshot.Listener]) -> Settings.Site {
        let hosts = hosts(values)
        var site = Settings.Site(
            name: name(values, hosts), hosts: hosts, certificate: certificate(values),
            origins: origins(values, hosts, listeners), bodyLimit: values.number(Keys.Site.bodyLimit) ?? 0,
            place: values.place)
        site.mode = values.text(Keys.Site.mode) == "observe" ? .observe : .protect
        site.service = values.text(Keys.Site.service) == "back-office" ? .backOffice : .publicService
        if let limit = values.section(Keys.Site.sourceLimit), let rate = limit.number(Keys.SourceLimit.rate) {
            site.sourceLimit = Snapshot.SourceLimit(
                rate: UInt32(clamping: rate), burst: UInt32(clamping: limit.number(Keys.SourceLimit.burst) ?? 2 * rate))
        }
        return site
    }

    private mutating func hosts(_ values: Values) -> [String] {
        let found = one(values, Keys.Site.host, or: Keys.Site.hosts)
        return found.compactMap { value in
            guard case .text(let host) = value.content else { return nil }
            if let first = hosts.updateValue(value.place, forKey: host) {
                complaints.refuse(value.place, "the host '\(host)' is here twice\(also(first)); it can have one site")
            }
            return host
        }
    }

    /// The values of a key for one or of its counterpart for several; a group must have just one of the two.
    private mutating func one(_ values: Values, _ single: Key, or several: Key) -> [Value] {
        switch (values.has(single), values.has(several)) {
        case (false, false):
            complaints.refuse(
                values.place, "the key '\(single.name)' (or '\(several.name)') is missing")
        case (true, true):
            complaints.refuse(
                values.place(of: several),
                "'\(single.name)' and '\(several.name)' exclude each other; use '\(several.name)'")
        default: break
        }
        return (values[single].map { [$0] } ?? []) + values.list(several)
    }

    private mutating func name(_ values: Values, _ hosts: [String]) -> String {
        var name = values.text(Keys.Site.name) ?? ""
        var place = values.place(of: Keys.Site.name)
        if !values.has(Keys.Site.name), let host = hosts.first {
            place = values.has(Keys.Site.host) ? values.place(of: Keys.Site.host) : values.place(of: Keys.Site.hosts)
            name = host.hasPrefix("*.") ? String(host.dropFirst(2)) : host
            guard (try? HostName.identifier(name)) != nil else {
                complaints.refuse(place, "the host is too long to name the site; give it a name with 'name'")
                return ""
            }
        }
        if !name.isEmpty, let first = sites.updateValue(place, forKey: name) {
            complaints.refuse(
                place, "a site named '\(name)' is here twice\(also(first)); give one another name with 'name'")
        }
        return name
    }

    private mutating func certificate(_ values: Values) -> Settings.CertificateFiles? {
        let keyPlace = values.place(of: Keys.Site.key)
        guard let chain = values.text(Keys.Site.certificate) else {
            if values.has(Keys.Site.key), !values.has(Keys.Site.certificate) {
                complaints.refuse(keyPlace, "a key without certificate; name its file with 'certificate'")
            }
            return nil
        }
        let chainPlace = values.place(of: Keys.Site.certificate)
        return Settings.CertificateFiles(
            chain: path(chain), key: values.text(Keys.Site.key).map(path), chainPlace: chainPlace,
            keyPlace: values.has(Keys.Site.key) ? keyPlace : chainPlace)
    }

    private mutating func origins(
        _ values: Values, _ hosts: [String], _ listeners: [Snapshot.Listener]
    ) -> [Settings.Origin] {
        var seen: Set<String> = []
        let authority = values.text(Keys.Site.originAuthority).map(path)
        let origins = one(values, Keys.Site.origin, or: Keys.Site.origins).compactMap { value -> Settings.Origin? in
            guard case .origin(let url) = value.content else { return nil }
            if !seen.insert("\(url)").inserted { complaints.refuse(value.place, "the origin \(url) is here twice") }
            if case .address(let address) = url.host,
                listeners.contains(where: { $0.endpoint == Endpoint(address, port: url.port) })
            {
                complaints.refuse(
                    value.place, "\(url) is where Wasstraat listens itself; the origin is the site's server")
            }
            return Settings.Origin(
                url: url, serverName: url.isTLS ? serverName(url, values, hosts, value.place) : "",
                authority: url.isTLS ? authority : nil, place: value.place,
                authorityPlace: values.place(of: Keys.Site.originAuthority))
        }
        if !origins.isEmpty, !origins.contains(where: \.url.isTLS) {
            for key in [Keys.Site.originName, Keys.Site.originAuthority] where values.has(key) {
                complaints.refuse(
                    values.place(of: key), "'\(key.name)' is for an origin with https://; this one is in clear")
            }
        }
        return origins
    }

    private mutating func serverName(
        _ url: OriginURL, _ values: Values, _ hosts: [String], _ place: Place
    ) -> String {
        if values.has(Keys.Site.originName) { return values.text(Keys.Site.originName) ?? "" }
        // A wildcard or an address is no name that a certificate is verified by.
        let first = hosts.first { !$0.hasPrefix("*") && !HostName.isAddress($0) }
        let name =
            switch url.host {
            case .name(let name): name
            case .address: first ?? ""
            }
        if name.isEmpty, !hosts.isEmpty {
            complaints.refuse(place, "give the name in the origin's certificate with 'origin_name'")
        }
        return name
    }
}

extension Values {
    /// A group, or its defaults where it is not in the file.
    func group(_ key: Key) -> Values {
        if let values = section(key) { return values }
        guard case .section(let section) = key.form else { return self }
        var none = Complaints()
        let empty = YAMLNode(.map([]), at: place.mark ?? Mark(line: 1, column: 1))
        return section.read(empty, at: place.under(key.name), &none) ?? self
    }
}
