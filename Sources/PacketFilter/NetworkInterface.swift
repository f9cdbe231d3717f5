internal import CLinux
internal import Glibc

/// An interface of the calling thread's network namespace.
package struct NetworkInterface: Hashable, Sendable {
    package let name: String
    package let index: UInt32

    package init(name: String, index: UInt32) {
        self.name = name
        self.index = index
    }

    /// Looks it up.
    package init(named name: String) throws(KernelError) {
        let index = if_nametoindex(name)
        guard index > 0 else { throw KernelError(errno, .findInterface, name) }
        self.init(name: name, index: index)
    }

    /// All there are, in the kernel's order; empty where the kernel does not say.
    package static var all: [NetworkInterface] {
        guard let list = if_nameindex() else { return [] }
        defer { if_freenameindex(list) }
        var all: [NetworkInterface] = []
        var entry = list
        while entry.pointee.if_index != 0, let name = entry.pointee.if_name {
            all.append(NetworkInterface(name: String(cString: name), index: entry.pointee.if_index))
            entry += 1
        }
        return all
    }
}

/// The network that a thread sees: interfaces' indexes mean nothing in another.
package struct NetworkNamespace: Hashable, Sendable {
    /// The inode by which the kernel tells them apart.
    package let number: UInt64

    /// Of the calling thread; nil where /proc is not there.
    package static var current: NetworkNamespace? {
        var facts = stat()
        guard stat("/proc/thread-self/ns/net", &facts) == 0 else { return nil }
        return NetworkNamespace(number: UInt64(facts.st_ino))
    }
}
