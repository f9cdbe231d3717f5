internal import Addresses

/// What the record needs: pages, the prober, retention; and what works beside the lanes.
extension SettingsBuilder {
    mutating func pages(_ root: Values) -> Settings.Pages? {
        guard let values = root.section(Keys.Pages.section) else { return nil }
        let names = one(values, Keys.Pages.host, or: Keys.Pages.hosts).compactMap { value -> String? in
            guard case .text(let host) = value.content else { return nil }
            if host.hasPrefix("*") {
                complaints.refuse(value.place, "the pages have a name in full, not a wildcard")
            } else if let first = hosts.updateValue(value.place, forKey: host) {
                complaints.refuse(
                    value.place,
                    "the host '\(host)' is here already\(also(first)); the pages need a name that no site has")
            }
            return host
        }
        let certificate = certificate(values)
        let scheme = certificate == nil ? "http" : "https"
        return Settings.Pages(
            hosts: names, certificate: certificate,
            address: values.text(Keys.Pages.address) ?? "\(scheme)://\(names.first ?? "")")
    }

    func prober(_ values: Values) -> Settings.Prober {
        Settings.Prober(
            isEnabled: values.flag(Keys.Prober.enabled) ?? true, name: values.text(Keys.Prober.name) ?? "",
            network: values.text(Keys.Prober.network) ?? "", interval: values.number(Keys.Prober.interval) ?? 0,
            timeout: values.number(Keys.Prober.timeout) ?? 0,
            authority: values.text(Keys.Prober.authority).map(path),
            authorityPlace: values.place(of: Keys.Prober.authority))
    }

    func collector(_ root: Values) -> Settings.Collector? {
        guard let values = root.section(Keys.Collector.section),
            case .endpoint(let endpoint) = values[Keys.Collector.listen]?.content
        else { return nil }
        return Settings.Collector(listen: endpoint, baseline: values.text(Keys.Collector.baseline).map(path))
    }

    func filter(_ root: Values) -> Settings.Filter? {
        guard let values = root.section(Keys.Filter.section), let interface = values.text(Keys.Filter.interface) else {
            return nil
        }
        return Settings.Filter(
            interface: interface, sampling: UInt32(clamping: values.number(Keys.Filter.sampling) ?? 0),
            tunnels: values.flag(Keys.Filter.tunnels) ?? false,
            malformed: values.text(Keys.Filter.malformed).flatMap(Settings.Filter.Malformed.init) ?? .live,
            rules: values.text(Keys.Filter.rules).flatMap(Settings.Filter.Rules.init) ?? .dry,
            sources: values.text(Keys.Filter.sources).flatMap(Settings.Filter.Rules.init) ?? .dry,
            blockTime: UInt32(clamping: (values.number(Keys.Filter.blockTime) ?? 600_000) / 1_000),
            detection: values.flag(Keys.Filter.detection) ?? true,
            cookies: values.text(Keys.Filter.cookies) != "off",
            sourceBudget: budget(values.section(Keys.Filter.sourceBudget)),
            destinationBudget: budget(values.section(Keys.Filter.destinationBudget)))
    }

    private func budget(_ values: Values?) -> Settings.Filter.Budget? {
        guard let values, let packets = values.number(Keys.Budget.packets),
            let bytes = values.number(Keys.Budget.bytes)
        else { return nil }
        return Settings.Filter.Budget(
            packets: UInt64(packets), bytes: UInt64(bytes), isDry: values.text(Keys.Budget.conduct) == "dry")
    }

    /// An organisation's own blocks; complains about those that are another's too.
    mutating func networks(_ values: Values, of organisation: String) -> [Prefix] {
        values.list(Keys.Organisation.networks).compactMap { value in
            guard case .prefix(let prefix) = value.content else { return nil }
            if prefix.length == 0 { complaints.refuse(value.place, "\(prefix) is everyone's, not one organisation's") }
            if let other = networks.first(where: { $0.owner != organisation && $0.prefix.overlaps(prefix) }) {
                complaints.refuse(
                    value.place,
                    "\(prefix) overlaps \(other.prefix) of the organisation '\(other.owner)'\(also(other.place)); an "
                        + "attack there would be of both")
            }
            networks.append((prefix, organisation, value.place))
            return prefix
        }
    }

    func check(_ values: Values) -> Settings.Check {
        Settings.Check(
            path: values.text(Keys.Check.path) ?? "/", word: values.text(Keys.Check.word),
            status: UInt16(clamping: values.number(Keys.Check.status) ?? 200))
    }

    func retention(_ values: Values) -> Settings.Retention {
        func seconds(_ key: Key) -> UInt64 { (values.number(key) ?? 0) / 1_000 }
        return Settings.Retention(
            accessLog: seconds(Keys.Retention.accessLog), history: seconds(Keys.Retention.history),
            samples: seconds(Keys.Retention.samples), points: seconds(Keys.Retention.points),
            sealed: seconds(Keys.Retention.sealed))
    }
}
