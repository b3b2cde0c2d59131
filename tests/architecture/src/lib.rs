//! Holds the structure of the workspace: direction of dependencies, roles of files.
