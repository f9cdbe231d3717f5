internal import CLinux
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

    /// Maps and XDP programs of the kernel. Asked of the kernel without any of the code that is tested.
    package static var needsBPF: Self {
        .enabled(if: Requirements.bpf, "needs root or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, and a kernel with bpf(2)")
    }

    /// A file or folder of the data that the makers share, which lies beside the package and is on no user's machine.
    package static func needsShared(_ path: String) -> Self {
        .enabled(if: SharedData.path(path) != nil, "needs ../shared/\(path)")
    }
}

package enum Requirements {
    /// A map can be made and a program loaded that passes all.
    package static let bpf: Bool = {
        let map = linux_map_create(2, 4, 8, 1, 0, "test")
        // r0 = 2; exit
        let instructions: [UInt64] = [0x2_0000_00b7, 0x95]
        let program = linux_program_load(instructions, 2, "test", nil, 0)
        for descriptor in [map, program] where descriptor >= 0 { close(descriptor) }
        return map >= 0 && program >= 0
    }()
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
