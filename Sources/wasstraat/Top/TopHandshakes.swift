internal import Messages
internal import Telemetry

extension TopScreen {
    /// What TLS costs and what was refused for it; nil while it costs little and nobody waits for it.
    func handshakeLine(_ model: TopModel, _ status: LaneStatus) -> [Part]? {
        let tls = status.connections.tls
        guard let all = model.rate(\.connections.handshakes), let busy = model.rate(\.connections.tls.busyNanoseconds),
            let refused = model.rate(\.connections.tls.refused),
            let failed = model.rate(\.connections.failedHandshakes),
            refused > 0 || tls.waiting > 0 || tls.pressed > 0 || busy > 0.25e9
        else { return nil }
        let resumed = model.rate(\.connections.resumed)
        let isPressed = tls.pressed > 0
        return [
            (isPressed ? .alarm : .plain, isPressed ? "TLS UNDER PRESSURE" : "TLS"),
            (.plain, "  full \(Self.rate(all - min(all, resumed ?? 0)))/s"),
            (.plain, "  resumed \(Self.rate(resumed))/s"), (.plain, "  failed \(Self.rate(failed))/s"),
            (refused > 0 ? .strong : .plain, "  refused \(Self.rate(refused))/s"),
            (.plain, "  waiting \(tls.waiting)"), (.plain, "  busy \(Decimals.text(busy / 1e7, digits: 0))%"),
        ]
    }
}
