//! Mail as people write it: of a raw message who wrote it, what is new in it, what hangs on it, whether a machine sent it and,
//! if it is a bounce, what was lost.
//!
//! It never fails: of garbage it gives what there is. It never opens an attachment or a mail inside a mail, follows no link,
//! reads no clock, and its time grows with the length of a mail and not faster.

pub mod machine;

#[cfg(feature = "read")]
mod bounce;
#[cfg(feature = "read")]
mod cut;
#[cfg(feature = "read")]
mod decode;
#[cfg(feature = "read")]
mod headers;
#[cfg(feature = "read")]
mod history;
#[cfg(feature = "read")]
mod html;
#[cfg(feature = "read")]
mod mail;
#[cfg(feature = "read")]
mod parts;
#[cfg(all(test, feature = "read"))]
mod tests;

#[cfg(feature = "read")]
pub use bounce::Bounce;
#[cfg(feature = "read")]
pub use cut::{Words, cut, cut_parsed};
#[cfg(feature = "read")]
pub use decode::text as decoded;
#[cfg(feature = "read")]
pub use headers::Address;
#[cfg(feature = "read")]
pub use mail::{Mail, read, read_parsed};
#[cfg(feature = "read")]
pub use parts::Attachment;

/// The most characters of [`Mail::text`]: as many as a message of the host may have.
pub const TEXT_CHARS: usize = 65_536;
/// The most characters of [`Mail::full`].
pub const FULL_CHARS: usize = 131_072;
/// The most characters of a subject, a name, an address or an id; longer ones are cut short, or left out if cutting would
/// make them another.
pub const LINE_CHARS: usize = 998;
/// The most attachments that are listed.
pub const ATTACHMENTS: usize = 100;
/// The most addresses of a header, and the most ids of `References`.
pub const LIST: usize = 100;
