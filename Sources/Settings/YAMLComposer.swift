internal import CYaml

/// Makes a tree out of a YAML text: one document, plain keys, each key once, everything bounded.
///
/// It takes the parser's events rather than the tree that Yams composes of them: that one hashes keys through their
/// aliases, so that a few lines of nested aliases under a key never end, 40,000 of them in a chain overflow the stack,
/// and a double key hides every other complaint.
struct YAMLComposer: ~Copyable {
    /// Bytes in a file. 4,096 sites of ten lines take less than half of it.
    static let byteLimit = 1 << 20
    /// Levels in a file; the configuration has eight.
    static let depthLimit = 32
    /// Values in a file, aliases counted as often as they are used.
    static let nodeLimit = 200_000

    /// A list or group of keys that is being read.
    private struct Frame {
        var isMap: Bool
        var mark: Mark
        var anchor: String?
        var items: [YAMLNode] = []
        var entries: [YAMLNode.Entry] = []
        /// The lines of the keys so far.
        var seen: [String: Int] = [:]
        /// Whether a key has been read and its value comes next; the key is nil where the pair is to be left out.
        var awaitsValue = false
        var key: (text: String, mark: Mark)?
    }

    /// The parser holds a pointer to itself: it may not move.
    let parser: UnsafeMutablePointer<yaml_parser_t>
    private var stack: [Frame] = []
    private var anchors: [String: YAMLNode] = [:]
    private var root: YAMLNode?
    private var nodes = 0

    private init() {
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// The tree of the text, or nil where it is empty or no YAML. Complains about what is wrong with it as YAML; where
    /// a tree is returned all the same, its own contents can be complained about too.
    static func compose(_ bytes: [UInt8], _ complaints: inout Complaints) -> YAMLNode? {
        guard bytes.count <= byteLimit else {
            complaints.refuse(Place(), "the file is longer than \(Units.size.text(UInt64(byteLimit)))")
            return nil
        }
        if let offset = firstInvalidUTF8(bytes) {
            complaints.refuse(Place("", mark(of: offset, in: bytes)), "the file is not UTF-8 text")
            return nil
        }
        // Some editors put a byte order mark in front; it says nothing in UTF-8.
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        return text.withUnsafeBufferPointer { buffer in
            var composer = YAMLComposer()
            return composer.compose(buffer, &complaints)
        }
    }

    private mutating func compose(_ text: UnsafeBufferPointer<UInt8>, _ complaints: inout Complaints) -> YAMLNode? {
        guard yaml_parser_initialize(parser) == 1 else {
            complaints.refuse(Place(), "no memory to read the file")
            return nil
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, text.baseAddress, text.count)
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(parser, &event) == 1 else {
                complaints.refuse(Place("", problemMark(in: text)), problem(in: text))
                return nil
            }
            defer { yaml_event_delete(&event) }
            let mark = Mark(event.start_mark)
            do throws(Misfit) {
                if try take(event, mark, &complaints) { return root }
            } catch {
                complaints.refuse(Place("", mark), error.reason)
                return nil
            }
        }
    }

    /// Takes one event; true at the end of the text. Throws where reading cannot go on.
    private mutating func take(
        _ event: yaml_event_t, _ mark: Mark, _ complaints: inout Complaints
    ) throws(Misfit) -> Bool {
        switch event.type {
        case YAML_STREAM_END_EVENT, YAML_NO_EVENT:
            return true
        case YAML_DOCUMENT_START_EVENT where root != nil:
            throw Misfit("a second document begins here ('---'); the configuration is one document")
        case YAML_ALIAS_EVENT:
            let name = text(event.data.alias.anchor) ?? ""
            guard let node = anchors[name] else {
                throw Misfit(
                    "'*\(name)' refers to nothing above it; if it is meant as text, put it between quotes: \"*\(name)\""
                )
            }
            try add(node, mark, &complaints)
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            refuseTag(text(scalar.tag), mark, &complaints)
            let value = String(
                decoding: UnsafeBufferPointer(start: scalar.value, count: Int(scalar.length)), as: UTF8.self)
            let isNothing =
                scalar.style == YAML_PLAIN_SCALAR_STYLE && ["", "~", "null", "Null", "NULL"].contains(value)
            let node = YAMLNode(isNothing ? .nothing : .text(value), at: mark)
            if let anchor = text(scalar.anchor) { anchors[anchor] = node }
            try add(node, mark, &complaints)
        case YAML_SEQUENCE_START_EVENT:
            refuseTag(text(event.data.sequence_start.tag), mark, &complaints)
            try open(Frame(isMap: false, mark: mark, anchor: text(event.data.sequence_start.anchor)))
        case YAML_MAPPING_START_EVENT:
            refuseTag(text(event.data.mapping_start.tag), mark, &complaints)
            try open(Frame(isMap: true, mark: mark, anchor: text(event.data.mapping_start.anchor)))
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
            guard let frame = stack.popLast() else { return true }
            let node = YAMLNode(frame.isMap ? .map(frame.entries) : .list(frame.items), at: frame.mark)
            if let anchor = frame.anchor { anchors[anchor] = node }
            // Its children have been counted as they came.
            nodes -= node.size - 1
            try add(node, frame.mark, &complaints)
        default:
            break
        }
        return false
    }

    private mutating func open(_ frame: Frame) throws(Misfit) {
        guard stack.count < Self.depthLimit else {
            throw Misfit("more than \(Self.depthLimit) levels within each other")
        }
        stack.append(frame)
    }

    /// Puts a value where it belongs: in the list or group that is open, or at the root.
    private mutating func add(_ node: YAMLNode, _ mark: Mark, _ complaints: inout Complaints) throws(Misfit) {
        nodes += node.size
        guard nodes <= Self.nodeLimit else {
            throw Misfit("more than \(Self.nodeLimit) values (each use of an alias counts in full)")
        }
        guard stack.count + node.height <= Self.depthLimit else {
            throw Misfit("more than \(Self.depthLimit) levels within each other")
        }
        guard let last = stack.indices.last else {
            root = node
            return
        }
        if !stack[last].isMap {
            stack[last].items.append(node)
        } else if stack[last].awaitsValue {
            stack[last].awaitsValue = false
            guard let key = stack[last].key.take() else { return }
            stack[last].entries.append(YAMLNode.Entry(key: key.text, mark: key.mark, value: node))
        } else {
            stack[last].awaitsValue = true
            stack[last].key = key(node, mark, &complaints)
        }
    }

    /// The key that a node is in the group that is open, or nil where it cannot be one or is there already.
    private mutating func key(
        _ node: YAMLNode, _ mark: Mark, _ complaints: inout Complaints
    ) -> (text: String, mark: Mark)? {
        guard case .text(let text) = node.content else {
            complaints.refuse(Place("", mark), "a key is a word, not \(node.kind)")
            return nil
        }
        if let line = stack[stack.count - 1].seen.updateValue(mark.line, forKey: text) {
            complaints.refuse(
                Place("", mark), "the key \(shown(text)) is here twice, also on line \(line); only one can count")
            return nil
        }
        return (text, mark)
    }

    private func refuseTag(_ tag: String?, _ mark: Mark, _ complaints: inout Complaints) {
        guard let tag else { return }
        complaints.refuse(
            Place("", mark), "the type mark \(shown(tag)) is not used here; put a text with '!' between quotes")
    }

    private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        guard let pointer else { return nil }
        return String(cString: pointer)
    }
}

extension Mark {
    init(_ mark: yaml_mark_t) { self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1) }
}
