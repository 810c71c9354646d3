import Kernels

/// The states of a run, from and to arrays of the caller.
///
/// A state array holds [B, size] for each state of `network.states`, one behind another.
extension Unroll {
  /// Sets the initial states to zero.
  package func zeroState() {
    for layer in layers {
      for state in layer.plan.states.indices {
        let view = layer.stateView(state)
        for position in 0..<batch { view.clearRow(position) }
      }
    }
  }

  /// Makes the final states the initial ones, for the next segment of the same sequences.
  package func carryState() {
    let rows = rows
    for layer in layers {
      for state in layer.plan.states.indices {
        let view = layer.stateView(state)
        for position in 0..<batch {
          let row = rows.finalStateRow(position)
          guard row != position else { continue }
          for strip in 0..<view.columns.strips {
            let base = view.base + strip &* view.stripStride
            (base + position &* 16).update(from: base + row &* 16, count: 16)
          }
        }
      }
    }
  }

  /// Sets the initial states from a state array.
  package func loadState(_ source: UnsafePointer<Float>) {
    eachState { layer, state, offset in
      let view = layer.stateView(state)
      for position in 0..<batch {
        view.setRow(position, source + place(layer, state, offset, position))
      }
    }
  }

  /// Copies the final states to a state array.
  package func storeState(_ destination: UnsafeMutablePointer<Float>) {
    storeState(destination) { rows.finalStateRow($0) }
  }

  /// Copies the initial states to a state array.
  func storeInitialState(_ destination: UnsafeMutablePointer<Float>) {
    storeState(destination) { $0 }
  }

  private func storeState(
    _ destination: UnsafeMutablePointer<Float>, row: (_ position: Int) -> Int
  ) {
    eachState { layer, state, offset in
      let view = layer.stateView(state)
      for position in 0..<batch {
        view.getRow(
          row(position), destination + place(layer, state, offset, position))
      }
    }
  }

  /// Copies the gradient of the initial states to a state array, after backward.
  package func storeInitialStateGradient(_ destination: UnsafeMutablePointer<Float>) {
    eachState { layer, state, offset in
      let isHoisted = layer.plan.states[state].isHoisted
      for position in 0..<batch {
        let destination = destination + place(layer, state, offset, position)
        if isHoisted {
          layer.hoistedGradientView(state).getRow(position, destination)
        } else if rows.lengths[position] > 0 {
          layer.carryView(state, parity: 1, position: position).getRow(0, destination)
        } else {
          layer.finalGradientView(state).getRow(position, destination)
        }
      }
    }
  }

  /// Where the state of the sequence at a position stands in a state array.
  private func place(_ layer: LayerRun, _ state: Int, _ offset: Int, _ position: Int) -> Int {
    offset &* batch &+ rows.sequence[position] &* layer.plan.states[state].columns
  }

  private func eachState(_ body: (LayerRun, _ state: Int, _ offset: Int) -> Void) {
    var offset = 0
    for layer in layers {
      for (index, state) in layer.plan.states.prefix(layer.stateCount).enumerated() {
        body(layer, index, offset)
        offset &+= state.columns
      }
    }
  }

  /// Takes the gradient of the final states, nil for zeros.
  func loadFinalGradient(_ source: UnsafePointer<Float>?) {
    eachState { layer, state, offset in
      // Outside the time loop it stands where the rows of the last steps are.
      let isHoisted = layer.plan.states[state].isHoisted
      let view =
        isHoisted ? layer.hoistedGradientView(state) : layer.finalGradientView(state)
      for position in 0..<batch {
        let row = isHoisted ? rows.finalStateRow(position) : position
        if let source {
          view.setRow(row, source + place(layer, state, offset, position))
        } else {
          view.clearRow(row)
        }
      }
    }
  }
}
