//! The kinds of zones and of check digits.

use std::fmt;

/// A format of machine-readable zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Format {
    /// Identity card, 3 lines of 30 characters (Doc 9303-5, section 4.2).
    TD1,
    /// Identity card, 2 lines of 36 characters (Doc 9303-6, section 4.2).
    TD2,
    /// Passport booklet, 2 lines of 44 characters (Doc 9303-4, section 4.2).
    TD3,
    /// Visa of format A, 2 lines of 44 characters (Doc 9303-7, section 4.2).
    MRVA,
    /// Visa of format B, 2 lines of 36 characters (Doc 9303-7, section 7.2).
    MRVB,
    /// French identity card of 1988 to 2021, 2 lines of 36 characters.
    ///
    /// Doc 9303 does not describe this layout.
    FRA36,
    /// French driving licence, 1 line of 30 characters that opens with `D1FRA`.
    ///
    /// The shape is that of ISO/IEC 18013-3; the fields are those of printed licences.
    D1FRA,
    /// Dutch driving licence, 1 line of 30 characters that opens with `D1NLD`.
    ///
    /// The shape is that of ISO/IEC 18013-3; the fields are those of printed licences.
    D1NLD,
    /// French registration certificate of a vehicle, 2 lines of 44 characters that open with
    /// `CRFRA`.
    ///
    /// The layout is that of printed certificates.
    CRFRA,
    /// Swiss driving licence, a line of 9 characters and 2 of 30, the second of which opens with
    /// `FACHE`. It has no check digit.
    FACHE,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::TD1 => "TD1",
            Self::TD2 => "TD2",
            Self::TD3 => "TD3",
            Self::MRVA => "MRVA",
            Self::MRVB => "MRVB",
            Self::FRA36 => "FRA36",
            Self::D1FRA => "D1FRA",
            Self::D1NLD => "D1NLD",
            Self::CRFRA => "CRFRA",
            Self::FACHE => "FACHE",
        })
    }
}

/// The field that a check digit belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum CheckField {
    /// The document number.
    DocumentNumber,
    /// The birth date.
    BirthDate,
    /// The date of expiry.
    ExpiryDate,
    /// The optional data of a passport.
    Optional,
    /// The registration number of a vehicle.
    RegistrationNumber,
    /// The identification number of a vehicle.
    VehicleNumber,
    /// The date on which a vehicle was first registered.
    FirstRegistration,
    /// The composite digit, which covers several fields.
    Composite,
}

/// The field in words, such as `document number`.
impl fmt::Display for CheckField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::DocumentNumber => "document number",
            Self::BirthDate => "birth date",
            Self::ExpiryDate => "date of expiry",
            Self::Optional => "optional data",
            Self::RegistrationNumber => "registration number",
            Self::VehicleNumber => "vehicle identification number",
            Self::FirstRegistration => "date of first registration",
            Self::Composite => "composite",
        })
    }
}
