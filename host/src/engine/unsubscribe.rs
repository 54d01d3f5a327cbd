//! The link that ends offers by mail with one click: where it leads, and whose it is.
//!
//! Its token names the business, the customer and the purpose, and carries a keyed hash of them. It holds nothing personal, and it
//! never runs out: a mail may be read years later.

use std::sync::Arc;

use crate::domain::ids::{BusinessId, CustomerId};
use crate::domain::message::{Message, Purpose};
use crate::store::StoreError;
use crate::turn::records::hex;

use super::Engine;

/// Purposes that can be unsubscribed from, by the byte that stands for each in a token.
const PURPOSES: [(u8, Purpose); 2] = [(1, Purpose::Survey), (2, Purpose::Marketing)];

/// The channel on which messages have such a link.
pub const CHANNEL: &str = "email";

/// What a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsubscribing {
    /// In which business.
    pub business: BusinessId,
    /// Who.
    pub customer: CustomerId,
    /// From what.
    pub purpose: Purpose,
}

impl Engine {
    /// Where a message's reader unsubscribes, if it has to have such a link and customers can reach this server.
    pub(super) fn unsubscribe_url(self: &Arc<Self>, business: BusinessId, message: &Message) -> Option<String> {
        let url = self.parts.public_url.as_deref().filter(|_| message.needs_way_out())?;
        let purpose = message.origin.as_ref()?.purpose;
        let what = Unsubscribing { business, customer: message.customer, purpose };
        match self.unsubscribe_token(what) {
            Ok(token) => Some(format!("{}/unsubscribe/{token}", url.trim_end_matches('/'))),
            Err(error) => {
                tracing::error!(%error, "no link to unsubscribe could be made");
                None
            }
        }
    }

    fn unsubscribe_token(&self, what: Unsubscribing) -> Result<String, StoreError> {
        let byte = PURPOSES.iter().find(|(_, purpose)| *purpose == what.purpose).map_or(0, |(byte, _)| *byte);
        let named = [what.business.0.as_slice(), what.customer.0.as_slice(), &[byte]].concat();
        let hash = self.keyring().index_key(what.business)?.hash("unsubscribe", &[named.as_slice()]);
        Ok(hex(&[named.as_slice(), hash.as_slice()].concat()))
    }

    /// What a token stands for; none if it was not made here.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn unsubscribing(&self, token: &str) -> Result<Option<Unsubscribing>, StoreError> {
        let Some(what) = read(token).filter(|_| token.is_ascii()) else { return Ok(None) };
        // Only a business that there is has a key; asking for another one's would make one.
        if !self.has_business(what.business)? {
            return Ok(None);
        }
        Ok((self.unsubscribe_token(what)? == token).then_some(what))
    }
}

fn read(token: &str) -> Option<Unsubscribing> {
    let bytes: Option<Vec<u8>> = (token.len() == 2 * (16 + 16 + 1 + 16))
        .then(|| token.as_bytes().chunks_exact(2))?
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let bytes = bytes?;
    let purpose = PURPOSES.iter().find(|(byte, _)| Some(byte) == bytes.get(32)).map(|(_, purpose)| *purpose)?;
    Some(Unsubscribing {
        business: BusinessId(bytes.get(..16)?.try_into().ok()?),
        customer: CustomerId(bytes.get(16..32)?.try_into().ok()?),
        purpose,
    })
}
