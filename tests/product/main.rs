//! The product from outside, one binary.
mod command_line;
mod components;
mod crash;
mod front_door;
mod hostile;
mod limits;
mod mail;
mod malformed;
mod papers;
mod replay;
mod rooms;
mod wrong_input;
