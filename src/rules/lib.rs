//! Rule kernels and findings over claims columns.
