import Glibc
import Kernels
import Testing
import Training

@Suite struct FileContentsTests {
  private static let text = Array("some bytes".utf8)

  @Test("a file is read whole, or its first bytes", arguments: [0, 1, 9, 10, 11, Int.max])
  func limits(limit: Int) throws {
    let folder = try ScratchFolder()
    let path = try folder.file("f", Self.text)
    #expect((try FileContents.read(path, limit: limit).array) == Array(Self.text.prefix(limit)))
  }

  @Test("an empty file is read")
  func empty() throws {
    let folder = try ScratchFolder()
    #expect(try FileContents.read(folder.file("f", "")).count == 0)
  }

  @Test("a pipe and a file of the kernel, which have no size, are read to their end")
  func withoutSize() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let bytes = (0..<60_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
    #expect(Glibc.write(ends[1], bytes, bytes.count) == bytes.count)
    close(ends[1])
    defer { close(ends[0]) }
    #expect((try FileContents.read("/dev/fd/\(ends[0])").array) == bytes)
    let status = String(decoding: try FileContents.read("/proc/self/status").array, as: UTF8.self)
    #expect(status.hasPrefix("Name:") && status.contains("VmSize"))
  }

  @Test("a file that claims more bytes than the machine's memory is refused before it is read")
  func huge() throws {
    let folder = try ScratchFolder()
    let path = try folder.file("huge", "")
    try #require(truncate(path, 1 << 39) == 0)
    let failure = #expect(throws: Failure.self) { try FileContents.read(path) }
    #expect(failure?.kind == .limit)
    #expect(failure?.message.contains("'\(path)' has 549755813888 bytes") == true)
    #expect(try FileContents.read(path, limit: 100).count == 100)
  }

  @Test("what is written is read, in place of what was there, and nothing else is left")
  func write() throws {
    let folder = try ScratchFolder()
    let path = try folder.file("f", "old and longer than the new")
    try Self.text.withUnsafeBufferPointer { bytes throws(Failure) in
      try FileContents.write(bytes, to: path)
    }
    #expect((try FileContents.read(path).array) == Self.text)
    try FileContents.write(UnsafeBufferPointer(start: nil, count: 0), to: path)
    #expect(try FileContents.read(path).count == 0)
    #expect(folder.names == ["f"])
  }

  @Test("whether a file can be written is known before")
  func writable() throws {
    let folder = try ScratchFolder()
    let path = try folder.file("f", "old")
    try FileContents.checkWritable(path)
    try FileContents.checkWritable("\(path).new")
    try FileContents.checkWritable("/dev/null")
    let failure = #expect(throws: Failure.self) { try FileContents.checkWritable("\(path)/g") }
    #expect(failure?.kind == .io && failure?.message.contains("'\(path)/g'") == true)
    #expect(throws: Failure.self) { try FileContents.checkWritable("\(path).none/g") }
    #expect(folder.names == ["f"])
  }

  @Test("a link still leads to what is written, and a pipe gets it as it is")
  func linksAndPipes() throws {
    let folder = try ScratchFolder()
    let (path, link) = (try folder.file("f", "old"), "\(folder.path)/link")
    try #require(symlink(path, link) == 0)
    try Self.text.withUnsafeBufferPointer { bytes throws(Failure) in
      try FileContents.write(bytes, to: link)
    }
    #expect((try FileContents.read(path).array) == Self.text)
    var target = [CChar](repeating: 0, count: 300)
    #expect(readlink(link, &target, target.count) > 0)

    let pipe = "\(folder.path)/pipe"
    try #require(mkfifo(pipe, 0o600) == 0)
    let reader = open(pipe, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    try Self.text.withUnsafeBufferPointer { bytes throws(Failure) in
      try FileContents.write(bytes, to: pipe)
    }
    var got = [UInt8](repeating: 0, count: 100)
    #expect(Glibc.read(reader, &got, 100) == Self.text.count)
    #expect(Array(got.prefix(Self.text.count)) == Self.text)
    #expect(folder.names == ["f", "link", "pipe"])
  }

  @Test("a path that cannot be written is an I/O failure with the reason, and leaves nothing")
  func unwritable() throws {
    let folder = try ScratchFolder()
    try #require(mkdir("\(folder.path)/directory", 0o700) == 0)
    defer { rmdir("\(folder.path)/directory") }
    let cases = [
      ("\(folder.path)/none/f", "No such file"), ("\(folder.path)/directory", "Is a directory"),
      ("\(folder.path)/nul\0f", "Invalid argument"), ("", "check the directory"),
      ("\(folder.path)/\(String(repeating: "n", count: 300))", "File name too long"),
    ]
    for (path, reason) in cases {
      let failure = #expect(throws: Failure.self) {
        try FileContents.write(UnsafeBufferPointer(start: nil, count: 0), to: path)
      }
      #expect(failure?.kind == .io)
      #expect(failure?.message.contains(reason) == true, "\(failure?.message ?? "")")
    }
    #expect(folder.names == ["directory"])
  }
}
