package import Addresses

/// Where a datagram of flows came from.
package struct Exporter: Hashable, Sendable, BitwiseCopyable {
    package var address: Address
    package var port: UInt16

    @inlinable
    package init(address: Address, port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// What exporters may cost. UDP names no sender that can be trusted, so whatever they send, memory ends here: at
/// `stateTotalLimit` and `keptTotalLimit`.
package struct ExporterBudget: Sendable {
    /// Addresses known at once. A large network has some hundreds of routers; spoofed ones come without end.
    package var exporterLimit = 512
    /// Source ids, observation domains, engines or sFlow agents of one address; a chassis has one for each line card.
    package var domainLimit = 128
    /// Templates of one address. A router sends fewer than 20; an attacker forever.
    package var templateLimit = 256
    /// Fields of one template; the largest known has about 60.
    package var fieldLimit = 256
    /// Fields of all templates of one address.
    package var fieldTotalLimit = 4096
    /// Sampling rates of one domain; one for each sampler or interface.
    package var rateLimit = 512
    /// Bytes of what is remembered of all addresses, as they are estimated (``ExporterState/cost``). 512 routers of 20
    /// templates of 20 fields are 9 MiB; where it is more, those go that never told a flow, and else the largest.
    package var stateTotalLimit = 10 << 20
    /// Data kept for their template: bytes and sets of one address, bytes of all. A router that was just switched on,
    /// or a collector, waits at most this long for templates.
    package var keptBytesLimit = 64 << 10
    package var keptSetLimit = 256
    package var keptTotalLimit = 2 << 20
    package var keptSeconds: Int64 = 60
    /// How long before its receipt a flow may have begun or ended, and how far an exporter's clock may be ahead; a time
    /// outside is not believed. The longest active timeout that routers offer is an hour.
    package var pastSeconds: Int64 = 86_400
    package var futureSeconds: Int64 = 300
    /// How far an exporter's clock may be from ours before its times are moved by the difference; clocks set to local
    /// time are hours off, and flows told hours late would be no use.
    package var clockErrorSeconds: Int64 = 120

    package init() {}
}
