internal import Filters
internal import Mitigations

// Rules. A set is loaded whole into the row that is free; then its first program takes the place of the other set's, and
// from that packet on the new set holds. A packet that is under way ends in the old one, which stays for a while.
extension Filter {
    /// The row in use, after a take-over: the one that is not empty. Where both are, the process before ended within the
    /// grace time of a swap: then a packet may at worst go on from an old rule to a new one.
    func findRow() {
        let used = FilterMaps.Slot.rows.indices.filter { isUsed($0) }
        row = used.first ?? 0
        rowsToClear = []
    }

    private func isUsed(_ row: Int) -> Bool {
        ((try? table.program(in: FilterMaps.Slot.rows[row].lowerBound)) ?? nil) != nil
    }

    /// Compiles the book's rules and swaps them in. Where the kernel does not take them, those before hold on.
    func placeRules(_ book: FilterBook, at now: FilterTime) throws(KernelError) {
        guard plan.hasRules else { return }
        let next = 1 - row
        let slots = FilterMaps.Slot.rows[next]
        do throws(KernelError) {
            guard let programs = FilterPrograms.rules(book.kernelRules(at: now), plan: plan, row: slots) else {
                throw KernelError(
                    7, .loadProgram, "rules", reason: "they need more than \(slots.count + 1) programs")
            }
            var loaded: [KernelProgram] = []
            for (place, program) in programs.enumerated() {
                loaded.append(try KernelProgram(program, name: "ws_rules_\(place)", maps: maps))
            }
            for (place, program) in loaded.dropFirst().enumerated() {
                try table.place(program, in: slots.lowerBound + Int32(place))
            }
            if let first = loaded.first {
                try table.place(first, in: FilterMaps.Slot.rules)
            } else {
                _ = try table.clear(FilterMaps.Slot.rules)
            }
            // Of a set that stood here before and was longer.
            for slot in slots.dropFirst(max(0, loaded.count - 1)) { _ = try table.clear(slot) }
        } catch {
            troubles[.rules] = "the latest rules do not hold, those before them do: \(error)"
            throw error
        }
        rowsToClear.removeAll { $0.row == next }
        rowsToClear.append((row, now.clock))
        row = next
        conduct.generation += 1
        troubles[.rules] = nil
    }

    /// Lets go of rows that no packet can be in any more.
    func clearRows(at clock: UInt64) {
        for (row, since) in rowsToClear where clock >= since &+ Self.grace {
            for slot in FilterMaps.Slot.rows[row] { _ = try? table.clear(slot) }
        }
        rowsToClear.removeAll { clock >= $0.since &+ Self.grace }
    }
}
