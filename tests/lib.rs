//! Stories, contract suites, regressions, the architecture test and the checks against other programs.
