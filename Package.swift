// swift-tools-version:6.2
import PackageDescription

// WASSTRAAT_STRICT turns warnings into errors; CI sets it. It is not on by default, so that a newer compiler with a new
// warning does not stop a user from building.
let strict = Context.environment["WASSTRAAT_STRICT"] != nil

let house: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ] + (strict ? [.treatAllWarnings(as: .error)] : [])

/// Rooms whose small functions run for each packet, flow and request: others may have them in place, not called. All who
/// use these rooms are built here with them.
let hot: [SwiftSetting] = house + [.unsafeFlags(["-cross-module-optimization"])]

/// A room: a folder of Swift under Sources/ with the house settings.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: house)
}

func hotRoom(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: hot)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: house)
}

let boringSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
// Not set but by scripts/fuzz; see the end.
let isFuzzing = Context.environment["WASSTRAAT_FUZZERS"] != nil
// The fuzzers have one of their own, whose hashes and signatures can be guessed.
let crypto =
    isFuzzing
    ? Target.Dependency.target(name: "Crypto") : Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let structuredFields = Target.Dependency.product(
    name: "RawStructuredFieldValues", package: "swift-http-structured-headers")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "wasstraat",
    // Exact versions are the lock: Package.resolved stays out of git.
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-structured-headers.git", exact: "1.7.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift.git", exact: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/hummingbird-project/swift-mustache.git", exact: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams.git", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", exact: "2.13.0"),
    ],
    targets: [
        // Basement: C.
        .target(name: "CLinux"),
        .target(name: "CCompression", linkerSettings: [.linkedLibrary("zstd"), .linkedLibrary("z")]),
        // Ground floor: values.
        .target(name: "Bytes", swiftSettings: hot + [.enableExperimentalFeature("Lifetimes")]),
        hotRoom("Addresses", ["Bytes"]),
        room("Languages"),
        room("Moments"),
        hotRoom("Sketches"),
        hotRoom("Packets", ["Bytes", "Addresses"]),
        hotRoom("Heads", ["Bytes", "Addresses", structuredFields]),
        hotRoom("Flows", ["Bytes", "Addresses", "Packets"]),
        hotRoom("Fingerprints", ["Moments", "Addresses", "Packets", "Flows", "Heads"]),
        // First floor: decisions.
        room("Admission", ["Bytes", "Heads", "Sketches"]),
        room(
            "Detection",
            ["CLinux", "Bytes", "Addresses", "Moments", "Packets", "Flows", "Heads", "Sketches", "Fingerprints"]),
        room("Filters", ["Addresses", "Moments", "Packets", "Fingerprints"]),
        room("Mitigations", ["Addresses", "Moments", "Detection", "Filters", "Fingerprints"]),
        room("PublicStatus", ["Languages", "Moments"]),
        room(
            "Incidents",
            ["Addresses", "Moments", "Detection", "Fingerprints", "Mitigations", "Languages", "PublicStatus"]),
        room(
            "Messages",
            [
                "Bytes", "Addresses", "Moments", "Admission", "Sketches", "Fingerprints", "Detection", "Mitigations",
            ]),
        // Second floor: adapters.
        room(
            "Gateway",
            [
                "CLinux", "Bytes", "Addresses", "Sketches", "Packets", "Heads", "Fingerprints", "Admission",
                "Detection", "Messages", boringSSL,
            ]),
        .target(
            name: "Collector", dependencies: ["CLinux", "CCompression", "Bytes", "Addresses", "Flows"],
            swiftSettings: house + [.enableExperimentalFeature("Lifetimes")]),
        room(
            "PacketFilter",
            ["CLinux", "Bytes", "Addresses", "Packets", "Moments", "Fingerprints", "Filters", "Mitigations"]),
        room("Settings", ["Bytes", "Addresses", "Messages", .product(name: "Yams", package: "Yams")]),
        room(
            "Telemetry",
            [
                "Moments", logging, .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        room(
            "Prober",
            [
                .product(name: "NIOPosix", package: "swift-nio"), boringSSL, logging,
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                "Addresses", "Moments", "Incidents",
            ]),
        room(
            "Register",
            [
                .product(name: "GRDB", package: "GRDB.swift"), crypto, "Moments", "Fingerprints", "Detection",
                "Mitigations", "Languages", "PublicStatus", "Incidents",
            ]),
        room("Exchange", [crypto, "Addresses", "Moments", "Packets", "Fingerprints", "Detection"]),
        room("StatusPages", ["Languages", "Moments", "PublicStatus"]),
        room(
            "Portal",
            [
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"), mustache, crypto, logging,
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                "Fingerprints", "Moments", "Detection", "Mitigations", "Languages", "PublicStatus",
                "Incidents",
            ]),
        // The doors.
        .executableTarget(
            name: "wasstraat",
            dependencies: [
                "CLinux", "Bytes", "Addresses", "Messages", "Moments", "Sketches", "Packets", "Flows", "Heads",
                "Fingerprints", "Detection", "Filters", "Collector", "Mitigations", "Languages", "PublicStatus",
                "Incidents", "Settings", "Telemetry", "Prober", "Register",
                "Exchange", "StatusPages", "Portal", arguments, logging,
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ], swiftSettings: house),
        .executableTarget(
            name: "wasstraat-gateway", dependencies: ["CLinux", "Gateway", "Messages"], swiftSettings: house),
        .executableTarget(
            name: "wasstraat-filter",
            dependencies: [
                "CLinux", "Bytes", "Addresses", "Moments", "Filters", "Mitigations", "Messages", "PacketFilter",
            ],
            swiftSettings: house),
        // The demonstration: a made-up municipality, its visitors, a flood that cannot leave this machine.
        .target(
            name: "Load", dependencies: ["CLinux", "Addresses", "Heads", boringSSL], path: "Demo/Load",
            swiftSettings: house),
        .executableTarget(
            name: "wasstraat-demo", dependencies: ["CLinux", "Addresses", "Load", "Messages", arguments],
            path: "Demo/wasstraat-demo", swiftSettings: house),
        // What the siege sends, and the origin behind it.
        .executableTarget(
            name: "siege-load", dependencies: ["CLinux", "Addresses", "Load", "Heads", "Sketches", "Admission"],
            path: "Benchmarks/siege-load",
            swiftSettings: house),
        // What the packet filter costs, and what it must hold.
        .executableTarget(
            name: "filter-measure",
            dependencies: [
                "CLinux", "PacketFilter", "Filters", "FilterKit", "Load", "Fingerprints", "Packets", "Bytes",
                "Addresses",
                "Moments", "Mitigations", "Messages",
            ], path: "Benchmarks/filter-measure", swiftSettings: house),
        // Tests.
        .target(
            name: "TestKit", dependencies: ["CLinux", "Bytes", "Addresses", "Flows", "Heads", "Messages"],
            path: "Tests/TestKit", swiftSettings: house),
        tests("AddressesTests", ["Addresses"]),
        tests("AdmissionTests", ["Bytes", "Admission", "Heads", "Sketches"]),
        tests("BytesTests", ["Bytes"]),
        tests("CollectorTests", ["TestKit", "Collector", "CLinux", "Bytes", "Addresses", "Flows"]),
        tests(
            "DetectionTests",
            [
                "TestKit", "Detection", "Fingerprints", "Heads", "Addresses", "Moments", "Sketches", "Packets", "Bytes",
                "Flows",
            ]),
        tests(
            "EndToEndTests",
            [
                "TestKit", "CLinux", "Bytes", "Messages", "Addresses", "Fingerprints", "Flows", "Load", "Mitigations",
                "Moments",
            ]),
        tests("ExchangeTests", ["TestKit", "Exchange", "Fingerprints", "Detection", "Addresses", "Moments"]),
        // Hostile frames, random rules, and what the kernel's filter is held against.
        .target(
            name: "FilterKit", dependencies: ["Filters", "Fingerprints", "Packets", "Addresses", "Moments"],
            path: "Tests/FilterKit", swiftSettings: house),
        tests(
            "FiltersTests", ["TestKit", "FilterKit", "Filters", "Fingerprints", "Packets", "Addresses", "Moments"]),
        tests("FingerprintsTests", ["Fingerprints", "Heads", "Moments", "Packets"]),
        tests("FlowsTests", ["TestKit", "Flows", "Bytes", "Addresses"]),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "TestKit", "Messages", "Bytes", "Addresses", "CLinux", "Detection", "Fingerprints", "Heads", "Sketches",
                boringSSL,
            ], exclude: ["Peers"], swiftSettings: house),
        tests("HeadsTests", ["TestKit", "Heads", "Bytes", "Addresses"]),
        tests(
            "IncidentsTests",
            ["Incidents", "Detection", "Fingerprints", "Mitigations", "Languages", "PublicStatus", "Moments"]),
        tests("LoadTests", ["Load", "Addresses", "Packets"]),
        tests(
            "MessagesTests",
            [
                "Messages", "Bytes", "Addresses", "Detection", "Fingerprints", "Mitigations", "Moments", "Sketches",
            ]),
        tests("MitigationsTests", ["Mitigations", "Addresses", "Filters", "Fingerprints", "Moments"]),
        tests("MomentsTests", ["Moments"]),
        // A lane that speaks the control protocol and carries nothing, for the office's tests.
        .executableTarget(
            name: "FakeLane", dependencies: ["CLinux", "Bytes", "Addresses", "Messages"], path: "Tests/FakeLane",
            swiftSettings: house),
        // A program that writes to the register until it is killed.
        .executableTarget(
            name: "RegisterWriter",
            dependencies: ["Register", "Incidents", "Detection", "Languages", "PublicStatus", "Moments"],
            path: "Tests/RegisterWriter", swiftSettings: house),
        tests(
            "OfficeTests",
            [
                "TestKit", "wasstraat", "wasstraat-filter", "FakeLane", "CLinux", "Bytes", "Addresses", "Messages",
                "Moments", "Telemetry", "Detection", "Exchange", "Filters", "Fingerprints", "Incidents", "Mitigations",
                "Settings",
            ]),
        // The tools as child processes, on captures and logs that the tests write.
        tests(
            "ToolsTests",
            [
                "wasstraat", "TestKit", "CLinux", "Bytes", "Addresses", "Packets", "Filters", "Mitigations", "Messages",
                "Exchange", "Fingerprints", "Moments",
            ]),
        tests(
            "PacketFilterTests",
            [
                "TestKit", "PacketFilter", "CLinux", "Bytes", "Addresses", "Packets", "Filters", "Fingerprints",
                "Mitigations", "Messages", "Moments", "wasstraat-filter", "filter-measure",
            ]),
        tests(
            "PacketsTests", ["TestKit", "Packets", "Bytes", "Addresses", boringSSL]),
        .testTarget(
            name: "SettingsTests", dependencies: ["TestKit", "Settings", "Messages", "Addresses"], exclude: ["Golden"],
            swiftSettings: house),
        tests(
            "PortalTests",
            [
                "TestKit", "Portal", "Addresses", "Incidents", "Detection", "Fingerprints", "Mitigations", "Languages",
                "PublicStatus", "Moments",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests("ProberTests", ["TestKit", "Prober", "Incidents", "Addresses", "Moments"]),
        tests(
            "RegisterTests",
            [
                "TestKit", "Register", "RegisterWriter", "Incidents", "Detection", "Fingerprints", "Mitigations",
                "Languages", "PublicStatus", "Moments", .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        tests("StatusPagesTests", ["TestKit", "StatusPages", "Languages", "PublicStatus", "Moments"]),
        tests("SketchesTests", ["Sketches"]),
        tests(
            "TelemetryTests",
            ["Telemetry", "CLinux", logging, .product(name: "CoreMetrics", package: "swift-metrics")]),
        tests("TestKitTests", ["TestKit", "Addresses"]),
    ],
    swiftLanguageModes: [.v6]
)

// Fuzzers (scripts/fuzz): only the rooms that read untrusted bytes, so that nothing else is fetched or built. They see
// package symbols because they stand in this manifest.
if isFuzzing {
    func fuzzer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
        .executableTarget(
            name: "fuzz-\(name)", dependencies: ["FuzzerSupport"] + dependencies, path: "Fuzzers/\(name)",
            swiftSettings: house)
    }
    let rooms = [
        "CLinux", "CCompression", "Bytes", "Addresses", "Moments", "Sketches", "Packets", "Flows", "Heads",
        "Fingerprints", "Admission", "Detection", "Filters", "Mitigations", "Messages", "Settings", "Collector",
        "Exchange",
    ]
    package.targets.removeAll { !rooms.contains($0.name) }
    package.dependencies.removeAll {
        guard case .sourceControl(_, let location, _) = $0.kind else { return true }
        return !["Yams", "swift-http-structured-headers"].contains { location.hasSuffix("/\($0).git") }
    }
    package.targets += [
        .target(name: "Crypto", path: "Fuzzers/Crypto", swiftSettings: house),
        .target(name: "FuzzerDriver", path: "Fuzzers/Driver"),
        .target(
            name: "FuzzerSupport", dependencies: ["FuzzerDriver"], path: "Fuzzers/Support", swiftSettings: house),
        fuzzer("http-head", ["Heads"]),
        fuzzer("caching", ["Heads"]),
        fuzzer("cache-record", ["Heads", "Bytes"]),
        fuzzer("structured-field", ["Heads"]),
        fuzzer("hpack", ["Heads"]),
        fuzzer("http2", ["Heads"]),
        fuzzer("proxy-preface", ["Heads", "Bytes", "Addresses"]),
        fuzzer("client-hello", ["Packets", "Bytes"]),
        fuzzer("messages", ["Messages", "Mitigations", "Bytes"]),
        fuzzer("packet", ["Packets", "Bytes", "Addresses"]),
        fuzzer("capture", ["Packets", "Bytes"]),
        fuzzer("netflow", ["Flows", "Bytes", "Addresses"]),
        fuzzer("sflow", ["Flows", "Bytes", "Addresses"]),
        fuzzer("compressed", ["Collector", "CLinux"]),
        fuzzer("log-line", ["Heads", "Fingerprints", "Bytes", "Moments"]),
        fuzzer("rules", ["Filters", "Fingerprints", "Addresses", "Moments"]),
        fuzzer("fingerprint-form", ["Exchange", "Fingerprints", "Moments"]),
        fuzzer("profile", ["Detection", "Bytes", "Addresses"]),
        fuzzer("nfdump-line", ["Collector", "Flows"]),
        fuzzer(
            "dissect",
            [
                "Collector", "Packets", "Flows", "Heads", "Detection", "Exchange", "Filters", "Fingerprints",
                "Addresses", "Bytes",
            ]),
        fuzzer("settings", ["Settings", "Messages", "Addresses", "Bytes"]),
    ]
}
