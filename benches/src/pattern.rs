//! What samples are filled with, so that who reads every byte knows whether it is what was written.

use crate::os;

const WORD: usize = 8;
/// The time of publishing and the number.
const HEAD: usize = 2 * WORD;

/// Writes every byte: the time, the number, and the number again until the end. At least 16 bytes, a multiple of 8.
pub(crate) fn write(bytes: &mut [u8], number: u64) {
    let (head, rest) = bytes.split_at_mut(HEAD);
    for word in rest.chunks_exact_mut(WORD) {
        word.copy_from_slice(&number.to_ne_bytes());
    }
    head[WORD..].copy_from_slice(&number.to_ne_bytes());
    head[..WORD].copy_from_slice(&os::now_ns().to_ne_bytes());
}

/// Reads every byte; returns the number, and how long ago it was published [us].
///
/// # Errors
/// The bytes are not those that were written.
pub(crate) fn read(bytes: &[u8]) -> Result<(u64, f64), String> {
    let words = bytes.chunks_exact(WORD).map(|word| {
        let word: [u8; WORD] = word.try_into().expect("chunks of a word");
        u64::from_ne_bytes(word)
    });
    let (Some(stamp_ns), Some(number)) = (words.clone().next(), words.clone().nth(1)) else {
        return Err(format!("a sample of {} bytes", bytes.len()));
    };
    let count = (bytes.len() - HEAD) / WORD;
    let sum = words.skip(2).fold(0_u64, u64::wrapping_add);
    let expect = number.wrapping_mul(count as u64);
    if sum != expect {
        return Err(format!("sample {number} of {} bytes is not what was written", bytes.len()));
    }
    Ok((number, os::now_ns().saturating_sub(stamp_ns) as f64 / 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_byte_is_seen() {
        let mut bytes = vec![0; 4096];
        write(&mut bytes, 41);
        assert_eq!(read(&bytes).unwrap().0, 41);
        bytes[4000] ^= 1;
        assert!(read(&bytes).is_err());
        assert!(read(&bytes[..8]).is_err());
    }
}
