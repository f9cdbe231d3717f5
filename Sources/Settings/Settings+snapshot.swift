package import Addresses
package import Messages

extension Settings {
    /// A name that has no address, or none that could be found out now.
    package struct Unresolved: Error, Equatable, Sendable {
        package var reason: String

        package init(_ reason: String) { self.reason = reason }
    }

    /// Finds the addresses of a host name. May block.
    package typealias Resolver = (String) -> Result<[Address], Unresolved>

    /// A snapshot for each lane, and what the operator may want to know of their making.
    package struct Compiled: Equatable, Sendable {
        package struct Lane: Equatable, Sendable {
            package var name: String
            package var snapshot: Snapshot
        }

        /// In the order of the settings.
        package var lanes: [Lane]
        /// Authorities that the prober trusts beside the system's, PEM; empty: none.
        package var proberAuthorities: [UInt8]
        /// Without those that are in the settings' own `warnings`.
        package var warnings: [Complaint]
    }

    /// Origins of one site; the lane takes no more (Messages).
    package static let originLimit = 16

    /// Compiles the settings for the lanes: reads certificates, keys and authorities, and resolves the origins' names,
    /// each name once. Throws every complaint at once; `self` is not changed, and another try may succeed.
    ///
    /// It reads files and asks a name server, so it may take seconds: not for a loop that must go on.
    package func compile(
        generation: UInt64, secrets: Snapshot.Secrets, files: some Files = SystemFiles(),
        resolve: Resolver = systemResolver
    ) throws(Complaints) -> Compiled {
        var complaints = Complaints()
        var addresses: [String: Result<[Address], Unresolved>] = [:]
        var snapshot = Snapshot()
        snapshot.generation = generation
        snapshot.instance = instance
        snapshot.limits = limits
        snapshot.trustedPeers = trustedPeers
        snapshot.historyTime = UInt32(clamping: retention.history)
        snapshot.secrets = secrets
        snapshot.bots = bots.map { $0.compile(files, &complaints) }
        for organisation in organisations {
            for site in organisation.sites {
                var compiled = Snapshot.Site(
                    name: site.name, organisation: organisation.name, hosts: site.hosts,
                    origins: site.compileOrigins(files, resolve, &addresses, &complaints))
                if let credentials = site.certificate?.read(files, &complaints) {
                    compiled.certificateChain = credentials.chain
                    compiled.privateKey = credentials.key
                }
                compiled.mode = site.mode
                compiled.service = site.service
                compiled.sourceLimit = site.sourceLimit
                compiled.bodyLimit = site.bodyLimit
                compiled.isScored = site.isScored
                compiled.share = organisation.share
                compiled.caps = organisation.caps
                compiled.cache = site.compileCache(files, &complaints)
                let access = site.access.under(organisation.access)
                (compiled.allow, compiled.deny) = (access.allow, access.deny)
                snapshot.sites.append(compiled)
            }
        }
        snapshot.pages = pages.map { pages in
            var host = Snapshot.PagesHost(hosts: pages.hosts)
            if let credentials = pages.certificate?.read(files, &complaints) {
                host.certificateChain = credentials.chain
                host.privateKey = credentials.key
            }
            return host
        }
        let compiled = lanes.map { lane in
            var own = snapshot
            own.cores = lane.cores
            own.listeners = lane.listeners
            own.cacheFolder = diskCache.map {
                Snapshot.CacheFolder(path: $0.folder, size: $0.size, lane: lane.name)
            }
            own.sites = snapshot.sites.filter { lane.organisations.contains($0.organisation) }
            let size = own.encoded().count
            if size > Frame.bodyLimit {
                complaints.refuse(
                    Place(),
                    "sites, certificates and authorities are \(size) bytes together; at most \(Frame.bodyLimit)")
            }
            return Compiled.Lane(name: lane.name, snapshot: own)
        }
        let proberAuthorities = prober.readAuthorities(files, &complaints) ?? []
        guard !complaints.hasErrors else { throw complaints }
        return Compiled(
            lanes: compiled, proberAuthorities: proberAuthorities,
            warnings: complaints.warnings.filter { !warnings.contains($0) })
    }
}

extension Settings.Site {
    fileprivate func compileOrigins(
        _ files: some Files, _ resolve: Settings.Resolver,
        _ known: inout [String: Result<[Address], Settings.Unresolved>], _ complaints: inout Complaints
    ) -> [Snapshot.Origin] {
        var compiled: [Snapshot.Origin] = []
        var authorities: [String: [UInt8]] = [:]
        for origin in origins {
            if let path = origin.authority, authorities[path] == nil {
                guard let bytes = origin.readAuthorities(files, &complaints) else { continue }
                authorities[path] = bytes
            }
            for address in origin.addresses(resolve, &known, &complaints) {
                var target = Snapshot.Origin(endpoint: Endpoint(address, port: origin.url.port))
                target.isTLS = origin.url.isTLS
                target.serverName = origin.serverName
                target.authorities = origin.authority.flatMap { authorities[$0] } ?? []
                guard !compiled.contains(target) else { continue }
                guard compiled.count < Settings.originLimit else {
                    complaints.warn(
                        origin.place,
                        "the origins of '\(name)' have more than \(Settings.originLimit) addresses; others are not used"
                    )
                    return compiled
                }
                compiled.append(target)
            }
        }
        return compiled
    }
}

extension Settings.Origin {
    fileprivate func addresses(
        _ resolve: Settings.Resolver, _ known: inout [String: Result<[Address], Settings.Unresolved>],
        _ complaints: inout Complaints
    ) -> [Address] {
        switch url.host {
        case .address(let address):
            return [address]
        case .name(let name):
            let result = known[name] ?? resolve(name)
            known[name] = result
            switch result {
            case .success(let addresses) where !addresses.isEmpty:
                return addresses
            case .success:
                complaints.refuse(place, "the origin's name '\(name)' has no address")
            case .failure(let trouble):
                complaints.refuse(place, "the origin's name '\(name)' does not resolve: \(shown(trouble.reason))")
            }
            return []
        }
    }
}
