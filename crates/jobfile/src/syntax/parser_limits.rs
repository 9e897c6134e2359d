//! How deep sqlparser may go.

/// The maximum depth of expressions and queries.
pub(crate) const RECURSION_LIMIT: usize = 100;
/// The stack for parsing a query, in bytes. Only the used part costs memory.
const PARSER_STACK_BYTES: usize = 32 * 1024 * 1024;

/// Runs a parser of `sqlparser` with enough stack. sqlparser limits its recursion
/// and grows the stack itself, but a build without optimization uses more stack
/// between its checks than it reserves.
pub(crate) fn with_parser_stack<T>(parse: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(PARSER_STACK_BYTES / 2, PARSER_STACK_BYTES, parse)
}
