/// A template, compiled: where each value that we want lies in a record, and what it is. What we do not want costs
/// nothing.
struct FlowPlan {
    enum Target: UInt8 {
        case ignored
        // Of IPv6 the upper half, and behind it the lower.
        case source4, source6, source6Low, destination4, destination6, destination6Low, sourcePort, destinationPort
        case protocolNumber, flags, typeOfService, codePoint, packets, bytes, input, output
        case sourceAS, destinationAS, sourceMask, destinationMask
        // Type and code in one, or each by itself.
        case icmp4, icmp6, icmpCode4, icmpCode6, icmpType4, icmpType6
        case first, last, sampler
        // These are rare; a plan with one of them `isRich`.
        case rate, interval, space, sampleSize, population, probability, boot, duration, durationMicroseconds
        case reversePackets, reverseBytes, reverseFlags, reverseFirst, reverseLast
        case interface, template, section, frameLength

        /// An IPv6 address is two values: what its lower half is.
        var lowHalf: Target? {
            switch self {
            case .source6: .source6Low
            case .destination6: .destination6Low
            default: nil
            }
        }
    }

    struct Operation {
        /// Which bits of the eight bytes that end where the value ends.
        var mask: UInt64
        /// Bytes from the start of the record to the value's end.
        var end: Int32
        var target: Target
    }

    /// A field of a record of variable length.
    struct Step {
        var length: UInt16
        var target: Target
    }

    enum Kind: UInt8 {
        case flow
        /// Records hold the begin of a packet.
        case section
        case options
        /// Nothing that tells of packets between two addresses.
        case other
    }

    private(set) var kind = Kind.other
    private(set) var operations: [Operation] = []
    /// Each field in order; only where a field's length is variable.
    private(set) var steps: [Step] = []
    /// Bytes of a record, where it is variable the fewest; never 0.
    private(set) var recordLength = 0
    private(set) var isVariable = false
    private(set) var isRich = false
    /// Its values go into a record by themselves, each to its place.
    private(set) var isPlain = false
    private(set) var hasSampler = false
    private(set) var hasReverse = false
    private var hasSource6 = false
    private var hasDestination6 = false
    private(set) var first = FlowTimeForm.none
    private(set) var last = FlowTimeForm.none
    private(set) var reverseFirst = FlowTimeForm.none
    private(set) var reverseLast = FlowTimeForm.none
    /// What an IPv4 address is added to; 0 where the record has none.
    private(set) var source4: UInt64 = 0
    private(set) var destination4: UInt64 = 0
    /// Where the section lies in a record of fixed length.
    private(set) var sectionEnd = 0
    private(set) var sectionLength = 0
    /// The section is an IP packet.
    private(set) var isSectionIP = false

    init(_ template: FlowTemplate, isIPFIX: Bool) {
        let fields = template.fields
        isVariable = isIPFIX && fields.contains { $0.length == FlowTemplate.variable }
        var choice = Choice(fields: fields, isIPFIX: isIPFIX)
        if template.isOptions {
            kind = .options
            choice.chooseOptions()
        } else {
            kind = choice.chooseRecord()
        }
        first = choice.first
        last = choice.last
        reverseFirst = choice.reverseFirst
        reverseLast = choice.reverseLast
        isSectionIP = choice.isSectionIP
        var offset = 0
        for (field, target) in zip(fields, choice.targets) {
            if isIPFIX, field.length == FlowTemplate.variable {
                offset += 1
            } else {
                offset += Int(field.length)
            }
            if isVariable { steps.append(Step(length: field.length, target: target)) }
            guard target != .ignored else { continue }
            note(target)
            if isVariable { continue }
            if target == .section {
                (sectionEnd, sectionLength) = (offset, Int(field.length))
            } else if let low = target.lowHalf {
                operations.append(Operation(mask: .max, end: Int32(offset - 8), target: target))
                operations.append(Operation(mask: .max, end: Int32(offset), target: low))
            } else {
                operations.append(Operation(mask: Self.mask(Int(field.length)), end: Int32(offset), target: target))
            }
        }
        recordLength = offset
        isPlain =
            kind == .flow && !isVariable && !isRich && !hasSampler && !(hasSource6 && source4 != 0)
            && !(hasDestination6 && destination4 != 0)
    }

    /// The bits of an integer of 1 to 8 bytes.
    @inline(__always)
    static func mask(_ length: Int) -> UInt64 { length >= 8 ? .max : (1 << UInt64(length &* 8)) &- 1 }

    private mutating func note(_ target: Target) {
        if target.rawValue >= Target.rate.rawValue { isRich = true }
        switch target {
        case .source4: source4 = 0xffff_0000_0000
        case .destination4: destination4 = 0xffff_0000_0000
        case .source6: hasSource6 = true
        case .destination6: hasDestination6 = true
        case .sampler: hasSampler = true
        case .reversePackets, .reverseBytes: hasReverse = true
        default: break
        }
    }
}

extension FlowPlan {
    /// Chooses, among fields that say the same, the one that is taken. No count is added to another.
    private struct Choice {
        let fields: [FlowTemplate.Field]
        let isIPFIX: Bool
        var targets: [Target]
        var first = FlowTimeForm.none
        var last = FlowTimeForm.none
        var reverseFirst = FlowTimeForm.none
        var reverseLast = FlowTimeForm.none
        var isSectionIP = false

        init(fields: [FlowTemplate.Field], isIPFIX: Bool) {
            self.fields = fields
            self.isIPFIX = isIPFIX
            targets = Array(repeating: .ignored, count: fields.count)
        }

        /// The first field with this element and a length that fits.
        func place(_ element: UInt16, enterprise: UInt32 = 0, _ lengths: ClosedRange<UInt16> = 1...8) -> Int? {
            fields.firstIndex { field in
                field.element == element && field.enterprise == enterprise
                    && (lengths.contains(field.length) || isIPFIX && field.length == FlowTemplate.variable)
            }
        }

        /// Takes the first of the elements that is there. Returns whether one is.
        @discardableResult
        mutating func take(
            _ elements: [UInt16], _ target: Target, enterprise: UInt32 = 0, _ lengths: ClosedRange<UInt16> = 1...8
        ) -> Bool {
            for element in elements {
                if let index = place(element, enterprise: enterprise, lengths), targets[index] == .ignored {
                    targets[index] = target
                    return true
                }
            }
            return false
        }

        mutating func takeTime(
            _ forms: [(element: UInt16, form: FlowTimeForm)], _ target: Target, enterprise: UInt32 = 0
        ) -> FlowTimeForm {
            for (element, form) in forms where take([element], target, enterprise: enterprise) { return form }
            return .none
        }

        static let starts: [(element: UInt16, form: FlowTimeForm)] = [
            (156, .ntp), (154, .ntp), (152, .milliseconds), (158, .beforeExport), (22, .uptime), (150, .seconds),
        ]
        static let ends: [(element: UInt16, form: FlowTimeForm)] = [
            (157, .ntp), (155, .ntp), (153, .milliseconds), (159, .beforeExport), (21, .uptime), (151, .seconds),
        ]
        static let observations: [(element: UInt16, form: FlowTimeForm)] = [
            (325, .ntp), (324, .ntp), (323, .milliseconds), (322, .seconds),
        ]
        /// Packets and bytes that belong together: since the last report, in all, of a connection's initiator (Cisco
        /// ASA), and behind a middlebox.
        static let counts: [(packets: UInt16, bytes: UInt16)] = [(2, 1), (86, 85), (298, 231), (24, 23), (172, 171)]

        mutating func takeCounts() -> Bool {
            let whole = Self.counts.first { place($0.packets) != nil && place($0.bytes) != nil }
            let part = Self.counts.first { place($0.packets) != nil || place($0.bytes) != nil }
            guard let counts = whole ?? part else { return false }
            take([counts.packets], .packets)
            // layer2OctetDeltaCount is better than nothing.
            take([counts.bytes, 352], .bytes)
            return true
        }

        mutating func takeReverse() {
            for counts in Self.counts.prefix(2)
            where place(counts.packets, enterprise: FlowTemplate.reverse) != nil
                || place(counts.bytes, enterprise: FlowTemplate.reverse) != nil
            {
                take([counts.packets], .reversePackets, enterprise: FlowTemplate.reverse)
                take([counts.bytes], .reverseBytes, enterprise: FlowTemplate.reverse)
                take([6], .reverseFlags, enterprise: FlowTemplate.reverse)
                reverseFirst = takeTime(Self.starts, .reverseFirst, enterprise: FlowTemplate.reverse)
                reverseLast = takeTime(Self.ends, .reverseLast, enterprise: FlowTemplate.reverse)
                return
            }
            take([299], .reversePackets)
            take([232], .reverseBytes)
        }

        mutating func takeRates() {
            take([48, 302, 301], .sampler)
            // The interval of all packets, or a count of packets taken and passed over.
            if !take([50, 34], .rate) {
                if place(305) != nil {
                    take([305], .interval)
                    take([306], .space)
                } else if place(309) != nil, place(310) != nil {
                    take([309], .sampleSize)
                    take([310], .population)
                } else {
                    take([311], .probability, 8...8)
                }
            }
            take([160], .boot)
        }

        mutating func chooseOptions() {
            takeRates()
            if !take([2], .interface, enterprise: FlowTemplate.scopeType) { take([10], .interface) }
            if !take([5], .template, enterprise: FlowTemplate.scopeType) { take([145], .template) }
        }

        mutating func chooseRecord() -> Kind {
            takeRates()
            take([10, 252], .input)
            take([14, 253], .output)
            if takeSection() { return .section }
            let has4 = take([8, 44], .source4, 4...4)
            let has6 = take([27, 170], .source6, 16...16)
            let to4 = take([12, 45], .destination4, 4...4)
            let to6 = take([28, 169], .destination6, 16...16)
            guard has4 || has6 || to4 || to6, takeCounts() else { return .other }
            takeReverse()
            take([7, 180, 182], .sourcePort)
            take([11, 181, 183], .destinationPort)
            take([4], .protocolNumber)
            take([6], .flags)
            if !take([5], .typeOfService) { take([195], .codePoint) }
            take([16], .sourceAS)
            take([17], .destinationAS)
            take(has4 || !has6 ? [9, 29] : [29, 9], .sourceMask)
            take(to4 || !to6 ? [13, 30] : [30, 13], .destinationMask)
            for (element, target): (UInt16, Target) in [
                (32, .icmp4), (139, .icmp6), (177, .icmpCode4), (179, .icmpCode6), (176, .icmpType4), (178, .icmpType6),
            ] { take([element], target) }
            first = takeTime(Self.starts, .first)
            last = takeTime(Self.ends, .last)
            if first == .none, last == .none { first = takeTime(Self.observations, .first) }
            if first == .none || last == .none, !take([162], .durationMicroseconds) { take([161], .duration) }
            return .flow
        }

        /// dataLinkFrameSection, layer2packetSectionData, ipHeaderPacketSection.
        private mutating func takeSection() -> Bool {
            let lengths: ClosedRange<UInt16> = 1...65_534
            if take([315, 104], .section, lengths) {
                take([312, 103], .frameLength)
            } else if take([313], .section, lengths) {
                isSectionIP = true
                take([224], .frameLength)
            } else {
                return false
            }
            first = takeTime(Self.observations + Self.starts, .first)
            return true
        }
    }
}
