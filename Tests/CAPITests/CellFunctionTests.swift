import CRNNCell
import Testing

@Suite struct CellFunctionTests {
  @Test("the version is that of the header")
  func version() {
    let expected = "\(RNNCELL_VERSION_MAJOR).\(RNNCELL_VERSION_MINOR).\(RNNCELL_VERSION_PATCH)"
    #expect(String(cString: rnncell_version()) == expected)
  }

  @Test("the build is described in JSON")
  func buildInfo() {
    let info = text { rnncell_build_info($0, $1, $2) }
    #expect(info.hasPrefix("{") && info.hasSuffix("}"))
    for member in ["version", "target", "threads"] { #expect(info.contains("\"\(member)\"")) }
  }

  @Test("equations that cannot be read give line, column and a suggestion")
  func parseError() {
    var cell: OpaquePointer? = OpaquePointer(bitPattern: 8)
    fail(
      rnncell_cell_parse(&cell, "z = tanh(x)\nh' = sigmod(linear(x, h))"), RNNCELL_PARSE, "sigmoid")
    #expect(cell == nil)
    var (line, column): (Int32, Int32) = (0, 0)
    _ = rnncell_last_error(&line, &column)
    #expect(line == 2)
    #expect(column == 6)
  }

  @Test("other notations give the stock cells that they describe")
  func imports() throws {
    let cases: [(Int32, String, String)] = [
      (
        RNNCELL_NOTATION_GENOTYPE,
        "[('sigmoid', 0), ('relu', 1), ('relu', 1), ('identity', 1), ('tanh', 2), ('sigmoid', 5), "
          + "('tanh', 3), ('relu', 5)]", "darts_v2"
      ),
      (
        RNNCELL_NOTATION_RECIPE,
        #"{"f": {"op": "linear", "input": ["x", "h_prev_0"]}, "#
          + #""h_new_0": {"op": "activation_tanh", "input": ["f"]}}"#, "elman"
      ),
    ]
    for (notation, description, name) in cases {
      var cell: OpaquePointer?
      succeed(rnncell_cell_import(&cell, notation, description))
      defer { rnncell_cell_free(cell) }
      try withStock(name) { stock in
        var equal: Int32 = -1
        succeed(rnncell_cell_equal(&equal, cell, stock))
        #expect(equal == 1, "\(name)")
      }
    }
  }

  @Test("every published cell is described and has the parameters that its count says")
  func stock() throws {
    var index: Int64 = 0
    var info = rnncell_stock_info()
    info.size = MemoryLayout<rnncell_stock_info>.size
    while rnncell_stock_describe(&info, index) == RNNCELL_OK {
      #expect(!String(cString: info.source).isEmpty)
      try withStock(String(cString: info.name)) { cell in
        var about = rnncell_cell_info()
        about.size = MemoryLayout<rnncell_cell_info>.size
        succeed(rnncell_cell_describe(&about, cell, 6, 8))
        #expect(about.state_count >= 1)
        var total: Int64 = 0
        for parameter in 0..<about.parameter_count {
          var array = rnncell_parameter_info()
          array.size = MemoryLayout<rnncell_parameter_info>.size
          succeed(rnncell_cell_parameter(&array, cell, parameter, 6, 8))
          #expect(array.count == array.rows * array.columns)
          total += array.count
        }
        #expect(total == about.weight_count)
        fail(rnncell_cell_parameter(nil, cell, 0, 6, 8), RNNCELL_INVALID_ARGUMENT, "out is NULL")
      }
      index += 1
    }
    #expect(index >= 19)
    #expect(lastMessage().contains("index \(index) is out of range"))
  }

  @Test("a cell that is written differently is equal, and its parameters have counterparts")
  func counterparts() throws {
    try withCell("a = sigmoid(linear(x, h))\nh' = a * h") { one in
      try withCell("gate = sigmoid(linear(h, x))\nh' = h * gate") { other in
        var equal: Int32 = -1
        succeed(rnncell_cell_equal(&equal, one, other))
        #expect(equal == 1)
        let name = text { rnncell_cell_counterpart($0, $1, $2, one, "W[a, x]", other) }
        #expect(name == "W[gate, x]")
        fail(
          rnncell_cell_counterpart(nil, 0, nil, one, "W[b, x]", other), RNNCELL_INVALID_ARGUMENT,
          "'W[b, x]'")
      }
    }
  }

  @Test("a struct of an older program is filled as far as it goes, of a newer one with zeros")
  func structSizes() throws {
    try withStock("lstm") { cell in
      var older = rnncell_cell_info()
      older.size = 3 * MemoryLayout<Int>.size
      older.parameter_count = -7
      succeed(rnncell_cell_describe(&older, cell, 0, 0))
      #expect(older.state_count == 2)
      #expect(older.parameter_count == -7)
      var none = rnncell_cell_info()
      fail(rnncell_cell_describe(&none, cell, 0, 0), RNNCELL_INVALID_ARGUMENT, "_INIT")

      let known = MemoryLayout<rnncell_cell_info>.size
      let newer = UnsafeMutableRawPointer.allocate(byteCount: known + 16, alignment: 8)
      defer { newer.deallocate() }
      newer.initializeMemory(as: UInt8.self, repeating: 0xFF, count: known + 16)
      newer.storeBytes(of: known + 16, as: Int.self)
      let pointer = newer.assumingMemoryBound(to: rnncell_cell_info.self)
      succeed(rnncell_cell_describe(pointer, cell, 0, 0))
      #expect(pointer.pointee.size == known + 16)
      #expect(newer.load(fromByteOffset: known + 8, as: UInt64.self) == 0)
      #expect(pointer.pointee.needs_equal_sizes == 0)
    }
  }

  @Test("handles of another kind and NULL are refused")
  func wrongHandles() throws {
    var info = rnncell_cell_info()
    info.size = MemoryLayout<rnncell_cell_info>.size
    fail(rnncell_cell_describe(&info, nil, 0, 0), RNNCELL_INVALID_ARGUMENT, "NULL")
    var words: [UInt64] = [0x1234, 0]
    words.withUnsafeMutableBytes { bytes in
      fail(
        rnncell_cell_describe(&info, OpaquePointer(bytes.baseAddress!), 0, 0),
        RNNCELL_INVALID_ARGUMENT, "no cell")
    }
    rnncell_cell_free(nil)
  }

  @Test("a buffer that is too small gets nothing, and learns what is needed")
  func smallBuffers() throws {
    try withStock("elman") { cell in
      var bytes: [CChar] = [1, 1, 1]
      var needed = 0
      fail(
        rnncell_cell_counterpart(&bytes, 3, &needed, cell, "W[h', x]", cell),
        RNNCELL_INVALID_ARGUMENT, "9 bytes")
      #expect(needed == 9)
      #expect(bytes[0] == 0)
    }
  }

  @Test("a cell is drawn in the forms of the header, and the text forms are read back")
  func drawings() throws {
    try withStock("darts_v2") { cell in
      let genotype = text { rnncell_cell_draw($0, $1, $2, cell, RNNCELL_DRAWING_GENOTYPE) }
      var imported: OpaquePointer?
      succeed(rnncell_cell_import(&imported, RNNCELL_NOTATION_GENOTYPE, genotype))
      defer { rnncell_cell_free(imported) }
      var isSame: Int32 = 0
      succeed(rnncell_cell_equal(&isSame, cell, imported))
      #expect(isSame == 1)
      let equations = text { rnncell_cell_draw($0, $1, $2, cell, RNNCELL_DRAWING_EQUATIONS) }
      try withCell(equations) { again in
        var equal: Int32 = 0
        succeed(rnncell_cell_equal(&equal, cell, again))
        #expect(equal == 1)
      }
      let pictures = [
        (RNNCELL_DRAWING_SVG, "<svg ", "</svg>\n"), (RNNCELL_DRAWING_DOT, "digraph ", "}\n"),
        (RNNCELL_DRAWING_LATEX, "\\begin{align*}", "\\end{align*}\n"),
      ]
      for (form, first, last) in pictures {
        let picture = text { rnncell_cell_draw($0, $1, $2, cell, form) }
        #expect(picture.hasPrefix(first) && picture.hasSuffix(last), "form \(form)")
      }
      fail(rnncell_cell_draw(nil, 0, nil, cell, 77), RNNCELL_INVALID_ARGUMENT, "77")
    }
  }
}
