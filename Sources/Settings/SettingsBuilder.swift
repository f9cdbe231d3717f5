internal import Addresses
internal import Messages

/// Makes settings out of checked values: fills in what follows from other keys, and checks what only shows when keys
/// are seen together. It goes on after a complaint, so that all come at once; what it makes then is not used.
struct SettingsBuilder {
    /// Where relative paths begin.
    var folder: String
    var complaints: Complaints
    /// Names that must be unique, with the place of their first use.
    var organisations: [String: Place] = [:]
    private var sites: [String: Place] = [:]
    var hosts: [String: Place] = [:]
    var endpoints: [Endpoint: Place] = [:]
    /// Address blocks of organisations so far.
    var networks: [(prefix: Prefix, owner: String, place: Place)] = []

    init(folder: String, complaints: Complaints) {
        self.folder = folder
        self.complaints = complaints
    }

    mutating func settings(from root: Values) -> Settings {
        let lanes = lanes(root)
        let listeners = lanes.flatMap(\.listeners)
        let metrics = metrics(root.group(Keys.Metrics.section), beside: listeners)
        var settings = Settings(
            state: path(root.text(Keys.state) ?? ""),
            instance: root.text(Keys.instance) ?? "",
            lanes: lanes,
            trustedPeers: prefixes(root, Keys.trustedPeers),
            metrics: metrics,
            console: console(root.group(Keys.Console.section), beside: listeners, metrics),
            prober: prober(root.group(Keys.Prober.section)),
            collector: collector(root),
            filter: filter(root),
            retention: retention(root.group(Keys.Retention.section)),
            limits: limits(root.group(Keys.Limits.section)),
            organisations: [])
        for values in root.sections(Keys.Organisation.list) {
            settings.organisations.append(organisation(values, listeners))
        }
        settings.pages = pages(root)
        settings.diskCache = diskCache(root)
        settings.fingerprints = fingerprints(root.group(Keys.Fingerprints.section))
        settings.bots = bots(root)
        if case .endpoint(let server) = root[Keys.Bots.nameServer]?.content { settings.nameServer = server }
        assign(root, &settings)
        checkTogether(settings, root)
        return settings
    }

    func path(_ text: String) -> String { text.hasPrefix("/") ? text : folder + "/" + text }

    mutating func prefixes(_ values: Values, _ key: Key) -> [Prefix] {
        values.list(key).compactMap { value in
            guard case .prefix(let prefix) = value.content else { return nil }
            if prefix.length == 0 {
                complaints.warn(value.place, "\(prefix) is everyone: each visitor can then claim any address")
            }
            return prefix
        }
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
            name: name, title: values.text(Keys.Organisation.title) ?? name, networks: networks(values, of: name),
            share: UInt8(clamping: values.number(Keys.Organisation.share) ?? 1),
            caps: values.section(Keys.Caps.key).map(caps) ?? Snapshot.Caps(), access: access(values),
            sites: values.sections(Keys.Organisation.sites).map { site($0, listeners) })
    }

    private func caps(_ values: Values) -> Snapshot.Caps {
        var caps = Snapshot.Caps()
        caps.connections = values.number(Keys.Caps.connections).map { UInt32(clamping: $0) }
        caps.queue = values.number(Keys.Caps.queue).map { UInt32(clamping: $0) }
        caps.memory = values.number(Keys.Caps.memory).map { UInt64(clamping: $0) }
        caps.processor = values.number(Keys.Caps.processor).map { UInt32(clamping: $0) }
        return caps
    }

    private mutating func check(_ filter: Settings.Filter, _ values: Values, _ settings: Settings) {
        if filter.rules != .off, settings.collector == nil, !filter.detects, values.has(Keys.Filter.rules) {
            complaints.warn(
                values.place(of: Keys.Filter.rules),
                "samples are not looked at, and there is no 'collector': nothing finds attacks that rules would come of"
            )
        }
        if filter.cookies, !filter.detects, values.has(Keys.Filter.cookies) {
            complaints.warn(
                values.place(of: Keys.Filter.cookies), "samples are not looked at: no flood of SYN is seen")
        }
        if filter.detection, values.has(Keys.Filter.detection), filter.sampling == 0 {
            complaints.warn(values.place(of: Keys.Filter.detection), "'sampling' is 0: there is nothing to look at")
        }
    }

    /// What only shows when the whole is seen.
    private mutating func checkTogether(_ settings: Settings, _ root: Values) {
        let sites = settings.organisations.flatMap(\.sites)
        // The lane's bound for the list of sites (Messages).
        if sites.count > 4096 {
            complaints.refuse(
                root.place(of: Keys.Organisation.list), "\(sites.count) sites; one installation has at most 4096")
        }
        if settings.collector != nil, settings.organisations.allSatisfy(\.networks.isEmpty) {
            complaints.warn(
                root.place(of: Keys.Collector.section),
                "no organisation has 'networks': attacks that the collector sees are logged, and none is filed")
        }
        if let filter = settings.filter, let values = root.section(Keys.Filter.section) {
            check(filter, values, settings)
        }
        let wordless = sites.filter { $0.check.word == nil }
        if settings.prober.isEnabled, let first = wordless.first {
            complaints.warn(
                first.place,
                "\(wordless.count == 1 ? "a site has" : "\(wordless.count) sites have") no 'check' with a 'word': an "
                    + "error page with the right status counts as up; a word that only the right page holds makes the "
                    + "measurement honest")
        }
        for lane in settings.lanes where root.has(Keys.Listener.list) || root.has(Keys.Lanes.list) {
            checkTLS(of: lane, settings)
        }
    }

    private mutating func checkTLS(of lane: Settings.Lane, _ settings: Settings) {
        let sites = settings.organisations.filter { lane.organisations.contains($0.name) }.flatMap(\.sites)
        guard !sites.isEmpty else { return }
        let listensTLS = lane.listeners.contains(where: \.isTLS)
        let site = sites.first { $0.certificate != nil }
        if listensTLS, site == nil, settings.pages?.certificate == nil {
            complaints.warn(
                lane.place, "a listener has TLS, but no site has a certificate: every connection to it fails")
        }
        if !listensTLS, let site {
            complaints.warn(lane.place, "no listener has TLS, so the certificate of '\(site.name)' is not used")
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
            origins: origins(values, hosts, listeners), check: check(values.group(Keys.Check.section)),
            bodyLimit: values.number(Keys.Site.bodyLimit) ?? 0, place: values.place)
        site.isScored = values.flag(Keys.Site.score) ?? true
        site.mode = values.text(Keys.Site.mode) == "observe" ? .observe : .protect
        site.access = access(values)
        site.service = values.text(Keys.Site.service) == "back-office" ? .backOffice : .publicService
        site.cache = cache(values)
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
    mutating func one(_ values: Values, _ single: Key, or several: Key) -> [Value] {
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

    mutating func certificate(_ values: Values) -> Settings.CertificateFiles? {
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
