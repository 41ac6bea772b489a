/**
 * Moves on vectors that several kernels share. v128 is untyped: names carry the lane type.
 * Nothing here knows an operator.
 */
