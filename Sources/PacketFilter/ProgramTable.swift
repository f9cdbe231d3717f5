internal import Filters

/// A map of programs that other programs go on to by tail call. Which program stands in a slot changes at once and whole;
/// packets that are under way in the old one end in it. The kernel empties a table that nobody holds open and that is not
/// pinned, though programs still refer to it.
package struct ProgramTable: Sendable {
    private let map: KernelMap

    /// The map must be one of programs.
    package init(_ map: KernelMap) {
        precondition(map.shape.kind == .programs, "no table of programs")
        self.map = map
    }

    package func place(_ program: KernelProgram, in slot: Int32) throws(KernelError) {
        try map.set(program.descriptor, of: slot)
    }

    /// False where the slot was empty.
    @discardableResult
    package func clear(_ slot: Int32) throws(KernelError) -> Bool { try map.remove(slot) }

    /// The kernel's number of the program in a slot; nil: empty.
    package func program(in slot: Int32) throws(KernelError) -> UInt32? { try map.value(of: slot) }
}
