/// Who does a piece of work: all threads of a team, or one of them by itself while the others do theirs.
struct Workers {
  let team: Team
  /// The thread that works by itself; nil for all.
  private let alone: Int?

  init(_ team: Team, alone: Int? = nil) {
    self.team = team
    self.alone = alone
  }

  var threads: Int { alone == nil ? team.threads : 1 }

  /// `Team.forEach`.
  func forEach(_ count: Int, _ work: (_ index: Int, _ thread: Int) -> Void) {
    guard let alone else { return team.forEach(count, work) }
    for index in 0..<count { work(index, alone) }
  }

  /// `Team.shares`.
  func shares(_ work: (_ share: Int, _ thread: Int) -> Void) {
    guard let alone else { return team.shares(work) }
    work(0, alone)
  }
}
