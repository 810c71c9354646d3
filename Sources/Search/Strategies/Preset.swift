/// The sizes of what a strategy searches with: populations, supernets, tournaments.
package enum Preset: String, CaseIterable, Sendable {
  /// For the budgets of one machine.
  case scaled
  /// What the strategy's paper ran, for budgets like the paper's.
  case paper
}
