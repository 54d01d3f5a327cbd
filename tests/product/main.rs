//! The product from outside, one binary.
mod replay;
