internal import Glibc
package import Testing

// What a test needs of its machine; without it the test is skipped with the reason, visibly.
extension Trait where Self == ConditionTrait {
    package static func needs(tool name: String) -> Self {
        .enabled(if: Tool.path(of: name) != nil, "needs the program \(name) in PATH")
    }

    package static var needsRoot: Self {
        .enabled(if: geteuid() == 0, "needs root")
    }

    /// A file or folder of the data that the makers share, which lies beside the package and is on no user's machine.
    package static func needsShared(_ path: String) -> Self {
        .enabled(if: SharedData.path(path) != nil, "needs ../shared/\(path)")
    }
}

/// The data that the makers share: the folder `shared` beside the package's own folder.
package enum SharedData {
    /// The path of a file or folder in it; nil where it is not there.
    package static func path(_ name: String) -> String? {
        let package = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        let path = (package.dropLast() + ["shared", name[...]]).joined(separator: "/")
        return access(path, R_OK) == 0 ? path : nil
    }
}
