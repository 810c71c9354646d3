"""Our speed beside that of the other libraries, for `rnncell bench`.

    program     a cell as a list of instructions, which any array library can run
    peers/      JAX, PyTorch and onnxruntime as users of them would write a cell
    ours        the same work through this package
    timing      rounds in turns, agreement of the numbers, the limit of the machine
    layers      rows: training and inference of a layer, a step of a stream, random cells
    models      rows: updates of a language model, peak memory
    search      rows: proposals an hour of a search
    costs       what dropout, a second direction and exported C cost
    curves      how our time and memory grow with steps, batch, layers, lengths and threads
"""
