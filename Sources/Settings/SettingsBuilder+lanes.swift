internal import Addresses
internal import Messages

/// Lanes, and all else that listens.
extension SettingsBuilder {
    mutating func lanes(_ root: Values) -> [Settings.Lane] {
        guard root.has(Keys.Lanes.list) else {
            return [
                Settings.Lane(
                    name: Settings.Lane.usualName, listeners: listeners(root, Keys.Listener.list),
                    cores: cores(root.group(Keys.Lane.section)), place: root.place(of: Keys.Listener.list))
            ]
        }
        for key in [Keys.Listener.list, Keys.Lane.section] where root.has(key) {
            complaints.refuse(
                root.place(of: key),
                "'\(key.name)' and 'lanes' exclude each other; each of the 'lanes' has its own listeners and cores")
        }
        var names: [String: Place] = [:]
        return root.sections(Keys.Lanes.list).map { values in
            let name = values.text(Keys.Lanes.name) ?? ""
            let place = values.place(of: Keys.Lanes.name)
            if !name.isEmpty, let first = names.updateValue(place, forKey: name) {
                complaints.refuse(place, "a lane named '\(name)' is here twice\(also(first))")
            }
            return Settings.Lane(
                name: name, listeners: listeners(values, Keys.Lanes.listeners), cores: cores(values),
                place: values.place(of: Keys.Lanes.listeners))
        }
    }

    /// Says which organisations each lane serves.
    mutating func assign(_ root: Values, _ settings: inout Settings) {
        let names = settings.organisations.map(\.name)
        guard root.has(Keys.Lanes.list) else {
            settings.lanes[0].organisations = names
            return
        }
        for (index, values) in root.sections(Keys.Lanes.list).enumerated() {
            guard values.has(Keys.Lanes.organisations) else {
                settings.lanes[index].organisations = names
                continue
            }
            var seen: Set<String> = []
            for value in values.list(Keys.Lanes.organisations) {
                guard case .text(let name) = value.content else { continue }
                if !seen.insert(name).inserted {
                    complaints.refuse(value.place, "the organisation '\(name)' is in the list twice")
                } else if !names.contains(name) {
                    let hint = nearest(name, among: names).map { "; did you mean '\($0)'?" } ?? ""
                    complaints.refuse(value.place, "there is no organisation '\(name)' in this file\(hint)")
                }
            }
            settings.lanes[index].organisations = names.filter(seen.contains)
        }
        for name in names where !settings.lanes.isEmpty {
            guard !settings.lanes.contains(where: { $0.organisations.contains(name) }) else { continue }
            complaints.refuse(
                organisations[name] ?? root.place(of: Keys.Lanes.list),
                "no lane serves the organisation '\(name)'; name it in the 'organisations' of one")
        }
    }

    private mutating func listeners(_ group: Values, _ key: Key) -> [Snapshot.Listener] {
        guard group.has(key) else {
            let any = [Address(ipv4: 0), Address(high: 0, low: 0)]
            return any.map { Snapshot.Listener(endpoint: Endpoint($0, port: 443), isTLS: true) }
                + any.map { Snapshot.Listener(endpoint: Endpoint($0, port: 80), isTLS: false) }
        }
        var listeners: [Snapshot.Listener] = []
        for values in group.sections(key) {
            guard case .endpoint(let endpoint) = values[Keys.Listener.listen]?.content else { continue }
            let place = values.place(of: Keys.Listener.listen)
            if let first = endpoints.updateValue(place, forKey: endpoint) {
                complaints.refuse(place, "\(endpoint) is listened on twice\(also(first))")
            }
            var listener = Snapshot.Listener(
                endpoint: endpoint, isTLS: values.flag(Keys.Listener.tls) ?? (endpoint.port == 443))
            listener.proxyPeers = prefixes(values, Keys.Listener.proxyProtocolFrom)
            listener.servesClear = values.text(Keys.Listener.clear) == "serve"
            listener.speaksHTTP2 = values.flag(Keys.Listener.http2) ?? true
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

    mutating func metrics(_ values: Values, beside listeners: [Snapshot.Listener]) -> Endpoint? {
        guard case .endpoint(let endpoint) = values[Keys.Metrics.listen]?.content else { return nil }
        let place = values.place(of: Keys.Metrics.listen)
        if isTaken(endpoint, by: listeners.map(\.endpoint)) {
            complaints.refuse(place, "visitors are listened for at \(endpoint) already")
        }
        if !endpoint.address.isLoopback {
            complaints.warn(place, "the figures can be read, without password, by all who can reach \(endpoint)")
        }
        return endpoint
    }

    mutating func console(
        _ values: Values, beside listeners: [Snapshot.Listener], _ metrics: Endpoint?
    ) -> Settings.Console {
        var console = Settings.Console(
            session: (values.number(Keys.Console.session) ?? 0) / 1_000,
            needsFactor: values.text(Keys.Console.factor) == "required")
        guard case .endpoint(let endpoint) = values[Keys.Console.listen]?.content else { return console }
        console.listen = endpoint
        let place = values.place(of: Keys.Console.listen)
        if isTaken(endpoint, by: listeners.map(\.endpoint)) {
            complaints.refuse(place, "visitors are listened for at \(endpoint) already")
        }
        if let metrics, isTaken(endpoint, by: [metrics]) {
            complaints.refuse(place, "the figures are served at \(metrics) already")
        }
        if !endpoint.address.isLoopback {
            complaints.warn(
                place, "passwords travel in clear to \(endpoint); listen on 127.0.0.1, behind a proxy with TLS")
        }
        return console
    }

    /// Whether one of the others listens there, or at all addresses of its kind.
    private func isTaken(_ endpoint: Endpoint, by others: [Endpoint]) -> Bool {
        let wildcards = [Address(ipv4: 0), Address(high: 0, low: 0)]
        return others.contains { other in
            guard other.port == endpoint.port, other.address.isIPv4 == endpoint.address.isIPv4 else { return false }
            return other.address == endpoint.address || wildcards.contains(other.address)
                || wildcards.contains(endpoint.address)
        }
    }
}
