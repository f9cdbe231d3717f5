internal import CLinux
internal import Glibc

/// An XDP program at an interface. Where nothing has pinned it, it ends with this value, or with the process; pinned, it
/// outlives both, and whoever opens the pin goes on with it.
package struct Attachment: ~Copyable, Sendable {
    package enum Mode: String, Hashable, Sendable, CaseIterable {
        /// In the driver, before the system makes anything of a packet.
        case native
        /// After the system has made a packet of it: every interface can, several times as slow.
        case generic

        fileprivate var flag: UInt32 {
            switch self {
            case .native: linux_xdp_native
            case .generic: linux_xdp_generic
            }
        }
    }

    /// As it was made; of an opened pin what the interface says now, nil where it says something else.
    package let mode: Mode?
    /// Why it is not native, where that was tried.
    package let nativeRefusal: KernelError?
    private let link: Descriptor
    private let name: String

    /// Attaches a program in the first of the modes that the interface offers. Throws where another program is attached
    /// already, and says which.
    package init(
        _ program: KernelProgram, to interface: NetworkInterface, modes: [Mode] = [.native, .generic]
    ) throws(KernelError) {
        let made = try Self.attach(program, to: interface, modes)
        link = made.link
        mode = made.mode
        nativeRefusal = made.refusal
        name = interface.name
    }

    /// Opens a pinned attachment; throws where another thing is pinned there.
    package init(opening path: String) throws(KernelError) {
        let opened = Descriptor(owning: try KernelError.check(linux_open_pinned(path), .openPin, path))
        mode = try Self.mode(of: opened.number, path)
        link = opened
        nativeRefusal = nil
        name = path
    }

    private struct Made: ~Copyable {
        var link: Descriptor
        var mode: Mode
        var refusal: KernelError?
    }

    private static func attach(
        _ program: KernelProgram, to interface: NetworkInterface, _ modes: [Mode]
    ) throws(KernelError) -> Made {
        var refusal: KernelError?
        for mode in modes {
            let result = linux_link_create(program.descriptor, interface.index, mode.flag)
            if result >= 0 { return Made(link: Descriptor(owning: result), mode: mode, refusal: refusal) }
            let error = Self.refusal(-result, interface)
            // What no other mode would change.
            if [EBUSY, EEXIST, EPERM, ENODEV, ENOSYS].contains(error.code) { throw error }
            refusal = refusal ?? error
        }
        throw refusal ?? KernelError(EINVAL, .attach, interface.name, reason: "no mode to attach in")
    }

    private static func mode(of link: Int32, _ path: String) throws(KernelError) -> Mode? {
        var facts = linux_link_facts()
        guard Kind(of: link) == .link, linux_link_describe(link, &facts) == 0, facts.kind == xdpLink else {
            throw KernelError(EINVAL, .openPin, path, reason: "what is pinned there is no XDP attachment")
        }
        guard facts.interface != 0, let occupant = try? Occupant(index: facts.interface, name: path) else { return nil }
        return occupant.program == facts.program ? occupant.mode : nil
    }

    /// BPF_LINK_TYPE_XDP.
    private static let xdpLink: UInt32 = 6

    /// Puts another program in its place, between two packets.
    package func replace(with program: KernelProgram) throws(KernelError) {
        try KernelError.check(linux_link_update(link.number, program.descriptor), .replaceProgram, name)
    }

    package func pin(at path: String) throws(KernelError) {
        try KernelError.check(linux_pin(link.number, path), .pin, path)
    }

    /// Takes the program from the interface, whether or not it is pinned; a pin stays, and stands for nothing.
    package consuming func detach() throws(KernelError) {
        try KernelError.check(linux_link_detach(link.number), .detach, name)
    }

    /// What the kernel says of it now.
    package struct Facts: Equatable, Sendable {
        package var link: UInt32
        package var program: UInt32
        /// Of the network namespace that the interface is in; nil: it is gone, or the program is detached.
        package var interface: UInt32?
    }

    package var facts: Facts {
        get throws(KernelError) {
            var facts = linux_link_facts()
            try KernelError.check(linux_link_describe(link.number, &facts), .describeLink, name)
            return Facts(
                link: facts.id, program: facts.program, interface: facts.interface == 0 ? nil : facts.interface)
        }
    }

    private static func refusal(_ code: Int32, _ interface: NetworkInterface) -> KernelError {
        var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        if code == EINVAL, if_indextoname(interface.index, &name) == nil {
            return KernelError(ENODEV, .attach, interface.name)
        }
        guard code == EBUSY || code == EEXIST, let occupant = try? Occupant(of: interface) else {
            return KernelError(code, .attach, interface.name)
        }
        return KernelError(code, .attach, interface.name, reason: "\(occupant) is attached already")
    }
}

/// The XDP program that an interface has, whoever attached it.
package struct Occupant: Equatable, Sendable, CustomStringConvertible {
    /// The number that the kernel knows it by.
    package var program: UInt32
    /// Empty where it has none, or may not be asked.
    package var name: String
    /// nil: in the device itself, or several.
    package var mode: Attachment.Mode?

    /// nil where there is none.
    package init?(of interface: NetworkInterface) throws(KernelError) {
        try self.init(index: interface.index, name: interface.name)
    }

    init?(index: UInt32, name interface: String) throws(KernelError) {
        var number: UInt32 = 0
        var how: UInt8 = 0
        try KernelError.check(linux_xdp_attached(index, &number, &how), .askInterface, interface)
        guard number != 0 else { return nil }
        program = number
        mode = how == 1 ? .native : how == 2 ? .generic : nil
        var text = [CChar](repeating: 0, count: 16)
        name = linux_program_name(number, &text) == 0 ? KernelError.text(in: text) : ""
    }

    package var description: String {
        "the XDP program \(name.isEmpty ? "" : name + " ")(number \(program)\(mode.map { ", \($0.rawValue)" } ?? ""))"
    }
}
