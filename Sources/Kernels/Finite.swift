/// Whether all numbers are finite.
package func areFinite(_ numbers: UnsafePointer<Float>, count: Int) -> Bool {
  // Exponents of all ones, in whole numbers: additions of floats would have to wait for each other.
  var wrong: UInt32 = 0
  for index in 0..<count {
    let exponent = numbers[index].bitPattern & 0x7F80_0000
    wrong |= exponent == 0x7F80_0000 ? 1 : 0
  }
  return wrong == 0
}
