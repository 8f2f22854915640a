//! The fields of a zone that describes a vehicle.

use crate::date;
use crate::kinds::Format;
use crate::layout::FieldKind;
use crate::text::{field, plain};

/// What a registration certificate says of its vehicle.
///
/// Texts hold spaces where the zone has fillers, and none at their ends. Letters in brackets are
/// the codes of European certificates (Council Directive 1999/37/EC, annex I; J.1 and J.3 are
/// French).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Vehicle {
    /// The registration number (A), without hyphens.
    pub registration_number: String,
    /// The vehicle identification number (E), 17 characters.
    pub identification_number: String,
    /// The date on which the vehicle was first registered (B), in ISO 8601; `None` where the zone
    /// has no calendar date.
    pub first_registration: Option<String>,
    /// The national category (J.1), such as `VP`, a passenger car.
    pub category: String,
    /// The national body type (J.3), such as `CI`, a closed body.
    pub body: String,
    /// The make (D.1).
    pub make: String,
    /// The model (D.3), the commercial name.
    pub model: String,
}

impl Vehicle {
    /// The vehicle of a zone; `None` where the format describes none.
    pub(crate) fn of<L: AsRef<[u8]>>(format: Format, lines: &[L]) -> Option<Self> {
        format.layout().span(FieldKind::VehicleNumber)?;
        let field = |kind| field(format, lines, kind);
        let text = |kind| plain(field(kind));
        let first = date::first_registration(
            field(FieldKind::FirstRegistration),
            field(FieldKind::DocumentNumber),
        );
        Some(Self {
            registration_number: text(FieldKind::RegistrationNumber),
            identification_number: text(FieldKind::VehicleNumber),
            first_registration: first.map(date::Date::iso),
            category: text(FieldKind::Category),
            body: text(FieldKind::Body),
            make: text(FieldKind::Make),
            model: text(FieldKind::Model),
        })
    }
}
