//! The product from outside, one binary.
mod attacks;
mod bombs;
mod command_line;
mod components;
mod crash;
mod front_door;
mod hostile;
mod hostile_files;
mod keeping;
mod limits;
mod mail;
mod malformed;
mod papers;
mod replay;
mod rights;
mod rooms;
mod wrong_input;
