import FuzzerSupport
import Glibc
import Heads

private func isInBounds(_ directives: ResponseDirectives) -> Bool {
    let numbers = [
        directives.maxAge, directives.sharedMaxAge, directives.staleWhileRevalidate, directives.staleIfError,
    ]
    return numbers.allSatisfy { $0 ?? 0 <= 1 << 31 }
}

// Each input is a field that should be a Dictionary; a library reads it, and what is made of that is ours. What holds for all
// of them is checked: spaces around it say nothing, said twice it says the same, a comma needs something behind it, what
// comes last counts, and beyond the bound nothing is kept.
private func run(_ field: [UInt8]) {
    let directives = ResponseDirectives(targeted: field)
    guard field.count <= ResponseDirectives.targetedLimit else {
        require(directives?.isBroken == true, "beyond the bound, and read")
        return
    }
    // What is made longer here is judged only within the bound.
    func check(_ longer: [UInt8], _ claim: StaticString, _ holds: (ResponseDirectives?) -> Bool) {
        guard longer.count <= ResponseDirectives.targetedLimit else { return }
        require(holds(ResponseDirectives(targeted: longer)), claim)
    }
    check([32] + field + [32, 32], "spaces around") { $0 == directives }
    guard let directives else { return }
    require(field.allSatisfy { (32..<127).contains($0) || $0 == 9 }, "an octet that no structured field has")
    require(isInBounds(directives), "a number beyond the bound")
    check(field + [UInt8(ascii: ",")], "a comma at the end") { $0 == nil }
    check(field + Array(", ".utf8) + field, "said twice") { $0 == directives }
    check(field + Array(", no-store".utf8), "an order that is not obeyed") { $0?.noStore == true }
    check(field + Array(",max-age=7".utf8), "the last number") { $0?.maxAge == 7 }
    check(field + Array(",s-maxage=x".utf8), "a number that is none") { $0?.isBroken == true }
}

exit(
    runFuzzer { data, size in
        run(Array(UnsafeBufferPointer(start: data, count: data == nil ? 0 : size)))
        return 0
    })
