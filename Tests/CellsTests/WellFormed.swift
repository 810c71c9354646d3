/// What is wrong with a text as XML, nil if nothing is: tags nest, attributes are quoted and differ,
/// `&` begins one of the five entities, and no character is forbidden.
func xmlFault(_ text: String) -> String? {
  var open: [String] = []
  var rest = text[...]
  var roots = 0
  while let first = rest.first {
    if first != "<" {
      let content = rest.prefix { $0 != "<" }
      if let fault = contentFault(content) { return fault }
      if open.isEmpty, content.contains(where: { !$0.isWhitespace }) { return "text outside" }
      rest = rest.dropFirst(content.count)
      continue
    }
    guard let end = rest.firstIndex(of: ">") else { return "a tag without end" }
    var tag = rest[..<end].dropFirst()
    rest = rest[rest.index(after: end)...]
    if tag.first == "/" {
      guard open.popLast() == String(tag.dropFirst()) else { return "</\(tag)> closes another" }
      continue
    }
    let isEmpty = tag.last == "/"
    if isEmpty { tag = tag.dropLast() }
    let name = tag.prefix { $0 != " " }
    guard let initial = name.first, initial.isLetter else { return "the tag <\(tag)>" }
    if let fault = attributeFault(tag.dropFirst(name.count)) { return "<\(tag)>: \(fault)" }
    if open.isEmpty { roots += 1 }
    if !isEmpty { open.append(String(name)) }
  }
  if !open.isEmpty { return "\(open) not closed" }
  return roots == 1 ? nil : "\(roots) roots"
}

private func attributeFault(_ text: Substring) -> String? {
  var rest = text
  var seen: Set<Substring> = []
  while !rest.isEmpty {
    guard rest.first == " " else { return "no space before an attribute" }
    rest = rest.dropFirst()
    let name = rest.prefix { $0.isLetter || $0 == "-" || $0 == ":" }
    rest = rest.dropFirst(name.count)
    guard !name.isEmpty, seen.insert(name).inserted, rest.hasPrefix("=\"") else {
      return "the attribute '\(name)'"
    }
    let value = rest.dropFirst(2).prefix { $0 != "\"" }
    if let fault = contentFault(value) { return fault }
    rest = rest.dropFirst(2 + value.count)
    guard rest.first == "\"" else { return "a value without end" }
    rest = rest.dropFirst()
  }
  return nil
}

private func contentFault(_ text: Substring) -> String? {
  for part in text.split(separator: "&", omittingEmptySubsequences: false).dropFirst() {
    guard ["amp;", "lt;", "gt;", "quot;", "apos;"].contains(where: { part.hasPrefix($0) }) else {
      return "a bare &"
    }
  }
  let isForbidden = text.unicodeScalars.contains {
    $0.value < 0x20 && $0 != "\n" || $0.value | 1 == 0xFFFF
  }
  return isForbidden ? "a forbidden character" : nil
}

/// What is wrong with LaTeX's brackets, nil if nothing is: braces, environments and `\left` … `\right`
/// nest, and none of the last is open where a line ends or a column begins.
func latexFault(_ text: String) -> String? {
  var open: [String] = []
  var rest = text[...]
  while let first = rest.first {
    if first == "\\" {
      let command = rest.dropFirst().prefix { $0.isLetter }
      rest = rest.dropFirst(1 + max(command.count, 1))
      switch command {
      case "left": open.append("left")
      case "right": if open.popLast() != "left" { return "\\right without \\left" }
      case "begin", "end":
        let name = rest.prefix { $0 != "}" }
        rest = rest.dropFirst(name.count + 1)
        if command == "begin" {
          open.append(String(name))
        } else if open.popLast() != String(name) {
          return "\\end\(name)}"
        }
      case "" where text[..<rest.startIndex].hasSuffix("\\\\"), "qquad":
        if open.last?.first != "{" || open.last == "{" { return "a line ends inside \(open)" }
      default: break
      }
      continue
    }
    if first == "{" { open.append("{") }
    if first == "}", open.popLast() != "{" { return "} without {" }
    if first == "&", open.last != "{align*", open.last != "{aligned" { return "& inside \(open)" }
    rest = rest.dropFirst()
  }
  return open.isEmpty ? nil : "\(open) not closed"
}
