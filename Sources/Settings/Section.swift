/// One key of the configuration: the check and the reference page are both made from it.
struct Key: Sendable {
    enum Presence: Sendable {
        /// The group is refused without it.
        case required
        /// Left out, it has this value, written as in the file.
        case value(String)
        /// Left out, something else decides; said in words.
        case otherwise(String)
    }

    var name: String
    var form: Form
    var presence: Presence
    /// What it does, in Markdown.
    var meaning: String

    init(_ name: String, _ form: Form, _ presence: Presence, _ meaning: String) {
        self.name = name
        self.form = form
        self.presence = presence
        self.meaning = meaning
    }
}

/// A group of keys.
struct Section: Sendable {
    /// Its place in the file, such as "organisations[].sites[]"; empty for the top.
    var path: String
    /// What the group is, in Markdown.
    var meaning: String
    var keys: [Key]

    /// This group and all within it, in order.
    var all: [Section] {
        [self]
            + keys.flatMap { key in
                switch key.form {
                case .section(let section), .list(.section(let section), _): section.all
                default: [Section]()
                }
            }
    }

    /// Checks a group: every key known, every value of its form, nothing missing. Complains about what is not so, and
    /// returns what is good, so that the rest can be checked too; nil where there is no group at all.
    func read(_ node: YAMLNode, at place: Place, _ complaints: inout Complaints) -> Values? {
        guard case .map(let entries) = node.content else {
            complaints.refuse(place, "expected a group of keys (\(keys[0].name): …), found \(node.kind)")
            return nil
        }
        var values = Values(place: Place(place.path, node.mark))
        for entry in entries {
            guard let key = keys.first(where: { $0.name == entry.key }) else {
                complaints.refuse(Place(place.path, entry.mark), unknown(entry.key))
                continue
            }
            values.present.insert(key.name)
            if let other = counterpart(of: key, given: entry.value) {
                complaints.refuse(place.under(key.name, entry.mark), other)
                continue
            }
            let here = place.under(key.name, Mark.of(entry))
            values.contents[key.name] = key.form.read(entry.value, at: here, &complaints)
        }
        for key in keys where !values.present.contains(key.name) {
            switch key.presence {
            case .required:
                complaints.refuse(values.place, "the key '\(key.name)' is missing")
            case .value(let text):
                guard let content = try? key.form.scalar(text) else { continue }
                values.contents[key.name] = Value(content: content, place: values.place)
            case .otherwise:
                break
            }
        }
        return values
    }

    /// What to say of a list after a key for one, or of one text after a key for a list, where the group has both keys.
    private func counterpart(of key: Key, given node: YAMLNode) -> String? {
        switch (key.form, node.content) {
        case (.text, .list) where keys.contains { $0.name == key.name + "s" }:
            "'\(key.name)' is for one; a list stands after '\(key.name)s'"
        case (.list, .text) where keys.contains { $0.name + "s" == key.name }:
            "'\(key.name)' is for a list; one text stands after '\(key.name.dropLast())'"
        default: nil
        }
    }

    private func unknown(_ name: String) -> String {
        if name == "<<" { return "groups cannot be merged with '<<'; write the keys out" }
        let names = keys.map(\.name)
        var reason = "the key \(shown(name)) is not known here"
        if let hint = nearest(name, among: names) { return reason + "; did you mean '\(hint)'?" }
        if let other = Keys.root.all.first(where: { $0.keys.contains { $0.name == name } }) {
            reason += "; it belongs \(other.path.isEmpty ? "at the top of the file" : "in \(other.path)")"
        } else {
            reason += "; known are \(names.joined(separator: ", "))"
        }
        return reason
    }
}

/// The checked values of one group.
struct Values: Sendable {
    var place: Place
    /// The keys that stand in the file, whether their values are good or not.
    var present: Set<String> = []
    /// The good values, defaults among them.
    var contents: [String: Value] = [:]

    init(place: Place) { self.place = place }

    subscript(_ key: Key) -> Value? { contents[key.name] }

    func has(_ key: Key) -> Bool { present.contains(key.name) }

    /// The place of a key, or where it would stand.
    func place(of key: Key) -> Place { contents[key.name]?.place ?? place.under(key.name) }
}

extension Values {
    func text(_ key: Key) -> String? {
        if case .text(let text) = self[key]?.content { text } else { nil }
    }

    func flag(_ key: Key) -> Bool? {
        if case .flag(let flag) = self[key]?.content { flag } else { nil }
    }

    func number(_ key: Key) -> UInt64? {
        if case .number(let number) = self[key]?.content { number } else { nil }
    }

    func list(_ key: Key) -> [Value] {
        if case .list(let list) = self[key]?.content { list } else { [] }
    }

    func section(_ key: Key) -> Values? {
        if case .section(let values) = self[key]?.content { values } else { nil }
    }

    /// The groups of a list of groups.
    func sections(_ key: Key) -> [Values] {
        list(key).compactMap { if case .section(let values) = $0.content { values } else { nil } }
    }
}

extension Mark {
    /// Where a complaint about an entry points: at the value, or at the key where there is no value.
    static func of(_ entry: YAMLNode.Entry) -> Mark {
        if case .nothing = entry.value.content { entry.mark } else { entry.value.mark }
    }
}

/// The word that someone most likely meant; nil when none is near.
func nearest(_ word: String, among words: [String]) -> String? {
    guard word.utf8.count <= 40 else { return nil }
    let lower = Array(word.lowercased().utf8)
    let ranked = words.map { (word: $0, distance: distance(lower, Array($0.utf8))) }
    guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
    if best.distance <= max(1, min(3, lower.count / 3)) { return best.word }
    // "cert" for "certificate".
    return lower.count >= 3 ? words.first { $0.utf8.starts(with: lower) } : nil
}

/// Insertions, deletions, replacements and swaps of neighbours that make one word out of the other.
private func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
    var before: [Int] = []
    var last = Array(0...other.count)
    for i in one.indices {
        var row = [i + 1]
        for j in other.indices {
            var cost = min(row[j] + 1, last[j + 1] + 1, last[j] + (one[i] == other[j] ? 0 : 1))
            if i > 0, j > 0, one[i] == other[j - 1], one[i - 1] == other[j] { cost = min(cost, before[j - 1] + 1) }
            row.append(cost)
        }
        before = last
        last = row
    }
    return last[other.count]
}
