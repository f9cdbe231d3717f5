/// What happens next in simulated time: a binary heap by time.
struct EventQueue<Event> {
    private var events: [(at: Double, event: Event)] = []

    mutating func push(_ event: Event, at time: Double) {
        events.append((time, event))
        var index = events.count - 1
        while index > 0, events[(index - 1) / 2].at > events[index].at {
            events.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func pop() -> (at: Double, event: Event)? {
        guard let first = events.first else { return nil }
        let last = events.removeLast()
        guard !events.isEmpty else { return first }
        events[0] = last
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < events.count && events[child].at < events[least].at {
                least = child
            }
            guard least != index else { return first }
            events.swapAt(index, least)
            index = least
        }
    }
}
