internal import Filters

/// What the program is started with.
struct FilterArguments: Equatable {
    static let usage = """
        usage: wasstraat-filter --interface NAME --state FOLDER [--sampling N] [--no-sketch] [--tunnels]
               [--malformed off|dry|live]
               [--source-budget PPS:BYTES[:dry]] [--destination-budget PPS:BYTES[:dry]] [--once] [--detach]
        """

    struct Fault: Error, Equatable { var reason: String }

    var interface = ""
    var state = ""
    var plan = FilterPlan()
    /// Sets the filter up and ends; the kernel filters on.
    var isOnce = false
    /// Takes everything away and ends.
    var isDetaching = false

    static func parse(_ words: [String]) -> Result<FilterArguments, Fault> {
        var arguments = FilterArguments()
        var place = 0
        do throws(Fault) {
            while place < words.count {
                let option = words[place]
                place += 1
                func value() throws(Fault) -> String {
                    guard place < words.count else { throw Fault(reason: "\(option) needs a value") }
                    defer { place += 1 }
                    return words[place]
                }
                switch option {
                case "--interface": arguments.interface = try value()
                case "--state": arguments.state = try value()
                case "--sampling":
                    guard let number = UInt32(try value()), number <= UInt32(Int32.max) else {
                        throw Fault(reason: "--sampling is a number: one frame of so many, 0 for none")
                    }
                    arguments.plan.sampling = number
                case "--no-sketch": arguments.plan.hasSketch = false
                case "--tunnels": arguments.plan.readsTunnels = true
                case "--malformed":
                    guard let conduct = FilterPlan.Conduct(rawValue: try value()) else {
                        throw Fault(reason: "--malformed is off, dry or live")
                    }
                    arguments.plan.malformed = conduct
                case "--source-budget": arguments.plan.sourceBudget = try budget(value(), option)
                case "--destination-budget": arguments.plan.destinationBudget = try budget(value(), option)
                case "--once": arguments.isOnce = true
                case "--detach": arguments.isDetaching = true
                default: throw Fault(reason: "what is \(option)?")
                }
            }
            // As the kernel bounds it (IFNAMSIZ), and no way out of the folder of pins.
            guard (1...15).contains(arguments.interface.utf8.count),
                arguments.interface.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") })
            else { throw Fault(reason: "--interface is the name of an interface") }
            guard !arguments.state.isEmpty else { throw Fault(reason: "--state is a folder") }
        } catch { return .failure(error) }
        return .success(arguments)
    }

    private static func budget(_ text: String, _ option: String) throws(Fault) -> FilterPlan.Budget {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), let packets = UInt64(parts[0]), let bytes = UInt64(parts[1]),
            packets > 0, bytes > 0, parts.count == 2 || parts[2] == "dry"
        else { throw Fault(reason: "\(option) is packets and bytes a second: 10000:12500000, or with :dry behind") }
        return FilterPlan.Budget(packets: packets, bytes: bytes, isDry: parts.count == 3)
    }
}
