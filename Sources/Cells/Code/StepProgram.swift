/// A time step as values with names that other languages take, in the order in which they are computed.
///
/// What exporters for PyTorch, JAX, C and ONNX write down, each in its own notation.
package struct StepProgram {
  package let graph: Graph
  /// The name of each node's value; empty for constants, parameters and what nothing reads.
  package let names: [String]
  /// The nodes that must be computed, operands first.
  package let computed: [Int]
  /// The name of each parameter.
  package let parameterNames: [String]

  /// Words that no value may be called by: of the languages, of what exports write, of a torch module, and
  /// macros of C's headers.
  private static let reserved = Set(
    """
    and as assert async auto await break case char class const continue def default del do double
    elif else enum except extern finally float for from global goto if import in inline int is jax
    jnp lambda lax long main nn nonlocal not or pass raise register restrict return self short
    signed sizeof state static struct switch torch try typedef union unsigned void volatile w
    while with yield i j k memcpy memset add_product add_transposed layernorm less_pi sin_near_0
    bits_to_float float_to_bits fmaxf_ fminf_ fabsf_ expf_ expm1f_ tanhf_ logf_ log1pf_ sqrtf_
    sinf_ cosf_ None True False input_size hidden_size step zero_state parameters T_destination
    add_module apply bfloat16 bool buffers call_super_init children compile cpu cuda dump_patches eval
    extra_repr forward get_buffer get_extra_state get_parameter get_submodule half ipu
    load_state_dict modules mtia named_buffers named_children named_modules named_parameters
    register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state
    set_submodule share_memory state_dict to to_empty train training type xpu zero_grad NULL EOF
    stdin stdout stderr errno linux unix BUFSIZ RAND_MAX EXIT_SUCCESS EXIT_FAILURE
    """.split(whereSeparator: \.isWhitespace).map(String.init))

  package init(_ graph: Graph) {
    self.graph = graph
    var isNeeded = [Bool](repeating: false, count: graph.nodes.count)
    for state in graph.states { isNeeded[state.next] = true }
    for node in graph.nodes.indices.reversed() where isNeeded[node] {
      for operand in graph.nodes[node].operands { isNeeded[operand] = true }
    }
    var taken = Self.reserved
    func free(_ wanted: String) -> String {
      // Names in capitals are those of macros: INT32_MAX.
      var name = wanted.count > 2 && wanted == wanted.uppercased() ? wanted + "_" : wanted
      while taken.contains(name) { name += "_" }
      taken.insert(name)
      return name
    }
    func plain(_ text: String) -> String {
      var out = ""
      for scalar in text.replacing("'", with: "_next").unicodeScalars {
        let isLetter = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
        let isWord = isLetter || ("0"..."9").contains(scalar)
        if isWord {
          out.unicodeScalars.append(scalar)
        } else if !out.isEmpty, out.last != "_" {
          out += "_"
        }
      }
      while out.last == "_" { out.removeLast() }
      return out.isEmpty || out.first?.isNumber == true ? "v\(out)" : String(out.prefix(60))
    }
    let inputs = ["x"] + graph.states.map(\.name)
    var names = inputs.map { free(plain($0)) }
    var computed: [Int] = []
    for (index, node) in graph.nodes.enumerated().dropFirst(names.count) {
      names.append(
        isNeeded[index] && !node.isAtom ? free(plain(node.name ?? "n\(index)")) : "")
      if isNeeded[index], !node.isAtom { computed.append(index) }
    }
    self.names = names
    self.computed = computed
    parameterNames = graph.parameters.map { free(plain($0.name)) }
  }
}

extension StepProgram {
  /// A form with its operands put in.
  static func filled(_ form: String, _ operands: [String]) -> String {
    var text = form.replacing("{*}", with: operands.joined(separator: ", "))
    for (index, operand) in operands.enumerated() {
      text = text.replacing("{\(index)}", with: operand)
    }
    return text
  }
}

extension String {
  /// The text with every occurrence of another replaced; the library has no Foundation.
  func replacing(_ old: String, with new: String) -> String {
    guard !old.isEmpty else { return self }
    var out = ""
    var rest = self[...]
    while let first = rest.firstRange(of: old) {
      out += rest[..<first.lowerBound]
      out += new
      rest = rest[first.upperBound...]
    }
    return out + rest
  }
}

extension Substring {
  /// Where a text occurs first.
  fileprivate func firstRange(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) {
        return start..<index(start, offsetBy: text.count)
      }
      start = index(after: start)
    }
    return nil
  }
}
