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
}
