//! One patient through everything: the function the panels, `predict` and `batch` call.
