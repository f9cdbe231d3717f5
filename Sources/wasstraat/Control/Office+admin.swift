internal import CLinux
internal import Detection
internal import Fingerprints
internal import Glibc
internal import Logging
internal import Messages
internal import Mitigations
internal import Moments
internal import Telemetry

/// The admin socket: the facts of `wasstraat top`, and orders by hand, as JSON over HTTP. Version 1 is stable: members may
/// be added, none is taken away or changes its meaning.
extension Office {
    func acceptAdmins() {
        while adminPeers.count < AdminPeer.limit {
            var address = [UInt8](repeating: 0, count: 16)
            var port: UInt16 = 0
            let socket = linux_accept(adminSocket.number, &address, &port)
            guard socket >= 0 else { return }
            let descriptor = Descriptor(socket)
            guard let peer = AdminPeer(descriptor, at: Clock.monotonic) else {
                logger.warning("another user asked on the admin socket, and was sent away")
                continue
            }
            adminPeers.append(peer)
        }
    }

    func serveAdmins() {
        let now = Clock.monotonic
        adminPeers.removeAll { peer in
            switch peer.receive() {
            case .more: break
            case .gone: return true
            case .refused(let reply): peer.answer(reply)
            case .request(let request): peer.answer(reply(to: request))
            }
            return !peer.flush() || peer.isDone || now > peer.deadline
        }
    }

    private func reply(to request: AdminPeer.Request) -> AdminReply {
        let now = Moment.now
        control.expire(at: now)
        do throws(ControlBook.Refusal) {
            switch (request.method, request.path.count, request.path.first) {
            case (let method, 2..., "v1"):
                guard let reply = try route(method, Array(request.path.dropFirst()), request, at: now) else { break }
                return reply
            default: break
            }
        } catch {
            return refusal(error)
        }
        return .refusal(404, "not_found", "there is nothing here; Documentation/operating.md names what there is")
    }

    private func route(
        _ method: String, _ path: [String], _ request: AdminPeer.Request, at now: Moment
    ) throws(ControlBook.Refusal) -> AdminReply? {
        switch (method, path[0], path.count) {
        case ("GET", "status", 1): return AdminReply(200, model.json(at: .now))
        case ("GET", "sites", 1): return siteNames()
        case ("GET", "sites", 2): return model.json(of: path[1]).map { AdminReply(200, $0) }
        case ("POST", "sites", 3) where path[2] == "mode":
            guard sites.contains(path[1]) else { return nil }
            let form = try OrderForm(request.body, kinds: ["observe", "protect"], site: path[1])
            return try hold(form, request, at: now)
        case ("GET", "access", 1): return list()
        case ("POST", "access", 1):
            return try hold(try OrderForm(request.body, kinds: ["allow", "deny"]), request, at: now)
        case ("DELETE", "access", 2):
            // No order has the number 0.
            let order = try control.remove(UInt64(path[1]) ?? 0, by: control.giver(request.author, for: ""))
            return AdminReply { $0.append(order) }
        case ("POST", "rules", 2):
            let form = try OrderForm.rule(request.body)
            guard let rule = UInt64(path[1], radix: 16) else {
                return .refusal(404, "no_rule", "a rule's number is of hexadecimal digits")
            }
            try control.say(
                form.order, of: rule, at: form.site, reason: form.reason,
                by: control.giver(request.author, for: form.by))
            return AdminReply {
                $0.raw("{\"rule\":")
                $0.string(RequestRule.digits(of: rule))
                $0.raw(",\"kind\":")
                $0.string(form.order.rawValue)
                $0.raw("}")
            }
        case (_, "status", 1), (_, "sites", 1...2), (_, "access", 1...2), (_, "rules", 2):
            return .refusal(405, "method", "that cannot be done here")
        default: return nil
        }
    }

    private func hold(
        _ form: OrderForm, _ request: AdminPeer.Request, at now: Moment
    ) throws(ControlBook.Refusal) -> AdminReply {
        let order = try control.hold(
            form.act, site: form.site, seconds: form.seconds, reason: form.reason,
            by: control.giver(request.author, for: form.by), at: now)
        return AdminReply(201) { $0.append(order) }
    }

    private func refusal(_ refusal: ControlBook.Refusal) -> AdminReply {
        switch refusal.cause {
        case .noOrder: .refusal(404, "no_order", refusal.reason)
        case .noRule: .refusal(404, "no_rule", refusal.reason)
        default: .refusal(400, "refused", refusal.reason)
        }
    }

    private func list() -> AdminReply {
        AdminReply { json in
            json.raw("{\"orders\":[")
            for (index, order) in control.book.orders.enumerated() {
                if index > 0 { json.raw(",") }
                json.append(order)
            }
            json.raw("]}")
        }
    }

    private func siteNames() -> AdminReply {
        AdminReply { json in
            json.raw("{\"sites\":[")
            for (index, site) in sites.sorted().enumerated() {
                if index > 0 { json.raw(",") }
                json.string(site)
            }
            json.raw("]}")
        }
    }

    /// Names of all sites.
    var sites: Set<String> { Set(desks.flatMap { $0.wanted.sites.map(\.name) }) }

    /// What the admin socket and the viewers are told of this second.
    func followModel(at now: Int64) {
        let state = report.current
        model.received(state.summary)
        if let filter = state.filter {
            model.received(filter.sources)
            model.received(filter.reply, at: now)
        }
        if let merged = state.merged { model.received(merged, at: now) }
        busiestNow = busiest.next()
        model.received(busiestNow)
    }
}

extension LaneDesk {
    /// The lists as they are now; each replaces the one before.
    func sendAccess() {
        for peer in listening { office.send(Frame(.access, body: office.control.list(for: self).encoded()), to: peer) }
    }

    func sendVerdicts() {
        for peer in listening { office.send(Frame(.botVerdicts, body: office.verdicts.encoded()), to: peer) }
    }
}
