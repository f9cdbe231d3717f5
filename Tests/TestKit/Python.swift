package import Testing

/// Python with a library that a test talks to: the one in PATH, or the system's own, for which distributions have
/// packages.
package enum Python {
    package static func path(with module: String) -> String? {
        for path in [Tool.path(of: "python3"), "/usr/bin/python3"].compactMap({ $0 })
        where (try? Tool.run([path, "-c", "import \(module)"])) != nil {
            return path
        }
        return nil
    }
}

extension Trait where Self == ConditionTrait {
    package static func needs(pythonModule name: String) -> Self {
        .enabled("needs the Python library \(name)") { Python.path(with: name) != nil }
    }
}
