/// A share with what is known of its precision.
package struct Proportion: Equatable, Sendable, Codable {
    package var count: Int
    package var of: Int

    package init(_ count: Int, of total: Int) {
        self.count = count
        of = total
    }

    /// nil where there is nothing to divide by.
    package var value: Double? { of > 0 ? Double(count) / Double(of) : nil }

    /// The 95 % score interval (Wilson, 1927); nil where there is nothing to divide by.
    package var interval: ClosedRange<Double>? {
        guard let share = value else { return nil }
        let z = 1.959_964
        let n = Double(of)
        let middle = share + z * z / (2 * n)
        let spread = z * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        let scale = 1 + z * z / n
        return max(0, (middle - spread) / scale)...min(1, (middle + spread) / scale)
    }
}
