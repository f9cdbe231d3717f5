internal import Filters
internal import Glibc
internal import Mitigations
internal import PacketFilter

/// Who carries the book out on this machine: the kernel's filter where it can be; else nftables, which does a part of it;
/// else nobody. What is missing is said.
enum Enforcers {
    static func make(_ arguments: FilterArguments, _ book: FilterBook, at now: FilterTime) -> any Enforcer {
        let capabilities = Capabilities.probe()
        var missing = capabilities.reasons
        if capabilities.isPossible {
            do throws(KernelError) {
                let filter = try Filter(
                    interface: arguments.interface, plan: arguments.plan, book: book, at: now,
                    drawbacks: capabilities.drawbacks)
                // It may have filtered by nftables until now.
                try? nftables(arguments)?.detach()
                return filter
            } catch { missing = ["\(error)"] }
        }
        // It goes on in the kernel whatever becomes of the book: nobody must take it for gone.
        if !PinFolder(interface: arguments.interface).names.isEmpty {
            missing.append(
                "A program that an earlier process left at \(arguments.interface) filters on by what it was told then: "
                    + "give this process its rights again, or take it away with --detach.")
        }
        if let reason = NFTEnforcer.probe(interface: arguments.interface) {
            return NoEnforcer(missing: missing + [reason])
        }
        do throws(EnforcerError) {
            let enforcer = try NFTEnforcer(interface: place(arguments), because: missing)
            try enforcer.align(with: book, at: now)
            return enforcer
        } catch { return NoEnforcer(missing: missing + ["\(error)"]) }
    }

    /// Takes all of it away, whoever carried it out; throws where something of ours may be left.
    static func detach(_ arguments: FilterArguments) throws(EnforcerError) {
        let pins = PinFolder(interface: arguments.interface)
        do throws(KernelError) {
            // Of an interface that is gone pins may be left; one that never was is a slip of the pen.
            if pins.names.isEmpty { _ = try NetworkInterface(named: arguments.interface) }
            try Filter.detach(interface: arguments.interface)
        } catch { throw EnforcerError("\(error)") }
        guard let enforcer = nftables(arguments) else {
            guard geteuid() == 0 else {
                throw EnforcerError("nftables cannot be looked at without root: run it as root, so that all is gone")
            }
            return
        }
        try enforcer.detach()
    }

    /// nil where nftables cannot be used here: then nothing of ours is in it.
    private static func nftables(_ arguments: FilterArguments) -> NFTEnforcer? {
        guard NFTEnforcer.probe(interface: arguments.interface) == nil else { return nil }
        return try? NFTEnforcer(interface: place(arguments))
    }

    private static func place(_ arguments: FilterArguments) throws(EnforcerError) -> NetworkInterface {
        do throws(KernelError) { return try NetworkInterface(named: arguments.interface) } catch {
            throw EnforcerError("\(error)")
        }
    }
}
