//! Codes of issuing states, nationalities and organisations.

/// All codes of three characters, sorted: ISO 3166-1 alpha-3, those that Doc 9303-3, section 5, adds
/// (among them `D<<` for Germany and `UTO` for specimens), and eight of states that are no more or that
/// print another code: `ANT`, `NTZ`, `ROM`, `SCG`, `XKX` and `XXK`
/// (Kosovo), `YUG`, `ZAR`.
const CODES: [[u8; 3]; 284] = [
    *b"ABW", *b"AFG", *b"AGO", *b"AIA", *b"ALA", *b"ALB", *b"AND", *b"ANT", *b"ARE", *b"ARG",
    *b"ARM", *b"ASM", *b"ATA", *b"ATF", *b"ATG", *b"AUS", *b"AUT", *b"AZE", *b"BDI", *b"BEL",
    *b"BEN", *b"BES", *b"BFA", *b"BGD", *b"BGR", *b"BHR", *b"BHS", *b"BIH", *b"BLM", *b"BLR",
    *b"BLZ", *b"BMU", *b"BOL", *b"BRA", *b"BRB", *b"BRN", *b"BTN", *b"BVT", *b"BWA", *b"CAF",
    *b"CAN", *b"CCK", *b"CHE", *b"CHL", *b"CHN", *b"CIV", *b"CMR", *b"COD", *b"COG", *b"COK",
    *b"COL", *b"COM", *b"CPV", *b"CRI", *b"CUB", *b"CUW", *b"CXR", *b"CYM", *b"CYP", *b"CZE",
    *b"D<<", *b"DEU", *b"DJI", *b"DMA", *b"DNK", *b"DOM", *b"DZA", *b"ECU", *b"EGY", *b"ERI",
    *b"ESH", *b"ESP", *b"EST", *b"ETH", *b"EUE", *b"FIN", *b"FJI", *b"FLK", *b"FRA", *b"FRO",
    *b"FSM", *b"GAB", *b"GBD", *b"GBN", *b"GBO", *b"GBP", *b"GBR", *b"GBS", *b"GEO", *b"GGY",
    *b"GHA", *b"GIB", *b"GIN", *b"GLP", *b"GMB", *b"GNB", *b"GNQ", *b"GRC", *b"GRD", *b"GRL",
    *b"GTM", *b"GUF", *b"GUM", *b"GUY", *b"HKG", *b"HMD", *b"HND", *b"HRV", *b"HTI", *b"HUN",
    *b"IDN", *b"IMN", *b"IND", *b"IOT", *b"IRL", *b"IRN", *b"IRQ", *b"ISL", *b"ISR", *b"ITA",
    *b"JAM", *b"JEY", *b"JOR", *b"JPN", *b"KAZ", *b"KEN", *b"KGZ", *b"KHM", *b"KIR", *b"KNA",
    *b"KOR", *b"KWT", *b"LAO", *b"LBN", *b"LBR", *b"LBY", *b"LCA", *b"LIE", *b"LKA", *b"LSO",
    *b"LTU", *b"LUX", *b"LVA", *b"MAC", *b"MAF", *b"MAR", *b"MCO", *b"MDA", *b"MDG", *b"MDV",
    *b"MEX", *b"MHL", *b"MKD", *b"MLI", *b"MLT", *b"MMR", *b"MNE", *b"MNG", *b"MNP", *b"MOZ",
    *b"MRT", *b"MSR", *b"MTQ", *b"MUS", *b"MWI", *b"MYS", *b"MYT", *b"NAM", *b"NCL", *b"NER",
    *b"NFK", *b"NGA", *b"NIC", *b"NIU", *b"NLD", *b"NOR", *b"NPL", *b"NRU", *b"NTZ", *b"NZL",
    *b"OMN", *b"PAK", *b"PAN", *b"PCN", *b"PER", *b"PHL", *b"PLW", *b"PNG", *b"POL", *b"PRI",
    *b"PRK", *b"PRT", *b"PRY", *b"PSE", *b"PYF", *b"QAT", *b"REU", *b"RKS", *b"ROM", *b"ROU",
    *b"RUS", *b"RWA", *b"SAU", *b"SCG", *b"SDN", *b"SEN", *b"SGP", *b"SGS", *b"SHN", *b"SJM",
    *b"SLB", *b"SLE", *b"SLV", *b"SMR", *b"SOM", *b"SPM", *b"SRB", *b"SSD", *b"STP", *b"SUR",
    *b"SVK", *b"SVN", *b"SWE", *b"SWZ", *b"SXM", *b"SYC", *b"SYR", *b"TCA", *b"TCD", *b"TGO",
    *b"THA", *b"TJK", *b"TKL", *b"TKM", *b"TLS", *b"TON", *b"TTO", *b"TUN", *b"TUR", *b"TUV",
    *b"TWN", *b"TZA", *b"UGA", *b"UKR", *b"UMI", *b"UNA", *b"UNK", *b"UNO", *b"URY", *b"USA",
    *b"UTO", *b"UZB", *b"VAT", *b"VCT", *b"VEN", *b"VGB", *b"VIR", *b"VNM", *b"VUT", *b"WLF",
    *b"WSM", *b"XBA", *b"XCC", *b"XCE", *b"XCO", *b"XDC", *b"XEC", *b"XES", *b"XIM", *b"XKX",
    *b"XMP", *b"XOM", *b"XPO", *b"XXA", *b"XXB", *b"XXC", *b"XXK", *b"XXX", *b"YEM", *b"YUG",
    *b"ZAF", *b"ZAR", *b"ZMB", *b"ZWE",
];

/// Whether three characters of a zone, fillers included, are the code of a state, an organisation or a
/// group of persons that Doc 9303-3, section 5, lists.
///
/// New codes come up, and some issuers print codes of their own, so an unknown code is not an error.
///
/// ```
/// assert!(nibble_mrz::is_known_state(b"D<<"));
/// assert!(!nibble_mrz::is_known_state(b"UTD"));
/// ```
#[must_use]
pub fn is_known_state(code: &[u8]) -> bool {
    <[u8; 3]>::try_from(code).is_ok_and(|code| CODES.binary_search(&code).is_ok())
}

/// All codes that [`is_known_state`] knows.
pub fn known_states() -> impl Iterator<Item = &'static [u8; 3]> {
    CODES.iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_so_that_they_are_found() {
        assert!(CODES.is_sorted());
        assert!(known_states().all(|code| is_known_state(code)));
    }

    #[test]
    fn what_is_no_code_is_unknown() {
        for text in [&b"ZAE"[..], b"D", b"D<<<", b"<<<", b"", b"uto"] {
            assert!(!is_known_state(text));
        }
    }
}
