internal import Glibc

/// A descriptor that is ours: closed when its owner goes.
package struct Descriptor: ~Copyable, Sendable {
    package let number: Int32

    /// Takes an open descriptor over.
    package init(owning number: Int32) { self.number = number }

    deinit { close(number) }
}
