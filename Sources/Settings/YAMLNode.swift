/// One value in a YAML file, with its place in the text.
struct YAMLNode: Sendable {
    enum Content: Sendable {
        /// Nothing at all, "~" or "null".
        case nothing
        case text(String)
        case list([YAMLNode])
        case map([Entry])
    }

    struct Entry: Sendable {
        var key: String
        var mark: Mark
        var value: YAMLNode
    }

    var mark: Mark
    var content: Content
    /// Nodes in it, itself included, aliases counted as often as they are used.
    var size = 1
    /// Levels in it, itself included.
    var height = 1

    init(_ content: Content, at mark: Mark) {
        self.content = content
        self.mark = mark
        let children: [YAMLNode] =
            switch content {
            case .nothing, .text: []
            case .list(let items): items
            case .map(let entries): entries.map(\.value)
            }
        for child in children {
            size += child.size
            height = max(height, child.height + 1)
        }
    }

    /// What it is, in the words of a complaint.
    var kind: String {
        switch content {
        case .nothing: "nothing"
        case .text(let text): "the text \(shown(text))"
        case .list: "a list"
        case .map: "a group of keys"
        }
    }
}
