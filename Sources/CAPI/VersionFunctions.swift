import CRNNCell
