//! National claims schema: import, mapping, partition and package files, queries, search.
