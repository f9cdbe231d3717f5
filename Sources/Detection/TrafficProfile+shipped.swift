extension TrafficProfile {
    /// What ordinary networks get, for targets that nobody knows yet: ``OrdinaryTraffic/profile(seed:)`` with seed 1, kept
    /// as a table because a start must not take seconds. A test makes it again.
    package static var shipped: TrafficProfile {
        var profile = TrafficProfile(
            name: "shipped profile", ordinary: Array(repeating: Ordinary(), count: TrafficClass.count))
        for (number, ordinary) in table { profile.ordinary[number] = ordinary }
        return profile
    }

    /// By class number; what is not here, ordinary networks do not get.
    private static var table: [(Int, Ordinary)] {
        [
            (0, Ordinary(peakFromFew: 4.0, peakFromMany: 9.0, mean: 0.10586258, share: 0.03727386)),
            (1, Ordinary(peakFromFew: 2.0, peakFromMany: 0.0, mean: 0.0058558066, share: 0.005899324)),
            (2, Ordinary(peakFromFew: 15.0, peakFromMany: 15.0, mean: 0.005806424, share: 0.005695976)),
            (3, Ordinary(peakFromFew: 4.0, peakFromMany: 0.0, mean: 0.0, share: 0.0)),
            (4, Ordinary(peakFromFew: 10673.0, peakFromMany: 1512.0, mean: 1174.1624, share: 0.34336853)),
            (5, Ordinary(peakFromFew: 5339.0, peakFromMany: 0.0, mean: 65.935875, share: 0.24290504)),
            (6, Ordinary(peakFromFew: 488.0, peakFromMany: 0.0, mean: 0.026098276, share: 0.000977)),
            (7, Ordinary(peakFromFew: 903.0, peakFromMany: 301.0, mean: 6.4083033, share: 0.41816017)),
            (8, Ordinary(peakFromFew: 4.0, peakFromMany: 0.0, mean: 0.024158373, share: 0.0071554473)),
            (10, Ordinary(peakFromFew: 33.0, peakFromMany: 43.0, mean: 0.046727438, share: 0.0013108333)),
            (12, Ordinary(peakFromFew: 3.0, peakFromMany: 0.0, mean: 0.029878741, share: 0.01394375)),
            (17, Ordinary(peakFromFew: 21.0, peakFromMany: 177.0, mean: 0.0, share: 0.0)),
            (18, Ordinary(peakFromFew: 5.0, peakFromMany: 0.0, mean: 0.21639912, share: 0.02394291)),
            (20, Ordinary(peakFromFew: 1.0, peakFromMany: 0.0, mean: 0.0, share: 0.0)),
            (26, Ordinary(peakFromFew: 6.0, peakFromMany: 0.0, mean: 0.0018821221, share: 5.3750002e-05)),
            (27, Ordinary(peakFromFew: 4.0, peakFromMany: 0.0, mean: 0.0028728985, share: 3.75e-06)),
            (48, Ordinary(peakFromFew: 10.0, peakFromMany: 0.0, mean: 0.0013578517, share: 0.000205)),
            (81, Ordinary(peakFromFew: 17.0, peakFromMany: 241.0, mean: 0.5591483, share: 0.06868422)),
            (82, Ordinary(peakFromFew: 8.0, peakFromMany: 0.0, mean: 0.6558013, share: 0.074450694)),
            (83, Ordinary(peakFromFew: 9.0, peakFromMany: 0.0, mean: 0.8992349, share: 0.0977672)),
            (84, Ordinary(peakFromFew: 13.0, peakFromMany: 237.0, mean: 0.09060666, share: 0.017684368)),
            (85, Ordinary(peakFromFew: 1546.0, peakFromMany: 0.0, mean: 0.006237841, share: 0.0020116786)),
            (86, Ordinary(peakFromFew: 9.0, peakFromMany: 0.0, mean: 0.007982532, share: 0.02102389)),
            (87, Ordinary(peakFromFew: 1.0, peakFromMany: 0.0, mean: 0.005009566, share: 0.0019111917)),
            (88, Ordinary(peakFromFew: 2.0, peakFromMany: 0.0, mean: 0.0050022425, share: 0.0018928654)),
            (90, Ordinary(peakFromFew: 204.0, peakFromMany: 0.0, mean: 0.0049992907, share: 0.0018051837)),
            (91, Ordinary(peakFromFew: 4.0, peakFromMany: 0.0, mean: 0.0042154193, share: 2.3749999e-05)),
            (93, Ordinary(peakFromFew: 179.0, peakFromMany: 305.0, mean: 2.1702614, share: 0.0034958334)),
            (106, Ordinary(peakFromFew: 1.0, peakFromMany: 0.0, mean: 0.005000427, share: 0.00188442)),
            (112, Ordinary(peakFromFew: 209.0, peakFromMany: 0.0, mean: 0.006766334, share: 5e-05)),
        ]
    }
}
