import CRNNCell
import Cells
import Kernels
import Search

@_cdecl("rnncell_study_open") @implementation
public func rnncell_study_open(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ path: UnsafePointer<CChar>?,
  _ corpus: OpaquePointer?, _ options: UnsafePointer<rnncell_study_options>?
) -> Int32 {
  make(out) { () throws(Failure) in
    let corpus =
      corpus == nil ? nil : try Handle.object(corpus, as: CorpusObject.self).corpus
    let options = try read(options, zero: rnncell_study_options())
    return try StudyObject(try readOptional(path, "path"), corpus, options)
  }
}

@_cdecl("rnncell_study_free") @implementation
public func rnncell_study_free(_ study: OpaquePointer?) { Handle.free(study, as: StudyObject.self) }

@_cdecl("rnncell_study_describe") @implementation
public func rnncell_study_describe(
  _ out: UnsafeMutablePointer<rnncell_study_info>?, _ study: OpaquePointer?
) -> Int32 {
  fill(out) { () throws(Failure) in try Handle.object(study, as: StudyObject.self).info }
}

@_cdecl("rnncell_study_run") @implementation
public func rnncell_study_run(
  _ study: OpaquePointer?, _ callback: rnncell_study_callback?,
  _ user: UnsafeMutableRawPointer?
) -> Int32 {
  status { () throws(Failure) in
    let object = try Handle.object(study, as: StudyObject.self)
    try object.run(progress: listener(object, callback, user))
  }
}

@_cdecl("rnncell_study_run_objective") @implementation
public func rnncell_study_run_objective(
  _ study: OpaquePointer?, _ objective: rnncell_objective?, _ callback: rnncell_study_callback?,
  _ user: UnsafeMutableRawPointer?
) -> Int32 {
  status { () throws(Failure) in
    let object = try Handle.object(study, as: StudyObject.self)
    guard let objective else {
      throw .invalid("objective is NULL; pass a function, or call rnncell_study_run")
    }
    try object.run(objective, user, progress: listener(object, callback, user))
  }
}

/// What a run calls for a program's callback.
private func listener(
  _ object: StudyObject, _ callback: rnncell_study_callback?, _ user: UnsafeMutableRawPointer?
) -> (Proposal?) -> Bool {
  { told in
    guard let callback else { return false }
    var info = object.info
    guard let told else { return callback(&info, nil, user) != 0 }
    var proposal = object.row(told)
    return callback(&info, &proposal, user) != 0
  }
}

@_cdecl("rnncell_study_ask") @implementation
public func rnncell_study_ask(
  _ out: UnsafeMutablePointer<rnncell_proposal>?, _ study: OpaquePointer?
) -> Int32 {
  fill(out) { () throws(Failure) in try Handle.object(study, as: StudyObject.self).ask() }
}

@_cdecl("rnncell_study_tell") @implementation
public func rnncell_study_tell(
  _ study: OpaquePointer?, _ id: Int64, _ loss: Double, _ failure: UnsafePointer<CChar>?
) -> Int32 {
  status { () throws(Failure) in
    let object = try Handle.object(study, as: StudyObject.self)
    try object.tell(Int(id), loss, try readOptional(failure, "failure"))
  }
}

@_cdecl("rnncell_study_tell_score") @implementation
public func rnncell_study_tell_score(
  _ study: OpaquePointer?, _ id: Int64, _ score: UnsafePointer<rnncell_score>?
) -> Int32 {
  status { () throws(Failure) in
    let object = try Handle.object(study, as: StudyObject.self)
    guard score != nil else { throw .invalid("score is NULL; pass what the proposal scored") }
    try object.tell(Int(id), Score(try read(score, zero: rnncell_score())))
  }
}

@_cdecl("rnncell_study_record_test") @implementation
public func rnncell_study_record_test(_ study: OpaquePointer?, _ again: Int32) -> Int32 {
  status { () throws(Failure) in
    let object = try Handle.object(study, as: StudyObject.self)
    try object.study.recordTest(again: try flag(again, "again"))
  }
}

@_cdecl("rnncell_study_proposal") @implementation
public func rnncell_study_proposal(
  _ out: UnsafeMutablePointer<rnncell_proposal>?, _ study: OpaquePointer?, _ order: Int32,
  _ index: Int64
) -> Int32 {
  fill(out) { () throws(Failure) in
    let object = try Handle.object(study, as: StudyObject.self)
    return object.row(try element(try object.proposals(order), index, "proposals in this order"))
  }
}

@_cdecl("rnncell_strategy_describe") @implementation
public func rnncell_strategy_describe(
  _ out: UnsafeMutablePointer<rnncell_strategy_info>?, _ index: Int64
) -> Int32 {
  fill(out) { () throws(Failure) in
    let strategy = try element(Strategies.all, index, "strategies")
    var info = rnncell_strategy_info()
    info.name = Texts.forever[strategy.name]
    info.summary = Texts.forever[strategy.summary]
    info.needs_corpus = strategy.needsCorpus ? 1 : 0
    info.scaled = strategy.sizes(.scaled).map { Texts.forever[$0] }
    info.paper = strategy.sizes(.paper).map { Texts.forever[$0] }
    return info
  }
}
