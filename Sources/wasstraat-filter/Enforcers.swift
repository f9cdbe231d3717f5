internal import Filters
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
        if let reason = NFTEnforcer.probe(interface: arguments.interface) {
            return NoEnforcer(missing: missing + [reason])
        }
        do throws(EnforcerError) {
            let enforcer = try NFTEnforcer(interface: place(arguments), because: missing)
            try enforcer.align(with: book, at: now)
            return enforcer
        } catch { return NoEnforcer(missing: missing + ["\(error)"]) }
    }

    /// Takes all of it away, whoever carried it out.
    static func detach(_ arguments: FilterArguments) throws(EnforcerError) {
        try nftables(arguments)?.detach()
        guard Capabilities.probe().isPossible else { return }
        do throws(KernelError) { try Filter.detach(interface: arguments.interface) } catch {
            throw EnforcerError("\(error)")
        }
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
