internal import CLinux
internal import Glibc

/// Where the maps and the attachment of one interface are pinned, so that they outlive the process: a folder in the
/// kernel's file system of pins (bpffs).
package struct PinFolder: Hashable, Sendable {
    /// Where systemd mounts the file system.
    package static let system = "/sys/fs/bpf"
    /// Pins of a folder that are listed, and removed.
    package static let limit = 1_024

    /// Where the file system is mounted.
    package let root: String
    package let path: String
    private let parent: String

    package init(interface name: String, root: String = system) {
        self.root = root
        parent = root + "/wasstraat"
        path = parent + "/" + Self.fileName(name)
    }

    /// The path of a pin. Names are our own, without dots and slashes.
    package func path(_ name: String) -> String { path + "/" + name }

    /// Makes the folder, and mounts the file system where it is not.
    package func prepare() throws(KernelError) {
        let isMounted = linux_is_pin_system(root)
        guard isMounted >= 0 else {
            throw KernelError(-isMounted, .preparePins, root, reason: "there is no folder \(root)")
        }
        if isMounted == 0 {
            let status = linux_mount_pin_system(root)
            guard status == 0 else {
                throw KernelError(
                    -status, .preparePins, root,
                    reason: "no bpf file system is mounted there, and it cannot be mounted from here "
                        + "(\(KernelError.text(of: -status))): mount -t bpf bpf \(root)")
            }
        }
        for folder in [parent, path] where mkdir(folder, 0o700) != 0 && errno != EEXIST {
            throw KernelError(errno, .preparePins, folder)
        }
    }

    /// The names of what is pinned, in order; empty where the folder is not there.
    package var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while names.count < Self.limit, let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// False where there is none.
    @discardableResult
    package func remove(_ name: String) throws(KernelError) -> Bool {
        guard unlink(path(name)) != 0 else { return true }
        guard errno == ENOENT else { throw KernelError(errno, .removePin, path(name)) }
        return false
    }

    /// Removes all pins and the folder; what they stood for ends where nothing else holds it.
    package func removeAll() throws(KernelError) {
        for name in names { try remove(name) }
        guard rmdir(path) != 0, errno != ENOENT else { return }
        throw KernelError(errno, .removePin, path)
    }

    /// An interface's name as one of a folder: the file system keeps names with dots for itself, and VLANs have them.
    static func fileName(_ name: String) -> String {
        var text = ""
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "."), UInt8(ascii: "%"), UInt8(ascii: "/"):
                let digits = String(byte, radix: 16)
                text += "%" + digits
            default: text.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return text
    }
}
