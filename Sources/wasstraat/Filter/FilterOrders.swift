internal import Addresses
internal import ArgumentParser
internal import Messages
internal import Mitigations
internal import Moments

/// Addresses and blocks of an order, from the command line or from standard input.
enum FilterPrefixes {
    /// As many as the filter's longest list holds.
    static let limit = FilterList.blocked.limit
    /// Bytes of standard input: that many lines of the longest text.
    private static let inputLimit = 64 << 20

    /// What is wrong with the command line, before anything is read.
    static func check(_ texts: [String], _ lifetime: String) throws {
        _ = try prefixes(texts.filter { $0 != "-" })
        guard texts.count(where: { $0 == "-" }) <= 1 else {
            throw ValidationError("standard input (-) can be read once")
        }
        _ = try Lifetime(lifetime)
    }

    static func read(_ texts: [String]) throws -> [Prefix] {
        var all: [Prefix] = []
        for text in texts {
            guard text == "-" else {
                all += try prefixes([text])
                continue
            }
            let bytes = try ToolFile.read("-", limit: inputLimit)
            for (number, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
                let line = String(decoding: line, as: UTF8.self).filter { $0 != " " && $0 != "\t" && $0 != "\r" }
                guard !line.isEmpty, !line.hasPrefix("#") else { continue }
                guard let prefix = Prefix(line) else {
                    throw ValidationError(
                        "line \(number + 1): '\(DissectText.plain(String(line.prefix(60))))' is no address and no block"
                    )
                }
                all.append(prefix)
            }
        }
        guard !all.isEmpty else { throw ValidationError("there is no address in it") }
        guard all.count <= limit else { throw ValidationError("more than \(limit) addresses and blocks") }
        return all
    }
}

/// Orders of many prefixes.
enum FilterOrders {
    /// Lines that say what became of each; of more a sum is enough.
    private static let lineLimit = 20

    /// Asks for all of them, batch by batch, and says what became of them.
    /// - Parameter verb: what they are now: "blocked".
    static func add(
        _ prefixes: [Prefix], _ what: ([Prefix]) -> FilterOrder.What, _ note: FilterNote, _ lifetime: Lifetime,
        isDry: Bool, to link: FilterLink, verb: String
    ) throws {
        var taken = 0
        var refused = 0
        for start in stride(from: 0, to: prefixes.count, by: FilterOrder.batchLimit) {
            let batch = Array(prefixes[start..<min(prefixes.count, start + FilterOrder.batchLimit)])
            let order = FilterOrder(what(batch), note: note, seconds: lifetime.seconds, isDry: isDry)
            do {
                guard case .done(let ids, let count, let reason) = try link.ask(.add(order)), ids.count == batch.count
                else { throw FilterLink.other }
                for (prefix, id) in zip(batch, ids) where id != 0 {
                    taken += 1
                    if taken <= lineLimit { print("\(verb): \(prefix.shortText) (entry \(id))") }
                }
                refused += Int(count)
                if count > 0 { complain("refused: \(count) of \(batch.count): \(DissectText.plain(reason))") }
            } catch let error as FilterLinkError where error.isRefusal {
                refused += batch.count
                complain(error.reason)
            }
        }
        if taken > lineLimit { print("… and \(DissectFigure.count(UInt64(taken - lineLimit))) more") }
        if taken > 0 {
            print("until \(DissectFigure.time(.now + Double(lifetime.seconds)))")
            try link.complainWhereNothingIsFiltered()
        }
        if refused > 0 { throw ExitCode.failure }
    }
}

extension FilterLink {
    /// An order that is taken by a filter without rights does nothing: whoever gave it must know.
    func complainWhereNothingIsFiltered() throws(FilterLinkError) {
        let conduct = try status().conduct
        guard conduct.mode == .none else { return }
        complain(
            "NOTHING IS FILTERED: it is in the book only. \(conduct.missing.map(DissectText.plain).joined(separator: " "))"
        )
    }
}
