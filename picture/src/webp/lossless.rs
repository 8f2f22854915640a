//! The memory that a lossless stream's decoder takes, found by reading the stream as far as its
//! last Huffman code, before any pixel.
//!
//! A stream may have 65,536 groups of five codes, each of which takes some ten bytes to describe
//! and four kilobytes to decode with: 400 KB of file ask for 130 MB. So the codes are counted as
//! the decoder would build them. Pixels of the small pictures in front of them are skipped; only
//! the number of groups must be known, and that is the largest literal of the picture that assigns
//! groups to blocks, since whatever else that picture holds is a copy of a literal.
//!
//! Source: the specification of the WebP lossless bitstream (RFC 9649, section 3).

/// Bytes of a node of the decoder's trees.
const NODE_BYTES: u64 = 16;
/// Bits that the decoder's tables resolve at once; longer codes go on in a tree.
const MAX_TABLE_BITS: usize = 10;
/// Bytes of a table's entry.
const ENTRY_BYTES: u64 = 4;
/// Bytes of a group of five codes, in a vector that doubles while old and new exist, with what an
/// allocator adds to ten allocations.
const GROUP_BYTES: u64 = 3 * 5 * 56 + 10 * 16;
/// Bits of the longest code.
const MAX_LENGTH: usize = 15;
/// Symbols of the codes of green and lengths, red, blue, alpha, and distances.
const ALPHABETS: [usize; 5] = [256 + 24, 256, 256, 256, 40];
/// The first symbol of green that is a length, and the first that is a place in the colour cache.
const FIRST_LENGTH: usize = 256;
const FIRST_CACHED: usize = 256 + 24;
/// The order in which lengths of the code of code lengths are written.
const LENGTH_ORDER: [usize; 19] =
    [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Bytes that decoding `stream` takes beside the pixels of a picture of `width` x `height`.
/// Where they exceed `most`, some number beyond it. `implicit` streams have no header.
pub(crate) fn bytes(stream: &[u8], width: u32, height: u32, implicit: bool, most: u64) -> u64 {
    let mut walk = Walk { bits: Bits { bytes: stream, at: 0 }, taken: 0, most };
    if !implicit {
        // Signature, width, height, a hint, version: the decoder compares them.
        walk.bits.at = 40;
    }
    // A stream that ends or breaks somewhere ends there for the decoder too.
    let _ = walk.stream(width, height);
    walk.taken
}

/// Bits, the lowest of a byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    /// The number of the next bit.
    at: usize,
}

impl Bits<'_> {
    /// The next `count` bits, at most 24.
    fn take(&mut self, count: usize) -> Option<usize> {
        let mut word = 0;
        for (place, &byte) in self.bytes.get(self.at / 8..)?.iter().take(4).enumerate() {
            word |= usize::from(byte) << (8 * place);
        }
        let value = (word >> (self.at % 8)) & ((1 << count) - 1);
        self.at += count;
        (self.at <= self.bytes.len() * 8).then_some(value)
    }

    fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|bit| bit == 1)
    }
}

/// A canonical Huffman code.
enum Code {
    /// One symbol, which takes no bit.
    Single(usize),
    /// Symbols in the order of their codes, and how many have each length.
    Many { symbols: Vec<u16>, counts: [usize; MAX_LENGTH + 1] },
}

impl Code {
    /// The code of symbols with these lengths; `None` unless it is complete.
    fn of(lengths: &[u8]) -> Option<Self> {
        let mut counts = [0; MAX_LENGTH + 1];
        for &length in lengths {
            counts[usize::from(length)] += 1;
        }
        counts[0] = 0;
        if counts.iter().sum::<usize>() == 1 {
            return Some(Self::Single(lengths.iter().position(|&length| length != 0)?));
        }
        let space: usize =
            counts.iter().enumerate().skip(1).map(|(bits, n)| n << (MAX_LENGTH - bits)).sum();
        if space != 1 << MAX_LENGTH {
            return None;
        }
        let mut symbols = Vec::new();
        for bits in 1..=MAX_LENGTH {
            let of_bits =
                (0_u16..).zip(lengths).filter(|&(_, &length)| usize::from(length) == bits);
            symbols.extend(of_bits.map(|(symbol, _)| symbol));
        }
        Some(Self::Many { symbols, counts })
    }

    /// The code of two symbols of one bit each.
    fn pair(zero: usize, one: usize) -> Option<Self> {
        let mut counts = [0; MAX_LENGTH + 1];
        counts[1] = 2;
        let symbols = vec![u16::try_from(zero).ok()?, u16::try_from(one).ok()?];
        Some(Self::Many { symbols, counts })
    }

    /// Bytes that the decoder's table and tree of this code take.
    fn bytes(&self) -> u64 {
        let Self::Many { counts, .. } = self else { return 0 };
        let longest = counts.iter().rposition(|&count| count != 0).unwrap_or(0);
        let in_tree: usize = counts[MAX_TABLE_BITS + 1..].iter().sum();
        // The smallest tree has three nodes where a larger one has none.
        (1 << longest.min(MAX_TABLE_BITS)) * ENTRY_BYTES + (2 * in_tree.max(2)) as u64 * NODE_BYTES
    }

    fn symbol(&self, bits: &mut Bits) -> Option<usize> {
        let (symbols, counts) = match self {
            Self::Single(symbol) => return Some(*symbol),
            Self::Many { symbols, counts } => (symbols, counts),
        };
        let (mut code, mut first, mut place) = (0, 0, 0);
        for &count in &counts[1..] {
            code |= bits.take(1)?;
            if code < first + count {
                return symbols.get(place + code - first).map(|&symbol| usize::from(symbol));
            }
            place += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

/// A walk through a stream that adds up what its decoder allocates. `None` ends it: the stream is
/// over, broken or too expensive.
struct Walk<'a> {
    bits: Bits<'a>,
    taken: u64,
    most: u64,
}

impl Walk<'_> {
    fn add(&mut self, bytes: u64) -> Option<()> {
        self.taken = self.taken.saturating_add(bytes);
        (self.taken <= self.most).then_some(())
    }

    /// A whole stream to its last code.
    fn stream(&mut self, width: u32, height: u32) -> Option<()> {
        let mut width = usize::try_from(width).ok()?;
        let height = usize::try_from(height).ok()?;
        let mut seen = [false; 4];
        while self.bits.flag()? {
            let kind = self.bits.take(2)?;
            if std::mem::replace(&mut seen[kind], true) {
                return None;
            }
            match kind {
                // Prediction, colours: a small picture with a pixel a block.
                0 | 1 => {
                    let side = self.bits.take(3)? + 2;
                    self.small_picture(blocks(width, side), blocks(height, side))?;
                }
                3 => {
                    let colours = self.bits.take(8)? + 1;
                    self.small_picture(colours, 1)?;
                    width = match colours {
                        1..=2 => blocks(width, 3),
                        3..=4 => blocks(width, 2),
                        5..=16 => blocks(width, 1),
                        _ => width,
                    };
                }
                _ => {}
            }
        }
        let cached = self.colour_cache()?;
        let mut groups = 1;
        if self.bits.flag()? {
            let side = self.bits.take(3)? + 2;
            groups = self.small_picture(blocks(width, side), blocks(height, side))? + 1;
        }
        for _ in 0..groups {
            self.group(cached)?;
        }
        Some(())
    }

    /// Symbols that places in the colour cache add to the code of green.
    fn colour_cache(&mut self) -> Option<usize> {
        if !self.bits.flag()? {
            return Some(0);
        }
        let bits = self.bits.take(4)?;
        if !(1..=11).contains(&bits) {
            return None;
        }
        self.add(ENTRY_BYTES << bits)?;
        Some(1 << bits)
    }

    /// Five codes.
    fn group(&mut self, cached: usize) -> Option<[Code; 5]> {
        self.add(GROUP_BYTES)?;
        let [green, red, blue, alpha, distance] = ALPHABETS;
        Some([
            self.code(green + cached)?,
            self.code(red)?,
            self.code(blue)?,
            self.code(alpha)?,
            self.code(distance)?,
        ])
    }

    fn code(&mut self, alphabet: usize) -> Option<Code> {
        let code =
            if self.bits.flag()? { self.simple_code(alphabet) } else { self.long_code(alphabet) };
        let code = code?;
        self.add(code.bytes())?;
        Some(code)
    }

    /// One symbol or two.
    fn simple_code(&mut self, alphabet: usize) -> Option<Code> {
        let two = self.bits.flag()?;
        let wide = self.bits.flag()?;
        let zero = self.bits.take(if wide { 8 } else { 1 })?;
        if zero >= alphabet {
            return None;
        }
        if !two {
            return Some(Code::Single(zero));
        }
        let one = self.bits.take(8)?;
        if one < alphabet { Code::pair(zero, one) } else { None }
    }

    /// A length for each symbol of the alphabet.
    fn long_code(&mut self, alphabet: usize) -> Option<Code> {
        let mut of_lengths = [0; LENGTH_ORDER.len()];
        let written = 4 + self.bits.take(4)?;
        for &symbol in LENGTH_ORDER.get(..written)? {
            of_lengths[symbol] = u8::try_from(self.bits.take(3)?).ok()?;
        }
        let of_lengths = Code::of(&of_lengths)?;
        let mut left = alphabet;
        if self.bits.flag()? {
            let size = 2 + 2 * self.bits.take(3)?;
            left = 2 + self.bits.take(size)?;
            if left > alphabet {
                return None;
            }
        }
        let mut lengths: Vec<u8> = Vec::with_capacity(alphabet);
        let mut last = 8;
        while lengths.len() < alphabet && left > 0 {
            left -= 1;
            let (length, count) = match of_lengths.symbol(&mut self.bits)? {
                16 => (last, 3 + self.bits.take(2)?),
                17 => (0, 3 + self.bits.take(3)?),
                18 => (0, 11 + self.bits.take(7)?),
                length => (u8::try_from(length).ok()?, 1),
            };
            if length != 0 {
                last = length;
            }
            if count > alphabet - lengths.len() {
                return None;
            }
            lengths.resize(lengths.len() + count, length);
        }
        Code::of(&lengths)
    }

    /// A picture of one group of codes; the largest number that red and green of a literal make.
    fn small_picture(&mut self, width: usize, height: usize) -> Option<usize> {
        let pixels = width * height;
        // Four bytes a pixel, and twelve bits more where it assigns groups.
        self.add(6 * pixels as u64)?;
        let cached = self.colour_cache()?;
        let [green, red, blue, alpha, distance] = self.group(cached)?;
        let mut largest = 0;
        let mut done = 0;
        while done < pixels {
            match green.symbol(&mut self.bits)? {
                value @ ..FIRST_LENGTH => {
                    largest = largest.max((red.symbol(&mut self.bits)? << 8) | value);
                    let nothing_read = [&green, &red, &blue, &alpha]
                        .iter()
                        .all(|code| matches!(code, Code::Single(_)));
                    if nothing_read {
                        break;
                    }
                    blue.symbol(&mut self.bits)?;
                    alpha.symbol(&mut self.bits)?;
                    done += 1;
                }
                length @ FIRST_LENGTH..FIRST_CACHED => {
                    done += self.distance(length - FIRST_LENGTH)?;
                    let code = distance.symbol(&mut self.bits)?;
                    self.distance(code)?;
                    if done > pixels {
                        return None;
                    }
                }
                _ => done += 1,
            }
        }
        Some(largest)
    }

    /// A length or a distance: its symbol says how many bits follow.
    fn distance(&mut self, symbol: usize) -> Option<usize> {
        if symbol < 4 {
            return Some(symbol + 1);
        }
        let extra = (symbol - 2) >> 1;
        Some(((2 + (symbol & 1)) << extra) + self.bits.take(extra)? + 1)
    }
}

/// Blocks of `1 << side` pixels that cover `pixels`.
fn blocks(pixels: usize, side: usize) -> usize {
    pixels.div_ceil(1 << side)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes bits, the lowest first.
    #[derive(Default)]
    pub(super) struct Writer {
        bytes: Vec<u8>,
        at: usize,
    }

    impl Writer {
        fn put(&mut self, values: &[(usize, usize)]) {
            for &(value, count) in values {
                for bit in 0..count {
                    if self.at.is_multiple_of(8) {
                        self.bytes.push(0);
                    }
                    if value >> bit & 1 == 1 {
                        *self.bytes.last_mut().unwrap() |= 1 << (self.at % 8);
                    }
                    self.at += 1;
                }
            }
        }
    }

    #[test]
    fn bits_end_with_their_bytes() {
        let mut bits = Bits { bytes: &[0x9C, 0x41, 0xE1], at: 0 };
        let taken = [3, 2, 6, 10, 3].map(|count| bits.take(count));
        assert_eq!(taken, [Some(4), Some(3), Some(12), Some(40), Some(7)]);
        assert_eq!(bits.take(1), None);
    }

    #[test]
    fn codes_are_canonical() {
        // Lengths 1, 3, 3, 2: codes 0, 110, 111, 10, the first bit of a code first.
        let code = Code::of(&[1, 3, 3, 2]).unwrap();
        let mut bits = Bits { bytes: &[0b0111_0110, 0b0000_0001], at: 0 };
        let symbols: Vec<_> = (0..4).map(|_| code.symbol(&mut bits)).collect();
        assert_eq!(symbols, [Some(0), Some(1), Some(2), Some(0)]);
        assert!(Code::of(&[1, 2]).is_none(), "incomplete");
        assert!(Code::of(&[1, 1, 1]).is_none(), "too full");
        assert!(Code::of(&[0, 0]).is_none(), "empty");
        assert!(matches!(Code::of(&[0, 5]), Some(Code::Single(1))));
    }

    #[test]
    fn tables_grow_with_the_longest_code() {
        let mut lengths: Vec<u8> = (1..=12).collect();
        lengths.push(12);
        let code = Code::of(&lengths).unwrap();
        assert_eq!(code.bytes(), 4 * 1024 + 2 * 3 * 16);
        assert_eq!(Code::of(&[1, 1]).unwrap().bytes(), 8 + 64);
    }

    /// A picture that assigns group `last` to its only block.
    fn groups(last: usize) -> Writer {
        let mut writer = Writer::default();
        // No transform, no cache, groups in blocks of 4 x 4; that picture has no cache, and its
        // codes have one symbol each.
        writer.put(&[(0, 1), (0, 1), (1, 1), (0, 3), (0, 1)]);
        for symbol in [last & 255, last >> 8, 0, 0, 0] {
            writer.put(&[(1, 1), (0, 1), (1, 1), (symbol, 8)]);
        }
        writer
    }

    #[test]
    fn every_group_is_counted() {
        let mut writer = groups(999);
        for _ in 0..5 * 1000 {
            writer.put(&[(1, 1), (1, 1), (1, 1), (3, 8), (4, 8)]);
        }
        let taken = bytes(&writer.bytes, 4, 4, true, u64::MAX);
        // The block's pixel, its group, and a thousand groups of five pairs.
        assert_eq!(taken, 6 + GROUP_BYTES + 1000 * (GROUP_BYTES + 5 * 72));
        let cut = bytes(&writer.bytes[..writer.bytes.len() / 2], 4, 4, true, u64::MAX);
        assert!((taken / 3..taken * 2 / 3).contains(&cut), "{cut} of {taken}");
        let most = 100_000;
        let stopped = bytes(&writer.bytes, 4, 4, true, most);
        assert!((most + 1..most + 10_000).contains(&stopped), "{stopped}");
    }
}
