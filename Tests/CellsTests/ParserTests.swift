import Cells
import Kernels
import Testing

@Suite struct ParserTests {
  @Test(
    "printing and parsing a stock cell gives the same graph again",
    arguments: StockCell.all.map(\.name))
  func roundTripOfStockCells(name: String) throws {
    let cell = try Cell.stock(name)
    let again = try Cell(parsing: cell.equations)
    #expect(again.graph == cell.graph)
    #expect(again.equations == cell.equations)
  }
}
