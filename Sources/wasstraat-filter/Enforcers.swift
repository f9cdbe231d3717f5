internal import Filters
internal import Mitigations
internal import PacketFilter

/// Who carries the book out on this machine.
enum Enforcers {
    /// The kernel's filter where it can be; else nothing, with what is missing. Another way of filtering joins here.
    static func make(_ arguments: FilterArguments, _ book: FilterBook, at now: FilterTime) -> any Enforcer {
        let capabilities = Capabilities.probe()
        guard capabilities.isPossible else { return NoEnforcer(missing: capabilities.reasons) }
        do throws(KernelError) {
            return try Filter(
                interface: arguments.interface, plan: arguments.plan, book: book, at: now,
                drawbacks: capabilities.drawbacks)
        } catch { return NoEnforcer(missing: ["\(error)"]) }
    }
}
