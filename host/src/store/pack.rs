//! Makes long texts shorter before they are sealed; afterwards nothing can.
//!
//! A record of why is mostly words that every record of why has, so the coder is given a dictionary of those. A packed text
//! begins with a byte that no JSON begins with and that names the dictionary; then come its length and an LZ4 block.
//!
//! A dictionary is never changed once a release has written with it: a better one gets a byte of its own.

use super::StoreError;
use super::row::{put_varint, take_varint};

/// Shorter texts are left as they are: little is gained, and the coder takes a microsecond or two to begin.
const PACK_BYTES: usize = 600;

/// What a text begins with that was packed with [`DICTIONARY`].
const PACKED: u8 = 1;

/// What sealed texts are made of, in the order of how rarely.
const DICTIONARY: &[u8] = include_bytes!("dictionary.txt");

/// LZ4 makes nothing shorter than one part in 255, so a text that claims to be longer is damaged.
const RATIO: usize = 256;

/// Packs a text where it stands, if that makes it shorter.
pub(super) fn pack(text: &mut Vec<u8>) {
    if text.len() < PACK_BYTES {
        return;
    }
    let mut packed = Vec::with_capacity(1 + 10 + lz4_flex::block::get_maximum_output_size(text.len()));
    packed.push(PACKED);
    put_varint(&mut packed, text.len() as u64);
    let head = packed.len();
    packed.resize(packed.capacity(), 0);
    let Some(body) = packed.get_mut(head..) else { return };
    if let Ok(bytes) = lz4_flex::block::compress_into_with_dict(text, body, DICTIONARY)
        && head + bytes < text.len()
    {
        text.clear();
        text.extend_from_slice(packed.get(..head + bytes).unwrap_or_default());
    }
}

/// The text again, whether it was packed or not.
///
/// # Errors
/// When it is damaged.
pub(super) fn unpack(text: &mut Vec<u8>) -> Result<(), StoreError> {
    let Some((&PACKED, mut body)) = text.split_first() else { return Ok(()) };
    let damaged = || StoreError::Damaged("a packed text cannot be unpacked".into());
    let bytes = take_varint(&mut body).and_then(|bytes| usize::try_from(bytes).ok());
    let bytes = bytes.filter(|&bytes| bytes <= RATIO * body.len()).ok_or_else(damaged)?;
    let mut whole = vec![0; bytes];
    match lz4_flex::block::decompress_into_with_dict(body, &mut whole, DICTIONARY) {
        Ok(length) if length == bytes => {
            *text = whole;
            Ok(())
        }
        _ => Err(damaged()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_and_long_ones_are_shorter_meanwhile() {
        let word = br#"{"call":"state.get","args":"asked","result":null},"#;
        for count in [0, 1, 11, 12, 13, 40, 4_000] {
            let text: Vec<u8> = std::iter::repeat_n(word, count).flatten().copied().collect();
            let mut packed = text.clone();
            pack(&mut packed);
            assert!(packed.len() <= text.len().max(PACK_BYTES / 2), "{count}: {}", packed.len());
            unpack(&mut packed).unwrap();
            assert_eq!(packed, text, "{count}");
        }
        let noise: Vec<u8> = (0..5_000u32).map(|n| (n.wrapping_mul(0x9E37_79B9) >> 24) as u8 | 0x20).collect();
        let mut packed = noise.clone();
        pack(&mut packed);
        unpack(&mut packed).unwrap();
        assert_eq!(packed, noise);
    }

    #[test]
    fn what_is_cut_or_claims_too_much_is_damaged() {
        let mut packed = br#"{"plugin":"order-status"},"#.repeat(50);
        pack(&mut packed);
        for cut in [1, 2, packed.len() - 1] {
            let mut cut = packed[..cut].to_vec();
            assert!(matches!(unpack(&mut cut), Err(StoreError::Damaged(_))));
        }
        let mut bomb = vec![PACKED, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0];
        assert!(matches!(unpack(&mut bomb), Err(StoreError::Damaged(_))));
    }
}
