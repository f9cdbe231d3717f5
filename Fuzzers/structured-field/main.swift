import FuzzerSupport
import Glibc
import Heads

/// The members in order, each as it was told; nil: it is no Dictionary.
private func members(_ field: [UInt8]) -> [([UInt8], StructuredValue)]? {
    var found: [([UInt8], StructuredValue)] = []
    var reader = StructuredFieldReader(field)
    let isWhole = reader.readDictionary { found.append((Array($0), $1)) }
    return isWhole ? found : nil
}

private func isSame(_ one: [([UInt8], StructuredValue)]?, _ other: [([UInt8], StructuredValue)]?) -> Bool {
    guard let one, let other else { return one == nil && other == nil }
    return one.elementsEqual(other) { $0.0 == $1.0 && $0.1 == $1.1 }
}

// Each input is a field that should be a Dictionary. What holds for all of them is checked: spaces around it say nothing,
// two Dictionaries joined are one, and a comma needs something behind it.
private func run(_ field: [UInt8]) {
    let found = members(field)
    require(isSame(members([32] + field + [32, 32]), found), "spaces around")
    if let found, !found.isEmpty {
        require(members(field + [UInt8(ascii: ",")]) == nil, "a comma at the end")
        require(isSame(members(field + Array(", ".utf8) + field), found + found), "two joined")
        require(field.allSatisfy { (32..<127).contains($0) || $0 == 9 }, "an octet that no structured field has")
        for (key, _) in found {
            require(!key.isEmpty && !key.contains { (65...90).contains($0) }, "a key in capitals")
        }
    }
    let directives = ResponseDirectives(targeted: field)
    require((directives == nil) == (found?.isEmpty ?? true), "ignored, or not")
    for number in [directives?.maxAge, directives?.sharedMaxAge, directives?.staleIfError] {
        require(number ?? 0 <= 1 << 31, "a number beyond the bound")
    }
}

exit(
    runFuzzer { data, size in
        run(Array(UnsafeBufferPointer(start: data, count: data == nil ? 0 : size)))
        return 0
    })
