/// Where a setting stands in the file.
package struct Place: Hashable, Sendable, CustomStringConvertible {
    /// The keys that lead to it, such as "organisations[1].sites[2].origin"; lists are counted from 1. Empty: the whole
    /// file.
    package var path: String
    /// Line and column, counted from 1; nil where the setting is not in the file, or the file could not be read.
    package var mark: Mark?

    package init(_ path: String = "", _ mark: Mark? = nil) {
        self.path = path
        self.mark = mark
    }

    /// The place of a key one level deeper.
    func under(_ key: String, _ mark: Mark? = nil) -> Place {
        Place(path.isEmpty ? key : path + "." + key, mark ?? self.mark)
    }

    /// The place of an element of a list, counted from 0.
    func element(_ index: Int, _ mark: Mark? = nil) -> Place { Place("\(path)[\(index + 1)]", mark ?? self.mark) }

    /// "line 12, column 5: organisations[1].name", with the parts that are known.
    package var description: String {
        let parts = [mark.map { "line \($0.line), column \($0.column)" }, path.isEmpty ? nil : path]
        return parts.compactMap { $0 }.joined(separator: ": ")
    }
}

/// A position in the text of the file.
package struct Mark: Hashable, Sendable {
    /// Counted from 1.
    package var line: Int
    /// Counted from 1, in Unicode scalars.
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// One thing that is wrong with a configuration, or deserves a second look, in words that a person can act on.
package struct Complaint: Equatable, Sendable, CustomStringConvertible {
    package enum Level: String, Sendable {
        /// The configuration cannot be used.
        case error
        /// The configuration can be used; the operator may want to change it.
        case warning
    }

    package var level: Level
    package var place: Place
    /// What is wrong and, where it can be said, what to write instead. One line; holds no control characters.
    package var reason: String

    package init(_ level: Level, _ place: Place, _ reason: String) {
        self.level = level
        self.place = place
        self.reason = reason
    }

    /// "line 12, column 5: organisations[1].name: error: …"
    package var description: String {
        let place = place.description
        return (place.isEmpty ? "" : place + ": ") + "\(level.rawValue): \(reason)"
    }
}

/// All complaints about a configuration, in the order of the file.
package struct Complaints: Error, Equatable, Sendable, CustomStringConvertible {
    /// Complaints that are kept. Who has more to repair than this repairs these first.
    package static let limit = 200

    package private(set) var list: [Complaint] = []
    /// Complaints over the limit: counted, not kept.
    package private(set) var omitted = 0
    /// Whether one of them makes the configuration unusable.
    package private(set) var hasErrors = false

    package init() {}

    package var warnings: [Complaint] { list.filter { $0.level == .warning } }

    package mutating func refuse(_ place: Place, _ reason: String) { add(Complaint(.error, place, reason)) }

    package mutating func warn(_ place: Place, _ reason: String) { add(Complaint(.warning, place, reason)) }

    private mutating func add(_ complaint: Complaint) {
        if complaint.level == .error { hasErrors = true }
        if list.count < Self.limit { list.append(complaint) } else { omitted += 1 }
    }

    /// Puts them in the order of the file; those without a line first, equals as they were.
    mutating func sort() {
        let order = list.enumerated().sorted { left, right in
            let (one, other) = (left.element.place.mark, right.element.place.mark)
            return (one?.line ?? 0, one?.column ?? 0, left.offset) < (
                other?.line ?? 0, other?.column ?? 0, right.offset
            )
        }
        list = order.map(\.element)
    }

    /// One line for each complaint.
    package var description: String {
        (list.map(\.description) + (omitted > 0 ? ["and \(omitted) more"] : [])).joined(separator: "\n")
    }
}

/// Why a value does not fit; becomes a complaint where its place is known.
struct Misfit: Error, Equatable {
    var reason: String

    init(_ reason: String) { self.reason = reason }
}

/// Text from the file as a complaint may show it: quoted, cut off, without control characters, so that it cannot play
/// with the operator's terminal.
func shown(_ text: String, limit: Int = 60) -> String {
    let scalars = text.unicodeScalars
    var out = ""
    for scalar in scalars.prefix(limit) {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: out.unicodeScalars.append("\u{FFFD}")
        default: out.unicodeScalars.append(scalar)
        }
    }
    return "'\(out)\(scalars.dropFirst(limit).isEmpty ? "" : "…")'"
}

/// A path, of which more is shown.
func shownPath(_ path: String) -> String { shown(path, limit: 200) }
