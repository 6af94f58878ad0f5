//! Text as JSON strings (RFC 8259, section 7), and bytes as base64 (RFC 4648).

/// Appends `text` in quotes; what lies outside ASCII stays as it is.
#[inline]
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    push_text(out, text);
    out.push('"');
}

/// Appends what stands between the quotes of a string. Never inlined, so that whatever is put around it is.
#[inline(never)]
pub(crate) fn push_text(out: &mut String, text: &str) {
    push_escaped::<false>(out, text);
}

/// Appends `text` in quotes and in ASCII (CPython's `json` with `ensure_ascii`).
pub(crate) fn push_ascii_string(out: &mut String, text: &str) {
    out.push('"');
    push_escaped::<true>(out, text);
    out.push('"');
}

#[inline]
fn push_escaped<const ASCII: bool>(out: &mut String, text: &str) {
    match find_special::<ASCII>(text.as_bytes()) {
        None => out.push_str(text),
        Some(at) => push_special::<ASCII>(out, text, at),
    }
}

/// Appends text whose first special byte is known.
#[cold]
fn push_special<const ASCII: bool>(out: &mut String, text: &str, first: usize) {
    let (mut rest, mut found) = (text, Some(first));
    while let Some(at) = found {
        // What is found begins a character: in UTF-8 no other byte of one is in ASCII, and all are outside of it.
        let (clean, special) = rest.split_at(at);
        out.push_str(clean);
        let Some(char) = special.chars().next() else { return };
        push_escape(out, char);
        rest = &special[char.len_utf8()..];
        found = find_special::<ASCII>(rest.as_bytes());
    }
    out.push_str(rest);
}

/// Whether text is ASCII that can be seen, blanks among it, without quotes and backslashes.
pub(crate) fn is_plain(text: &str) -> bool {
    find_special::<true>(text.as_bytes()).is_none()
}

/// One byte eight times.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Where the first byte stands that a string cannot hold as it is.
// Always: most texts are so short that a call is felt.
#[inline(always)]
fn find_special<const ASCII: bool>(bytes: &[u8]) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let marked = special::<ASCII>(u64::from_le_bytes(*word));
        if marked != 0 {
            return Some(at * 8 + marked.trailing_zeros() as usize / 8);
        }
    }
    // What is left is looked at together with what stands before it, or half by half.
    let has_special = match (bytes.last_chunk::<8>(), bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(last), ..) => special::<ASCII>(u64::from_le_bytes(*last)) != 0,
        (None, Some([a, b, c, d]), Some([w, x, y, z])) => {
            special::<ASCII>(u64::from_le_bytes([*a, *b, *c, *d, *w, *x, *y, *z])) != 0
        }
        _ => match *bytes {
            [] => false,
            [a] => special::<ASCII>(u64::from_le_bytes([a; 8])) != 0,
            [a, b] => special::<ASCII>(u64::from_le_bytes([a, b, a, b, a, b, a, b])) != 0,
            [a, b, c, ..] => special::<ASCII>(u64::from_le_bytes([a, b, c, a, b, c, a, b])) != 0,
        },
    };
    let is_special = |byte: &u8| special::<ASCII>(all(*byte)) != 0;
    if has_special { bytes.iter().position(is_special) } else { None }
}

/// The top bit of each byte that is special; perhaps also of some behind the first.
#[inline]
fn special<const ASCII: bool>(word: u64) -> u64 {
    let below = |word: u64, least: u64| word.wrapping_sub(least) & !word;
    let is_zero = |word: u64| below(word, all(1));
    let mut marked = below(word, all(b' ')) | is_zero(word ^ all(b'"')) | is_zero(word ^ all(b'\\'));
    if ASCII {
        marked |= word | is_zero(word ^ all(0x7f));
    }
    marked & all(0x80)
}

#[cold]
fn push_escape(out: &mut String, char: char) {
    match char {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        char => {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let digit = |shift: u16| char::from(b"0123456789abcdef"[usize::from(*unit >> shift & 0xf)]);
                out.extend(['\\', 'u', digit(12), digit(8), digit(4), digit(0)]);
            }
        }
    }
}

/// The alphabet that is usual (RFC 4648, section 4), and the one that is safe in addresses and file names (section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alphabet {
    Usual,
    UrlSafe,
}

/// Appends `bytes` in base64, padded, in quotes.
pub(crate) fn push_base64(out: &mut String, bytes: &[u8], alphabet: Alphabet) {
    let digit = |value: u32| match value & 63 {
        value @ 0..26 => char::from(b'A' + value as u8),
        value @ 26..52 => char::from(b'a' + value as u8 - 26),
        value @ 52..62 => char::from(b'0' + value as u8 - 52),
        62 if alphabet == Alphabet::UrlSafe => '-',
        _ if alphabet == Alphabet::UrlSafe => '_',
        62 => '+',
        _ => '/',
    };
    out.push('"');
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digits = [18, 12, 6, 0].map(|shift| digit(bits >> shift));
        let written = chunk.len() + 1;
        out.extend(&digits[..written]);
        out.extend(std::iter::repeat_n('=', 4 - written));
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_special_byte_is_found_wherever_it_stands() {
        // Every byte at every place of texts around the length that is looked at in one go, beside every other kind.
        for length in 0..20 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = byte;
                    let is_special = byte < b' ' || byte == b'"' || byte == b'\\';
                    assert_eq!(
                        find_special::<false>(&bytes),
                        is_special.then_some(at),
                        "{byte:#x} at {at} of {length}"
                    );
                    let is_special = is_special || byte >= 0x7f;
                    assert_eq!(find_special::<true>(&bytes), is_special.then_some(at), "{byte:#x} at {at} of {length}");
                    if let Some(behind) = bytes.get_mut(at + 1) {
                        *behind = b'"';
                        let first = if is_special { at } else { at + 1 };
                        assert_eq!(find_special::<true>(&bytes), Some(first));
                    }
                }
            }
        }
    }

    #[test]
    fn base64_is_rfc_4648s() {
        // RFC 4648, section 10; CPython 3.13: base64.urlsafe_b64encode(b"\xfb\xff\xfe").
        let encoded = |bytes: &[u8], alphabet| {
            let mut out = String::new();
            push_base64(&mut out, bytes, alphabet);
            out
        };
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(encoded(bytes.as_bytes(), Alphabet::Usual), format!("\"{text}\""));
        }
        assert_eq!(encoded(b"\xfb\xff\xfe", Alphabet::Usual), "\"+//+\"");
        assert_eq!(encoded(b"\xfb\xff\xfe", Alphabet::UrlSafe), "\"-__-\"");
    }
}
