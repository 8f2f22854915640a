//! No input makes the crate panic, and what it accepts is a zone.

mod support;

use nibble_mrz::{ALPHABET, Document, Format, Span, Zone, check_digit, parse, parse_lines, verify};
use support::Random;

const ZONES: [&str; 6] = [
    "I<UTOD23145890<7349<<<<<<<<<<<\n\
     3407127M9507122UTO<<<<<<<<<<<2\n\
     STEVENSON<<PETER<JOHN<<<<<<<<<",
    "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6",
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
    "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL8988901C4XXX4009078F96121096ZE184226B<<<<<<",
    "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nL8988901C4XXX4009078F9612109<<<<<<<<",
    "IDFRABERTHIER<<<<<<<<<<<<<<<<<923255\n8806923102858CORINNE<<<<<<<6512068F2",
];

/// Everything that one can ask about `lines` under every format.
fn ask_everything<L: AsRef<[u8]>>(lines: &[L]) {
    let _ = Format::of(lines);
    for format in Format::ALL {
        let document = Document::of(format, lines);
        assert_eq!(document.format, format);
        assert_eq!(verify(format, lines).len(), format.layout().checks.len());
        let _ = nibble_mrz::write("P", &document);
    }
}

/// What `parse` promises about a zone.
fn assert_is_a_zone(zone: &Zone) {
    let layout = zone.format().layout();
    assert!(layout.has_shape_of(zone.lines()));
    for line in zone.lines() {
        assert!(line.bytes().all(|character| ALPHABET.contains(&character)), "{line}");
    }
    assert_eq!(Format::of(zone.lines()), Some(zone.format()));
    assert_eq!(zone.to_string().parse().as_ref(), Ok(zone));
}

fn ask(text: &[u8]) -> bool {
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    ask_everything(&lines);
    match parse(text) {
        Ok(zone) => {
            assert_is_a_zone(&zone);
            assert_eq!(parse_lines(&lines), Ok(zone));
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

#[test]
fn every_prefix_and_every_suffix_of_a_zone() {
    for zone in ZONES {
        assert!(ask(zone.as_bytes()));
        for end in 0..zone.len() {
            assert!(!ask(&zone.as_bytes()[..end]), "{}", &zone[..end]);
        }
        for start in 1..=zone.len() {
            assert!(!ask(&zone.as_bytes()[start..]), "{}", &zone[start..]);
        }
    }
}

#[test]
fn every_byte_in_every_place() {
    for zone in ZONES {
        for place in 0..zone.len() {
            for byte in [0, b' ', b'\n', b'\r', b'a', b'0', b'<', b'~', 0x80, 0xc3, 0xff] {
                let mut text = zone.as_bytes().to_vec();
                text[place] = byte;
                ask(&text);
            }
        }
    }
}

#[test]
fn random_bytes_of_random_lengths() {
    let mut random = Random::new(1);
    let mut accepted = 0;
    for round in 0..20_000 {
        let lengths = [0, 1, 29, 30, 31, 35, 36, 37, 43, 44, 45, 72, 88, 90, 200];
        let mut text = Vec::new();
        let length = *random.one_of(&lengths);
        for line in 0..random.between(0, 4) {
            if line > 0 {
                text.push(b'\n');
            }
            let length = if random.once_in(8) { *random.one_of(&lengths) } else { length };
            for _ in 0..length {
                // Half of the rounds stay within the alphabet, so that some are zones.
                let any = u8::try_from(random.below(256)).expect("a byte");
                text.push(if round % 2 == 0 { any } else { *random.one_of(ALPHABET) });
            }
        }
        accepted += usize::from(ask(&text));
    }
    assert!(accepted > 500, "{accepted} accepted");
}

#[test]
fn extreme_arguments() {
    assert_eq!(check_digit(&[]), b'0');
    // More characters than a sum of 32 bits would hold.
    assert!(check_digit(&vec![b'Z'; 20_000_000]).is_ascii_digit());
    let extremes = [0, 1, 29, 44, usize::MAX - 1, usize::MAX];
    for line in extremes {
        for start in extremes {
            for len in extremes {
                let span = Span { line, start, len };
                let _ = span.of(&["A".repeat(44), String::new()]);
                let _ = span.covers(line, usize::MAX);
            }
            for layout in Format::ALL.map(Format::layout) {
                let _ = (layout.field_at(line, start), layout.is_protected(line, start));
            }
        }
    }
}
